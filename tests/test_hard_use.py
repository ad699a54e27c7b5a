"""What demanding users do: odd arguments, odd tables, odd arrays. One line and exit 2, or a true answer."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

import whyfit
from whyfit.cli import main
from whyfit.diagnosis.finding import Remedy, Trial
from whyfit.errors import InputError, SpecError
from whyfit.report import predictions
from whyfit.report.summary import verdict
from whyfit.spec import Spec


@pytest.fixture
def table():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 200))
    return pl.DataFrame({"a": a, "b": b, "c": ["u", "v"] * 100, "y": a + 2 * b})


def refused(arguments, capsys) -> str:
    """The one line of a refusal."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "internal" not in err
    return err


@pytest.mark.parametrize(
    ("cells", "options", "said"),
    [
        ("1e-200", [], "rescale"),
        ("2e-319", [], "rescale"),
        ("1", ["--seed", "-1"], "seed is -1"),
        ("1", ["--reference", "aa=1"], "did you mean 'a'?"),
        ("1", ["--reference", "a=1"], "numeric"),
    ],
)
def test_refusals_are_one_line(tmp_path, capsys, cells, options, said):
    rng = np.random.default_rng(0)
    lines = [f"{v:.4f}{cells[1:]},{w:.4f}" for v, w in rng.normal(size=(60, 2))]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["a,y", *lines]))
    assert said in refused(["fit", str(path), "-t", "y", "--no-html", *options], capsys)


def test_a_target_alone_or_of_dates(tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_text("y\n" + "".join(f"{v}\n" for v in range(50)))
    assert "only column" in refused(["fit", str(path), "-t", "y", "--no-html"], capsys)
    path.write_text("a,y\n" + "".join(f"{v % 7},2020-01-{v % 28 + 1:02}\n" for v in range(50)))
    assert "'y' holds dates" in refused(["fit", str(path), "-t", "y", "--no-html"], capsys)


def test_running_out_of_memory_anywhere_is_no_fault_of_whyfit(monkeypatch, tmp_path, capsys):
    def exhausted(*_, **__):
        raise MemoryError

    monkeypatch.setattr("whyfit.journey.fit", exhausted)
    assert "memory" in refused(["fit", str(tmp_path / "t.csv"), "-t", "y"], capsys)


def test_a_columnar_file_says_what_limit_it_needs(monkeypatch, tmp_path, table):
    path = tmp_path / "t.parquet"
    table.write_parquet(path)
    monkeypatch.setattr("whyfit.data.typed_source._SMALL", 0)
    monkeypatch.setattr("whyfit.data.typed_source.address_limit", lambda: 900 << 20)
    monkeypatch.setattr("whyfit.data.typed_source.memory_left", lambda: 400 << 20)
    with pytest.raises(InputError, match=f"ulimit -v {(900 - 400 + 700) << 10}`"):
        whyfit.fit(path, target="y")
    monkeypatch.setattr("whyfit.data.typed_source.memory_left", lambda: 800 << 20)
    assert whyfit.fit(path, target="y").document.rows.used == 200


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.1, 0.3, "tried, may predict worse"),
        (-0.3, -0.1, "tried, made it worse"),
        (-0.1, 0.1, "tried, no measurable gain"),
    ],
)
def test_the_verdict_on_a_remedy_agrees_with_its_interval(low, high, said):
    trial = Trial("held-out R²", 0.5, 0.6, (low + high) / 2, low, high, helped=False)
    assert verdict(Remedy("a remedy", {"drop": ["a"]}, trial)) == said


def test_three_rows_and_fifty_columns(recwarn):
    X = np.random.default_rng(1).normal(size=(3, 50))
    result = whyfit.fit((X, X[:, 0] + 1))
    assert [f.code for f in result.findings][:1] == ["LA110"]
    json.loads(result.to_json(), parse_constant=pytest.fail)
    assert not recwarn


def test_masked_cells_are_missing():
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(200, 2)), rng.normal(size=200)
    mask = np.zeros((200, 2), dtype=bool)
    mask[:30, 1] = True
    result = whyfit.fit((np.ma.masked_array(X, mask), y))
    assert [f.missing for f in result.document.features] == [0, 30]
    half = np.ma.masked_array(y, np.arange(200) < 50)
    assert whyfit.fit((X, half)).document.rows.used == 150


def test_a_series_is_no_table(table):
    with pytest.raises(InputError, match="one column"):
        whyfit.fit(table["y"], target="y")


def test_one_rule_may_be_named_by_a_plain_string(table):
    assert whyfit.fit(table, target="y", select="PR301").findings == ()
    with pytest.raises(SpecError, match="XX"):
        whyfit.fit(table, target="y", select="XX")


def test_a_class_of_one_row_gives_no_absurd_score():
    X = np.random.default_rng(5).normal(size=(100, 1))
    result = whyfit.fit((X, (np.arange(100) == 7) * 1), select="PR301")
    skills = [e.value for f in result.findings for e in f.evidence if "Brier" in e.name]
    assert skills
    assert all(abs(v) < 10 for v in skills)


def test_the_rare_class_is_the_one_to_call():
    rng = np.random.default_rng(7)
    a = rng.normal(size=3000)
    fraud = 1.5 * a - 5 + rng.logistic(size=3000) > 0
    result = whyfit.fit((a[:, None], np.where(fraud, "fraud", "ok")), select="PR309")
    (remedy,) = [f.remedy for f in result.findings]
    assert remedy is not None
    assert remedy.name.startswith("call “fraud” from probability 0.0")
    assert remedy.edit["threshold"] > 0.9  # of "ok", the positive class


def test_a_leaking_sum_costs_no_innocent_column():
    rng = np.random.default_rng(11)
    X = rng.normal(size=(500, 4))
    y = X @ [1, 2, 3, 4] + rng.normal(size=500) + 50
    part = 5 * rng.normal(size=500)
    frame = pl.DataFrame(X, schema=list("abcd")).with_columns(part1=part, part2=y - part, y=y)
    result = whyfit.fit(frame, target="y")
    assert [f.code for f in result.findings] == ["LA113"]
    assert set(result.fix().spec.drop) == {"part1", "part2"}


def test_robust_errors_are_tried_although_a_level_is_rare():
    rng = np.random.default_rng(13)
    n = 9000
    a = rng.uniform(0, 4, size=n)
    level = np.where(np.arange(n) % 600 == 1, "rare", "common")
    y = a + (0.2 + a) * rng.normal(size=n)
    result = whyfit.fit(pl.DataFrame({"a": a, "c": level, "y": y}), target="y", select="PR304")
    (remedy,) = [f.remedy for f in result.findings]
    assert remedy is not None
    assert remedy.trial is not None
    assert 0 < remedy.trial.after < remedy.trial.before


def test_predictions_are_written_in_parts(monkeypatch):
    monkeypatch.setattr(predictions, "_ROWS", 2)
    made = predictions.to_csv({"row": np.arange(5), "prediction": np.array([1, 2, np.nan, 4, 5.5])})
    assert made.decode().split() == ["row,prediction", "0,1.0", "1,2.0", "2,", "3,4.0", "4,5.5"]


def test_a_seed_is_not_negative():
    with pytest.raises(SpecError, match="seed"):
        Spec(seed=-1)

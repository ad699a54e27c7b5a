"""LA104: predicted and observed effect of copies, wording, odd input, real files."""

from __future__ import annotations

import json

import numpy as np
import pytest

import whyfit
from simulated import case_of, file_case, findings, table_case
from whyfit.cli import main
from whyfit.diagnosis.working_errors import WIDENING
from whyfit.spec import Spec


def only(found):
    assert len(found) == 1
    return found[0]


def evidence(f, start: str):
    return next(e for e in f.evidence if e.name.startswith(start))


def copied(n: int, p: int, share: float, seed: int = 0):
    """n rows of p normal features, then a share of them again."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    y = X[:, 0] + rng.normal(size=n)
    again = rng.choice(n, int(share * n), replace=False)
    return np.vstack([X, X[again]]), np.concatenate([y, y[again]])


def test_score_with_copies_apart_is_that_of_the_update_formula():
    """p = 40 of 1,500 rows, y = x + e: R² falls by 2h · share · σ²/var(y) = 2 · 40/1500 · 0.6 · 0.5 = 0.016."""
    changes = []
    for seed in range(6):
        f = only(findings(case_of(*copied(1000, 40, 0.5, seed)), "LA104"))
        changes.append(evidence(f, "change of held-out R²"))
        assert changes[-1].low < changes[-1].predicted < changes[-1].high
        assert f.prediction.startswith("predicted held-out R² −0.0")
    predicted = np.mean([c.predicted for c in changes])
    assert predicted == pytest.approx(-0.016, rel=0.2)
    assert np.mean([c.value for c in changes]) == pytest.approx(predicted, rel=0.35)


def test_log_loss_with_copies_apart_is_that_of_the_update_formula():
    changes = []
    for seed in range(6):
        X, y = copied(1000, 20, 0.5, seed)
        changes.append(
            evidence(only(findings(case_of(X, y > 0), "LA104")), "change of held-out skill")
        )
    predicted = np.mean([c.predicted for c in changes])
    assert predicted < -0.01
    assert np.mean([c.value for c in changes]) == pytest.approx(predicted, rel=0.35)


def test_standard_errors_are_those_of_so_many_rows_fewer():
    X, y = copied(400, 3, 1.0)
    f = only(findings(case_of(X, y), "LA104"))
    widening = evidence(f, "standard errors too narrow")
    assert widening.value == pytest.approx(np.sqrt(2))
    assert f.severity == "warning"
    se = [case_of(X[:m], y[:m]).linear.inference().std_error[1] for m in (400, 800)]
    assert se[0] / se[1] == pytest.approx(widening.value, rel=0.01)


def test_rows_on_both_sides_of_a_fold_are_as_many_as_random_folds_give():
    f = only(findings(case_of(*copied(2000, 3, 0.2)), "LA104"))
    both = evidence(f, "held-out rows with a copy in training")
    assert both.predicted == pytest.approx(2 * 400 / 2400 * 0.9)
    assert both.value == pytest.approx(both.predicted, rel=0.1)


def test_few_copies_are_a_note_and_many_a_warning():
    note = only(findings(case_of(*copied(1000, 3, 0.05)), "LA104"))
    warning = only(findings(case_of(*copied(1000, 3, 0.3)), "LA104"))
    assert (note.severity, warning.severity) == ("note", "warning")
    assert np.sqrt(1050 / 1000) < WIDENING < np.sqrt(1300 / 1000)
    assert note.message.startswith(
        "50 of 1,050 rows (4.8 %) repeat an earlier row in every feature and in y (under 1 by chance)"
    )


def test_the_remedy_holds_them_out_together_and_then_nothing_is_left_to_try():
    case = case_of(*copied(1000, 3, 0.05))
    f = only(findings(case, "LA104"))
    assert f.remedy.edit == {"group_copies": True}
    assert f.remedy.trial.helped
    assert f.remedy.trial.after == 0
    later = only(findings(case.rerun(f.remedy.edit), "LA104"))
    assert later.remedy is None


def test_examples_are_rows_counted_from_one():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(500, 2))
    X[470:] = X[10:40]
    y = rng.normal(size=500)
    y[470:] = y[10:40]
    f = only(findings(case_of(X, y), "LA104"))
    assert f.message.endswith("e.g. rows 11 = 471, 12 = 472 and 13 = 473")


def test_equal_features_with_another_target_are_no_copies():
    rng = np.random.default_rng(2)
    x = np.repeat(rng.normal(size=200), 3)  # three measurements of each
    assert not findings(case_of(x[:, None], x + rng.normal(size=600)), "LA104")


@pytest.mark.parametrize("classes", [2, 3])
def test_classes(classes):
    X, y = copied(600, 4, 0.2)
    y = np.digitize(y, [0.0] if classes == 2 else [-0.5, 0.5])
    f = only(findings(case_of(X, y, task="binary" if classes == 2 else "multiclass"), "LA104"))
    assert "predicted" in f.prediction
    assert "120 of 720 rows" in f.message


def test_words_are_compared_as_they_are():
    rng = np.random.default_rng(3)
    texts = [f"word{a} word{b} and word{c}" for a, b, c in rng.integers(0, 40, (200, 3))]
    texts[150:] = texts[:50]
    y = rng.normal(size=200)
    y[150:] = y[:50]
    f = only(findings(table_case({"t": texts, "y": y}, "y", roles={"t": "text"}), "LA104"))
    assert "50 of 200 rows" in f.message
    same_length = [t[:-1] + "x" for t in texts[:150]] + texts[:50]
    case = table_case({"t": same_length, "y": y}, "y", roles={"t": "text"})
    assert not findings(case, "LA104")


def test_odd_tables():
    rng = np.random.default_rng(4)
    flags = rng.random((3000, 3)) < 0.5
    assert not findings(case_of(flags, rng.random(3000) < 0.5), "LA104")  # equal by nature
    assert not findings(case_of(rng.normal(size=(12, 1)), rng.normal(size=12)), "LA104")
    levels = rng.integers(0, 30, 500)
    assert not findings(case_of(levels[:, None], 2.0 * levels), "LA104")  # y follows from x
    one = {"x": np.ones(50), "y": rng.normal(size=50), "z": np.arange(50) % 2}
    assert not findings(table_case(one, "y"), "LA104")


def test_excluded_and_unusable_rows_do_not_disturb():
    X, y = copied(500, 3, 0.2)
    y[::50] = np.nan
    case = case_of(X, y, exclude_rows=(3, 4))
    assert only(findings(case, "LA104")).remedy.trial.after == 0


def test_the_whole_road_with_copies_held_out_together(tmp_path):
    X, y = copied(200, 2, 0.2)
    path = tmp_path / "copies.csv"
    np.savetxt(path, np.column_stack([X, y]), delimiter=",", header="a,b,y", comments="")
    out = tmp_path / "out.json"
    said = ["fit", str(path), "-t", "y", "--group-copies", "--format", "json", "-o", str(out)]
    assert main(said) == 0
    document = json.loads(out.read_text())
    assert document["spec"]["group_copies"] is True
    assert "80 rows with equal features held out together (group_copies)." in document["notes"]
    assert "group_copies=True" in whyfit.fit(path, "y", spec=Spec(group_copies=True)).python


@pytest.mark.parametrize(
    ("name", "target", "copies"),
    [
        ("wine_quality_white", "quality", 937),
        ("wine_quality_red", "quality", 240),
        ("concrete_strength/concrete", "strength", 25),
        ("power_plant", "PE", 41),
        ("mammography", "class", 3334),
        ("sms_spam", "type", 414),
    ],
)
def test_known_copies(shared_data, name, target, copies):
    folder, _, file = name.partition("/")
    case = file_case(shared_data / folder / f"{file or folder}.csv", target)
    f = only(findings(case, "LA104"))
    assert evidence(f, "rows that repeat").value == copies


@pytest.mark.parametrize(
    ("name", "target"), [("titanic", "survived"), ("haberman", "survived5y"), ("glass", "Type")]
)
def test_tables_of_coarse_columns_are_silent(shared_data, name, target):
    assert not findings(file_case(shared_data / name / f"{name}.csv", target), "LA104")

"""Conformal intervals and sets from the command line down: fitted, saved, read back, predicted."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import whyfit
from simulated import case_of
from whyfit.cli import commands
from whyfit.errors import ModelFileError, SpecError
from whyfit.models import file as model_file
from whyfit.models.parts import from_parts, to_parts
from whyfit.models.table_model import TableModel, load_model, save_model
from whyfit.probability.conformal_scores import ClassScores, HeldOutScores, LeaveOneOut
from whyfit.spec import Spec


def data(n, seed=0, p=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, X.sum(axis=1) + rng.exponential(size=n), rng


def model(n, **choices):
    X, y, _ = data(n)
    return TableModel.of(case_of(X, y, **({"intervals": "conformal"} | choices)))


def of_classes(n=600):
    X, y, _ = data(n)
    return TableModel.of(
        case_of(X, np.digitize(y, [0, 3]), task="multiclass", intervals="conformal")
    )


MODELS = {
    "left out": lambda: model(150),
    "held out": lambda: model(900),
    "log": lambda: TableModel.of(
        case_of(data(700)[0], np.exp(data(700)[1]), target_transform="log", intervals="conformal")
    ),
    "spread": lambda: TableModel.of(
        case_of(data(900)[0], np.exp(data(900)[0][:, 0]) * data(900)[1], intervals="conformal")
    ),
    "classes": of_classes,
}


@pytest.fixture(scope="module", params=MODELS)
def made(request):
    return MODELS[request.param]()


def test_predictions_are_bitwise_the_same_from_the_file(made, tmp_path):
    save_model(made, tmp_path / "m.whyfit")
    back = load_model(tmp_path / "m.whyfit")
    assert type(back.conformal) is type(made.conformal)
    new = data(40, seed=1)[0]
    for level in (0.8, 0.95):
        one, other = made.predict_rows(new, level), back.predict_rows(new, level)
        assert one.notes == other.notes
        assert list(one.columns) == list(other.columns)
        for name, values in one.columns.items():
            np.testing.assert_array_equal(values, other.columns[name])


def test_the_kinds_are_those_of_the_size():
    assert isinstance(model(150).conformal, LeaveOneOut)
    assert isinstance(model(900).conformal, HeldOutScores)
    assert MODELS["spread"]().conformal.spread is not None
    assert isinstance(of_classes().conformal, ClassScores)
    assert model(150, intervals="normal").conformal is None


def test_an_interval_of_the_mean_stays_that_of_the_law():
    X, y, _ = data(150)
    new = data(20, seed=1)[0]
    plain, conformal = (
        TableModel.of(case_of(X, y, intervals=kind)) for kind in ("normal", "conformal")
    )
    for a, b in zip(
        plain.predict(new, 0.95, "mean"), conformal.predict(new, 0.95, "mean"), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert conformal.predict_rows(new, 0.95, "mean").notes == ()
    assert not np.allclose(plain.predict(new, 0.95).high, conformal.predict(new, 0.95).high)
    np.testing.assert_array_equal(plain.predict(new), conformal.predict(new, 0.95).prediction)


def test_too_few_rows_for_the_level_say_how_many_are_needed():
    few = model(15)
    with pytest.raises(
        SpecError, match=r"95 % need 19 held-out rows and there are 15; ask for a level up to 0.93"
    ):
        few.predict(data(3)[0], interval=0.95)
    assert np.isfinite(few.predict(data(3)[0], interval=0.9).high).all()
    with pytest.raises(SpecError, match=r"99.9 % need 999 held-out rows"):
        model(150).predict_rows(data(3)[0], interval=0.999)


def test_rows_that_lack_a_cell_have_no_interval():
    X, y, _ = data(200)
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=y)
    frame.loc[3, "a"] = np.nan
    made = whyfit.fit(frame, spec=Spec(target="y", missing="drop", intervals="conformal")).model
    low = made.predict(frame.drop(columns="y"), 0.9).low
    assert np.isnan(low[3])
    assert np.isfinite(np.delete(low, 3)).all()


def test_sets_hold_the_classes_in_their_order_and_agree_with_the_table():
    made, new = of_classes(), data(60, seed=1)[0]
    held = made.predict_set(new, 0.9)
    assert held.shape == (60, 3)
    texts = made.predict_rows(new, 0.9).columns["set"]
    for row, text in zip(held, texts, strict=True):
        assert text == " | ".join(np.array(made.design.classes)[row])
    assert (made.predict_set(new, 0.99).sum(axis=1) >= held.sum(axis=1)).all()


def test_sets_are_refused_where_there_are_none():
    X, y, _ = data(200)
    plain = TableModel.of(case_of(X, y > 1))
    with pytest.raises(SpecError, match="intervals='conformal'"):
        plain.predict_set(X)
    with pytest.raises(SpecError, match="is a number and has no classes"):
        model(150).predict_set(X)
    assert "set" not in plain.predict_rows(X, 0.95).columns


def test_a_rare_class_is_named_in_a_note():
    X, y, _ = data(600)
    labels = np.where(np.arange(600) < 8, "rare", np.where(y > 1, "high", "low"))
    made = TableModel.of(case_of(X, labels, intervals="conformal"))
    result = made.predict_rows(X[:5], 0.95)
    assert (
        "in every set, as sets at 95 % need 19 held-out rows of a class: rare (8)." in result.notes
    )
    assert all("rare" in text for text in result.columns["set"])


def test_the_command_line_predicts_them(tmp_path):
    X, y, _ = data(300)
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=y)
    frame.to_csv(tmp_path / "t.csv", index=False)
    out = tmp_path / "t.whyfit"
    run = CliRunner()
    fitted = run.invoke(
        commands,
        ["fit", str(tmp_path / "t.csv"), "-t", "y", "--intervals", "conformal", "--save", str(out),
         "--format", "json", "--ignore", "LA,CA,PR"],
    )  # fmt: skip
    assert fitted.exit_code == 0, fitted.output
    document = json.loads(fitted.stdout)
    assert document["spec"]["intervals"] == "conformal"
    assert "intervals='conformal'" in document["python"]
    panel = next(p for p in document["panels"] if p["key"] == "intervals")
    assert "conformal" in panel["lead"]
    said = run.invoke(commands, ["predict", str(out), str(tmp_path / "t.csv"), "--interval", "0.9"])
    assert said.exit_code == 0, said.output
    rows = list(csv.DictReader(io.StringIO(said.stdout)))
    low, high = (np.array([float(r[k]) for r in rows]) for k in ("low", "high"))
    assert np.mean((low <= y) & (y <= high)) == pytest.approx(0.9, abs=0.04)
    assert "conformal, from the errors of held-out rows" in said.stderr


def test_a_file_from_before_there_were_any_still_loads():
    """Its Spec has no field `intervals` and it has no arrays of scores."""
    plain = model(150, intervals="normal")
    fields, arrays = to_parts(plain)
    assert not [name for name in arrays if name.startswith("conformal")]
    fields["spec"].pop("intervals")
    header, arrays = model_file.decode(model_file.encode("TableModel", fields, arrays), "old")
    back = from_parts(header.fields, arrays, "old.whyfit")
    new = data(9, seed=1)[0]
    np.testing.assert_array_equal(back.predict(new, 0.9).low, plain.predict(new, 0.9).low)


@pytest.mark.parametrize(
    "harm",
    [
        lambda a: a.pop("conformal ranks"),
        lambda a: a.update({"conformal ranks": a["conformal ranks"][::-1].copy()}),
        lambda a: a.update({"conformal scores": a["conformal scores"][:-1]}),
        lambda a: a.update({"conformal scores": np.full_like(a["conformal scores"], np.nan)}),
        lambda a: a.update({"conformal scale": np.array(9)}),
        lambda a: a.update({"conformal n": np.array(3)}),
        lambda a: a.update({"conformal more": np.zeros(2)}),
        lambda a: a.update({"conformal spread": np.zeros(3)}),
    ],
)
def test_forged_scores_are_refused_in_one_line(harm):
    fields, arrays = to_parts(model(900))
    harm(arrays)
    data = model_file.encode("TableModel", fields, arrays)
    header, arrays = model_file.decode(data, "m.whyfit")
    with pytest.raises(ModelFileError, match="conformal scores this whyfit cannot read") as caught:
        from_parts(header.fields, arrays, "m.whyfit")
    assert "\n" not in str(caught.value)

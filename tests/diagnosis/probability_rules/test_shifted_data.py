"""PR314: new rows against training rows, later rows against earlier ones; predictions, remedies, messages."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import whyfit
from simulated import findings, table_case
from whyfit.account.shift import shift_panel
from whyfit.data.new_sample import read_new_sample
from whyfit.diagnosis.shift import importance, losses_of, shift_of
from whyfit.errors import SchemaError, SourceError


def table(rng, n, shift=0.0, extra=0.0, kind="regression"):
    """a bends the target, so that a straight line costs more where a is large; `extra` changes the law."""
    a, b = rng.normal(size=n) + shift, rng.normal(size=n)
    g = rng.choice(list("xyz"), n, p=[0.5, 0.3, 0.2] if not shift else [0.2, 0.3, 0.5])
    eta = a + 0.5 * b + (g == "x") + 0.4 * a**2 + extra * a
    y = eta + rng.normal(size=n)
    if kind == "binary":
        y = np.where(rng.random(n) < 1 / (1 + np.exp(-eta)), "yes", "no")
    if kind == "multiclass":
        scores = np.column_stack([eta, b, 0 * b]) + rng.gumbel(size=(n, 3))
        y = np.array(list("pqr"))[scores.argmax(axis=1)]
    return pd.DataFrame({"a": a, "b": b, "g": g, "y": y})


def case_with(train, new, **choices):
    case = table_case(dict(train), "y", **choices)
    return dataclasses.replace(case, new=read_new_sample(case.design, new))


@pytest.fixture(scope="module", params=["regression", "binary", "multiclass"])
def shifted(request):
    rng = np.random.default_rng(0)
    train, new = table(rng, 1500, kind=request.param), table(rng, 700, 1.0, kind=request.param)
    return case_with(train, new)


def test_names_the_columns_and_predicts_the_loss(shifted):
    (f,) = findings(shifted, "PR314")
    assert f.subject[0] == "a"
    assert set(f.subject) <= {"a", "g"}
    assert "new rows are not like the training rows" in f.message
    losses = losses_of(shifted)
    assert losses.told
    assert losses.explained  # only the columns changed
    off = abs(losses.predicted.value - losses.before.value)
    assert abs(losses.observed.value - losses.predicted.value) < max(0.5 * off, 0.05)
    assert f.prediction.startswith("predicted ")
    assert f.remedy.name == "train on the new rows too"
    assert f.remedy.trial is not None


def test_a_change_of_the_law_is_told_from_one_of_the_columns():
    rng = np.random.default_rng(1)
    both = case_with(table(rng, 1500), table(rng, 700, 1.0, 2.0))
    (f,) = findings(both, "PR314")
    assert "more than the columns explain" in f.message
    assert f.severity == "warning"
    law = case_with(table(rng, 1500), table(rng, 700, 0.0, 2.0))
    (f,) = findings(law, "PR314")
    assert f.subject == ("y",)
    assert "look like the training rows" in f.message
    assert f.remedy.trial.helped


@pytest.mark.parametrize("labelled", [True, False])
def test_silent_on_rows_of_the_same_law(labelled):
    rng = np.random.default_rng(2)
    new = table(rng, 400)
    case = case_with(table(rng, 800), new if labelled else new.drop(columns="y"))
    assert not findings(case, "PR314")
    panel = shift_panel(case)
    assert panel is not None
    assert "cannot be told" in panel.lead


def test_a_shift_that_costs_nothing_is_a_note():
    rng = np.random.default_rng(3)

    def straight(n, shift):
        a = rng.normal(size=n) + shift
        return pd.DataFrame({"a": a, "b": rng.normal(size=n), "y": a + rng.normal(size=n)})

    (f,) = findings(case_with(straight(1000, 0), straight(500, 1)), "PR314")
    assert f.severity == "note"


def test_missing_cells_and_unknown_levels_are_named():
    rng = np.random.default_rng(4)
    new = table(rng, 500)
    new.loc[::3, "b"] = np.nan
    new.loc[::2, "g"] = "w"
    (f,) = findings(case_with(table(rng, 1000), new), "PR314")
    assert set(f.subject[:2]) == {"b", "g"}
    panel = shift_panel(case_with(table(rng, 1000), new))
    shares = {row[:2]: row[3] for row in panel.grids[1].rows}
    assert shares["b", "missing"] == pytest.approx(167 / 500)
    assert shares["g", "level not seen in training"] == pytest.approx(0.5)


def test_without_a_target_the_auc_is_predicted():
    rng = np.random.default_rng(5)
    (f,) = findings(case_with(table(rng, 1000), table(rng, 500, 1.0).drop(columns="y")), "PR314")
    assert f.severity == "warning"
    assert "predicted AUC" in f.prediction
    assert f.remedy.trial is None


def test_later_rows():
    rng = np.random.default_rng(6)
    halves = pd.concat([table(rng, 500), table(rng, 500, 1.0)], ignore_index=True)
    (f,) = findings(table_case(dict(halves), "y"), "PR314")
    assert f.subject[0] == "a"
    assert f.severity == "note"  # how a file lies may mean nothing
    assert f.remedy.edit == {"blocked": True}
    assert not findings(table_case(dict(halves.sample(frac=1, random_state=0)), "y"), "PR314")
    shuffled = halves.assign(day=np.arange(1000)).sample(frac=1, random_state=0)
    (f,) = findings(table_case(dict(shuffled), "y", order="day"), "PR314")
    assert f.severity == "warning"
    assert "later rows by day" in f.message


def test_a_file_sorted_by_its_target_is_no_shift():
    rng = np.random.default_rng(7)
    for kind in ("regression", "binary", "multiclass"):
        rows = table(rng, 600, kind=kind).sort_values("y")
        assert not findings(table_case(dict(rows), "y"), "PR314"), kind


def test_importance_weights_move_the_mean_to_the_new_rows():
    """Two normal laws: the odds are exp(dx − d²/2), and weighted rows have the mean of the new ones."""
    rng = np.random.default_rng(8)
    A, B = rng.normal(size=(4000, 2)), rng.normal(size=(4000, 2))
    B[:, 0] += 0.8
    w = importance(A, B)
    odds = np.exp(0.8 * A[:, 0] - 0.32)
    inner = odds < np.quantile(odds, 0.95)
    assert np.corrcoef(w[inner], odds[inner])[0, 1] > 0.98
    assert w @ A / w.sum() == pytest.approx([0.8, 0.0], abs=0.1)


def test_degenerate_input():
    rng = np.random.default_rng(9)
    train = table(rng, 60)
    assert shift_of(case_with(train, train.iloc[:3])) is None
    same = case_with(train, pd.concat([train.iloc[:1]] * 40))
    assert shift_of(same).p_value <= 0.05  # forty copies of a row are no sample
    assert not findings(case_with(train, train), "PR314")
    few = table_case(dict(train.iloc[:8]), "y")
    assert shift_of(few) is None


def test_bad_input_says_what_is_missing(tmp_path):
    rng = np.random.default_rng(10)
    train = table(rng, 100)
    with pytest.raises(SchemaError, match="lacks 1 column the model needs: 'b'"):
        whyfit.fit(train, "y", new=train.drop(columns="b"))
    with pytest.raises(SourceError, match="no file"):
        whyfit.fit(train, "y", new=tmp_path / "absent.csv")
    with pytest.raises(SourceError, match="no rows"):
        whyfit.fit(train, "y", new=train.iloc[:0])

"""CA205: wording, levels, remedies and real tables."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, file_case, findings, table_case
from whyfit.diagnosis.calculus_rules import separable_classes


def test_one_column_tells_all():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2))
    (found,) = findings(case_of(X, (X[:, 1] > 0.25).astype(float)), "CA205")
    assert found.severity == "error"
    assert found.subject == ("x2",)
    assert found.message.startswith("x2 > 0.2")
    assert "in all 120 rows: the likelihood has no maximum" in found.message
    assert found.prediction.startswith("predicted each Newton step leaves × 0.368")
    assert found.remedy is not None
    assert found.remedy.trial is not None


def test_a_level_with_one_class_is_named():
    rng = np.random.default_rng(1)
    level = rng.choice(["a", "b", "c"], size=300, p=[0.6, 0.3, 0.1])
    y = np.where(level == "c", 1, rng.random(300) < 0.5).astype(int)
    case = table_case({"kind": level, "x": rng.normal(size=300), "y": y}, "y")
    (found,) = findings(case, "CA205")
    assert found.severity == "warning"
    assert found.subject == ("kind",)
    n = int((level == "c").sum())
    assert found.message == f"all {n} rows with kind=c have y = 1: no finite coefficient is best"
    assert found.evidence[0].value == n


def test_the_reference_level_is_named_though_it_has_no_column():
    rng = np.random.default_rng(1)
    level = rng.choice(["a", "b", "c"], size=300, p=[0.6, 0.3, 0.1])
    n = int((level == "a").sum())
    x = rng.normal(size=300)
    y = np.where(level == "a", 0, rng.random(300) < 0.5).astype(int)
    (found,) = findings(table_case({"kind": level, "x": x, "y": y}, "y"), "CA205")
    assert found.subject == ("kind",)
    assert found.message == f"all {n} rows with kind=a have y = 0: no finite coefficient is best"
    (found,) = findings(
        table_case({"kind": level, "x": x, "y": (level == "a").astype(int)}, "y"), "CA205"
    )
    assert found.severity == "error"
    assert found.message.startswith("kind=a exactly where y = 1, in all 300 rows")


def test_one_row_is_only_a_note():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(100, 2))
    X[:, 1] = 0
    X[40, 1] = 1
    y = (rng.random(100) < 0.5).astype(float)
    y[40] = 0
    (found,) = findings(case_of(X, y), "CA205")
    assert found.severity == "note"
    assert "the one row with x2 = 1 has y = 0" in found.message


def test_a_penalty_gives_a_maximum():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(100, 2))
    y = (X[:, 0] > 0).astype(float)
    assert not findings(case_of(X, y, ridge=1.0), "CA205")


def test_held_out_scores_of_separated_classes_are_not_those_of_the_training_rows():
    """Noise in as many columns as it takes: perfect in training, worse than the base rate held out."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(60, 40))
    case = case_of(X, (rng.random(60) < 0.5).astype(float))
    assert case.fit.optimum.runaway
    assert np.nanmean(case.scores["skill"]) < 0
    (found,) = findings(case, "CA205")
    assert found.remedy is not None
    assert found.remedy.trial.difference > 0


def test_a_rare_class_among_many():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(300, 3))
    y = np.where(np.arange(300) < 3, 2, rng.integers(0, 2, size=300))
    X[y == 2] += 10
    (found,) = findings(case_of(X, y, task="multiclass"), "CA205")
    assert found.severity == "note"
    assert found.subject == ("y",)
    assert "has only 3 rows" in found.message


@pytest.mark.parametrize(
    ("name", "target", "severity", "subject"),
    [
        ("wdbc/wdbc.csv", "diagnosis", "error", "area_mean"),
        ("titanic/titanic.csv", "survived", "error", "alive"),
        ("ionosphere/ionosphere.csv", "class", "warning", "x1"),
    ],
)
def test_real_tables(shared_data, name, target, severity, subject):
    (found,) = findings(file_case(shared_data / name, target), "CA205")
    assert found.severity == severity
    assert subject in found.subject


def test_silent_on_real_tables_with_a_maximum(shared_data):
    for name, target in (
        ("pima_diabetes/pima_diabetes.csv", "outcome"),
        ("haberman/haberman.csv", "survived5y"),
    ):
        assert not findings(file_case(shared_data / name, target), "CA205")


def test_many_rare_words_get_the_ridge_of_the_evidence(monkeypatch):
    """Of 80 words some occur in one class only; the ridge that the evidence names makes the fit better by far."""
    monkeypatch.setattr(separable_classes, "_DEAR", 1e6)
    rng = np.random.default_rng(7)
    X = (rng.random((500, 80)) < 0.012).astype(float)
    X[:, :5] = rng.random((500, 5)) < 0.3
    y = (rng.random(500) < 1 / (1 + np.exp(-X[:, :5] @ [3, 2, -2, 1, 1]))).astype(float)
    case = case_of(X, y)
    alone = [j for j in range(80) if len(set(y[X[:, j] == 1])) == 1]
    assert alone
    (found,) = findings(case, "CA205")
    assert len(found.subject) == len(alone)
    assert f"and {len(alone) - 1} more columns like it" in found.message
    assert found.remedy is not None
    assert "by evidence" in found.remedy.name
    assert found.remedy.trial is not None
    assert found.remedy.trial.helped
    better = case.rerun(found.remedy.edit)
    losses = {
        ridge: np.mean(case.rerun({"ridge": ridge}).scores["log_loss"]) for ridge in (1.0, 1e4)
    }
    assert np.mean(better.scores["log_loss"]) < min(losses.values())


def test_a_column_proves_separation_whatever_the_steps_did():
    rng = np.random.default_rng(8)
    X = rng.normal(size=(200, 2))
    X[:, 1] = np.arange(200) % 10 == 0
    y = (rng.random(200) < 0.5).astype(float)
    y[X[:, 1] == 1] = 1
    case = case_of(X, y)
    made = separable_classes._one_class(case, 1, case.fit.coef, case.fit.intercept, 1.8)
    assert made is not None
    assert made.finding.subject == ("x2",)
    assert not made.finding.prediction  # the steps say nothing, and nothing is claimed of them
    X[:, 1] = rng.normal(size=200)  # nothing separates
    assert not findings(case_of(X, y), "CA205")

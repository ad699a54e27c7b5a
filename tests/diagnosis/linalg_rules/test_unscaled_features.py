"""LA108: predicted steps against steps taken."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, file_case, findings
from whyfit.calculus.descent import Quadratic
from whyfit.diagnosis.linalg_rules.unscaled_features import steps_per_training_set


def data(factor: float, seed: int = 0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 3))
    y = X.sum(axis=1) + rng.normal(size=300)
    X[:, 0] *= factor
    return X, y


def only(found):
    assert len(found) == 1
    return found[0]


def test_prediction_and_observation_agree():
    f = only(findings(case_of(*data(1e3)), "LA108"))
    assert f.severity == "note"
    assert f.subject[0] == "x1"
    for e in f.evidence:
        if e.predicted is not None:
            assert e.value == pytest.approx(e.predicted, abs=0.01 if e.predicted < 1 else 1)
    ratio = f.evidence[0]
    assert ratio.value == pytest.approx(1e6, rel=0.5)
    assert f.remedy.edit == {"standardise": True}
    assert f.remedy.trial.helped


def test_steps_are_those_a_descent_takes():
    case = case_of(*data(30.0))
    steps = steps_per_training_set(case)
    losses = Quadratic.of(case.moments.without(0)).run(100_000, until=0.01)
    assert steps[0] == len(losses) - 1
    assert (steps_per_training_set(case.rerun({"standardise": True})) < steps / 10).all()


def test_silent_once_standardised_or_alike():
    X, y = data(1e3)
    assert not findings(case_of(X, y, standardise=True), "LA108")
    assert not findings(case_of(*data(5.0)), "LA108")
    assert not findings(case_of(X[:, :1], y), "LA108")


def test_a_flat_direction_without_loss_does_not_matter():
    """The small column says nothing about y: descent is done before it reaches that direction."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(100_000, 2)) * [1.0, 1e-3]
    y = X[:, 0] + 0.01 * rng.normal(size=100_000)
    assert not findings(case_of(X, y), "LA108")


def test_scales_beyond_float64_are_left_alone():
    X, y = data(1.0)
    assert not findings(case_of(X * [1e140, 1e-140, 1.0], y), "LA108")


def test_copies_and_constants_take_no_part():
    X, y = data(1e3)
    wide = np.column_stack([X, X[:, 0], np.full(300, 5.0)])
    assert only(findings(case_of(wide, y), "LA108")).subject[0] == "x1"


def test_classes_are_described_by_their_geometry():
    X, y = data(1e3)
    assert only(findings(case_of(X, (y > 0).astype(int)), "LA108")).remedy.trial.helped


def test_house_prices(shared_data):
    path = shared_data / "wooldridge_hprice1" / "wooldridge_hprice1.csv"
    f = only(findings(file_case(path, "price"), "LA108"))
    assert "lotsize" in f.subject
    assert "26,000,000,000 steps" in f.message

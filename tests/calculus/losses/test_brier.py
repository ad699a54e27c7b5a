"""The Brier loss: its score, its tails, where it bends the wrong way, and the log-loss that does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from whyfit.calculus.losses import Brier, Logistic, SoftmaxBrier

etas = st.lists(st.floats(-30, 30), min_size=1, max_size=20).map(np.array)


@given(etas, st.integers(0, 1))
def test_is_the_squared_error_of_the_probability(eta, label):
    y = np.full(len(eta), float(label))
    pi = 1 / (1 + np.exp(-eta))
    assert Brier().value(eta, y) == pytest.approx((pi - y) ** 2, abs=1e-15)
    assert Brier().mean(eta) == pytest.approx(pi, rel=1e-14)
    swapped = Brier().value(-eta, 1 - y)  # naming the other class 1 changes nothing
    assert Brier().value(eta, y) == pytest.approx(swapped, rel=1e-14)


def test_mean_value_is_scikit_learns_score():
    rng = np.random.default_rng(0)
    eta, y = rng.normal(size=200) * 2, rng.integers(0, 2, 200).astype(float)
    score = brier_score_loss(y, Brier().mean(eta))
    assert Brier().value(eta, y).mean() == pytest.approx(score, rel=1e-13)


@pytest.mark.parametrize("size", [40.0, 300.0, 1e6])
def test_keeps_its_digits_in_the_tails(size):
    """Class 0: right at −η, where ℓ = e^−2η; wrong at η, where ℓ → 1 and the slope vanishes like 2e^−η."""
    y, tail = np.zeros(1), np.exp(-size)
    wrong, right = np.array([size]), np.array([-size])
    assert Brier().value(right, y)[0] == pytest.approx(tail**2, rel=1e-13)
    assert Brier().slope(right, y)[0] == pytest.approx(2 * tail**2, rel=1e-13)
    assert Brier().curvature(right, y)[0] == pytest.approx(4 * tail**2, rel=1e-13)
    assert Brier().value(wrong, y)[0] == 1.0
    assert Brier().slope(wrong, y)[0] == pytest.approx(2 * tail, rel=1e-13)
    assert Brier().curvature(wrong, y)[0] == pytest.approx(-2 * tail, rel=1e-13)
    assert Logistic().slope(wrong, y)[0] == 1.0  # the log-loss pulls all the same


def test_curvature_turns_where_two_thirds_are_wrong():
    """ℓ″ = 2π²(1 − π)(2 − 3π) of class 0: 0 at π = 2/3, extremes at the roots of 12π² − 15π + 4."""
    pi = np.array([2 / 3, (15 - np.sqrt(33)) / 24, (15 + np.sqrt(33)) / 24])
    seen = Brier().curvature(np.log(pi / (1 - pi)), np.zeros(3))
    assert seen[0] == pytest.approx(0.0, abs=1e-15)
    assert seen[1] == pytest.approx(Brier.curvature_bound, rel=1e-13)
    assert seen[2] == pytest.approx(-0.12020440345, rel=1e-9)
    grid = np.linspace(-30, 30, 20_001)
    everywhere = Brier().curvature(grid, np.zeros(len(grid)))
    assert everywhere.max() == pytest.approx(Brier.curvature_bound, rel=1e-6)


def test_two_classes_count_twice():
    rng = np.random.default_rng(2)
    eta, y = rng.normal(size=60) * 4, rng.integers(0, 2, 60).astype(float)
    both = np.column_stack([np.zeros(60), eta]) + 1e3  # a shift of all classes changes nothing
    two = SoftmaxBrier(2)
    assert two.value(both, y) == pytest.approx(2 * Brier().value(eta, y), rel=1e-9, abs=1e-12)
    assert two.slope(both, y)[:, 1] == pytest.approx(2 * Brier().slope(eta, y), abs=1e-12)
    assert two.slope(both, y).sum(axis=1) == pytest.approx(np.zeros(60), abs=1e-14)
    bent = two.curvature(both, y)
    assert bent[:, 1, 1] == pytest.approx(2 * Brier().curvature(eta, y), abs=1e-12)
    assert bent.sum(axis=2) == pytest.approx(np.zeros((60, 2)), abs=1e-14)


def test_no_row_of_several_classes_bends_beyond_the_bound():
    rng = np.random.default_rng(5)
    for C in (2, 3, 7):
        eta, y = rng.normal(size=(3000, C)) * 3, rng.integers(0, C, 3000).astype(float)
        bent = SoftmaxBrier(C).curvature(eta, y)
        assert bent == pytest.approx(bent.transpose(0, 2, 1), abs=1e-14)
        lam = np.linalg.eigvalsh(bent)
        assert np.abs(lam).max() <= SoftmaxBrier.curvature_bound
        assert lam.min() < -0.4

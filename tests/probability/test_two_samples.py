"""Two samples of rows: laws of the AUC, its promise, and divergences against what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from simulated import rarely
from whyfit.probability.two_samples import apart, auc_above, kl_of, move_of, promised, wasserstein

LIMIT = 0.556


def test_rows_of_one_law_are_told_apart_rarely():
    """At AUC ½ itself, the edge of the null, the two halves share 5 %."""
    rng = np.random.default_rng(0)
    for n, p in ((60, 3), (300, 8)):
        low = [
            apart(rng.normal(size=(n, p)), rng.normal(size=(n, p))).p_above(0.5) < 0.05
            for _ in range(150)
        ]
        assert rarely(sum(low), 150)


def test_at_the_limit_an_alarm_is_rare():
    """One column shifted by 0.2 sd: no direction separates better than Φ(0.2/√2)."""
    rng = np.random.default_rng(1)
    shift = np.array([0.2, 0, 0])
    alarms = sum(
        apart(rng.normal(size=(400, 3)), rng.normal(size=(400, 3)) + shift).p_above(LIMIT) < 0.05
        for _ in range(100)
    )
    assert rarely(alarms, 100)


@pytest.mark.parametrize(("d", "p"), [(0.5, 4), (1.0, 4), (1.0, 30)])
def test_the_learning_half_promises_what_the_other_keeps(d, p):
    rng = np.random.default_rng(2)
    told, seen = [], []
    for _ in range(30):
        a = apart(rng.normal(size=(600, p)), rng.normal(size=(600, p)) + d * (np.arange(p) == 0))
        told.append(a.told)
        seen.append(a.value)
    assert np.mean(told) == pytest.approx(np.mean(seen), abs=0.015)
    assert np.mean(seen) < special.ndtr(
        d / np.sqrt(2)
    )  # a direction that was learned is not the best


def test_an_exact_distance_promises_the_best_auc():
    assert promised(1.0, 10**9, 10**9, 3) == pytest.approx(special.ndtr(1 / np.sqrt(2)), abs=1e-6)
    assert promised(0.01, 20, 20, 5) == 0.5  # less than the bias


def test_order_within_the_samples_does_not_matter_and_swapping_mirrors_nothing():
    rng = np.random.default_rng(3)
    A, B = rng.normal(size=(200, 3)), rng.normal(size=(150, 3)) + 0.7
    assert apart(A, B).value == pytest.approx(apart(B, A).value, abs=0.03)
    assert apart(1e6 * A + 5, 1e6 * B + 5).value == pytest.approx(apart(A, B).value, abs=1e-9)


def test_spreads_and_constants():
    rng = np.random.default_rng(4)
    A, B = rng.normal(size=(300, 2)), rng.normal(size=(300, 2)) * [3.0, 1.0]
    assert apart(A, B).p_above(LIMIT) < 1e-6  # by the squares
    move = move_of(A[:, 0], B[:, 0])
    assert move.auc is move.spread
    assert apart(np.ones((50, 2)), np.ones((50, 2))).value == 0.5
    assert apart(np.ones((50, 1)), np.full((50, 1), 2.0)).value == 1.0
    assert apart(A[:3], B) is None


@given(st.integers(0, 2**32 - 1))
def test_wasserstein_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=int(rng.integers(1, 40))), rng.exponential(size=int(rng.integers(1, 40)))
    a, b = (np.round(v, int(rng.integers(0, 3))) for v in (a, b))
    assert wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(a, b), abs=1e-12)


def test_divergences_of_one_law_have_no_bias_and_of_two_their_value():
    """Plug-in JS, KL and PSI of ten equal cells would average 9/8, 9/2 and 9 times (1/m + 1/k)."""
    rng = np.random.default_rng(5)
    moves = [move_of(rng.normal(size=300), rng.normal(size=300)) for _ in range(60)]
    bias = 9 / 8 * 2 / 300
    assert np.mean([m.js for m in moves]) < bias / 2
    a, b = rng.normal(size=20_000), rng.normal(size=20_000) + 1
    cut = np.concatenate([[-np.inf], stats.norm.ppf(np.arange(1, 10) / 10), [np.inf]])
    q = np.diff(stats.norm.cdf(cut - 1))
    assert move_of(a, b).psi == pytest.approx(((q - 0.1) * np.log(q / 0.1)).sum(), rel=0.08)
    assert kl_of(a, b) == pytest.approx((q * np.log(q / 0.1)).sum(), rel=0.08)
    assert move_of(a, b).wasserstein == pytest.approx(1.0, abs=0.05)


def test_levels_are_their_own_cells():
    a, b = np.repeat([0.0, 1.0], [700, 300]), np.repeat([0.0, 1.0], [400, 600])
    m = move_of(a, b)
    assert m.place.value == pytest.approx(0.5 + 0.15)
    assert m.p_above(LIMIT) < 1e-6
    assert m.wasserstein == pytest.approx(0.3 / a.std())
    same = move_of(a, a)
    assert (same.js, same.psi, same.wasserstein) == (0.0, 0.0, 0.0)
    assert same.p_above(LIMIT) == 1.0
    flat = move_of(np.ones(20), np.ones(20))
    assert flat.p_above(LIMIT) == 1.0


def test_separated_samples_are_certain_only_if_there_are_rows():
    few, many = apart(np.zeros((4, 1)), np.ones((4, 1))), apart(np.zeros((80, 1)), np.ones((80, 1)))
    assert few.p_above(LIMIT) > 0.04
    assert many.p_above(LIMIT) == pytest.approx(2 * LIMIT**40)
    assert auc_above(many.halves[0], LIMIT, 3) == pytest.approx(LIMIT**3)

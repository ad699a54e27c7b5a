"""Correlation of errors in groups and in order: naive twins, known laws, exact small numbers, and error rates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from simulated import rarely, usually
from whyfit.probability.anova import one_way
from whyfit.probability.dependence import (
    correlations,
    intraclass,
    lagged,
    lags_of,
    serial,
    shared_in_groups,
    shared_with_neighbours,
)

seeds = st.integers(0, 2**32 - 1)


def autoregression(rng: np.random.Generator, n: int, r: float) -> np.ndarray:
    e = rng.normal(size=n)
    for t in range(1, n):
        e[t] = r * e[t - 1] + np.sqrt(1 - r * r) * e[t]
    return e


@given(seeds, st.integers(2, 8), st.integers(20, 60))
def test_the_intraclass_correlation_is_the_analysis_of_variance(seed, G, n):
    rng = np.random.default_rng(seed)
    label, e = rng.integers(0, G, n), rng.normal(size=n)
    table, look = one_way(label, e), intraclass(label, e)
    assert np.isclose(look.f, table.f)
    assert (look.df1, look.df2) == (table.between_df, table.within_df)
    assert np.isclose(look.p_above(0.0), table.p_value)
    B, W = table.between_ss / table.between_df, table.within_ss / table.within_df
    assert np.isclose(look.rho, (B - W) / (B + (look.n0 - 1) * W))
    assert np.isclose(look.variance, W + (B - W) / look.n0)


def test_the_interval_is_the_exact_one_of_searle():
    """As R's ICC::ICCest gives it: the F quantiles of Searle (1971)."""
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(12), 5)
    e = rng.normal(size=12)[label] + rng.normal(size=60)
    look = intraclass(label, e)
    low, high = look.interval(0.95)
    upper, lower = special.fdtri(11, 48, 0.975), special.fdtri(11, 48, 0.025)
    assert np.isclose(low, (look.f / upper - 1) / (look.f / upper + 4))
    assert np.isclose(high, (look.f / lower - 1) / (look.f / lower + 4))
    assert low < look.rho < high


def test_coefficients_take_degrees_of_freedom_where_they_are():
    """Eight columns that are constant in 20 groups leave 11 of 19; corrected, F has its law."""
    seen = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        label = np.repeat(np.arange(20), 6)
        X = np.column_stack([np.ones(120), rng.normal(size=(20, 8))[label]])
        e = rng.normal(size=120)
        e -= X @ np.linalg.lstsq(X, e, rcond=None)[0]
        seen.append(intraclass(label, e, (9.0, 9.0)).p_above(0.0))
    for level in (0.05, 0.5):
        below = int(np.sum(np.array(seen) < level))
        assert special.bdtr(below, 400, level) > 0.005
        assert special.bdtrc(below - 1, 400, level) > 0.005


@pytest.mark.parametrize("sizes", [[5] * 30, [2] * 60, [1, 2, 3, 4, 5, 20] * 6])
@pytest.mark.parametrize("heavy", [False, True])
def test_at_the_limit_few_are_called_above_it_and_far_above_nearly_all(sizes, heavy):
    label = np.repeat(np.arange(len(sizes)), sizes)
    alarms = hits = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        own = rng.standard_t(6, label.size) / np.sqrt(1.5) if heavy else rng.normal(size=label.size)
        a = rng.normal(size=len(sizes))[label]
        alarms += intraclass(label, np.sqrt(0.2) * a + np.sqrt(0.8) * own).p_above(0.2) < 0.05
        hits += intraclass(label, np.sqrt(0.7) * a + np.sqrt(0.3) * own).p_above(0.2) < 0.05
    assert rarely(alarms, 150, 0.06)
    assert usually(hits, 150, 0.95)


@pytest.mark.parametrize("r", [0.0, 0.1, 0.6])
def test_the_law_of_the_autocorrelation(r):
    covered = alarms = 0
    for seed in range(200):
        look = serial(autoregression(np.random.default_rng(seed), 300, r))
        low, high = look.interval(0.95)
        covered += low <= r <= high
        alarms += look.p_above(r) < 0.05
    assert special.bdtr(covered, 200, 0.95) > 0.002
    assert rarely(alarms, 200, 0.06)


def test_spread_that_changes_raises_no_alarm():
    alarms = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        e = rng.normal(size=200) * np.exp(2 * np.sin(np.arange(200) / 15))
        alarms += serial(e).p_above(0.0) < 0.05
    assert rarely(alarms, 200, 0.06)


def test_durbin_watson_is_that_of_statsmodels():
    stats = pytest.importorskip("statsmodels.stats.stattools")
    e = autoregression(np.random.default_rng(1), 2000, 0.4)
    assert np.isclose(
        serial(e).durbin_watson, stats.durbin_watson(e), atol=2e-3
    )  # 2(1 − r) less the ends


def test_only_joined_neighbours_count():
    rng = np.random.default_rng(2)
    parts = [autoregression(rng, 100, 0.7) for _ in range(20)]
    joined = np.ones(1999, bool)
    joined[99::100] = False
    e = np.concatenate(parts)
    by_hand = sum(float(p[1:] @ p[:-1]) for p in parts) / float(e @ e) / (joined.sum() / 2000)
    assert np.isclose(serial(e, joined).r, by_hand)


@given(seeds, st.integers(2, 6))
def test_what_groups_share_is_the_double_sum(seed, G):
    rng = np.random.default_rng(seed)
    label, U = rng.integers(0, G, 25), rng.normal(size=(25, 2))
    same = (label[:, None] == label) & ~np.eye(25, dtype=bool)
    expected = [u @ same @ u / (u @ u) for u in U.T]
    np.testing.assert_allclose(shared_in_groups(label, U), expected)


@given(seeds, st.floats(0.05, 0.6))
def test_what_neighbours_share_is_the_double_sum(seed, r):
    rng = np.random.default_rng(seed)
    U = rng.normal(size=(40, 2))
    apart = np.abs(np.arange(40)[:, None] - np.arange(40))
    R = np.where((apart > 0) & (apart <= lags_of(r)), r**apart, 0.0)
    expected = [u @ R @ u / (u @ u) for u in U.T]
    np.testing.assert_allclose(
        shared_with_neighbours(r ** np.arange(1, lags_of(r) + 1), U), expected, atol=1e-12
    )


def test_a_mean_and_a_column_of_its_own_correlation():
    """1 + (m − 1)ρ and (1 + r)/(1 − r) of the mean; (1 + r r_x)/(1 − r r_x) of an AR(1) column."""
    ones = np.ones((20_000, 1))
    assert np.isclose(shared_in_groups(np.repeat(np.arange(2000), 10), ones)[0], 9.0)
    half = 0.5 ** np.arange(1, 20)
    assert np.isclose(1 + shared_with_neighbours(half, ones)[0], 3.0, rtol=0.02)
    x = autoregression(np.random.default_rng(3), 20_000, 0.8)[:, None]
    assert np.isclose(1 + shared_with_neighbours(half, x)[0], 1.4 / 0.6, rtol=0.05)


def test_correlations_end_where_chance_begins():
    rng = np.random.default_rng(6)
    rho = correlations(autoregression(rng, 50_000, 0.8))
    np.testing.assert_allclose(rho[:8], 0.8 ** np.arange(1, 9), atol=0.03)
    assert 10 < rho.size < 60  # 0.8^l is 2/√n at l = 21
    few = [correlations(rng.normal(size=400)).size for _ in range(200)]
    assert np.mean(np.array(few) > 0) < 0.07  # one-sided 2.3 % at the first lag
    assert correlations(np.zeros(10)).size == 0
    # a season: correlated with the row before, not with that half a season ago
    season = np.sin(np.arange(480) * 2 * np.pi / 12) + 0.1 * rng.normal(size=480)
    assert correlations(season).size == 2


def test_a_share_of_the_rows_tells_of_all():
    rng = np.random.default_rng(4)
    label = np.repeat(np.arange(1000), 20)
    u = rng.normal(size=1000)[label][:, None]
    some = rng.random(label.size) < 0.3
    assert np.isclose(shared_in_groups(label[some], u[some], 0.3)[0], 19.0, rtol=0.1)


def test_lags_in_stretches_are_those_of_one():
    rng = np.random.default_rng(5)
    U, joined = rng.normal(size=(60, 2)), np.ones(59, bool)
    np.testing.assert_allclose(lagged(U, 4, joined), lagged(U, 4))
    joined[29] = False
    first = sum(np.einsum("ij,ij->j", a[2:], a[:-2]) for a in (U[:30], U[30:]))
    np.testing.assert_allclose(lagged(U, 2, joined)[1], first / (U**2).sum(axis=0) * 58 / 56)
    short = np.ones(59, bool)
    short[9::10] = False  # stretches of ten rows hold no lag of ten
    assert len(lagged(U, 30, short)) == 9
    np.testing.assert_allclose(lagged(U, 30, short), lagged(U, 9, short))


def test_the_variance_of_a_slope_is_inflated_by_as_much():
    """Simulated: errors and column share groups; the ratio of variances is Moulton's."""
    label = np.repeat(np.arange(30), 8)
    rng = np.random.default_rng(6)
    x = rng.normal(size=30)[label] + rng.normal(size=240)
    x -= x.mean()
    slopes = []
    for _ in range(3000):
        e = np.sqrt(0.4) * rng.normal(size=30)[label] + np.sqrt(0.6) * rng.normal(size=240)
        slopes.append(x @ (e - e.mean()) / (x @ x))
    predicted = (1 + 0.4 * shared_in_groups(label, x[:, None])[0]) / (x @ x)
    assert np.isclose(np.var(slopes), predicted, rtol=5 * np.sqrt(2 / 3000))


def test_degenerate_series_and_groups():
    assert np.isnan(serial(np.zeros(10)).r)
    assert serial(np.zeros(10)).p_above(0.1) == 1.0
    assert serial(np.array([1.0])).p_above(0.0) == 1.0
    assert intraclass(np.zeros(10, int), np.arange(10.0)).p_above(0.0) == 1.0  # one group
    assert intraclass(np.arange(10), np.arange(10.0)).p_above(0.0) == 1.0  # no company
    alike = intraclass(np.repeat(np.arange(5), 2), np.repeat(np.arange(5.0), 2))
    assert alike.rho == 1.0  # nothing varies within groups
    assert alike.p_above(0.5) == 0.0
    still = intraclass(np.repeat(np.arange(5), 2), np.zeros(10))
    assert still.p_above(0.0) == 1.0
    assert intraclass(np.repeat(np.arange(5), 2), np.arange(10.0)).p_above(1.0) == 1.0
    assert lags_of(-0.5) == 0
    assert lags_of(1.0) == 200
    assert shared_with_neighbours(np.array([0.5]), np.zeros((10, 1)))[0] == 0.0

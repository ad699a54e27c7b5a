"""Intervals over replicates: against scipy, by their invariances, and where there is nothing to say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from whyfit.errors import ShapeError, SpecError
from whyfit.probability.resampling import basic, bca, normal, percentile, studentised

rng = np.random.default_rng(0)
x = rng.exponential(size=30)
T = x[rng.integers(30, size=(1999, 30))].mean(axis=1)
theta = x.mean()


def test_percentile_and_basic_are_order_statistics():
    low, high = percentile(T)
    ordered = np.sort(T)
    assert (low, high) == (ordered[49], ordered[1949])  # 0.025·2000 = 50th
    assert basic(T, theta) == pytest.approx((2 * theta - high, 2 * theta - low))
    np.testing.assert_allclose(percentile(T, 0.9), np.quantile(T, [0.05, 0.95], method="weibull"))


def test_bca_agrees_with_scipy():
    """scipy's own replicates, ours from them: it uses the jackknife and np.percentile's rule."""
    found = stats.bootstrap(
        (x,), np.mean, n_resamples=9999, method="BCa", rng=np.random.default_rng(1)
    )
    got = bca(found.bootstrap_distribution, theta, x - theta)
    np.testing.assert_allclose(got, found.confidence_interval, atol=0.004 * x.std())


def test_bca_follows_a_monotone_change_of_scale():
    """log is monotone: its influence values are l/θ, and the interval of log θ is the log of the interval."""
    low, high = bca(T, theta, x - theta)
    got = bca(np.log(T), np.log(theta), (x - theta) / theta)
    np.testing.assert_allclose(got, np.log([low, high]), atol=2e-3)


def test_bca_without_bias_or_acceleration_is_percentile():
    symmetric = np.concatenate([T - theta, theta - T]) + theta
    flat = np.array([-1.0, 1.0, 2.0, -2.0])
    np.testing.assert_allclose(bca(symmetric, theta, flat), percentile(symmetric), rtol=1e-12)


def test_studentised_of_normal_pivots_is_students():
    """With exact pivots the interval is θ̂ ± t se, up to Monte-Carlo error of the quantiles."""
    z = rng.normal(size=(200_000, 9))
    mean, se = z.mean(axis=1), z.std(axis=1, ddof=1) / 3
    low, high = studentised(5 + 2 * mean, 2 * se, 5.0, 0.7)
    q = 0.7 * stats.t.ppf(0.975, 8)
    np.testing.assert_allclose([low, high], [5 - q, 5 + q], atol=0.02)


def test_normal_takes_the_bias_off():
    low, high = normal(T + 1, theta)
    assert (low + high) / 2 == pytest.approx(2 * theta - T.mean() - 1)
    assert high - low == pytest.approx(2 * stats.norm.ppf(0.975) * T.std(ddof=1))


def test_columns_are_handled_one_by_one():
    both, est = np.column_stack([T, -T]), np.array([theta, -theta])
    l = np.column_stack([x - theta, theta - x])  # noqa: E741
    se = np.full((len(T), 2), 0.1)
    pairs = (
        (percentile(both), percentile(T)),
        (basic(both, est), basic(T, theta)),
        (bca(both, est, l), bca(T, theta, l[:, 0])),
        (normal(both, est), normal(T, theta)),
        (studentised(both, se, est, np.full(2, 0.1)), studentised(T, se[:, 0], theta, 0.1)),
    )
    for two, one in pairs:
        assert (two.low[0], two.high[0]) == pytest.approx((one.low, one.high))
        assert (two.low[1], two.high[1]) == pytest.approx((-one.high, -one.low))


def test_missing_and_equal_replicates():
    holes = np.concatenate([T, np.full(500, np.nan)])
    assert percentile(holes) == percentile(T)
    assert bca(holes, theta, x - theta) == bca(T, theta, x - theta)
    assert normal(holes, theta) == pytest.approx(normal(T, theta))
    same = np.full(99, 3.0)
    for bounds in (
        percentile(same),
        basic(same, 3.0),
        bca(same, 3.0, np.zeros(5)),
        normal(same, 3.0),
    ):
        assert bounds == (3.0, 3.0)
    assert np.isnan(studentised(same, np.zeros(99), 3.0, 0.0)).all()
    assert np.isnan(percentile(np.array([1.0]))).all()
    assert np.isnan(bca(T, np.nan, x - theta)).all()


def test_all_replicates_on_one_side_stay_finite():
    low, high = bca(T + 100, theta, x - theta)
    assert np.isfinite([low, high]).all()
    assert T.min() + 100 <= low <= high


def test_messages():
    with pytest.raises(SpecError, match=r"level is 95; expected one between 0 and 1"):
        percentile(T, 95)
    with pytest.raises(ShapeError, match=r"influence values have shape \(30, 2\)"):
        bca(T, theta, np.zeros((30, 2)))
    with pytest.raises(ShapeError, match=r"replicates have shape \(1999,\)"):
        normal(T, np.zeros(2))

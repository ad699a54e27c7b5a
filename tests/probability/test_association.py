import numpy as np
import pytest
from scipy import stats

from whyfit.probability.association import correlation_interval, correlation_p_value, wilson


def test_at_no_limit_it_is_the_usual_fisher_test():
    z = np.arctanh(0.3) * np.sqrt(47)
    assert correlation_p_value(0.3, 50, limit=0.0) == pytest.approx(2 * stats.norm.sf(z))


def test_at_the_limit_it_rejects_at_its_level():
    rng = np.random.default_rng(0)
    n, runs = 200, 2000
    x = rng.standard_normal((runs, n))
    y = 0.1 * x + np.sqrt(0.99) * rng.standard_normal((runs, n))
    x -= x.mean(axis=1, keepdims=True)
    y -= y.mean(axis=1, keepdims=True)
    r = (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    rejected = sum(correlation_p_value(v, n) < 0.05 for v in r)
    low, high = stats.binom.ppf([0.0005, 0.9995], runs, 0.05)
    assert low <= rejected <= high


def test_what_does_not_exist_is_never_significant():
    assert correlation_p_value(float("nan"), 50) == 1.0
    assert correlation_p_value(0.99, 3) == 1.0
    assert np.isnan(correlation_interval(0.5, 10, 0.95, given=8)).all()
    assert correlation_p_value(1.0, 50) < 1e-30


def test_interval_inverts_the_transform():
    low, high = correlation_interval(0.5, 103, 0.95)
    assert np.arctanh(high) - np.arctanh(low) == pytest.approx(2 * stats.norm.ppf(0.975) / 10)


@pytest.mark.parametrize(("m", "n"), [(0, 10), (3, 30), (10, 10), (260, 11183)])
def test_wilson_equals_scipy(m, n):
    expected = stats.binomtest(m, n).proportion_ci(0.95, method="wilson")
    assert wilson(m, n, 0.95) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_nothing():
    assert wilson(0, 0, 0.95) == (0.0, 1.0)

"""Power against statsmodels, against simulation, and rows that would settle a question."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from whyfit.errors import SpecError
from whyfit.probability.power import power_f, power_t, rows_for_power, rows_for_width


@pytest.mark.parametrize(("effect", "n"), [(0.1, 10), (0.5, 20), (0.3, 100), (2.0, 8)])
def test_power_agrees_with_statsmodels(effect, n):
    theirs = TTestPower().power(effect, n, 0.05)
    assert power_t(effect, 1 / np.sqrt(n), n - 1) == pytest.approx(theirs, rel=1e-6)
    assert power_t(-effect, 1 / np.sqrt(n), n - 1) == pytest.approx(theirs, rel=1e-6)


def test_f_with_one_restriction_is_t():
    assert power_f(2.5**2, 1, 17) == pytest.approx(power_t(2.5, 1.0, 17), rel=1e-6)
    assert power_f(7.0, 3, 20) == pytest.approx(
        stats.ncf.sf(stats.f.isf(0.05, 3, 20), 3, 20, 7.0), rel=1e-6
    )


def test_rejections_in_simulated_regressions():
    """Fixed columns: t and F reject as often as the non-central laws say, within binomial bounds."""
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(30), rng.normal(size=(30, 3))])
    V = np.linalg.inv(X.T @ X)
    beta = np.array([1.0, 0.45, 0.3, 0.0])
    Y = X @ beta + 1.0 * rng.normal(size=(5000, 30))
    B = Y @ X @ V
    s2 = ((Y - B @ X.T) ** 2).sum(axis=1) / 26
    rejected = np.abs(B[:, 1]) / np.sqrt(s2 * V[1, 1]) > stats.t.isf(0.025, 26)
    predicted = power_t(0.45, np.sqrt(V[1, 1]), 26)
    assert 0.3 < predicted < 0.9
    assert stats.binomtest(int(rejected.sum()), 5000, predicted).pvalue > 0.01
    W = np.linalg.inv(V[1:, 1:])
    F = np.einsum("bi,ij,bj->b", B[:, 1:], W, B[:, 1:]) / 3 / s2
    predicted = power_f(float(beta[1:] @ W @ beta[1:]), 3, 26)
    assert stats.binomtest(int((stats.f.isf(0.05, 3, 26) < F).sum()), 5000, predicted).pvalue > 0.01


def test_rows_for_power_keep_their_promise_in_simulation():
    """Slope 0.3, unit error and column: the rows asked for find it in about 80 % of tables."""
    n = rows_for_power(0.3, 1 / np.sqrt(50), 50, 2, power=0.8)
    assert n is not None
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4000, n))
    y = 0.3 * x + rng.normal(size=(4000, n))
    xc = x - x.mean(axis=1, keepdims=True)
    sxx = (xc * xc).sum(axis=1)
    b = (xc * y).sum(axis=1) / sxx
    e = y - y.mean(axis=1, keepdims=True) - b[:, None] * xc
    t = b / np.sqrt((e * e).sum(axis=1) / (n - 2) / sxx)
    found = np.mean(np.abs(t) > stats.t.isf(0.025, n - 2))
    assert abs(found - 0.8) < 0.03  # 0.6 of Monte-Carlo, 1 for columns that are random


@given(st.floats(0.01, 3), st.floats(0.01, 3), st.integers(5, 500), st.floats(0.1, 0.99))
def test_rows_are_the_fewest_that_do(effect, error, n, power):
    rows = rows_for_power(effect, error, n, 3, power)
    assert rows is not None
    assert power_t(effect, error * np.sqrt(n / rows), rows - 3) >= power
    if rows > 4:
        assert power_t(effect, error * np.sqrt(n / (rows - 1)), rows - 4) < power


def test_rows_for_width():
    rows = rows_for_width(0.1, 0.2, 100, 3)
    assert rows is not None
    half = [stats.t.isf(0.025, m - 3) * 0.2 * np.sqrt(100 / m) for m in (rows - 1, rows)]
    assert half[0] > 0.1 >= half[1]
    assert rows == 1540  # 100·(2·1.96)² = 1,537, and a little for t


def test_degenerate():
    assert power_t(0.0, 1.0, 10, 0.03) == 0.03
    assert power_f(0.0, 2, 10, 0.03) == 0.03
    assert power_t(1.0, 0.0, 10) == 1.0
    assert power_t(1e6, 1.0, 3) == 1.0
    assert np.isnan(power_t(1.0, 1.0, 0))
    assert np.isnan(power_f(1.0, 2, 0))
    assert rows_for_power(0.0, 1.0, 10, 2) is None
    assert rows_for_power(1e-9, 1.0, 10, 2) is None
    assert rows_for_power(1.0, np.nan, 10, 2) is None
    assert rows_for_power(1.0, 0.0, 10, 2) == 3
    assert rows_for_width(1.0, np.nan, 10, 2) is None


def test_messages():
    with pytest.raises(SpecError, match="power is 80"):
        rows_for_power(1.0, 1.0, 10, 2, power=80)
    with pytest.raises(SpecError, match="alpha is 5"):
        power_t(1.0, 1.0, 10, 5)
    with pytest.raises(SpecError, match="half_width is 0"):
        rows_for_width(0, 1.0, 10, 2)

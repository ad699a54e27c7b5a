"""Joint tests against statsmodels, refits, and their own promise under the null."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from whyfit.data.arrays import ArrayRows
from whyfit.engines.local import one_blas_thread
from whyfit.errors import ShapeError, SpecError
from whyfit.linalg.moments import Moments
from whyfit.probability.hypotheses import contrasts, likelihood_ratio, linear_test, wald_test
from whyfit.probability.linear import fit_arrays, fit_moments
from whyfit.probability.sandwich import cluster_meat

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 4)) * [0.01, 1, 1, 100]
y = 1 + X @ [100, 0.2, 0.3, 0] + rng.normal(size=80)
FIT = fit_arrays(X, y).fit
NAMES = ("intercept", *FIT.names)
R = contrasts(NAMES, [{"x2": 1, "x3": -1}, {"x4": 2}])
r = np.array([0.1, 0.0])


def test_f_agrees_with_statsmodels_under_any_covariance():
    theirs = sm.OLS(y, sm.add_constant(X)).fit().f_test((R, r))
    ours = linear_test(FIT, R, r)
    assert ours.statistic == pytest.approx(float(theirs.fvalue), rel=1e-9)
    assert ours.p_value == pytest.approx(float(theirs.pvalue), rel=1e-8)
    assert (ours.df1, ours.df2) == (2, 75)
    g = np.arange(80) // 4
    robust = sm.OLS(y, sm.add_constant(X)).fit(
        cov_type="cluster", cov_kwds={"groups": g}, use_t=True
    )
    meat = cluster_meat(FIT, ArrayRows(X, y, 1), g)
    ours = linear_test(FIT, R, r, meat.covariance(FIT), meat.df)
    assert ours.statistic == pytest.approx(float(robust.f_test((R, r)).fvalue), rel=1e-9)
    assert ours.p_value == pytest.approx(float(robust.f_test((R, r)).pvalue), rel=1e-8)


def test_all_slopes_are_the_overall_f():
    ours = linear_test(FIT, np.eye(5)[1:])
    assert (ours.statistic, ours.p_value) == pytest.approx((FIT.f_test()[0], FIT.f_test()[2]))


def test_one_row_is_the_square_of_t():
    table = FIT.inference()
    ours = linear_test(FIT, np.eye(5)[[2]])
    assert ours.statistic == pytest.approx(table.statistic[2] ** 2)
    assert ours.p_value == pytest.approx(table.p_value[2])


def test_likelihood_ratio_is_that_of_two_fits():
    full, less = sm.OLS(y, sm.add_constant(X)).fit(), sm.OLS(y, sm.add_constant(X[:, :2])).fit()
    statistic, p, q = full.compare_lr_test(less)
    ours = likelihood_ratio(FIT, np.eye(5)[3:])
    assert (ours.statistic, ours.p_value, ours.df1) == pytest.approx((statistic, p, q))


def test_wald_without_df_is_chi_squared():
    ours = wald_test(np.array([1.0, 2.0]), np.diag([1.0, 4.0]), np.eye(2))
    assert ours.statistic == pytest.approx(2.0)
    assert ours.p_value == pytest.approx(stats.chi2.sf(2.0, 2))


def test_scaling_a_hypothesis_changes_nothing():
    one, other = linear_test(FIT, R, r), linear_test(FIT, R * [[1e8], [-1e-8]], r * [1e8, -1e-8])
    assert one.statistic == pytest.approx(other.statistic, rel=1e-9)


def test_under_the_null_f_is_uniform_and_the_likelihood_ratio_is_not():
    """n = 20, six coefficients, five slopes zero: F is exact; LR rejects as its exact law says, in 13 %."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(20, 5))
    p_f, p_lr = [], []
    with one_blas_thread():
        for _ in range(600):
            y = rng.normal(size=20)
            fit = fit_moments(Moments.of(np.column_stack([X, y])), ("a", "b", "c", "d", "e"))
            p_f.append(linear_test(fit, np.eye(6)[1:]).p_value)
            p_lr.append(likelihood_ratio(fit, np.eye(6)[1:]).p_value)
    assert stats.kstest(p_f, "uniform").pvalue > 0.01
    limit = 14 / 5 * np.expm1(stats.chi2.isf(0.05, 5) / 20)  # the F at which LR has p = 0.05
    exact = stats.f.sf(limit, 5, 14)
    assert exact == pytest.approx(0.1303, abs=1e-4)
    rejected = int((np.array(p_lr) < 0.05).sum())
    assert stats.binomtest(rejected, 600, exact).pvalue > 0.01


def test_missing_coefficients():
    Z = np.column_stack([X, 2 * X[:, 1]])
    fit = fit_arrays(Z, y).fit
    gone = int(fit.dropped.nonzero()[0][0]) + 1
    other = 3
    assert np.isnan(linear_test(fit, np.eye(6)[[gone]]).p_value)
    assert np.isnan(likelihood_ratio(fit, np.eye(6)[[gone]]).statistic)
    assert linear_test(fit, np.eye(6)[[other]]).p_value == pytest.approx(
        linear_test(FIT, np.eye(5)[[other]]).p_value
    )
    none_left = fit_arrays(X[:5], y[:5], folds=2).fit
    assert np.isnan(linear_test(none_left, np.eye(5)[1:]).p_value)


def test_exact_covariance():
    assert wald_test(np.ones(2), np.zeros((2, 2)), np.eye(2), df=5).p_value == 0
    assert wald_test(np.zeros(2), np.zeros((2, 2)), np.eye(2), df=5).p_value == 1


def test_messages():
    with pytest.raises(SpecError, match="there is no coefficient 'z'; coefficients: intercept, x1"):
        contrasts(NAMES, [{"z": 1}])
    with pytest.raises(ShapeError, match=r"R has shape \(2, 4\); expected \(q, 5\)"):
        linear_test(FIT, np.ones((2, 4)))
    with pytest.raises(ShapeError, match=r"r has shape \(3,\)"):
        linear_test(FIT, R, np.zeros(3))
    for bad in (np.zeros((1, 5)), np.array([[0, 1, 0, 0, 0], [0, -2, 0, 0, 0]]), np.eye(6)[:, :5]):
        with pytest.raises(ShapeError, match="zero or dependent"):
            linear_test(FIT, bad)

"""Cluster-robust and Newey–West covariances against statsmodels, naive sums, and simulation."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from sandwiches import ONE, Cut, coverage, fitted, slope_of, table, within
from whyfit.errors import ShapeError, SpecError
from whyfit.probability.residuals import examine
from whyfit.probability.sandwich import automatic_lag, cluster_meat, newey_west_meat


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("corrected", [True, False])
def test_clusters_agree_with_statsmodels(intercept, corrected):
    X, y, g = table()
    names = np.array([f"cluster {v}" for v in g])  # any labels will do
    fit, rows = fitted(X, y, intercept)
    meat = cluster_meat(fit, Cut(rows, (7, 64)), names, corrected)
    ours = meat.inference(fit)
    kwds = {"groups": g, "use_correction": corrected}
    design = sm.add_constant(X) if intercept else X
    theirs = sm.OLS(y, design).fit(cov_type="cluster", cov_kwds=kwds, use_t=True)
    np.testing.assert_allclose(ours.std_error, theirs.bse, rtol=1e-9)
    np.testing.assert_allclose(ours.p_value, theirs.pvalues, rtol=1e-7, atol=1e-300)
    np.testing.assert_allclose(ours.low, theirs.conf_int()[:, 0], rtol=1e-7, atol=1e-8)
    assert (ours.df, ours.covariance) == (
        len(np.unique(g)) - 1,
        "CR1" if corrected else "CR0",
    )
    k = 0 if intercept else 1
    np.testing.assert_allclose(meat.covariance(fit)[k:, k:], theirs.cov_params(), rtol=1e-7)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("lag", [0, 1, 4, 60])
def test_newey_west_agrees_with_statsmodels(intercept, lag):
    X, y, _ = table()
    fit, rows = fitted(X, y, intercept)
    design = sm.add_constant(X) if intercept else X
    theirs = sm.OLS(y, design).fit(cov_type="HAC", cov_kwds={"maxlags": lag}, use_t=True)
    for source in (rows, Cut(rows, (1,)), Cut(rows, (3, 50)), Cut(rows, (61, 5, 1))):
        ours = newey_west_meat(fit, source, lag).inference(fit)
        np.testing.assert_allclose(ours.std_error, theirs.bse, rtol=1e-9)
        np.testing.assert_allclose(ours.p_value, theirs.pvalues, rtol=1e-7, atol=1e-300)


def test_one_cluster_a_row_and_no_lag_are_hc0():
    X, y, _ = table(80)
    fit, rows = fitted(X, y)
    hc0 = examine(fit, rows, kinds=("HC0",)).meat("HC0", 3)
    alone = cluster_meat(fit, rows, np.arange(80), corrected=False)
    np.testing.assert_allclose(alone.matrix, hc0, rtol=1e-9)
    np.testing.assert_allclose(newey_west_meat(fit, rows, 0).matrix, hc0, rtol=1e-9)


def test_automatic_lag_is_that_of_newey_and_west():
    """Naive twin; as R's sandwich::bwNeweyWest(lm(y ~ x), prewhite = 0, kernel = "Bartlett") for one column."""
    X, y, _ = table(500)
    X = X[:, 1:2]
    fit, rows = fitted(X, y)
    A = np.column_stack([np.ones(500), X])
    h = X[:, 0] * (y - A @ np.linalg.lstsq(A, y, rcond=None)[0])
    # scores are centred at the mean of the column here, which changes the bandwidth but little
    centred = (X[:, 0] - X.mean()) * (y - A @ np.linalg.lstsq(A, y, rcond=None)[0])
    lags = np.arange(int(4 * 5 ** (2 / 9)) + 1)
    g = np.array([centred[k:] @ centred[: 500 - k] for k in lags])
    ratio = 2 * (lags @ g) / (g[0] + 2 * g[1:].sum())
    assert automatic_lag(fit, Cut(rows, (9,))) == int(1.1447 * ratio ** (2 / 3) * 500 ** (1 / 3))
    assert h.shape == centred.shape


def test_far_off_columns_lose_little():
    X, y, g = table(200)
    fit, rows = fitted(X, y)
    far, far_rows = fitted(X + 1e3, y)
    for meat in (lambda f, r: cluster_meat(f, r, g), lambda f, r: newey_west_meat(f, r, 5)):
        near_se, far_se = meat(fit, rows).inference(fit), meat(far, far_rows).inference(far)
        np.testing.assert_allclose(far_se.std_error[1:], near_se.std_error[1:], rtol=1e-5)


def test_dropped_columns_are_nan():
    X, y, g = table(60)
    X[:, 2] = 2 * X[:, 1]
    fit, rows = fitted(X, y)
    se = cluster_meat(fit, rows, g).inference(fit).std_error
    assert np.array_equal(np.isnan(se), np.append(False, fit.dropped))
    theirs = sm.OLS(y, sm.add_constant(X[:, :2])).fit(cov_type="cluster", cov_kwds={"groups": g})
    np.testing.assert_allclose(se[~np.isnan(se)], theirs.bse, rtol=1e-8)


def test_coverage_with_clusters():
    """Half of the variance of column and error between 40 clusters of 5 rows."""

    def simulate(rng):
        g = np.repeat(np.arange(40), 5)
        X = (rng.normal(size=40)[g] + rng.normal(size=200))[:, None]
        return X, X[:, 0] + rng.normal(size=40)[g] + rng.normal(size=200), g

    robust = slope_of(lambda f, r, g: cluster_meat(f, r, g, True, ONE))
    classic, robust = coverage(simulate, 400, 11, slope_of(lambda f, *_: f.inference()), robust)
    assert within(classic, 400, 0.75, 0.88)
    assert within(robust, 400, 0.93, 0.955)


def test_messages():
    X, y, g = table(50)
    fit, rows = fitted(X, y)
    with pytest.raises(ShapeError, match="row 49 has no cluster: there are 49 labels"):
        cluster_meat(fit, rows, g[:49])
    with pytest.raises(ShapeError, match="there are 1 clusters"):
        cluster_meat(fit, rows, np.zeros(50))
    with pytest.raises(SpecError, match="the lag is 50; expected one from 0 to n − 1 = 49"):
        newey_west_meat(fit, rows, 50)

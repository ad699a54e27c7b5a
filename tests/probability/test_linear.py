"""Inference from moments beside statsmodels; the ridge law; intervals cover what they promise."""

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.outliers_influence import variance_inflation_factor

from whyfit.data.arrays import ArrayRows
from whyfit.probability.linear import fit_arrays
from whyfit.probability.residuals import examine

NINE = 1e-9  # relative: nine digits


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 6)) * [1, 10, 1e3, 1e-3, 1, 1] + [0, 5, 1e4, 0, 3, 0]
    X[:, 5] = X[:, 0] + 0.1 * rng.normal(size=3000)
    y = X @ [1, 0.2, 1e-3, 1e3, 2, 0] + rng.normal(size=3000) * np.exp(0.5 * X[:, 0])
    return X, y, fit_arrays(X, y), sm.OLS(y, sm.add_constant(X)).fit()


def test_table_agrees_with_statsmodels(made):
    _, _, ours, theirs = made
    table = ours.inference
    np.testing.assert_allclose(table.estimate, theirs.params, rtol=NINE)
    np.testing.assert_allclose(table.std_error, theirs.bse, rtol=NINE)
    np.testing.assert_allclose(table.statistic, theirs.tvalues, rtol=NINE)
    np.testing.assert_allclose(table.p_value, theirs.pvalues, rtol=1e-7, atol=1e-300)
    np.testing.assert_allclose(
        np.column_stack([table.low, table.high]), theirs.conf_int(), rtol=1e-8
    )
    f, df, p = ours.fit.f_test()
    assert (f, p) == (
        pytest.approx(theirs.fvalue, rel=NINE),
        pytest.approx(theirs.f_pvalue, rel=1e-6),
    )
    assert df == (theirs.df_model, theirs.df_resid)
    assert ours.fit.r2 == pytest.approx(theirs.rsquared, rel=NINE)


def test_vif_agrees_with_statsmodels(made):
    X, _, ours, _ = made
    A = sm.add_constant(X)
    theirs = [variance_inflation_factor(A, j + 1) for j in range(X.shape[1])]
    np.testing.assert_allclose(ours.vif, theirs, rtol=NINE)


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3"])
def test_robust_errors_agree_with_statsmodels(made, kind):
    X, y, ours, theirs = made
    seen = examine(ours.fit, ArrayRows(X, y, 10))
    table = ours.fit.inference(0.95, seen.meat(kind, ours.fit.rank), kind)
    np.testing.assert_allclose(table.std_error, getattr(theirs, f"{kind}_se"), rtol=NINE)


def test_leverage_and_cook_agree_with_statsmodels(made):
    X, y, ours, theirs = made
    top = examine(ours.fit, ArrayRows(X, y, 10)).top
    influence = theirs.get_influence()
    order = np.argsort(-influence.cooks_distance[0], kind="stable")[: len(top.cook)]
    np.testing.assert_array_equal(top.index, order)
    np.testing.assert_allclose(top.cook, influence.cooks_distance[0][order], rtol=1e-8)
    np.testing.assert_allclose(top.leverage, influence.hat_matrix_diag[order], rtol=NINE)


def test_leverages_sum_to_the_number_of_coefficients(made):
    X, y, ours, _ = made
    assert examine(ours.fit, ArrayRows(X, y, 10)).sum_leverage == pytest.approx(7.0, rel=1e-9)


def test_ridge_agrees_with_its_normal_equations():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(200, 4)) * [1, 10, 100, 1], rng.normal(size=200)
    lam = 25.0
    fit = fit_arrays(X, y, ridge=lam).fit
    Z = (X - X.mean(0)) / X.std(0)
    w = np.linalg.solve(Z.T @ Z + lam * np.eye(4), Z.T @ (y - y.mean()))
    np.testing.assert_allclose(fit.coef, w / X.std(0), rtol=1e-10)
    H = Z @ np.linalg.solve(Z.T @ Z + lam * np.eye(4), Z.T)
    assert fit.df == pytest.approx(200 - 1 - np.trace(H), rel=1e-10)
    assert fit.rss == pytest.approx(((y - fit.predict(X)) ** 2).sum(), rel=1e-10)


def test_intervals_agree_with_statsmodels_for_means_and_new_rows(made):
    X, _, ours, theirs = made
    new = X[:50] * 1.1
    frame = theirs.get_prediction(sm.add_constant(new)).summary_frame(alpha=0.05)
    for kind, stem in (("mean", "mean_ci"), ("new", "obs_ci")):
        centre, low, high = ours.fit.predict_interval(new, 0.95, kind)
        np.testing.assert_allclose(centre, frame["mean"], rtol=1e-8)
        np.testing.assert_allclose(low, frame[f"{stem}_lower"], rtol=1e-8)
        np.testing.assert_allclose(high, frame[f"{stem}_upper"], rtol=1e-8)


def test_coefficient_intervals_cover_at_their_level():
    """2,000 replications: the count of misses is binomial(2000, 0.05), within its 99.9 % band."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(25, 3))
    covered = 0
    for _ in range(2000):
        table = fit_arrays(X, X @ [1.0, 0.0, -1.0] + rng.normal(size=25)).inference
        covered += int(table.low[1] <= 1.0 <= table.high[1])
    assert abs(covered - 1900) <= 3.3 * np.sqrt(2000 * 0.05 * 0.95)


def test_result_does_not_depend_on_threads_or_blocks(monkeypatch):
    from whyfit.data import arrays
    from whyfit.engines.local import LocalEngine
    from whyfit.probability.linear import gather

    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(20_000, 3)), rng.normal(size=20_000)
    one = gather(ArrayRows(X, y, 10), 10, LocalEngine(1))
    two = gather(ArrayRows(X, y, 10), 10, LocalEngine(2))
    np.testing.assert_array_equal(one.scatter, two.scatter)
    monkeypatch.setattr(arrays, "BLOCK", 1024)
    small = gather(ArrayRows(X, y, 10), 10)
    np.testing.assert_allclose(small.scatter, one.scatter, rtol=1e-11, atol=1e-9)
    np.testing.assert_array_equal(small.n, one.n)


def test_leverages_hold_when_columns_nearly_coincide():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(400, 2))
    X = np.column_stack([x, x[:, 0] + 1e-7 * rng.normal(size=400)])
    fit = fit_arrays(X, x[:, 0] + rng.normal(size=400)).fit
    assert fit.solution.route == "refined"
    assert examine(fit, ArrayRows(X, x[:, 0], 2)).sum_leverage == pytest.approx(4.0, rel=1e-7)

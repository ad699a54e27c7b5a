"""LinearRegression and Ridge: scikit-learn's rules, statsmodels' numbers, and nothing silently lost."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn.linear_model
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as t_law
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from whyfit.data.folds import fold_count, fold_of
from whyfit.errors import NotFiniteError, SpecError
from whyfit.models import Interval, LinearRegression, Ridge

DIGITS = 1e-9  # relative agreement asked of every number


def data(n=300, p=4, seed=0, offset=3.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(offset, 1.0, (n, p)) * 10.0 ** np.arange(p)
    y = 5 + (X / 10.0 ** np.arange(p)) @ np.arange(1.0, p + 1) + rng.normal(size=n)
    return X, y


def design(X, intercept):
    return sm.add_constant(X, has_constant="add") if intercept else X


@pytest.mark.parametrize(
    "estimator",
    [
        LinearRegression(),
        LinearRegression(fit_intercept=False, covariance="HC3"),
        Ridge(),
        Ridge("evidence", fit_intercept=False),
    ],
    ids=repr,
)
def test_scikit_learn_s_own_checks_pass(estimator):
    check_estimator(estimator, on_skip=None)


@pytest.mark.parametrize("intercept", [True, False])
def test_the_table_is_that_of_statsmodels(intercept):
    X, y = data()
    peer = sm.OLS(y, design(X, intercept)).fit()
    model = LinearRegression(fit_intercept=intercept, confidence=0.9).fit(X, y)
    table = model.inference_
    np.testing.assert_allclose(table.estimate, peer.params, rtol=DIGITS)
    np.testing.assert_allclose(table.std_error, peer.bse, rtol=DIGITS)
    np.testing.assert_allclose(table.statistic, peer.tvalues, rtol=DIGITS)
    np.testing.assert_allclose(table.p_value, peer.pvalues, rtol=1e-7, atol=1e-300)
    np.testing.assert_allclose(
        np.column_stack([table.low, table.high]), peer.conf_int(0.1), rtol=1e-8
    )
    np.testing.assert_allclose(model.covariance_, peer.cov_params(), rtol=1e-8, atol=1e-18)
    np.testing.assert_allclose(model.r2_, peer.rsquared, rtol=DIGITS)
    np.testing.assert_allclose(model.sigma_**2, peer.scale, rtol=DIGITS)
    assert model.df_ == peer.df_resid
    summary = model.summary()
    np.testing.assert_allclose(summary["f"]["statistic"], peer.fvalue, rtol=DIGITS)
    names = [row["name"] for row in summary["coefficients"]]
    assert names == ["intercept"] * intercept + ["x1", "x2", "x3", "x4"]


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3"])
def test_robust_errors_are_those_of_statsmodels(kind, intercept):
    X, y = data(80)
    y = y + X[:, 0] * np.random.default_rng(1).normal(size=80)
    peer = sm.OLS(y, design(X, intercept)).fit().get_robustcov_results(kind)
    model = LinearRegression(intercept, covariance=kind).fit(X, y)
    np.testing.assert_allclose(model.inference_.std_error, peer.bse, rtol=DIGITS)
    np.testing.assert_allclose(model.covariance_, peer.cov_params(), rtol=1e-8, atol=1e-18)
    assert model.inference_.covariance == kind
    table, own = model.inference_, model.inference_.dfs
    if kind in ("HC2", "HC3"):  # t with degrees of freedom of each coefficient
        assert (own < peer.df_resid).all()
        half = t_law.ppf(0.975, own) * peer.bse
        np.testing.assert_allclose(table.high - table.estimate, half, rtol=1e-8)
    else:
        assert own is None
        np.testing.assert_allclose(table.p_value, peer.pvalues, rtol=1e-6, atol=1e-300)
    frame = peer.get_prediction(design(X[:9], intercept)).summary_frame(0.1)
    interval = model.predict(X[:9], interval=0.9, kind="mean")
    np.testing.assert_allclose(interval.low, frame["mean_ci_lower"], rtol=DIGITS)
    np.testing.assert_allclose(interval.high, frame["mean_ci_upper"], rtol=DIGITS)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize(("kind", "ends"), [("mean", "mean_ci"), ("new", "obs_ci")])
def test_intervals_are_those_of_statsmodels(kind, ends, intercept):
    X, y = data()
    new = data(20, seed=7, offset=9.0)[0]
    model = LinearRegression(fit_intercept=intercept).fit(X, y)
    peer = sm.OLS(y, design(X, intercept)).fit().get_prediction(design(new, intercept))
    frame = peer.summary_frame(0.2)
    interval = model.predict(new, interval=0.8, kind=kind)
    assert isinstance(interval, Interval)
    np.testing.assert_array_equal(interval.prediction, model.predict(new))
    np.testing.assert_allclose(interval.prediction, frame["mean"], rtol=DIGITS)
    np.testing.assert_allclose(interval.low, frame[f"{ends}_lower"], rtol=DIGITS)
    np.testing.assert_allclose(interval.high, frame[f"{ends}_upper"], rtol=DIGITS)


def test_through_the_origin_the_rows_are_asked_where_moments_are_not_enough():
    rng = np.random.default_rng(3)
    a, b = rng.normal(4, 1, (2, 500))
    X = np.column_stack([a, b, a + b + 1e-6 * rng.normal(size=500)])
    y = X @ [1.0, -2.0, 3.0]
    model = LinearRegression(fit_intercept=False).fit(X, y)
    assert not model.dropped_.any()
    np.testing.assert_allclose(model.coef_, [1.0, -2.0, 3.0], rtol=1e-7)
    assert model.intercept_ == 0.0


def test_two_columns_with_standard_deviations_1e7_apart_are_both_kept():
    # scikit-learn 1.9.1's LinearRegression cuts singular values below 1e-6 of the largest: it loses
    # the second column, and R² falls from .93 to .22
    rng = np.random.default_rng(0)
    big, small = rng.normal(size=(2, 400))
    X = np.column_stack([big, small * 1e-7])
    y = big + 3 * small + rng.normal(size=400) * 0.85
    model = LinearRegression().fit(X, y)
    Z = np.column_stack([np.ones(400), big, small])  # the same columns in friendlier units
    w = np.linalg.lstsq(Z, y, rcond=None)[0]
    wanted = r2_score(y, Z @ w)
    assert wanted > 0.9
    assert not model.dropped_.any()
    np.testing.assert_allclose(model.r2_, wanted, rtol=1e-12)
    np.testing.assert_allclose(model.score(X, y), wanted, rtol=1e-12)
    np.testing.assert_allclose(model.coef_, w[1:] / [1.0, 1e-7], rtol=1e-11)


@settings(max_examples=30, deadline=None)
@given(
    powers=st.lists(st.integers(-12, 12), min_size=3, max_size=3),
    shifts=st.lists(st.floats(-100, 100), min_size=3, max_size=3),
)
def test_units_and_origins_of_the_columns_do_not_matter(powers, shifts):
    X, y = data(60, 3, offset=0.0)
    scale = 2.0 ** np.array(powers)
    plain = LinearRegression().fit(X, y)
    moved = LinearRegression().fit((X + shifts) * scale, y)
    np.testing.assert_allclose(moved.coef_ * scale, plain.coef_, rtol=1e-8)
    np.testing.assert_allclose(
        moved.predict((X + shifts) * scale, interval=0.9).low,
        plain.predict(X, interval=0.9).low,
        rtol=1e-8,
        atol=1e-8,
    )
    np.testing.assert_allclose(moved.vif_, plain.vif_, rtol=1e-8)


def test_vif_and_condition_indices():
    X, y = data(200, 3)
    X[:, 2] = X[:, 0] * 100 + X[:, 1] * 10 + np.random.default_rng(5).normal(size=200)
    model = LinearRegression().fit(X, y)
    for j in range(3):
        others = np.delete(X, j, axis=1)
        r2 = sm.OLS(X[:, j], sm.add_constant(others)).fit().rsquared
        np.testing.assert_allclose(model.vif_[j], 1 / (1 - r2), rtol=1e-8)
    s = np.linalg.svd((X - X.mean(axis=0)) / X.std(axis=0), compute_uv=False)
    np.testing.assert_allclose(model.condition_indices_, s[0] / s, rtol=1e-7)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 25.0])
def test_held_out_scores_are_scikit_learn_s_on_the_same_folds(alpha, intercept):
    X, y = data(203)
    held_out = Ridge(alpha, fit_intercept=intercept).fit(X, y).held_out_
    k = fold_count(203, 10)
    label = fold_of(np.arange(203), k, 0)
    for j in range(k):
        train, test = label != j, label == j
        scale = X[train].std(axis=0) if intercept else np.sqrt((X[train] ** 2).mean(axis=0))
        peer = sklearn.linear_model.Ridge(alpha, fit_intercept=intercept)
        predicted = peer.fit(X[train] / scale, y[train]).predict(X[test] / scale)
        np.testing.assert_allclose(held_out["r2"][j], r2_score(y[test], predicted), rtol=1e-8)
        np.testing.assert_allclose(
            held_out["mse"][j], ((y[test] - predicted) ** 2).mean(), rtol=1e-8
        )


@pytest.mark.parametrize("intercept", [True, False])
def test_ridge_is_scikit_learn_s_on_standardised_columns(intercept):
    X, y = data()
    scale = X.std(axis=0) if intercept else np.sqrt((X**2).mean(axis=0))
    peer = sklearn.linear_model.Ridge(7.0, fit_intercept=intercept).fit(X / scale, y)
    model = Ridge(7.0, fit_intercept=intercept).fit(X, y)
    np.testing.assert_allclose(model.coef_, peer.coef_ / scale, rtol=DIGITS)
    np.testing.assert_allclose(model.predict(X), peer.predict(X / scale), rtol=DIGITS)
    assert model.alpha_ == 7.0


def test_ridge_intervals_are_those_of_the_posterior():
    """The posterior under w_std ~ N(0, σ²/α), written out in full."""
    X, y = data(50)
    n, s = len(y), X.std(axis=0)
    model = Ridge(20.0).fit(X, y)
    A = np.column_stack([np.ones(n), X])
    posterior = np.linalg.inv(A.T @ A + np.diag([0, *(20.0 * s**2)])) * model.sigma_**2
    np.testing.assert_allclose(model.covariance_, posterior, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("intercept", [True, False])
def test_evidence_finds_the_most_probable_penalty(intercept):
    """The marginal likelihood of y written out, with σ² and β₀ integrated out, is maximal there."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(40, 6)) + 1
    y = X @ (rng.normal(size=6) * 0.3) + rng.normal(size=40)
    found = Ridge("evidence", fit_intercept=intercept).fit(X, y).alpha_

    def log_evidence(alpha):
        Z = X - X.mean(axis=0) if intercept else X
        t = y - y.mean() if intercept else y
        Z = Z / np.sqrt((Z**2).mean(axis=0))
        K = np.eye(40) + Z @ Z.T / alpha
        free = 40 - intercept
        return -0.5 * np.linalg.slogdet(K)[1] - free / 2 * np.log(t @ np.linalg.solve(K, t))

    best = log_evidence(found)
    assert all(best > log_evidence(found * f) for f in (0.5, 0.95, 1.05, 2.0))


def test_dropped_columns_are_named_and_predictions_stand():
    X, y = data(100, 2)
    full = np.column_stack([X[:, 0], np.full(100, 7.0), X[:, 1], X @ [2.0, 3.0]])
    frame = pd.DataFrame(full, columns=["area", "one", "age", "sum"])
    model = LinearRegression().fit(frame, y)
    assert model.dropped_.tolist() == [False, True, False, True]
    assert "2 of 4 columns" in model.why_
    assert "one, sum" in model.why_
    assert model.coef_[1] == model.coef_[3] == 0.0
    assert np.isnan(model.std_error_[[1, 3]]).all()
    assert np.isnan(model.vif_[[1, 3]]).all()
    few = LinearRegression().fit(X, y)
    one, other = model.predict(frame, interval=0.95), few.predict(X, interval=0.95)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)
    assert "is constant or follows" in LinearRegression().fit(frame[["area", "one"]], y).why_
    assert LinearRegression().fit(X, y).why_ == ""


@pytest.mark.parametrize("intercept", [True, False])
def test_more_columns_than_rows_fit_the_rows_and_claim_no_error(intercept):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 30)), rng.normal(size=12)
    model = LinearRegression(fit_intercept=intercept).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y, atol=1e-10)
    assert (~model.dropped_).sum() == 12 - intercept
    assert model.df_ == 0
    interval = model.predict(X, interval=0.95)
    assert np.isnan(interval.low).all()
    assert np.isfinite(interval.prediction).all()


def test_degenerate_tables():
    one_row = LinearRegression().fit([[1.0, 2.0]], [3.0])
    assert one_row.predict([[9.0, 9.0]]) == [3.0]
    assert one_row.condition_indices_.size == 0
    flat = Ridge(1.0).fit(np.column_stack([np.full(9, 0.1), np.arange(9.0)]), np.arange(9.0))
    assert flat.dropped_.tolist() == [True, False]
    assert flat.coef_[0] == 0.0


def test_targets_as_scikit_learn_takes_them():
    X, y = data(40)
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        model = LinearRegression().fit(X, y[:, None])
    np.testing.assert_array_equal(model.coef_, LinearRegression().fit(X, y).coef_)
    assert model.predict(X).shape == (40,)
    with pytest.raises(ValueError, match="y should be a 1d array"):
        LinearRegression().fit(X, np.column_stack([y, y]))


def test_it_lives_in_pipelines_searches_and_pickles():
    X, y = data(120)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [0.1, 1e6]}, cv=3
    ).fit(X, y)
    assert search.best_params_ == {"ridge__alpha": 0.1}
    model = LinearRegression(covariance="HC3").fit(X, y)
    back = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(back.predict(X, interval=0.9).low, model.predict(X, 0.9).low)
    np.testing.assert_array_equal(back.held_out_["r2"], model.held_out_["r2"])


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LinearRegression(covariance="HC9"), "covariance is 'HC9'; expected one of classic, HC0"),
        (LinearRegression(confidence=95), "confidence is 95; expected a level in (0, 1)"),
        (Ridge(-1.0), "alpha is -1.0; expected a finite penalty"),
        (Ridge("best"), "alpha is 'best'; expected a penalty ≥ 0 or 'evidence'"),
    ],
    ids=lambda v: repr(v)[:40],
)
def test_parameters_out_of_range(estimator, message):
    with pytest.raises(SpecError) as caught:
        estimator.fit(*data(20))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_intervals_and_values():
    X, y = data(30)
    model = LinearRegression().fit(X, y)
    for interval in (0, 1, 95, "0.95", True, float("nan")):
        with pytest.raises(SpecError, match=r"interval is .* expected a level in"):
            model.predict(X, interval=interval)
    with pytest.raises(SpecError, match="kind is 'median'"):
        model.predict(X, interval=0.9, kind="median")
    X[:, 0] = 1e154
    with pytest.raises(NotFiniteError, match="squares overflow; fit an intercept or rescale"):
        LinearRegression(fit_intercept=False).fit(X, y)


def test_the_example_of_the_docstring_runs():
    import doctest

    from whyfit.models import linear_model

    result = doctest.testmod(linear_model)
    assert result.attempted > 3
    assert result.failed == 0

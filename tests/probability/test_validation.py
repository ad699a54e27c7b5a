"""Cross-validation from moments beside scikit-learn on the same folds; the corrected interval."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import PredefinedSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from whyfit.data.folds import fold_count, fold_of
from whyfit.probability.linear import fit_arrays
from whyfit.probability.validation import (
    cross_validate,
    cross_validate_path,
    mean_scores,
    over_folds,
    training_coefficients,
)


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 5)) * [1, 2, 3, 4, 5]
    y = X @ [1, 0, 0.5, 0, 0] + rng.normal(size=500) * 2
    return X, y, fit_arrays(X, y), PredefinedSplit(fold_of(np.arange(500), 10, 0))


def test_least_squares_scores_are_scikit_learns(made):
    X, y, ours, folds = made
    np.testing.assert_allclose(
        ours.held_out["r2"], cross_val_score(LinearRegression(), X, y, cv=folds), rtol=1e-9
    )
    mse = -cross_val_score(LinearRegression(), X, y, cv=folds, scoring="neg_mean_squared_error")
    np.testing.assert_allclose(ours.held_out["mse"], mse, rtol=1e-9)


@pytest.mark.parametrize("ridge", [0.1, 10.0, 1000.0])
def test_ridge_scores_are_scikit_learns(made, ridge):
    X, y, ours, folds = made
    model = make_pipeline(StandardScaler(), Ridge(alpha=ridge))
    theirs = cross_val_score(model, X, y, cv=folds)
    np.testing.assert_allclose(cross_validate(ours.moments, ridge)["r2"], theirs, rtol=1e-8)
    both = cross_validate_path(ours.moments, (ridge, 1.0))
    np.testing.assert_allclose(both[0]["r2"], theirs, rtol=1e-8)


def test_constant_predictor(made):
    _, y, ours, folds = made
    label = folds.test_fold
    for j in range(10):
        mse = np.mean((y[label == j] - y[label != j].mean()) ** 2)
        assert mean_scores(ours.moments)["mse"][j] == pytest.approx(mse)


def test_training_coefficients_are_refits(made):
    X, y, ours, folds = made
    B = training_coefficients(ours.moments)
    for j in (0, 7):
        rest = folds.test_fold != j
        m = LinearRegression().fit(X[rest], y[rest])
        np.testing.assert_allclose(B[j], [m.intercept_, *m.coef_], rtol=1e-8)


def test_log_score_is_the_mean_log_density(made):
    X, y, ours, folds = made
    j, rest = 3, folds.test_fold != 3
    m = LinearRegression().fit(X[rest], y[rest])
    e, r = y[~rest] - m.predict(X[~rest]), y[rest] - m.predict(X[rest])
    s2 = (r @ r) / (rest.sum() - 6)
    expected = np.mean(-0.5 * np.log(2 * np.pi * s2) - e**2 / (2 * s2))
    assert ours.held_out["log_score"][j] == pytest.approx(expected, rel=1e-9)


def test_corrected_interval_formula():
    v = np.array([0.1, 0.3, 0.2, 0.4])
    e = over_folds(v)
    assert e.std_error == pytest.approx(np.sqrt((1 / 4 + 1 / 3) * v.var(ddof=1)))
    assert (e.low + e.high) / 2 == pytest.approx(0.25)


def test_equal_scores_have_no_doubt():
    e = over_folds(np.full(5, 0.3))
    assert (e.low, e.high) == (pytest.approx(0.3), pytest.approx(0.3))
    assert e.p_above(0.2) == 0.0
    assert e.p_above(0.4) == 1.0


def test_folds_are_balanced_reproducible_and_independent_of_blocks():
    whole = fold_of(np.arange(50_000), 10, 3)
    parts = np.concatenate([fold_of(np.arange(a, a + 1000), 10, 3) for a in range(0, 50_000, 1000)])
    np.testing.assert_array_equal(whole, parts)
    assert (np.bincount(whole[:997]) >= 99).all()
    assert not np.array_equal(whole, fold_of(np.arange(50_000), 10, 4))
    assert [fold_count(n, 10) for n in (3, 24, 88, 100, 10**6)] == [2, 2, 8, 10, 10]


@pytest.mark.parametrize("row", [0, 17, 140])
def test_a_column_whose_only_one_is_held_out_is_constant_in_training(row):
    """Its training spread is rounding, √u of the whole; taken for spread it made R² −3·10¹¹."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=300), np.zeros(300)])
    X[row, 1] = 1.0
    y = X[:, 0] + rng.normal(size=300)
    ours = fit_arrays(X, y)
    alone = fit_arrays(X[:, :1], y)
    np.testing.assert_allclose(ours.held_out["r2"], alone.held_out["r2"], atol=0.1)
    label = fold_of(np.arange(300), 10, 0)
    assert training_coefficients(ours.moments)[label[row], 2] == 0.0

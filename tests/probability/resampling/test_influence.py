"""Jackknives against leaving rows out one by one, against HC0 and HC3, and against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.data.arrays import ArrayRows
from whyfit.errors import ShapeError
from whyfit.probability.linear import fit_moments, gather
from whyfit.probability.resampling import (
    coefficients_of,
    influence_of,
    influence_of_coefficients,
    jackknife,
)
from whyfit.probability.residuals import examine


def fitted(n: int = 60, intercept: bool = True, seed: int = 0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) * [0.01, 1.0, 100.0] + 7
    y = X @ [100.0, 1.0, 0.01] + rng.normal(size=n) * np.abs(X[:, 1])
    rows = ArrayRows(X, y, 5)
    fit = fit_moments(gather(rows, 5).total, rows.names, 0.0, rows, intercept=intercept)
    return X, y, fit, rows


@pytest.mark.parametrize("intercept", [True, False])
def test_closed_form_and_differences_agree(intercept):
    _, _, fit, rows = fitted(intercept=intercept)
    exact = influence_of_coefficients(fit, rows)
    by_difference = influence_of(coefficients_of(fit), fit, rows)
    scale = exact.std(axis=0) + 1e-300
    np.testing.assert_allclose(by_difference / scale, exact / scale, atol=1e-6)


def test_standard_error_is_that_of_hc0():
    _, y, fit, rows = fitted()
    values = influence_of_coefficients(fit, rows)
    np.testing.assert_allclose(values.sum(axis=0) / np.abs(values).sum(axis=0), 0, atol=1e-9)
    robust = fit.inference(meat=examine(fit, rows, kinds=("HC0",)).meat("HC0", 3)).std_error
    np.testing.assert_allclose(np.sqrt((values**2).sum(axis=0)) / len(y), robust, rtol=1e-9)


def test_influence_of_a_correlation_and_a_mean():
    """Correlation: a b − r(a² + b²)/2 with standardised a, b (Devlin, Gnanadesikan & Kettenring 1975)."""
    X, y, fit, rows = fitted()
    a, b = ((v - v.mean()) / v.std() for v in (X[:, 0], y))
    r = float(np.mean(a * b))
    got = influence_of(
        lambda m: np.array(
            [m.scatter[0, 3] / np.sqrt(m.scatter[0, 0] * m.scatter[3, 3]), m.mean[3]]
        ),
        fit,
        rows,
    )
    np.testing.assert_allclose(got[:, 0], a * b - r * (a * a + b * b) / 2, atol=1e-7)
    np.testing.assert_allclose(got[:, 1], y - y.mean(), rtol=1e-7, atol=1e-9)


def test_jackknife_is_leaving_rows_out():
    X, y, fit, rows = fitted(25)
    jack = jackknife(coefficients_of(fit), np.column_stack([X, y]))
    A = np.column_stack([np.ones(25), X])
    slow = np.array(
        [np.linalg.lstsq(np.delete(A, i, 0), np.delete(y, i), rcond=None)[0] for i in range(25)]
    )
    np.testing.assert_allclose(jack.without, slow, rtol=1e-7, atol=1e-7)
    # the jackknife of least squares is HC3 but for the mean of T_(i): MacKinnon & White (1985)
    hc3 = fit.inference(meat=examine(fit, rows, kinds=("HC3",)).meat("HC3", 3)).std_error
    np.testing.assert_allclose(jack.std_error, hc3, rtol=0.04)


def test_jackknife_of_the_variance_removes_its_bias():
    """T = S/n has bias −σ²/n; the jackknife corrects it to S/(n − 1) exactly (Efron 1982, ch. 2)."""
    _, y, _, _ = fitted(30)
    jack = jackknife(lambda m: m.scatter[0, 0] / m.n, y[:, None])
    assert float(jack.estimate - jack.bias) == pytest.approx(y.var(ddof=1), rel=1e-9)


def test_groups_leave_together():
    X, y, fit, _ = fitted(40)
    group = np.arange(40) % 8
    jack = jackknife(coefficients_of(fit), np.column_stack([X, y]), group)
    A = np.column_stack([np.ones(40), X])
    slow = [np.linalg.lstsq(A[group != g], y[group != g], rcond=None)[0] for g in range(8)]
    np.testing.assert_allclose(jack.without, slow, rtol=1e-7)
    assert jack.influence.shape == (8, 4)


def test_dropped_columns_have_no_influence_values():
    X, y, _, _ = fitted(30)
    X[:, 2] = 3 * X[:, 0]
    rows = ArrayRows(X, y, 5)
    fit = fit_moments(gather(rows, 5).total, rows.names, 0.0, rows)
    values = influence_of_coefficients(fit, rows)
    assert np.array_equal(np.isnan(values).all(axis=0), np.append(False, fit.dropped))


def test_messages():
    with pytest.raises(ShapeError, match="3 rows are in 1 groups"):
        jackknife(lambda m: m.mean, np.zeros((3, 1)), np.zeros(3, dtype=int))
    with pytest.raises(ShapeError, match="3 rows are in 2 groups"):
        jackknife(lambda m: m.mean, np.zeros((3, 1)), np.array([0, 2, 2]))

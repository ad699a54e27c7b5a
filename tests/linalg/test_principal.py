"""The routes to the principal components of an array: same answer, honest errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyfit.errors import NotFiniteError
from whyfit.linalg.moments import Moments
from whyfit.linalg.principal import (
    by_moments,
    by_products,
    by_singular_values,
    by_triangle,
    mean_of_wide,
)


def graded(n, p, kappa, seed):
    """Centred rows with singular values 1 … 1/κ, and the variances these mean."""
    rng = np.random.default_rng(seed)
    U = rng.normal(size=(n, p))
    U = np.linalg.qr(U - U.mean(axis=0))[0]
    V = np.linalg.qr(rng.normal(size=(p, p)))[0]
    s = kappa ** -np.linspace(0, 1, p)
    return (U * s) @ V.T, s**2 / (n - 1)


@settings(max_examples=40)
@given(st.integers(3, 60), st.integers(2, 8), st.floats(0, 7), st.integers(0, 10**6))
def test_errors_hold_on_every_route(n, p, digits, seed):
    n = max(n, p + 2)
    X, truth = graded(n, p, 10.0**digits, seed)
    mean = X.mean(axis=0)
    made = 4e-16 * np.sqrt(truth * truth[0]) + 1e-32  # the rows themselves were rounded once
    for found in (by_moments(Moments.of(X)), by_triangle(X, mean), by_singular_values(X, mean)):
        assert (np.abs(found.variances - truth) <= found.error + 4 * made).all(), found.route
        assert found.total == pytest.approx(truth.sum())
        np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(p), atol=1e-12)


def test_small_variances_need_the_triangle():
    X, truth = graded(200, 4, 1e10, 0)
    off = [
        abs(f.variances[-1] / truth[-1] - 1)
        for f in (by_moments(Moments.of(X)), by_triangle(X, X.mean(axis=0)))
    ]
    assert off[0] > 0.9
    assert off[1] < 1e-4


@pytest.mark.parametrize("seed", range(5))
def test_products_are_low_by_no_more_than_they_say(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(80, 300)) * 0.97 ** np.arange(300) + 7
    mean = mean_of_wide(X, ())
    np.testing.assert_allclose(mean, X.mean(axis=0), rtol=1e-14)
    found, exact = by_products(X, mean, 5, rng), by_singular_values(X, mean)
    short = exact.variances[:5] - found.variances
    assert (short >= -1e-9).all()
    assert (short <= found.error).all()
    assert found.total == pytest.approx(exact.total)


def test_wide_rows_name_the_column_that_is_not_finite():
    X = np.ones((3, 600))
    X[2, 599] = np.nan
    with pytest.raises(NotFiniteError, match="column 'last' holds NaN"):
        mean_of_wide(X, [*"a" * 599, "last"])
    X[2, 599] = 1e300
    with pytest.raises(NotFiniteError, match="column 'x600' holds"):
        mean_of_wide(X, ())

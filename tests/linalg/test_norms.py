"""Norms: their axioms, their values at extreme magnitudes, and what they refuse."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse, stats
from scipy.spatial.distance import mahalanobis as scipy_mahalanobis

from whyfit.errors import NotFiniteError, SchemaError, ShapeError, SpecError
from whyfit.linalg.distances import distance
from whyfit.linalg.norms import (
    frobenius_norm,
    mahalanobis,
    nuclear_norm,
    operator_norm,
    power_of_two,
    schatten_norm,
    spectral_norm,
    unit_rows,
    vector_norm,
)

POWERS = [1, 1.5, 2, 3, 50, np.inf]
entries = st.floats(-1e6, 1e6).map(lambda v: round(v, 3))
vectors = arrays(np.float64, st.integers(0, 6), elements=entries)
matrices = arrays(np.float64, st.tuples(st.integers(0, 5), st.integers(0, 5)), elements=entries)


@pytest.mark.parametrize("p", POWERS)
@given(x=vectors, c=st.floats(-100, 100))
def test_is_a_norm(p, x, c):
    y = x[::-1] + 1
    size = vector_norm(x, p)
    assert (size == 0) == (not x.any())
    assert vector_norm(c * x, p) == pytest.approx(abs(c) * size, rel=1e-12)
    assert vector_norm(x + y, p) <= (size + vector_norm(y, p)) * (1 + 1e-14)


@given(x=vectors)
def test_norms_fall_with_p_and_holder_holds(x):
    sizes = [vector_norm(x, p) for p in POWERS]
    assert all(a >= b * (1 - 1e-12) for a, b in pairwise(sizes))
    y = np.cos(np.arange(x.size))
    assert abs(x @ y) <= vector_norm(x, 3) * vector_norm(y, 1.5) * (1 + 1e-12)


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("magnitude", [1e-308, 5e-324 * 2**20, 1e-200, 1.0, 1e200, 1e307])
def test_neither_overflows_nor_underflows(p, magnitude):
    with np.errstate(over="ignore"):
        expected = magnitude * np.linalg.norm([3.0, -4.0], p)
    assert vector_norm(np.array([3.0, -4.0]) * magnitude, p) == pytest.approx(expected, rel=1e-12)


def test_is_exact_to_the_last_bits():
    """Against the sum of squares in rational arithmetic: |‖x‖² − Σx²| ≤ a few u."""
    x = np.random.default_rng(0).normal(size=200) * 10.0 ** np.linspace(-150, 150, 200)
    exact = sum(Fraction(v) ** 2 for v in x)
    assert abs(Fraction(float(vector_norm(x))) ** 2 / exact - 1) < 1e-15


def test_along_an_axis():
    X = np.arange(12.0).reshape(3, 4)
    np.testing.assert_allclose(vector_norm(X, 1, axis=0), np.abs(X).sum(axis=0))
    np.testing.assert_allclose(vector_norm(X), np.linalg.norm(X, axis=1))


@given(matrices)
def test_matrix_norms_equal_their_definitions(A):
    sigma = np.linalg.svd(A, compute_uv=False)
    scale = 1 + sigma.max(initial=0.0)
    assert frobenius_norm(A) == pytest.approx(np.sqrt((A**2).sum()), abs=1e-12 * scale)
    assert spectral_norm(A) == pytest.approx(sigma.max(initial=0.0), abs=1e-12 * scale)
    assert nuclear_norm(A) == pytest.approx(sigma.sum(), abs=1e-12 * scale)
    assert schatten_norm(A, 2) == pytest.approx(frobenius_norm(A), abs=1e-12 * scale)
    assert operator_norm(A, 1) == pytest.approx(np.abs(A).sum(axis=0).max(initial=0.0))
    assert operator_norm(A, np.inf) == pytest.approx(np.abs(A).sum(axis=1).max(initial=0.0))
    # ‖A‖₂ ≤ √(‖A‖₁‖A‖∞) and ‖A‖₂ ≤ ‖A‖_F ≤ ‖A‖_*
    slack = 1e-9 * scale
    assert operator_norm(A, 2) <= np.sqrt(operator_norm(A, 1) * operator_norm(A, np.inf)) + slack
    assert spectral_norm(A) - slack <= frobenius_norm(A) <= nuclear_norm(A) + slack


def test_matrix_norms_at_extreme_magnitudes():
    A = np.array([[3.0, 0.0], [4.0, 5.0]])
    for magnitude in (1e-300, 1e300):
        for norm in (frobenius_norm, spectral_norm, nuclear_norm):
            assert norm(A * magnitude) == pytest.approx(norm(A) * magnitude, rel=1e-12)


def test_mahalanobis_is_the_distance_after_whitening():
    rng = np.random.default_rng(1)
    X = (rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4)) + 5) * [1, 1e-8, 1e8, 1]
    mean, S = X.mean(axis=0), np.cov(X, rowvar=False)
    found = mahalanobis(X, mean, S)
    inverse = np.linalg.inv(S)
    expected = [scipy_mahalanobis(x, mean, inverse) for x in X]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # units do not matter, and the mean square of n rows about their own mean is p(n − 1)/n exactly
    d = np.array([1e3, 1e-3, 7.0, 1e5])
    np.testing.assert_allclose(mahalanobis(X * d, mean * d, S * d * d[:, None]), found, rtol=1e-9)
    assert (found**2).mean() == pytest.approx(4 * 299 / 300, rel=1e-10)


def test_mahalanobis_squares_of_gaussian_rows_are_chi_squared():
    rng = np.random.default_rng(2)
    S = np.array([[2.0, 0.9], [0.9, 1.0]])
    X = rng.multivariate_normal([1, 2], S, size=4000)
    squares = mahalanobis(X, np.array([1.0, 2.0]), S) ** 2
    assert stats.kstest(squares, "chi2", args=(2,)).pvalue > 1e-3


def test_unit_rows_dense_and_sparse():
    X = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1e-320, 0.0], [1e300, 0, -1e300]])
    expected = [[0.6, 0.8, 0], [0, 0, 0], [0, 1, 0], [np.sqrt(0.5), 0, -np.sqrt(0.5)]]
    np.testing.assert_allclose(unit_rows(X), expected, rtol=1e-15)
    thin = unit_rows(sparse.csr_array(X))
    assert thin.nnz == 5
    np.testing.assert_allclose(thin.toarray(), expected, rtol=1e-15)


@given(st.floats(5e-324, 1.7e308))
def test_power_of_two_rounds_nothing(x):
    scale = float(power_of_two(x))
    assert np.frexp(scale)[0] == 0.5
    assert 0 < x * scale < 1
    if x >= 2.0**-1000:
        assert 0.5 <= x * scale < 1


def test_messages():
    with pytest.raises(SpecError, match=r"p is 0\.5; a norm needs a number p ≥ 1"):
        vector_norm(np.ones(2), 0.5)
    with pytest.raises(SpecError, match="p is nan"):
        vector_norm(np.ones(2), np.nan)
    with pytest.raises(SpecError, match="1, 2 and infinity"):
        operator_norm(np.eye(2), 3)
    with pytest.raises(NotFiniteError, match="among the numbers"):
        vector_norm(np.array([1.0, np.nan]))
    with pytest.raises(ShapeError, match="expected a matrix"):
        frobenius_norm(np.ones(3))
    with pytest.raises(ShapeError, match="real numbers"):
        vector_norm(np.array(["a"]))
    X = np.random.default_rng(3).normal(size=(20, 3))
    with pytest.raises(ShapeError, match=r"a mean of shape \(2,\)"):
        mahalanobis(X, np.zeros(2), np.eye(3))
    with pytest.raises(SchemaError, match="column 1 has variance 0"):
        mahalanobis(X, np.zeros(3), np.diag([1.0, 0.0, 2.0]))
    X[:, 2] = X[:, 0] - 2 * X[:, 1]
    with pytest.raises(SchemaError, match="the covariance is singular: rank 2 of 3; column"):
        mahalanobis(X, X.mean(axis=0), np.cov(X, rowvar=False))
    with pytest.raises(SchemaError, match="singular"):
        mahalanobis(X[:, :2], np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]))  # no covariance


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.coo_array, sparse.csc_matrix])
def test_norms_of_sparse_matrices_are_those_of_dense_ones(form):
    row, column = (
        np.array([0, 0, 2, 1, 0]),
        np.array([1, 1, 0, 3, 1]),
    )  # a place that is written three times
    value = np.array([3.0, -1.0, 4.0, -6.0, -5.0])
    A = form(sparse.coo_array((value, (row, column)), shape=(3, 4)))
    dense = A.toarray()
    assert frobenius_norm(A) == pytest.approx(frobenius_norm(dense), rel=1e-15)
    assert operator_norm(A, 1) == operator_norm(dense, 1)
    assert operator_norm(A, np.inf) == operator_norm(dense, np.inf)
    with pytest.raises(ShapeError, match=r"pass .toarray\(\)"):
        spectral_norm(A)


def test_one_row_has_one_mahalanobis_length():
    S = np.array([[2.0, 1.0], [1.0, 2.0]])
    assert mahalanobis([1, 2], [0, 0], S) == mahalanobis([[1, 2]], [0, 0], S)[0]


def test_what_is_no_number_is_refused_in_a_line():
    with pytest.raises(SpecError, match="p is '2'"):
        vector_norm([3, 4], "2")
    with pytest.raises(ShapeError, match="rows of different lengths"):
        vector_norm([[1], [2, 3]])
    with pytest.raises(ShapeError, match="expected a vector or matrix of real numbers"):
        distance(["a"], [1])

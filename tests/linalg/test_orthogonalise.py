"""Gram–Schmidt and Householder: A = QR, and the theory of how orthogonality is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import hilbert

from whyfit.errors import NotFiniteError, ShapeError
from whyfit.linalg.factors import householder
from whyfit.linalg.orthogonalise import (
    classical_gram_schmidt,
    gram_schmidt_twice,
    householder_reflections,
    modified_gram_schmidt,
)

U = np.finfo(float).eps / 2
WAYS = [
    classical_gram_schmidt,
    modified_gram_schmidt,
    gram_schmidt_twice,
    householder_reflections,
]
whole = arrays(
    np.float64,
    st.tuples(st.integers(4, 7), st.integers(0, 4)),
    elements=st.integers(-5, 5).map(float),
)


def of_condition(kappa: float, n: int = 60, p: int = 20) -> np.ndarray:
    rng = np.random.default_rng(0)
    V, _ = np.linalg.qr(rng.normal(size=(n, p)))
    W, _ = np.linalg.qr(rng.normal(size=(p, p)))
    return V * np.geomspace(1, 1 / kappa, p) @ W.T


@pytest.mark.parametrize("way", WAYS)
@given(whole)
def test_product_is_the_matrix_whatever_its_rank(way, A):
    found = way(A)
    assert found.residual <= 50 * U
    assert (np.tril(found.R, -1) == 0).all()
    assert (np.diag(found.R) >= 0).all()


@pytest.mark.parametrize("way", WAYS)
def test_agrees_with_lapack_on_well_conditioned_columns(way):
    A = np.random.default_rng(1).normal(size=(30, 6))
    found, peer = way(A), householder(A)
    np.testing.assert_allclose(found.Q, peer.Q, atol=1e-14)
    np.testing.assert_allclose(found.R, peer.R, atol=1e-13)


@pytest.mark.parametrize("kappa", [1e2, 1e4, 1e6, 1e7])
def test_loss_follows_the_condition_number(kappa):
    """κ²u for classical, κu for modified, u for the two stable ones; each within two orders of magnitude."""
    A = of_condition(kappa)
    classical, modified, twice, mirrors = (way(A).loss for way in WAYS)
    assert 0.01 < classical / min(kappa**2 * U, 1) < 100
    assert 0.01 < modified / (kappa * U) < 100
    assert twice < 100 * U
    assert mirrors < 100 * U
    assert classical > modified > twice


def test_hilbert_and_laeuchli():
    """The textbook's examples: hardly a digit of orthogonality is left to classical Gram–Schmidt."""
    laeuchli = np.vstack([np.ones(5), 1e-8 * np.eye(5)])  # 1 + 1e-16 rounds to 1
    for A in (hilbert(12), laeuchli):
        assert classical_gram_schmidt(A).loss > 0.4
        assert gram_schmidt_twice(A).loss < 100 * U
        assert householder_reflections(A).loss < 100 * U


def test_dependent_columns_are_found_by_projecting_twice():
    rng = np.random.default_rng(2)
    A = rng.normal(size=(50, 3))
    A = np.column_stack([A[:, 0], A[:, 1], A[:, 0] - 3 * A[:, 1], A[:, 2], np.zeros(50)])
    found = gram_schmidt_twice(A)
    assert (np.diag(found.R) == 0).tolist() == [False, False, True, False, True]
    assert not found.Q[:, 2].any()
    assert found.loss < 20 * U
    assert modified_gram_schmidt(A).loss > 1e-3  # it makes a direction of the rounding


@pytest.mark.parametrize("magnitude", [1e-250, 1e250])
@pytest.mark.parametrize("way", WAYS)
def test_extreme_magnitudes(way, magnitude):
    A = np.random.default_rng(3).normal(size=(9, 3)) * magnitude
    assert way(A).residual < 50 * U
    assert way(A).loss < 1e-13


def test_messages():
    for way in WAYS:
        with pytest.raises(ShapeError, match="no more columns than rows"):
            way(np.zeros((2, 3)))
        with pytest.raises(NotFiniteError):
            way(np.full((3, 2), np.nan))

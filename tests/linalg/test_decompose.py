"""Eigen-, singular-value, QR, Cholesky, pseudo-inverse: identities, and bounds in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyfit.errors import NotFiniteError, ShapeError
from whyfit.linalg.decompose import eigen, singular, singular_values_of
from whyfit.linalg.factors import cholesky, householder, pseudo_inverse
from whyfit.linalg.triangle import Triangle

shapes = st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(0, 10**6))


def matrix(n, p, seed, rank=None):
    rng = np.random.default_rng(seed)
    r = min(n, p) if rank is None else rank
    return rng.normal(size=(n, r)) @ (rng.normal(size=(r, p)) * 10.0 ** rng.integers(-3, 4, p))


def known(n, p, seed, kappa):
    """A with prescribed singular values, and those."""
    rng = np.random.default_rng(seed)
    s = kappa ** -np.linspace(0, 1, p)
    U, V = (np.linalg.qr(rng.normal(size=(m, p)))[0] for m in (n, p))
    return (U * s) @ V.T, s


@settings(deadline=None)
@given(shapes)
def test_singular_triplets_rebuild_the_matrix(shape):
    A = matrix(*shape)
    s = singular(A)
    scale = s.values[0]
    np.testing.assert_allclose((s.U * s.values) @ s.Vt, A, atol=1e-13 * scale)
    assert (s.Vt[np.arange(len(s.Vt)), np.abs(s.Vt).argmax(axis=1)] > 0).all()
    assert s.rank.value == min(A.shape)


@settings(deadline=None)
@given(shapes)
def test_eigenpairs_rebuild_the_matrix_and_are_squares_of_singular_values(shape):
    A = matrix(*shape)
    e, s = eigen(A.T @ A), singular(A)
    np.testing.assert_allclose(e.matrix(), A.T @ A, atol=1e-13 * e.values[0])
    full = np.zeros(len(e.values))
    full[: s.values.size] = s.values**2
    np.testing.assert_allclose(e.values, full, atol=e.error + 1e-13 * e.values[0])
    assert e.effective_rank.stable <= e.effective_rank.entropy * (1 + 1e-9)


@pytest.mark.parametrize("kappa", [1e2, 1e8, 1e14])
def test_small_singular_values_through_the_triangle(kappa):
    A, s = known(500, 6, 1, kappa)
    folded = Triangle.of(A[:130]) + Triangle.of(A[130:131]) + Triangle.of(A[131:])
    found = singular_values_of(folded, 500)
    assert found.U is None
    # forming A in float64 costs as much as decomposing it
    assert (np.abs(found.values - s) <= 2 * found.error).all()
    assert found.condition == pytest.approx(kappa, rel=0.1)
    lost = np.sqrt(np.maximum(eigen(A.T @ A).values, 0.0))
    if kappa > 1e10:
        assert abs(lost[-1] - s[-1]) > 100 * abs(found.values[-1] - s[-1])


def below(A, x):
    """How many eigenvalues of a symmetric matrix of fractions lie below x: negative pivots of A − xI, exactly."""
    M = [[a - x * (i == j) for j, a in enumerate(row)] for i, row in enumerate(A)]
    count = 0
    for k in range(len(M)):
        pivot = M[k][k]
        assert pivot != 0
        count += pivot < 0
        for i in range(k + 1, len(M)):
            f = M[i][k] / pivot
            M[i] = [a - f * b for a, b in zip(M[i], M[k], strict=True)]
    return count


def exactly(A):
    return [[Fraction(float(a)) for a in row] for row in A]


@pytest.mark.parametrize("seed", range(6))
def test_the_error_bounds_hold_in_exact_arithmetic(seed):
    A = matrix(5, 5, seed)
    B = A + A.T
    e, s = eigen(B), singular(A)
    exact, F = exactly(B), exactly(A)
    gram = [[sum(F[k][i] * F[k][j] for k in range(5)) for j in range(5)] for i in range(5)]
    for j in range(5):  # the j-th from above lies between value − error and value + error
        assert below(exact, Fraction(e.values[j]) - Fraction(e.error)) <= 4 - j
        assert below(exact, Fraction(e.values[j]) + Fraction(e.error)) >= 5 - j
        low = max(Fraction(s.values[j]) - Fraction(s.error), Fraction(0))
        assert low == 0 or below(gram, low**2) <= 4 - j
        assert below(gram, (Fraction(s.values[j]) + Fraction(s.error)) ** 2) >= 5 - j


def test_an_angle_is_known_where_values_are_apart():
    e = eigen(np.diag([3.0, 2.0, 2.0]))
    assert e.angle[0] < 1e-14
    assert e.angle[1:].tolist() == [1, 1]


@settings(deadline=None)
@given(shapes, st.booleans())
def test_householder(shape, pivoting):
    A = matrix(*shape)
    f = householder(A, pivoting=pivoting)
    np.testing.assert_allclose(f.Q @ f.R, A[:, f.order], atol=1e-13 * np.linalg.norm(A))
    np.testing.assert_allclose(f.Q.T @ f.Q, np.eye(f.Q.shape[1]), atol=1e-13)
    assert (np.diag(f.R) >= 0).all()
    assert (f.rank is None) != pivoting


def test_pivots_show_the_rank():
    rank = householder(matrix(20, 8, 0, rank=3), pivoting=True).rank
    assert (rank.value, rank.certain) == (3, True)


@settings(deadline=None)
@given(shapes)
def test_cholesky_of_a_gram_matrix(shape):
    A = matrix(*shape)
    G = A.T @ A
    f = cholesky(G)
    np.testing.assert_allclose(f.root @ f.root.T, G, atol=1e-13 * np.linalg.norm(G) + f.error)
    assert f.rank <= min(A.shape)
    assert f.definite == (f.rank == len(G))
    assert f.negative == 0


def test_an_indefinite_matrix_is_a_result():
    f = cholesky(np.diag([4.0, -3.0]))
    assert (f.rank, f.definite) == (1, False)
    assert f.negative == pytest.approx(3.0)
    assert f.error == pytest.approx(3.0)
    assert cholesky(-np.eye(2)).negative == pytest.approx(1.0)
    g = cholesky(np.array([[1.0, 1.0], [1.0, 1.0]]))
    assert (g.rank, g.negative) == (1, 0.0)
    assert g.error < 1e-15


@settings(deadline=None)
@given(shapes, st.integers(0, 12))
def test_the_four_moore_penrose_identities(shape, rank):
    n, p, seed = shape
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, p))
    found = pseudo_inverse(A)
    P = found.matrix
    size = np.linalg.norm(A, 2)
    slack = 1e-10 * (1 + size * np.linalg.norm(P, 2)) ** 2
    np.testing.assert_allclose(A @ P @ A, A, atol=slack * (size + 1))
    np.testing.assert_allclose(P @ A @ P, P, atol=slack * (np.linalg.norm(P, 2) + 1))
    np.testing.assert_allclose((A @ P).T, A @ P, atol=slack)
    np.testing.assert_allclose((P @ A).T, P @ A, atol=slack)
    assert found.rank.value == np.linalg.matrix_rank(A)


def exact_inverse(A):
    """Gauss–Jordan in fractions, of a square matrix with nonzero pivots."""
    n = len(A)
    M = [[*row, *(Fraction(i == j) for j in range(n))] for i, row in enumerate(exactly(A))]
    for k in range(n):
        M[k] = [a / M[k][k] for a in M[k]]
        for i in range(n):
            if i != k:
                f = M[i][k]
                M[i] = [a - f * b for a, b in zip(M[i], M[k], strict=True)]
    return np.array([[float(a) for a in row[n:]] for row in M])


@pytest.mark.parametrize("kappa", [1e1, 1e5, 1e10])
@pytest.mark.parametrize("seed", range(3))
def test_the_error_of_a_pseudo_inverse_holds_in_exact_arithmetic(kappa, seed):
    A, _ = known(5, 5, seed, kappa)
    truth, found = exact_inverse(A), pseudo_inverse(A)
    off = np.linalg.norm(found.matrix - truth, 2)
    assert off <= found.error
    assert found.error < 100 * kappa * 1e-16 * np.linalg.norm(truth, 2)


def test_where_rounding_decides_the_rank_the_error_says_so():
    s = pseudo_inverse(np.diag([1.0, 3e-16]), tolerance=1e-18)
    assert s.error == np.inf
    assert pseudo_inverse(np.zeros((3, 2))).matrix.shape == (2, 3)


def test_degenerate_shapes_and_refusals():
    assert eigen(np.zeros((0, 0))).values.size == 0
    assert singular(np.zeros((0, 3))).condition == 1.0
    assert singular(np.array([[1.0, 1.0], [1.0, 1.0]])).condition > 1e15
    assert singular(np.diag([1.0, 0.0])).condition == np.inf
    assert householder(np.zeros((0, 3)), pivoting=True).rank.value == 0
    for f in (eigen, singular, cholesky, householder, pseudo_inverse):
        with pytest.raises(NotFiniteError, match="NaN or infinity"):
            f(np.array([[np.nan, 1.0], [1.0, 1.0]]))
        with pytest.raises(ShapeError, match="no matrix"):
            f(np.ones(3))
    with pytest.raises(ShapeError, match="expected a square one"):
        eigen(np.ones((2, 3)))
    with pytest.raises(ShapeError, match="expected a square one"):
        cholesky(np.ones((2, 3)))


def test_a_matrix_that_is_not_symmetric_is_refused():
    """Its mean with its transpose has other eigenvalues: 2.5 and 1.5 instead of 2 and 2."""
    with pytest.raises(ShapeError, match=r"entry \(0, 1\) is 1 and \(1, 0\) is 0"):
        eigen(np.array([[2.0, 1.0], [0.0, 2.0]]))
    nearly = np.array([[2.0, 1.0], [1.0 + 1e-12, 2.0]])
    assert eigen(nearly).values == pytest.approx([3, 1])


def test_a_matrix_of_small_numbers_has_a_pseudo_inverse():
    """σ² underflows, σ does not."""
    found = pseudo_inverse(np.diag([1e-200, 2e-200]))
    np.testing.assert_allclose(found.matrix, np.diag([1e200, 5e199]))
    assert found.error < 1e-13 * 1e200


def test_cholesky_refuses_a_matrix_that_is_not_symmetric():
    with pytest.raises(ShapeError, match="is not symmetric"):
        cholesky(np.array([[2.0, 1.0], [0.0, 2.0]]))

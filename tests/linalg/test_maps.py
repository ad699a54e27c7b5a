"""Linear maps: the algebra of matrices without matrices, adjoints, and SciPy's view of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator, lsqr, svds

from whyfit.errors import ShapeError, SpecError
from whyfit.linalg.lanczos import extreme_eigenvalues
from whyfit.linalg.maps import (
    AdjointTest,
    LinearMap,
    adjoint_test,
    identity,
    linear_map,
    projection,
    rotation,
    scaling,
)
from whyfit.linalg.operators import Operator, as_operator
from whyfit.linalg.subspaces import Subspace

whole = st.integers(-9, 9).map(float)


def matrix(n: int, p: int):
    return arrays(np.float64, (n, p), elements=whole)


@given(matrix(3, 4), matrix(4, 2), matrix(4, 2), st.integers(-5, 5))
def test_algebra_is_that_of_the_matrices(A, B, C, c):
    a, b, d = linear_map(A, "A"), linear_map(sparse.csr_array(B), "B"), linear_map(C, "C")
    together = a @ (b + c * d - d)
    expected = A @ (B + c * C - C)
    np.testing.assert_allclose(together.dense(), expected, atol=1e-9)
    np.testing.assert_allclose(together.T.dense(), expected.T, atol=1e-9)
    x, y = np.arange(2.0), np.arange(3.0)
    np.testing.assert_allclose(together @ x, expected @ x, atol=1e-9)
    np.testing.assert_allclose(y @ together, y @ expected, atol=1e-9)
    np.testing.assert_allclose(np.eye(3) @ together, expected, atol=1e-9)
    assert ((-a) @ b).shape == (3, 2)
    assert (np.float64(2) * a).name == "2 A"
    assert (a @ (b + d)).name == "A (B + C)"
    assert a.T.name == "Aᵀ"
    assert a.T.T.name == "A"


@pytest.mark.parametrize("theta", [0.3, 2.0, -1.1])
def test_rotation(theta):
    R = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    np.testing.assert_allclose(rotation(theta).dense(), R)
    G = rotation(theta, n=5, plane=(3, 1))
    np.testing.assert_allclose((G.T @ G).dense(), np.eye(5), atol=1e-15)
    np.testing.assert_allclose((G @ G).dense(), rotation(2 * theta, n=5, plane=(3, 1)).dense())
    e3 = np.eye(5)[3]
    np.testing.assert_allclose(G @ e3, np.cos(theta) * e3 + np.sin(theta) * np.eye(5)[1])


def test_scaling_projection_identity():
    d = np.array([2.0, -1.0, 0.5])
    np.testing.assert_array_equal(scaling(d).dense(), np.diag(d))
    A = np.random.default_rng(0).normal(size=(5, 2))
    P = projection(Subspace.spanned_by(A))
    np.testing.assert_allclose((P @ P).dense(), P.dense(), atol=1e-15)
    np.testing.assert_allclose(P.dense(), A @ np.linalg.pinv(A), atol=1e-14)
    np.testing.assert_array_equal((identity(3) @ scaling(d)).dense(), np.diag(d))


def test_scipy_and_the_other_algorithms_of_the_room_take_it():
    rng = np.random.default_rng(1)
    A = rng.normal(size=(30, 12))
    map_ = linear_map(A) @ scaling(np.arange(1.0, 13.0))
    D = A * np.arange(1.0, 13.0)
    s = svds(aslinearoperator(map_), k=3, return_singular_vectors=False, rng=rng)
    np.testing.assert_allclose(np.sort(s), np.linalg.svd(D)[1][2::-1], rtol=1e-8)
    b = rng.normal(size=30)
    found = lsqr(aslinearoperator(map_), b, atol=1e-14, btol=1e-14)[0]
    np.testing.assert_allclose(found, np.linalg.lstsq(D, b)[0], rtol=1e-8)
    back = linear_map(aslinearoperator(A))
    np.testing.assert_allclose(back.dense(), A)
    np.testing.assert_allclose(as_operator(map_).dense(), D)
    ritz = extreme_eigenvalues(map_.T @ map_, largest=1, smallest=0)
    assert ritz.values[0] == pytest.approx(np.linalg.norm(D, 2) ** 2, rel=1e-8)


@pytest.mark.parametrize(
    "A",
    [
        np.random.default_rng(2).normal(size=(40, 7)),
        np.random.default_rng(3).normal(size=(40, 7)) * np.geomspace(1e-12, 1e12, 7),
        np.ones((1, 1)),
        np.zeros((3, 2)),
        np.zeros((0, 2)),
    ],
    ids=["normal", "badly scaled", "one", "zero", "empty"],
)
def test_a_matrix_passes_the_adjoint_test(A):
    for seed in range(20):
        assert adjoint_test(A, seed).passed


@given(matrix(6, 5), st.integers(0, 5), st.integers(0, 4))
def test_one_wrong_entry_fails_the_adjoint_test(A, i, j):
    wrong = A.copy()
    wrong[i, j] += 1e-6 * (1 + np.abs(A).max())
    result = adjoint_test(Operator((6, 5), lambda V: A @ V, lambda U: wrong.T @ U))
    assert not result.passed
    assert "this is not the adjoint" in result.why


def test_the_verdict_comes_with_its_numbers():
    result = AdjointTest(1.0, 1.0 + 2e-16, 1e-15, 1)
    assert result.passed
    assert result.why == (
        "⟨Ax, y⟩ = 1, ⟨x, Aᵀy⟩ = 1.0000000000000002: they differ by 2.2e-16, "
        "rounding allows 1e-15; rounding explains it."
    )


def test_messages():
    a = linear_map(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"cannot apply a map of shape \(2, 3\) after one of"):
        a @ a
    with pytest.raises(ShapeError, match="cannot add maps"):
        a + a.T
    with pytest.raises(ShapeError, match="was applied to"):
        a @ np.ones(2)
    with pytest.raises(SpecError, match=r"the plane \(1, 1\) is none"):
        rotation(1.0, plane=(1, 1))
    with pytest.raises(ShapeError, match=r"factors of shape \(1, 2\)"):
        scaling(np.ones((1, 2)))
    assert isinstance(linear_map(a), LinearMap)


def test_matrices_may_be_lists_and_frames_and_are_added_to_maps():
    A = [[1, 2], [3, 4]]
    assert (linear_map(A) @ [1, 1]).tolist() == [3, 7]
    assert (linear_map(pd.DataFrame(A)) @ [1, 1]).tolist() == [3, 7]
    assert (linear_map(A) + np.eye(2)).dense().tolist() == [[2, 2], [3, 5]]
    assert (linear_map(A) - np.eye(2)).dense().tolist() == [[0, 2], [3, 3]]
    with pytest.raises(ShapeError, match="a list of no numbers"):
        linear_map([["a"]])

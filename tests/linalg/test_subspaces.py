"""Projections and principal angles: their laws, SciPy, and angles far below the square root of u."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import subspace_angles

from whyfit.errors import NotFiniteError, ShapeError
from whyfit.linalg.subspaces import Subspace, principal_angles, project_on_vector

whole = st.integers(-4, 4).map(float)
spans = arrays(np.float64, st.tuples(st.just(5), st.integers(0, 6)), elements=whole)
vector = arrays(np.float64, 5, elements=whole)


@given(vector, vector)
def test_projection_on_a_vector(x, v):
    shadow = project_on_vector(x, v)
    assert abs((x - shadow) @ v) <= 1e-13 * (1 + np.abs(v).max()) * (1 + np.abs(x).max())
    if v.any():
        np.testing.assert_allclose(shadow, (x @ v) / (v @ v) * v, atol=1e-13)
    else:
        assert not shadow.any()
    np.testing.assert_allclose(project_on_vector(x, v * 2.0**-600), shadow, rtol=1e-15)


@given(spans, vector)
def test_projection_on_a_subspace(A, x):
    space = Subspace.spanned_by(A)
    assert space.dimension == np.linalg.matrix_rank(A) if A.size else not space.dimension
    P = space.basis @ space.basis.T
    shadow, left = space.project(x), space.reject(x)
    np.testing.assert_allclose(shadow + left, x, atol=1e-13)
    np.testing.assert_allclose(A.T @ left, 0, atol=1e-12)  # orthogonal to the span
    np.testing.assert_allclose(space.project(A), A, atol=1e-12)  # which is kept
    np.testing.assert_allclose(P @ P, P, atol=1e-14)
    if A.size:
        best = A @ np.linalg.lstsq(A, x)[0]
        assert space.distance_of(x) == pytest.approx(np.linalg.norm(x - best), abs=1e-12)


@given(spans, vector)
def test_complement(A, x):
    space = Subspace.spanned_by(A)
    other = space.complement()
    assert space.dimension + other.dimension == 5
    np.testing.assert_allclose(space.basis.T @ other.basis, 0, atol=1e-14)
    np.testing.assert_allclose(space.project(x) + other.project(x), x, atol=1e-13)
    if space.dimension and other.dimension:
        np.testing.assert_allclose(principal_angles(space, other).angles, np.pi / 2)


def test_small_columns_count_as_directions():
    A = np.eye(4, 3) * [1.0, 1e-200, 1e150]
    assert Subspace.spanned_by(A).dimension == 3


@given(spans, spans)
def test_angles_agree_with_scipy_and_come_with_their_vectors(A, B):
    a, b = Subspace.spanned_by(A), Subspace.spanned_by(B)
    found = principal_angles(a, b)
    k = min(a.dimension, b.dimension)
    assert found.angles.shape == (k,)
    if not k:
        assert found.gap == (0.0 if a.dimension == b.dimension else 1.0)
        return
    # SciPy's own digits: where two planes share e₁ it has been seen to find them 2e-8 apart.
    expected = np.sort(subspace_angles(a.basis, b.basis))
    np.testing.assert_allclose(found.angles, expected, atol=1e-7)
    sines = np.linalg.norm(found.right - a.project(found.right), axis=0)
    np.testing.assert_allclose(np.sin(found.angles), sines, atol=1e-14)
    for space, vectors in ((a, found.left), (b, found.right)):
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(k), atol=1e-13)
        np.testing.assert_allclose(space.project(vectors), vectors, atol=1e-13)
    np.testing.assert_allclose(
        found.left.T @ found.right, np.diag(np.cos(found.angles)), atol=1e-13
    )
    back = principal_angles(b, a)
    np.testing.assert_allclose(back.angles, found.angles, atol=1e-14)
    difference = a.basis @ a.basis.T - b.basis @ b.basis.T
    assert found.gap == pytest.approx(np.linalg.norm(difference, 2), abs=1e-13)
    if a.dimension == b.dimension:
        frobenius = np.linalg.norm(difference) / np.sqrt(2)
        assert found.chordal == pytest.approx(frobenius, abs=1e-13)
        assert found.geodesic >= found.chordal - 1e-13


def test_tiny_angles_keep_their_digits():
    """Planes turned against each other by known angles, seen through a random rotation."""
    rng = np.random.default_rng(0)
    for theta in ([1e-14, 1e-11], [1e-9, 1e-3], [1e-6, 1.2], [0.0, np.pi / 2], [0.7853, 0.7854]):
        rotation, _ = np.linalg.qr(rng.normal(size=(8, 8)))
        A = rotation[:, :2]
        B = rotation[:, :2] * np.cos(theta) + rotation[:, 2:4] * np.sin(theta)
        mix = rng.normal(size=(2, 2, 2)) + 3 * np.eye(2)
        a, b = Subspace.spanned_by(A @ mix[0]), Subspace.spanned_by(B @ mix[1])
        np.testing.assert_allclose(principal_angles(a, b).angles, theta, rtol=1e-13, atol=2e-15)


def test_cosines_alone_would_lose_them():
    theta = 1e-9
    a = Subspace(np.array([[1.0], [0.0]]))
    b = Subspace(np.array([[np.cos(theta)], [np.sin(theta)]]))
    assert np.arccos(a.basis.T @ b.basis)[0, 0] == 0
    assert principal_angles(a, b).angles[0] == pytest.approx(theta, rel=1e-15, abs=0)


def test_messages():
    with pytest.raises(ShapeError, match=r"shapes \(2,\) and \(3,\)"):
        project_on_vector(np.zeros(2), np.zeros(3))
    with pytest.raises(ShapeError, match=r"an array of shape \(3,\)"):
        Subspace.spanned_by(np.zeros(3))
    with pytest.raises(NotFiniteError):
        Subspace.spanned_by(np.full((2, 2), np.inf))
    plane = Subspace.spanned_by(np.eye(3, 2))
    with pytest.raises(ShapeError, match="vectors of length 3"):
        plane.project(np.zeros(4))
    with pytest.raises(ShapeError, match="subspaces of 3 and 4 dimensions"):
        principal_angles(plane, Subspace.spanned_by(np.eye(4, 2)))


def test_lists_and_matrices_are_taken_for_what_they_are():
    plane = Subspace.spanned_by([[1, 0], [0, 1], [0, 0]])
    assert plane.project([1, 2, 3]).tolist() == [1, 2, 0]
    assert plane.reject([1, 2, 3]).tolist() == [0, 0, 3]
    assert plane.distance_of([1, 2, 3]) == 3
    line = np.array([[1.0], [0.0], [1.0]])
    assert principal_angles(plane, line).angles == pytest.approx([np.pi / 4])
    for refused in (
        lambda: plane.project([1, np.nan, 0]),
        lambda: project_on_vector([np.nan], [1]),
    ):
        with pytest.raises(NotFiniteError):
            refused()

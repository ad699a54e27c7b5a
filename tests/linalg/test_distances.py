"""Distances, cosines and angles against their definitions in many digits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from scipy.spatial.distance import cdist

from whyfit.errors import NotFiniteError, ShapeError, SpecError
from whyfit.linalg import cloud
from whyfit.linalg.distances import (
    angle,
    cosine_similarities,
    cosine_similarity,
    distance,
    pairwise_distances,
)

entries = st.floats(-1e3, 1e3).map(lambda v: round(v, 2))
triple = arrays(np.float64, (3, 4), elements=entries)


@given(triple, st.sampled_from([1, 2, 3, np.inf]))
def test_distance_is_a_metric(X, p):
    a, b, c = X
    assert distance(a, a, p) == 0
    assert distance(a, b, p) == distance(b, a, p)
    assert distance(a, c, p) <= (distance(a, b, p) + distance(b, c, p)) * (1 + 1e-14)
    assert distance(a, b, p) == pytest.approx(np.linalg.norm(a - b, p), rel=1e-13)


def test_distance_of_opposite_giants_does_not_overflow():
    assert distance([8e307], [-8e307]) == pytest.approx(1.6e308)
    assert distance([3e-320, 0], [0, 4e-320]) == pytest.approx(5e-320, rel=1e-3)


@given(triple)
def test_angle_is_a_metric_of_directions(X):
    a, b, c = X
    assert angle(a, b) == angle(b, a)
    assert angle(a, b) + angle(a, -b) == pytest.approx(np.pi, abs=1e-15)
    if a.any() and b.any() and c.any():
        assert angle(a, c) <= angle(a, b) + angle(b, c) + 1e-14
        assert angle(a, 7 * a) <= 1e-15
        assert np.cos(angle(a, b)) == pytest.approx(cosine_similarity(a, b), abs=1e-14)


@pytest.mark.parametrize(
    "theta", [0, 1e-15, 1e-12, 1e-9, 1e-4, 1.0, np.pi / 2, np.pi - 1e-9, np.pi]
)
def test_angle_keeps_its_digits(theta):
    """The angle of (1, 0) with (cos θ, sin θ); arccos of the cosine knows nothing below 1e-8."""
    b = [math.cos(theta), math.sin(theta)]
    assert angle([1e-200, 0.0], b) == pytest.approx(theta, rel=1e-15, abs=3e-16)
    if 0 < theta < 1e-8:
        assert np.arccos(cosine_similarity([1.0, 0.0], b)) != pytest.approx(theta, rel=0.5, abs=0)


def test_zero_vectors_have_cosine_zero():
    zero, a = np.zeros(3), np.array([1.0, 2, 3])
    assert cosine_similarity(zero, a) == 0
    assert cosine_similarity(zero, zero) == 0
    assert angle(zero, a) == pytest.approx(np.pi / 2)
    X = np.array([zero, a])
    np.testing.assert_allclose(cosine_similarities(X, X), [[0, 0], [0, 1]], atol=1e-15)
    np.testing.assert_allclose(pairwise_distances(X, X, "cosine"), [[1, 1], [1, 0]], atol=1e-15)


def test_rows_are_broadcast():
    X = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(angle(X, X[0]), [angle(x, X[0]) for x in X])
    np.testing.assert_allclose(distance(X, X[1], 1), np.abs(X - X[1]).sum(axis=1))


@pytest.mark.parametrize("offset", [0.0, 1e4, 1e9])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_all_pairs_are_accurate_far_from_the_origin(offset, metric, monkeypatch):
    monkeypatch.setattr(cloud, "BLOCK", 50)
    rng = np.random.default_rng(1)
    A = rng.normal(size=(270, 6)) + offset * np.sign(rng.normal(size=(270, 1)))
    B = np.vstack([A[:120] + 1e-6 * rng.normal(size=(120, 6)), A[:3]])
    if metric == "euclidean":
        exact = cdist(A.astype(np.longdouble), B.astype(np.longdouble))
        np.testing.assert_allclose(pairwise_distances(A, B), exact, rtol=1e-10)
    else:
        U, V = A / np.linalg.norm(A, axis=1)[:, None], B / np.linalg.norm(B, axis=1)[:, None]
        exact = cdist(U, V, "sqeuclidean") / 2
        found = pairwise_distances(
            A, B, "cosine"
        )  # rounding the unit rows moves the chord √(2d) by 2u
        np.testing.assert_allclose(np.sqrt(2 * found), np.sqrt(2 * exact), rtol=1e-10, atol=1e-15)
        np.testing.assert_allclose(cosine_similarities(A, B), 1 - exact, atol=1e-14)
    assert (np.diag(pairwise_distances(A, B, metric)[:3, -3:]) == 0).all()


def test_sparse_pairs_equal_dense_pairs():
    S = sparse.random(30, 50, density=0.1, format="csr", random_state=np.random.default_rng(2))
    for metric in ("euclidean", "cosine"):
        np.testing.assert_allclose(
            pairwise_distances(S, S[:7], metric),
            pairwise_distances(S.toarray(), S[:7].toarray(), metric),
            rtol=1e-10,
            atol=1e-15,
        )
    np.testing.assert_allclose(
        cosine_similarities(S, S), cosine_similarities(S.toarray(), S.toarray()), atol=1e-14
    )


def test_messages():
    with pytest.raises(ShapeError, match=r"shapes \(2,\) and \(3,\)"):
        distance(np.zeros(2), np.zeros(3))
    with pytest.raises(NotFiniteError):
        angle([1.0, np.nan], [1.0, 0.0])
    with pytest.raises(SpecError, match="metric is 'x'"):
        pairwise_distances(np.eye(2), np.eye(2), "x")  # pyright: ignore[reportArgumentType]

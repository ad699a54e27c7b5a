"""Nearest neighbours against the definition, also where the fast formula has no digits left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from whyfit.errors import NotFiniteError, ShapeError, SpecError
from whyfit.linalg import cloud, neighbours
from whyfit.linalg.neighbours import nearest


def naive(Q, P, k, own=None):
    """Every difference, every square; sorted by (distance, index)."""
    squares = np.array([[np.sum((q - p) ** 2.0) for p in P] for q in Q]).reshape(len(Q), len(P))
    if own is not None:
        squares[np.arange(len(Q)), own] = np.inf
    index = np.array([np.lexsort((np.arange(len(P)), row))[:k] for row in squares])
    return index, np.sqrt(np.take_along_axis(squares, index, axis=1))


def agree(found, index, distance, rtol=1e-14):
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_allclose(found.distance, distance, rtol=rtol, atol=0)


def cut_small(monkeypatch):
    """Many tiles and blocks even of few rows."""
    monkeypatch.setattr(neighbours, "TILE", 3)
    monkeypatch.setattr(cloud, "BLOCK", 4)
    monkeypatch.setattr(cloud, "SPARSE_BLOCK", 4)
    monkeypatch.setattr(cloud, "SPARSE_PAIRS", 5)


@pytest.fixture
def small_blocks(monkeypatch):
    cut_small(monkeypatch)


# Whole numbers: squared distances are exact, so that ties are ties in any formula.
grid = st.integers(-3, 3)
rows = st.integers(1, 3).flatmap(
    lambda d: st.tuples(
        arrays(np.int64, st.tuples(st.integers(1, 12), st.just(d)), elements=grid),
        arrays(np.int64, st.tuples(st.integers(1, 12), st.just(d)), elements=grid),
    )
)


@given(rows, st.integers(1, 12), st.booleans())
def test_equals_the_definition_with_ties_in_the_order_of_the_index(pair, k, to_csr):
    Q, P = pair
    k = min(k, len(P))
    with pytest.MonkeyPatch.context() as patch:
        cut_small(patch)
        found = nearest(*((sparse.csr_array(Q), sparse.csr_array(P)) if to_csr else (Q, P)), k)
        agree(found, *naive(Q, P, k))
        if len(P) > k:
            found = nearest(P, P, k, exclude_self=True)
            agree(found, *naive(P, P, k, own=np.arange(len(P))))


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e8, 1e12])
@pytest.mark.parametrize("clusters", [1, 5])
def test_right_where_the_expanded_square_has_no_digits_left(offset, clusters):
    """Clusters 1e6 apart, 1 wide, far from the origin: ‖a‖² + ‖b‖² − 2ab would be rounding only."""
    rng = np.random.default_rng(3)
    P = rng.normal(size=(300, 8)) + offset + 1e6 * rng.integers(0, clusters, size=(300, 1))
    found = nearest(P, P, 5, exclude_self=True)
    agree(found, *naive(P, P, 5, own=np.arange(300)))
    if offset == 1e12:
        G = P @ P.T
        cancelled = np.diag(G) + np.diag(G)[:, None] - 2 * G
        np.fill_diagonal(cancelled, np.inf)
        wrong = np.argsort(cancelled, axis=1)[:, 0] != found.index[:, 0]
        assert wrong.mean() > 0.5  # what this module is for


def test_close_pairs_among_distant_points_need_double_precision_to_screen():
    """1e-6 from its neighbour, 1 from the rest: single precision cannot tell them apart."""
    rng = np.random.default_rng(5)
    P = rng.normal(size=(1, 20)) + 1e-6 * rng.normal(size=(150, 20))
    P = np.vstack([P, -P])
    agree(nearest(P, P, 4, exclude_self=True), *naive(P, P, 4, own=np.arange(300)))


@pytest.mark.usefixtures("small_blocks")
def test_copies_are_at_distance_zero_and_come_in_order():
    rng = np.random.default_rng(0)
    once = rng.normal(size=(7, 5)) + 1e9
    P = np.vstack([once, once, once])
    found = nearest(once, P, 3)
    np.testing.assert_array_equal(found.index, np.arange(7)[:, None] + [0, 7, 14])
    assert not found.distance.any()
    for matrix in (P, sparse.csr_array(P)):
        found = nearest(matrix, matrix, 2, "cosine", exclude_self=True)
        assert not found.distance.any()


@pytest.mark.parametrize("magnitude", [1e-200, 1e-30, 1e30, 1e200])
def test_neither_overflows_nor_underflows(magnitude):
    rng = np.random.default_rng(1)
    P = rng.normal(size=(50, 4))
    index, distance = naive(P, P, 3)
    agree(nearest(P * magnitude, P * magnitude, 3), index, distance * magnitude, rtol=1e-12)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_agrees_with_scikit_learn_across_blocks(metric, dtype):
    X = np.random.default_rng(2).normal(size=(1700, 40)).astype(dtype)
    peer = NearestNeighbors(n_neighbors=6, algorithm="brute", metric=metric).fit(X.astype(float))
    distance, index = peer.kneighbors()
    found = nearest(X, X, 6, metric, exclude_self=True)
    agree(found, index, distance, rtol=1e-9)


@pytest.mark.usefixtures("small_blocks")
def test_sparse_rows_give_what_dense_rows_give():
    S = sparse.random(40, 90, density=0.08, format="csr", random_state=np.random.default_rng(4))
    for metric in ("euclidean", "cosine"):
        thin = nearest(S[:9], S, 4, metric, exclude_self=np.arange(9))
        full = nearest(S[:9].toarray(), S.toarray(), 4, metric, exclude_self=np.arange(9))
        np.testing.assert_allclose(thin.distance, full.distance, rtol=1e-12)
        np.testing.assert_array_equal(thin.index, full.index)


@given(arrays(np.float64, (9, 3), elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0])))
def test_cosine_of_a_zero_row_is_zero(X):
    X[4] = 0.0
    X[7] = 0.0
    found = nearest(X, X, 9, "cosine")
    lengths = np.linalg.norm(X, axis=1)
    safe = np.where(lengths > 0, lengths, 1.0)
    expected = 1 - (X @ X.T) / safe / safe[:, None]
    dense = np.empty((9, 9))
    np.put_along_axis(dense, found.index, found.distance, axis=1)
    np.testing.assert_allclose(dense, expected, atol=1e-15)
    thin = nearest(sparse.csr_array(X), sparse.csr_array(X), 9, "cosine")
    np.testing.assert_allclose(thin.distance, found.distance, atol=1e-15)


def test_cosine_keeps_the_digits_of_small_angles():
    """1 − cos θ ≈ θ²/2; computed as one minus a cosine it would be 0 at θ = 1e-9."""
    angles = np.array([0.0, 1e-9, 2e-9, 4e-9])
    P = np.c_[np.cos(angles), np.sin(angles)]
    found = nearest(P[:1], P, 4, "cosine")
    np.testing.assert_allclose(found.distance[0], 2 * np.sin(angles / 2) ** 2, rtol=1e-6)


def test_screening_bounds_hold():
    """ℓ ≤ ‖a − b‖² ≤ ℓ + slack in both precisions, also where all digits cancel."""
    rng = np.random.default_rng(8)
    for spread, offset in [(1.0, 0.0), (1e-7, 1.0), (1e-14, 1.0)]:
        X = offset * rng.normal(size=(1, 30)) + spread * rng.normal(size=(200, 30))
        X = np.vstack([X, -X])  # the mean is no help
        both = cloud.Cloud.of(X, X, directions=False)
        A = both.tile(slice(0, 400))
        exact = cdist(A.astype(np.longdouble), A.astype(np.longdouble), "sqeuclidean")
        for block in both.blocks(400):
            for precision in block.precisions:
                S, s = block.bounds(A, precision)
                low = S.astype(float) + s[:, None]
                assert (low <= exact).all()
                i, j = np.divmod(np.arange(S.size), S.shape[1])
                high = low + block.slack(s[i], j, precision).reshape(S.shape)
                assert (high >= exact).all()


def test_one_point_one_query_no_query():
    found = nearest(np.ones((1, 2)), np.zeros((1, 2)), 1)
    assert found.index.tolist() == [[0]]
    assert found.distance[0, 0] == pytest.approx(np.sqrt(2))
    assert nearest(np.ones((0, 2)), np.zeros((3, 2)), 2).index.shape == (0, 2)


def test_messages():
    X = np.zeros((4, 2))
    with pytest.raises(ShapeError, match=r"k is 4; expected 1 to 3"):
        nearest(X, X, 4, exclude_self=True)
    with pytest.raises(ShapeError, match="queries are dense, 2 wide, points dense, 3 wide"):
        nearest(X, np.zeros((4, 3)), 1)
    with pytest.raises(ShapeError, match="points sparse"):
        nearest(X, sparse.csr_array(X), 1)
    with pytest.raises(ShapeError, match="1 dimensions"):
        nearest(X[0], X, 1)
    with pytest.raises(ShapeError, match="complex"):
        nearest(X.astype(complex), X, 1)
    with pytest.raises(ShapeError, match="same rows twice; got 2 queries and 4 points"):
        nearest(X[:2], X, 1, exclude_self=True)
    with pytest.raises(ShapeError, match=r"expected 4 indices in 0\.\.3"):
        nearest(X, X, 1, exclude_self=np.array([0, 1, 2, 4]))
    with pytest.raises(SpecError, match="metric is 'manhattan'"):
        nearest(X, X, 1, "manhattan")  # pyright: ignore[reportArgumentType]
    bad = np.zeros((4, 2))
    bad[2, 1] = np.nan
    with pytest.raises(NotFiniteError, match="row 2 of the points holds NaN"):
        nearest(X, bad, 1)
    bad[2, 1] = -np.inf
    with pytest.raises(NotFiniteError, match="row 2 of the queries"):
        nearest(sparse.csr_array(bad), sparse.csr_array(X), 1)

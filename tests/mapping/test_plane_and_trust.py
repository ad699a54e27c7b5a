"""The plane keeps what principal components keep, and what is said of it covers what repeated clouds show."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from clouds import cloud_of
from whyfit.mapping.plane import plane_of
from whyfit.mapping.trust import ALL, SAMPLED, trust_in

SPREADS = np.sqrt([5.0, 3.0, 2.0, 1, 1, 1, 1, 1])


def normal(seed: int, n: int = 150) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, SPREADS.size)) * SPREADS


@pytest.mark.parametrize(("n", "p"), [(100, 8), (20, 50)])
def test_the_plane_is_that_of_scikit_learn(n, p):
    X = np.random.default_rng(0).standard_normal((n, p)) * np.linspace(3, 1, p)
    plane, reference = plane_of(cloud_of(X)), PCA(2).fit(X)
    for j in range(2):
        assert plane.shares[j].value == pytest.approx(reference.explained_variance_ratio_[j])
    assert plane.shares[2].value == pytest.approx(reference.explained_variance_ratio_.sum())
    np.testing.assert_allclose(np.abs(plane.at), np.abs(reference.transform(X)), atol=1e-9)
    assert plane.place(X[3]) == pytest.approx(tuple(plane.at[3]))


def test_a_sparse_plane_is_the_dense_one():
    rng = np.random.default_rng(1)
    X = rng.random((60, 20)) * (rng.random((60, 20)) < 0.2)
    a, b = plane_of(cloud_of(X)), plane_of(cloud_of(sparse.csr_array(X)))
    for j in range(3):
        assert b.shares[j].value == pytest.approx(a.shares[j].value, rel=1e-8)
        assert b.shares[j].high == pytest.approx(a.shares[j].high, rel=1e-6)
    np.testing.assert_allclose(np.abs(a.at), np.abs(b.at), atol=1e-7)


@pytest.mark.parametrize(
    "X", [np.ones((6, 3)), np.ones((6, 1)), np.arange(1.0, 7)[:, None], np.eye(6), np.zeros((4, 4))]
)
def test_degenerate_sparse_clouds_have_a_plane(X):
    case = cloud_of(sparse.csr_array(X))
    plane = plane_of(case)
    assert plane.at.shape == (len(X), 2)
    assert np.isfinite(plane.at).all()
    assert all(0 <= s.value <= 1 for s in plane.shares)


@pytest.mark.parametrize("X", [np.ones((5, 3)), np.arange(6.0)[:, None], np.eye(3)])
def test_degenerate_clouds_have_a_plane(X):
    case = cloud_of(X, "euclidean")
    plane = plane_of(case)
    trust = trust_in(case, plane)
    assert plane.at.shape == (len(X), 2)
    assert np.isfinite(plane.at).all()
    assert 0 <= trust.kept.low <= trust.kept.value <= trust.kept.high <= 1
    assert np.isfinite(trust.away).all()


def test_a_plane_cloud_keeps_everything():
    X = np.random.default_rng(2).standard_normal((80, 2)) @ np.array([[1.0, 2, 0], [0, 1, 1]])
    case = cloud_of(X, "euclidean")
    plane = plane_of(case)
    trust = trust_in(case, plane)
    assert plane.shares[2].value == pytest.approx(1)
    assert trust.kept.value == pytest.approx(1, abs=0.01)


def test_kept_neighbours_against_scikit_learn():
    X = normal(3)
    case = cloud_of(X, "euclidean")
    trust = trust_in(case, plane_of(case))

    def lists(points):
        return NearestNeighbors(n_neighbors=11).fit(points).kneighbors(points)[1][:, 1:]

    flat = PCA(2).fit_transform(X)
    naive = [
        len(set(a) & set(b)) / 10
        for a, b in zip(lists(X).tolist(), lists(flat).tolist(), strict=True)
    ]
    np.testing.assert_allclose(trust.each, naive)
    assert trust.kept.value == pytest.approx(np.mean(naive))
    assert trust.chance == pytest.approx(10 / 149)
    by_cosine = trust_in(cloud_of(X, "cosine"), plane_of(case))
    assert by_cosine.kept.metric == "cosine"
    assert by_cosine.also.metric == "euclidean"
    assert by_cosine.also.value == pytest.approx(np.mean(naive))


def test_intervals_cover_what_repeated_clouds_show():
    """Intervals of the variance shares at their level; those of the kept neighbours at least (Efron & Stein 1981)."""
    axis, kept = [], []
    for seed in range(60):
        case = cloud_of(normal(seed), "euclidean")
        plane = plane_of(case)
        axis.append(plane.shares[0])
        kept.append(trust_in(case, plane).kept)
    for intervals, most in ((axis, 60), (kept, 60)):
        centre = np.mean([i.value for i in intervals])
        hits = sum(i.low <= centre <= i.high for i in intervals)
        assert 52 <= hits <= most  # 57 of 60 expected; fewer than 52 once in 200


def test_points_strewn_at_random_are_kept_by_chance():
    """In 60 equal directions the plane knows next to nothing."""
    X = np.random.default_rng(4).standard_normal((500, 60))
    case = cloud_of(X, "euclidean")
    trust = trust_in(case, plane_of(case))
    assert trust.kept.value < 4 * trust.chance


def test_a_point_drawn_in_the_wrong_camp_is_misplaced():
    """The plane shows directions 1 and 2; a stray point stands near camp A there and near camp C in direction 3."""
    rng = np.random.default_rng(5)
    camps = [rng.normal(0, 0.1, (60, 6)), rng.normal(0, 0.1, (60, 6)), rng.normal(0, 0.1, (12, 6))]
    for camp, (first, third) in zip(camps, ((-3, 0), (3, 0), (3, 6)), strict=True):
        camp[:, 0] += first
        camp[:, 2] += third
    for camp in camps[:2]:
        camp[:, 1] = np.linspace(-5, 5, 60)
    case = cloud_of(np.vstack([*camps, [[-2, 0, 6, 0, 0, 0]]]), "euclidean")
    trust = trust_in(case, plane_of(case))
    assert set(trust.true[132]) <= set(range(120, 132))
    assert trust.points[trust.worst()[0]] == 132


def test_large_clouds_are_sampled_against_all_points():
    X = normal(6, ALL + 300)
    case = cloud_of(X, "euclidean")
    trust = trust_in(case, plane_of(case))
    assert trust.points.size == SAMPLED
    i = int(trust.points[17])
    d = np.linalg.norm(X - X[i], axis=1)
    d[i] = np.inf
    assert trust.true[17].tolist() == np.argsort(d)[:10].tolist()


def test_copies_change_nothing():
    """Which of several copies is near is not to be told, so neighbours are different points."""
    X = normal(7, 120)
    twice = np.vstack([X, X[:50]])
    case = cloud_of(twice, "euclidean")
    trust = trust_in(case, plane_of(case))
    plane = plane_of(case)
    alone = trust_in(cloud_of(X, "euclidean"), dataclasses.replace(plane, at=plane.at[:120]))
    assert trust.measured == 120
    assert trust.kept.value == pytest.approx(alone.kept.value)
    np.testing.assert_array_equal(trust.true[120:], trust.true[:50])
    np.testing.assert_array_equal(trust.true[:120], alone.true)
    worst = trust.worst()
    assert len({tuple(trust.true[w]) for w in worst}) == len(worst)

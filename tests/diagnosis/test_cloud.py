"""What is measured on a cloud: naive twins, laws, theory, degenerate clouds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse, stats

from clouds import cloud_of
from whyfit.diagnosis.cloud import HUB_POINTS, Hubness, mean_cosine, skewness, spectrum_of

seeds = st.integers(0, 10_000)


def points(seed: int, n: int = 30, p: int = 4, mean: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, p)) + mean


@given(seeds)
def test_mean_cosine_is_the_mean_over_all_pairs(seed):
    X = points(seed)
    U = X / np.linalg.norm(X, axis=1, keepdims=True)
    pairs = [U[i] @ U[j] for i in range(len(U)) for j in range(i)]
    assert mean_cosine(X).value == pytest.approx(np.mean(pairs), abs=1e-12)


@given(seeds, st.floats(1e-100, 1e100))
def test_mean_cosine_does_not_depend_on_lengths(seed, scale):
    X = points(seed)
    lengths = np.random.default_rng(seed + 1).uniform(0.5, 2, (len(X), 1)) * scale
    assert mean_cosine(X * lengths).value == pytest.approx(mean_cosine(X).value, abs=1e-10)


def test_a_zero_row_has_cosine_zero_with_all():
    X = points(0)
    X[3] = 0
    alive = np.delete(X, 3, axis=0)
    n = len(X)
    expected = mean_cosine(alive).value * (n - 1) * (n - 2) / (n * (n - 1))
    assert mean_cosine(X).value == pytest.approx(expected, abs=1e-12)


def test_sparse_and_dense_agree():
    X = points(1) * (np.random.default_rng(2).random((30, 4)) < 0.5)
    dense, thin = mean_cosine(X), mean_cosine(sparse.csr_array(X))
    assert thin.value == pytest.approx(dense.value, abs=1e-12)
    np.testing.assert_allclose(thin.influence, dense.influence, atol=1e-12)


def test_the_standard_error_of_the_mean_cosine_is_that_of_repeated_clouds():
    values, errors = zip(
        *((c.value, c.std_error) for c in (mean_cosine(points(s, 100, 5)) for s in range(400))),
        strict=True,
    )
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.15)


@given(st.lists(st.integers(0, 50), min_size=4, max_size=40))
def test_skewness_is_that_of_scipy(counts):
    a = np.array(counts, dtype=float)
    value, influence = skewness(a)
    if a.std() == 0:
        assert value == 0
        assert not influence.any()
    else:
        assert value == pytest.approx(stats.skew(a), abs=1e-9)
        assert abs(influence.mean()) < 1e-6 * max(1.0, np.abs(influence).max())


def test_the_influence_on_skewness_is_its_derivative():
    a = np.random.default_rng(3).gamma(2.0, size=200)
    value, influence = skewness(a)
    t = 1e-6  # weight moved to point i
    for i in (0, 17, int(a.argmax())):
        w = np.full(a.size, (1 - t) / a.size)
        w[i] += t
        m = w @ a
        moved = w @ (a - m) ** 3 / (w @ (a - m) ** 2) ** 1.5
        assert (moved - value) / t == pytest.approx(influence[i], rel=1e-3, abs=1e-3)


@pytest.mark.parametrize(("n", "p"), [(40, 6), (6, 40), (10, 10)])
def test_the_spectrum_is_that_of_the_singular_values(n, p):
    X = points(4, n, p)
    C = X - X.mean(axis=0)
    s = spectrum_of(C)
    r = min(n - 1, p)
    reference = np.linalg.svd(C, compute_uv=False)[:r] ** 2 / n
    np.testing.assert_allclose(s.variances[:r], reference, rtol=1e-9)
    V = s.axes[:, :r]
    np.testing.assert_allclose(V.T @ V, np.eye(r), atol=1e-8)
    np.testing.assert_allclose(((C @ V) ** 2).mean(axis=0), reference, rtol=1e-7)
    assert s.shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("scale", [1e-120, 1e120])
def test_the_spectrum_neither_overflows_nor_vanishes(scale):
    C = points(5) - points(5).mean(axis=0)
    np.testing.assert_allclose(spectrum_of(C * scale).shares, spectrum_of(C).shares, rtol=1e-9)


def test_every_point_names_k_neighbours():
    h = cloud_of(points(6, 200, 3)).hubness
    assert h.counts.sum() == 200 * 10
    naive = Hubness.of(np.array([[1, 2], [0, 2], [0, 1], [0, 1]]), 4)
    assert naive.counts.tolist() == [3, 3, 2, 0]
    assert naive.absent == 0.25


def test_large_clouds_are_sampled_and_the_sample_depends_on_the_seed_alone():
    X = points(7, HUB_POINTS + 500, 3)
    a, b = cloud_of(X), cloud_of(X, seed=1)
    assert a.sampled.size == HUB_POINTS
    assert (a.sampled == cloud_of(X).sampled).all()
    assert not (a.sampled == b.sampled).all()


def test_copies_make_no_hubs():
    """The first of many copies would stand in everybody's list for no reason but its place in the file."""
    X = points(9, 300, 3)
    many = np.vstack([np.repeat(X[:1], 200, axis=0), X])
    assert cloud_of(many).hubness.skewness == pytest.approx(cloud_of(X).hubness.skewness)
    assert cloud_of(many).origin[:200].tolist() == [0] * 200
    assert cloud_of(many).distinct.size == 300


def test_a_mean_makes_hubs_by_cosine_and_none_by_distance():
    """The two twins of the rule on hubs: theory says a common mean makes hubs, and distances do not see it."""
    X = points(8, 800, 30, mean=1.5)
    by_cosine = cloud_of(X)
    with_mean, without = by_cosine.twin(with_mean=True), by_cosine.twin(with_mean=False)
    assert with_mean.skewness > without.skewness + 1
    assert by_cosine.hubness.skewness == pytest.approx(with_mean.skewness, rel=0.35)
    far = cloud_of(X, "euclidean")
    assert far.twin(with_mean=True).skewness == pytest.approx(
        far.twin(with_mean=False).skewness, rel=1e-6
    )


@pytest.mark.parametrize("X", [np.ones((5, 3)), np.zeros((4, 2)), np.ones((3, 1))])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_clouds_without_spread_are_measured_without_complaint(X, metric):
    case = cloud_of(X, metric)
    assert case.spectrum.total == 0
    assert case.hubness.counts.sum() == len(X) * case.k
    assert np.isfinite(case.mean_cosine.value)

"""Centring sparse vectors through their Gram matrix is centring them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from clouds import cloud_of, found
from whyfit.diagnosis.cloud import mean_cosine
from whyfit.diagnosis.cloud_plane import principal_plane
from whyfit.diagnosis.cloud_sparse import centred
from whyfit.diagnosis.cloud_trials import attempt


def documents(seed: int = 0, n: int = 120, p: int = 30) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.poisson(rng.gamma(0.5, 1.0, p), (n, p)) + np.eye(n, p)


def test_it_is_the_dense_result():
    X = documents()
    C = X - X.mean(axis=0)
    thin = centred(sparse.csr_array(X), 10)
    dense = cloud_of(C)
    assert thin.mean_cosine.value == pytest.approx(mean_cosine(C).value, abs=1e-12)
    np.testing.assert_allclose(
        thin.mean_cosine.influence, mean_cosine(C).influence, rtol=0.02, atol=1e-3
    )
    assert (thin.neighbours == dense.neighbours(C)).mean() > 0.99  # but for equal cosines
    np.testing.assert_allclose(np.abs(thin.plane), np.abs(principal_plane(X)), atol=1e-8)


def test_attempts_on_sparse_and_dense_clouds_agree():
    X = documents(1)
    dense, thin = cloud_of(X), cloud_of(sparse.csr_array(X))
    for how in ("none", "centre"):
        a, b = attempt(dense, how), attempt(thin, how)
        assert b.hubness.skewness == pytest.approx(a.hubness.skewness, abs=0.05)
        assert b.unchanged == pytest.approx(a.unchanged, abs=0.02)
        assert b.kept == pytest.approx(a.kept, abs=0.02)


def test_equal_documents_have_no_direction_once_centred():
    thin = centred(sparse.csr_array(np.ones((8, 4))), 3)
    assert thin.mean_cosine.value == 0
    assert not (thin.neighbours == np.arange(8)[:, None]).any()


def test_hubs_among_documents_bring_a_prediction_and_a_trial():
    """Words common to all make the shortest documents near to everything."""
    rng = np.random.default_rng(2)
    X = rng.random((400, 300)) * (rng.random((400, 300)) < 0.03)
    X[:, :3] = 1.0
    X[:6] = 0.0
    X[:6, :3] = 1.0 + 0.1 * rng.random((6, 3))
    (f,) = found(sparse.csr_array(X), "LA116")
    assert set(f.subject) <= {f"p{i}" for i in range(1, 7)}
    assert f.prediction.startswith("predicted skewness at most 1 without the mean")
    assert f.remedy.edit == {}
    assert f.remedy.trial.before == pytest.approx(f.evidence[0].value)

"""models.PCA: scikit-learn's checks and numbers, streaming, routes, intervals, how many components."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA as Peer
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from whyfit.errors import NotFiniteError, ShapeError, SpecError
from whyfit.models import PCA, LinearRegression
from whyfit.models.pca import SAMPLE


def data(n=300, p=8, seed=0, spikes=(9.0, 4.0)):
    rng = np.random.default_rng(seed)
    V = np.linalg.qr(rng.normal(size=(p, p)))[0]
    s = np.append(np.sqrt(spikes), np.zeros(p - len(spikes)))
    return (rng.normal(size=(n, p)) * s) @ V.T + 0.5 * rng.normal(size=(n, p)) + 100


def same(a: PCA, b: PCA, rtol=1e-9) -> None:
    for name in (
        "components_", "mean_", "explained_variance_", "explained_variance_ratio_",
        "singular_values_", "noise_variance_",
    ):  # fmt: skip
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=rtol, atol=1e-9)


@pytest.mark.parametrize("estimator", [PCA(), PCA(1), PCA(0.9)], ids=repr)
def test_scikit_learn_s_own_checks_pass(estimator):
    check_estimator(estimator, on_skip=None)


@pytest.mark.parametrize("shape", [(300, 8), (9, 8), (8, 8), (5, 8), (2, 3)])
@pytest.mark.parametrize("k", [None, 1, 2])
def test_numbers_are_those_of_scikit_learn(shape, k):
    X = data(*shape, spikes=(9.0, 4.0))
    ours, peer = PCA(k).fit(X), Peer(k).fit(X)
    assert ours.n_components_ == peer.n_components_
    simple = peer.explained_variance_ > 1e-9
    np.testing.assert_allclose(ours.mean_, peer.mean_, rtol=1e-12)
    for name in ("explained_variance_", "explained_variance_ratio_", "singular_values_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(peer, name), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.components_[simple], peer.components_[simple], atol=1e-8)
    assert ours.noise_variance_ == pytest.approx(peer.noise_variance_, abs=1e-9)
    T = ours.transform(X)
    np.testing.assert_allclose(T[:, simple], peer.transform(X)[:, simple], atol=1e-8)
    np.testing.assert_allclose(
        ours.inverse_transform(T), peer.inverse_transform(peer.transform(X)), atol=1e-8
    )
    if ours.noise_variance_ and shape[0] > shape[1]:
        np.testing.assert_allclose(ours.get_covariance(), peer.get_covariance(), atol=1e-8)
    assert list(ours.get_feature_names_out()) == list(peer.get_feature_names_out())


@pytest.mark.parametrize("k", [2, 0.95, "parallel", "evidence", None])
def test_batches_give_what_one_fit_gives(k):
    X = data(1000)
    whole, parts = PCA(k).fit(X), PCA(k)
    for start in (0, 100, 101, 407):
        parts.partial_fit(X[start : {0: 100, 100: 101, 101: 407, 407: 1000}[start]])
    same(whole, parts)
    assert parts.n_samples_ == 1000
    np.testing.assert_allclose(
        parts.intervals_, whole.intervals_, rtol=1e-9
    )  # n < SAMPLE: all rows


def test_a_sample_stands_for_the_rows_where_they_are_many():
    X = data(3 * SAMPLE, 3)
    whole, parts = PCA(2).fit(X), PCA(2)
    for batch in np.array_split(X, 7):
        parts.partial_fit(batch)
    same(whole, parts)
    for model in (whole, parts):
        half = np.log(model.intervals_[:, 1] / model.explained_variance_) / 1.96
        np.testing.assert_allclose(half, np.sqrt(2 / len(X)), rtol=0.12)  # normal rows: κ = 3
    first = len(np.unique(np.searchsorted(parts._state.keys, [0.5])))
    assert first == 1
    assert len(parts._state.sample) == SAMPLE
    # the merged sample is uniform: a seventh of it from each batch
    place = pd.Series(range(len(X)), index=X[:, 0])[parts._state.sample[:, 0]].to_numpy()
    share = np.bincount(place * 7 // len(X), minlength=7) / SAMPLE
    assert abs(share - 1 / 7).max() < 5 * np.sqrt(1 / 7 * 6 / 7 / SAMPLE)


def test_a_file_mapped_to_memory(tmp_path):
    X = data(500)
    np.save(tmp_path / "x.npy", X)
    same(PCA(3).fit(np.load(tmp_path / "x.npy", mmap_mode="r")), PCA(3).fit(X))


def test_float32_and_layout_do_not_matter():
    X = data(500)
    same(PCA(3).fit(np.asfortranarray(X)), PCA(3).fit(X))
    single = X.astype(np.float32)
    same(PCA(3).fit(single), PCA(3).fit(single.astype(float)))


def test_how_many_components():
    X = data(600, 24, spikes=(4.0, 3.5, 3.0))
    assert PCA("evidence").fit(X).n_components_ == 3
    assert PCA("parallel").fit(X).n_components_ == 3
    half = PCA(0.7).fit(X)
    assert half.explained_variance_ratio_.sum() >= 0.7
    assert half.explained_variance_ratio_[:-1].sum() < 0.7
    assert half.why_ == f"{half.n_components_} components hold 70 % of the variance."
    assert PCA(0.1).fit(X).why_ == "1 component holds 10 % of the variance."
    noise = PCA("parallel").fit(np.random.default_rng(0).normal(size=(400, 5)))
    assert noise.n_components_ == 1
    assert noise.why_ == "variances that exceed those of independent columns: 0; one is kept."
    assert "3 components" in PCA("evidence").fit(X).why_


def test_small_variances_walk_the_rows_again():
    """λ from moments are off by uλ₁; those of the triangle by u√(λλ₁)."""
    rng = np.random.default_rng(1)
    V = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    U = np.linalg.qr(rng.normal(size=(500, 4)) - 0)[0]
    U = np.linalg.qr(U - U.mean(axis=0))[0]
    s = np.array([1.0, 1e-3, 1e-6, 1e-9])
    X = (U * s) @ V.T
    model = PCA().fit(X)
    assert model.route_ == "triangle"
    truth = s**2 / 499
    np.testing.assert_allclose(model.explained_variance_, truth, rtol=1e-5)
    assert (np.abs(model.explained_variance_ - truth) <= 4 * model.error_ + 1e-30).all()
    assert PCA(2).fit(X).route_ == "moments"
    assert PCA(2).fit(X + 1).route_ == "moments"


def test_wide_tables():
    X = data(60, 300)
    model = PCA(5).fit(X)
    assert model.route_ == "singular"
    same(PCA(0.5).fit(X), Peer(0.5).fit(X))
    with pytest.raises(SpecError, match="kept no moments to add to"):
        model.partial_fit(X)


def test_large_wide_tables_take_products(monkeypatch):
    from whyfit.models import pca

    monkeypatch.setattr(pca, "WIDE", 80)
    X = data(60, 300, spikes=(40.0, 20.0, 10.0))
    model, peer = PCA(3).fit(X), Peer(3).fit(X)
    assert model.route_ == "randomised"
    np.testing.assert_allclose(model.explained_variance_, peer.explained_variance_, rtol=1e-6)
    np.testing.assert_allclose(
        model.explained_variance_ratio_, peer.explained_variance_ratio_, rtol=1e-6
    )
    np.testing.assert_allclose(np.abs((model.components_ * peer.components_).sum(1)), 1, rtol=1e-6)
    assert model.noise_variance_ == pytest.approx(peer.noise_variance_, rel=1e-6)
    off = peer.explained_variance_ - model.explained_variance_
    assert (off >= -1e-9).all()
    assert (off <= model.error_).all()


def test_intervals_cover_and_widen_with_the_tails():
    hits = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        X = rng.standard_t(8, size=(400, 2)) / np.sqrt(8 / 6) * [3.0, 1.0]
        low, high = PCA(confidence=0.9).fit(X).intervals_.T
        hits += int((low <= [9, 1])[0] and (high >= [9, 1])[0])
    assert 0.82 * 120 <= hits <= 0.97 * 120
    X = np.random.default_rng(0).normal(size=(400, 2))
    wide = PCA(confidence=0.99).fit(X).intervals_
    narrow = PCA(confidence=0.5).fit(X).intervals_
    assert (wide[:, 0] < narrow[:, 0]).all()
    assert (wide[:, 1] > narrow[:, 1]).all()


def test_it_is_an_estimator_like_any_other():
    X = pd.DataFrame(data(), columns=list("abcdefgh"))
    model = make_pipeline(PCA(2), LinearRegression()).fit(X, X["a"])
    assert model.predict(X).shape == (300,)
    fitted = clone(PCA(2, confidence=0.8)).set_output(transform="pandas").fit(X)
    assert list(fitted.transform(X).columns) == ["pca0", "pca1"]
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.components_, fitted.components_)
    assert (PCA(2).fit_transform(X) == PCA(2).fit(X).transform(X)).all()


def test_degenerate_input():
    one = PCA().fit(np.ones((1, 3)))
    assert one.explained_variance_.tolist() == [0.0]
    assert np.isnan(one.intervals_).all()
    flat = PCA().fit(np.ones((10, 3)))
    assert flat.explained_variance_.tolist() == [0, 0, 0]
    assert flat.explained_variance_ratio_.tolist() == [0, 0, 0]
    offset = PCA().fit(np.c_[np.full(50, 1e9), np.arange(50.0)])
    np.testing.assert_allclose(offset.explained_variance_, [212.5, 0], atol=1e-9)


def test_messages():
    X = data(20, 3, spikes=(1.0,))
    for bad in (0, -1, 1.5, 0.0, "mle", True, "x"):
        with pytest.raises(SpecError, match="expected a whole number ≥ 1, a share in"):
            PCA(bad).fit(X)
    with pytest.raises(
        SpecError, match=r"n_components is 4 and X has shape \(20, 3\); expected at"
    ):
        PCA(4).fit(X)
    with pytest.raises(SpecError, match="confidence is 95"):
        PCA(confidence=95).fit(X)
    for shape in ((20, 3), (3, 20)):
        bad = np.ones(shape)
        bad[1, 2] = np.inf
        with pytest.raises(NotFiniteError, match="column 'x3' holds NaN, infinity"):
            PCA(1).fit(bad)
    with pytest.raises(NotFiniteError, match="column 'b' holds"):
        PCA(1).fit(pd.DataFrame({"a": [1.0, 2, 3], "b": [1, np.nan, 2]}))
    with pytest.raises(ShapeError, match=r"scores of shape \(2, 3\); expected \(m, 1\)"):
        PCA(1).fit(X).inverse_transform(np.ones((2, 3)))
    with pytest.raises(NotFittedError):
        PCA().transform(X)
    with pytest.raises(ShapeError, match="3 rows; n_components='evidence' needs at least 4"):
        PCA("evidence").fit(X[:3])

"""Transformations do what their formulas say, and their trials are paired and oriented."""

from __future__ import annotations

import numpy as np
import pytest

from clouds import cloud_of
from whyfit.diagnosis.cloud_plane import nearest_in_plane
from whyfit.diagnosis.cloud_transforms import TRANSFORMS, directions_removed, transformed, words
from whyfit.diagnosis.cloud_trials import (
    all_attempts,
    attempt,
    fewer_hubs,
    kept_shares,
    smaller_cosine,
)


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    return cloud_of(rng.standard_normal((400, 12)) @ rng.standard_normal((12, 12)) + 3.0)


def test_centring_leaves_no_mean(case):
    np.testing.assert_allclose(transformed(case, "centre").mean(axis=0), 0, atol=1e-12)


def test_whitening_leaves_the_identity(case):
    Z = transformed(case, "whiten")
    np.testing.assert_allclose(Z.T @ Z / len(Z), np.eye(Z.shape[1]), atol=1e-8)


def test_whitening_blows_no_rounding_up():
    X = np.random.default_rng(1).standard_normal((50, 3))
    flat = cloud_of(np.hstack([X, X[:, :1] + X[:, 1:2]]))  # rank 3 of 4
    Z = transformed(flat, "whiten")
    assert Z.shape == (50, 3)
    assert np.abs(Z).max() < 10


def test_the_top_directions_are_gone_and_the_rest_is_as_it_was(case):
    Z, V = transformed(case, "all-but-the-top"), case.spectrum.axes
    top = directions_removed(case.p)
    np.testing.assert_allclose(Z @ V[:, :top], 0, atol=1e-10)
    np.testing.assert_allclose(Z @ V[:, top:], case.centred @ V[:, top:], atol=1e-10)


def test_unit_rows_have_length_one(case):
    np.testing.assert_allclose(np.linalg.norm(transformed(case, "unit"), axis=1), 1)


@pytest.mark.parametrize(("p", "d"), [(3, 1), (100, 1), (149, 1), (151, 2), (300, 3)])
def test_a_direction_goes_per_hundred_dimensions(p, d):
    assert directions_removed(p) == d


def test_every_transformation_has_words():
    assert len({words(how, 300) for how in TRANSFORMS}) == len(TRANSFORMS)


def test_kept_shares_against_sets():
    rng = np.random.default_rng(2)
    a, b = (np.array([rng.permutation(30)[:5] for _ in range(40)]) for _ in range(2))
    naive = [len(set(x) & set(y)) / 5 for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    np.testing.assert_allclose(kept_shares(a, b), naive)


def test_centring_is_measured_to_remove_the_mean_cosine(case):
    remedy = smaller_cosine(case, "centre")
    assert remedy.edit == {"transform": "centre"}
    trial = remedy.trial
    assert trial.before == pytest.approx(case.mean_cosine.value)
    assert trial.after < 0.02
    assert trial.low < trial.difference < trial.high
    assert trial.helped


def test_the_gentlest_that_suffices_is_proposed():
    rng = np.random.default_rng(3)
    case = cloud_of(rng.standard_normal((600, 40)) + 1.5)
    assert fewer_hubs(case, limit=1.0).edit == {"transform": "centre"}
    least = min(
        (t for t in all_attempts(case) if t.how != "none"), key=lambda t: t.hubness.skewness
    )
    assert fewer_hubs(case, limit=-9.0).edit == {"transform": least.how}


def test_what_the_plane_keeps_is_measured_anew():
    X = np.random.default_rng(5).standard_normal((200, 6)) * [4, 3, 1, 1, 1, 1]
    case = cloud_of(X, "euclidean")
    plain, white = attempt(case, "none").kept, attempt(case, "whiten").kept
    assert plain > white + 0.1  # six equal directions: no plane keeps much


def test_neighbours_in_a_plane_are_those_of_a_full_sort():
    at = np.random.default_rng(6).standard_normal((60, 2))
    some = np.array([3, 50, 7])
    found = nearest_in_plane(at, some, 5)
    for i, row in zip(some, found, strict=True):
        d = np.hypot(*(at - at[i]).T)
        d[i] = np.inf
        assert row.tolist() == np.argsort(d)[:5].tolist()
    copies = nearest_in_plane(np.zeros((30, 2)), np.arange(30), 5)
    assert not (copies == np.arange(30)[:, None]).any()


def test_attempts_are_made_once(case):
    assert attempt(case, "centre") is attempt(case, "centre")
    assert attempt(case, "none").unchanged == 1

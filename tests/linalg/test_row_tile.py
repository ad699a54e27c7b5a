"""Rows as they lie against the same rows turned into columns: one product, two ways."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.fold import Rows
from whyfit.linalg.columns import Scratch, newton_tiles, tiles
from whyfit.linalg.row_tile import NEAR, RowTile, near


def rows_of(X: np.ndarray) -> Rows:
    n = len(X)
    return Rows(X, np.arange(n, dtype=float), np.arange(n), np.zeros(n, dtype=np.int16))


def sums(way, X, centre):
    rng = np.random.default_rng(1)
    b, out = rng.normal(size=X.shape[1] + 1), []
    H, g = np.zeros((len(b), len(b))), np.zeros(len(b))
    for part, Z in way(rows_of(X), centre):
        eta = Z.times(b)
        out.append(eta)
        g += Z.back(np.sin(part.y))
        Z.add_gram(np.cos(part.y) ** 2, H)
    return np.concatenate(out), g, H


@pytest.mark.parametrize("p", [1, 3, 20])
@pytest.mark.parametrize("offset", [0.0, 5.0])
def test_both_ways_agree(p, offset) -> None:
    X = np.random.default_rng(p).normal(size=(20_001, p)) + offset
    centre = X.mean(axis=0)
    assert near(X, centre)
    kinds = {type(Z) for _, Z in newton_tiles(rows_of(X), centre)}
    assert kinds == {RowTile}
    for mine, twin in zip(sums(newton_tiles, X, centre), sums(tiles, X, centre), strict=True):
        np.testing.assert_allclose(mine, twin, rtol=0, atol=1e-12 * max(1.0, np.abs(twin).max()))


def test_the_definition() -> None:
    rng = np.random.default_rng(5)
    X, mu = rng.normal(size=(7, 2)), np.array([0.3, -0.2])
    Z = np.vstack([np.ones(7), (X - mu).T])
    tile, w = RowTile(X, mu, Scratch()), rng.uniform(size=7)
    np.testing.assert_allclose(tile.times(np.arange(3.0)), np.arange(3.0) @ Z, atol=1e-14)
    np.testing.assert_allclose(tile.back(w), Z @ w, atol=1e-14)
    H = np.ones((3, 3))
    tile.add_gram(np.sqrt(w), H)
    np.testing.assert_allclose(H - 1, (Z * w) @ Z.T, atol=1e-13)
    assert tile.c == 3


@pytest.mark.parametrize(
    "X",
    [
        np.random.default_rng(0).normal(size=(100, 2)) + np.array([0, 2 * NEAR]),  # far from zero
        np.column_stack([np.ones(100), np.arange(100.0)]),  # constant
        np.asfortranarray(np.random.default_rng(0).normal(size=(100, 2))),  # columns lie together
        np.zeros((0, 2)),
    ],
)
def test_other_rows_are_turned_into_columns(X) -> None:
    centre = X.mean(axis=0) if len(X) else np.zeros(2)
    assert not near(X, centre)
    assert all(not isinstance(Z, RowTile) for _, Z in newton_tiles(rows_of(X), centre))


def test_rare_ones_are_near() -> None:
    X = np.zeros((1_000, 1))
    X[17] = 1
    assert near(X, X.mean(axis=0))

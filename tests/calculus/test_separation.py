"""Separation: programmes against planted directions; extents as a fold."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.calculus.logistic import newton
from whyfit.calculus.separation import Extents, extents_of, separating_direction, single_columns
from whyfit.data.arrays import ArrayRows
from whyfit.engines.local import LocalEngine
from whyfit.fold import Rows


def rows(X, y, start=0):
    index = np.arange(start, start + len(y))
    return Rows(X, y, index, np.zeros(len(y), dtype=np.int64))


def sample(n=300, p=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng, rng.normal(size=(n, p))


def test_extents_merge_in_any_order():
    rng, X = sample()
    y = (rng.random(300) < 0.4).astype(float)
    of = extents_of(1.0, np.arange(5.0), 0.5)
    whole = of(rows(X, y))
    a, b, c = (of(rows(X[i : i + 100], y[i : i + 100])) for i in (0, 100, 200))
    for merged in ((a + b) + c, c + (b + a), Extents.empty(5) + a + c + b):
        np.testing.assert_array_equal(merged.least, whole.least)
        np.testing.assert_array_equal(merged.largest, whole.largest)
        np.testing.assert_array_equal(merged.n, whole.n)
        assert merged.margin == whole.margin
    eta = 0.5 + X @ np.arange(5.0)
    assert whole.margin == pytest.approx(((2 * y - 1) * eta).min())


def test_single_columns_complete_and_quasi_complete():
    _, X = sample(p=4)
    y = (X[:, 2] > 0.3).astype(float)
    X[:, 3] = (X[:, 1] > 1) * y  # 1 only within the class
    e = extents_of(1.0, np.zeros(4), 0.0)(rows(X, y))
    found, complete = single_columns(e)
    assert list(found) == [2, 3]
    assert list(complete) == [True, False]


def test_a_constant_column_separates_nothing():
    _, X = sample(p=2)
    X[:, 1] = 7.0
    y = (np.arange(300) % 2).astype(float)
    assert not single_columns(extents_of(1.0, np.zeros(2), 0.0)(rows(X, y)))[0].size


@pytest.mark.parametrize("n", [80, 3000])
def test_finds_a_sparse_complete_direction(n: int):
    _, X = sample(n, 6, 1)
    s = np.where(X[:, 1] - 0.5 * X[:, 4] > 0.2, 1.0, -1.0)
    for complete in (False, True):
        found = separating_direction(X, s, np.zeros(n), complete)
        assert found is not None
        assert found.complete
        assert set(np.flatnonzero(found.beta[1:])) == {1, 4}
        assert found.beta[2] > 0 > found.beta[5]


def test_finds_a_quasi_complete_combination():
    """Two dummies of a three-level column whose reference level has one class: neither separates alone."""
    rng, X = sample(400, 3, 2)
    level = rng.integers(0, 3, size=400)
    X[:, 0], X[:, 1] = level == 1, level == 2
    y = (rng.random(400) < 0.5).astype(float)
    y[level == 0] = 1.0
    assert not single_columns(extents_of(1.0, np.zeros(3), 0.0)(rows(X, y)))[0].size
    found = separating_direction(X, 2 * y - 1, np.zeros(400))
    assert found is not None
    assert not found.complete
    assert found.apart == (level == 0).sum()
    assert set(np.flatnonzero(found.beta[1:])) == {0, 1}


def test_overlapping_classes_have_no_direction():
    rng, X = sample(2000, 5, 3)
    y = (rng.random(2000) < 1 / (1 + np.exp(-4 * X[:, 0]))).astype(float)
    assert separating_direction(X, 2 * y - 1, 4 * X[:, 0]) is None


@pytest.mark.parametrize("quasi", [False, True])
def test_newton_stops_and_says_why(quasi: bool):
    """Each step leaves 1/e of the gain; a fit that overlaps in one row converges instead."""
    rng, X = sample(500, 3, 4)
    y = (X[:, 0] > 0.1).astype(float)
    if quasi:
        X[:, 1] = rng.random(500) < 0.1
        y = np.maximum(rng.random(500) < 0.5, X[:, 1])
    source = ArrayRows(X, y.astype(float), 5)
    run = newton(source.blocks, 500, X.mean(axis=0), X.std(axis=0), LocalEngine())
    assert run.runaway
    assert not run.converged
    assert run.passes < 30
    falls = -np.diff(run.losses)
    assert falls[-1] / falls[-2] == pytest.approx(np.exp(-1), abs=0.02)
    y = y.copy()
    y[np.argmax(X[:, 1] if quasi else X[:, 0])] = 0.0
    again = ArrayRows(X, y.astype(float), 5)
    run = newton(again.blocks, 500, X.mean(axis=0), X.std(axis=0), LocalEngine())
    assert run.converged
    assert not run.runaway


@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_a_warm_start_that_saw_too_little_of_a_level_is_dropped(ridge: float):
    """The first rows show one class where the level holds: their optimum is far out, where H is nearly flat."""
    rng = np.random.default_rng(5)
    n = 20_000
    X = rng.normal(size=(n, 3))
    X[:, 2] = rng.random(n) < 0.01
    y = (rng.random(n) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
    y[:2000] = np.maximum(y[:2000], X[:2000, 2])
    source = ArrayRows(X, y, 5)
    arguments = (source.blocks, n, X.mean(axis=0), X.std(axis=0), LocalEngine(), ridge)
    warm = newton(*arguments)
    cold = newton(*arguments, start=np.zeros(4))
    assert warm.converged
    assert warm.passes <= cold.passes + 4
    np.testing.assert_allclose(warm.b, cold.b, rtol=1e-8, atol=1e-9)

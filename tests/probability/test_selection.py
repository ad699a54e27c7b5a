"""Selection from Gram matrices against refits of the rows."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.probability.selection import (
    FoldGrams,
    coefficients,
    cross_selected,
    forward,
    squared_error,
)


def table(n: int, t: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    Z = np.ones((n, 3 + t + 1))
    Z[:, 1:-1] = rng.normal(size=(n, 2 + t))
    Z[:, -1] = Z[:, 1] + rng.normal(size=n)
    return Z, rng.integers(0, 5, size=n)


def rss(Z, y):
    w = np.linalg.lstsq(Z, y, rcond=None)[0]
    return float(((y - Z @ w) ** 2).sum())


def test_greedy_steps_equal_refits():
    Z, _ = table(120, 6)
    Z[:, -1] += 0.8 * Z[:, 5] - 1.2 * Z[:, 7]
    taken, path = forward(Z.T @ Z, 120, 3, 4, np.ones(6))
    assert taken[:2] == [4, 2]
    base = [0, 1, 2]
    assert path[0] == pytest.approx(rss(Z[:, base], Z[:, -1]))
    for m in range(1, len(path)):
        assert path[m] == pytest.approx(rss(Z[:, base + [3 + i for i in taken[:m]]], Z[:, -1]))


def test_noise_is_taken_in_one_of_a_hundred_times():
    taken = sum(
        bool(forward(Z.T @ Z, 100, 3, 3, np.ones(20))[0])
        for Z, _ in (table(100, 20, s) for s in range(300))
    )
    assert taken <= 9  # P(more | 1 %) < 0.2 %


def test_held_out_errors_are_those_of_refits():
    Z, label = table(150, 4)
    Z[:, -1] += Z[:, 4]
    grams = FoldGrams.of(Z, label, 5, 3)
    gain = cross_selected(grams, 3, np.ones(4))
    for j in range(5):
        train, test = Z[label != j], Z[label == j]
        assert gain.taken[j][0] == 1
        columns = [0, 1, 2, *(3 + i for i in gain.taken[j])]
        w = np.linalg.lstsq(train[:, columns], train[:, -1], rcond=None)[0]
        assert gain.after[j] == pytest.approx(np.mean((test[:, -1] - test[:, columns] @ w) ** 2))
        w = np.linalg.lstsq(train[:, :3], train[:, -1], rcond=None)[0]
        assert gain.before[j] == pytest.approx(np.mean((test[:, -1] - test[:, :3] @ w) ** 2))


def test_dependent_candidates_are_left_alone():
    Z, _ = table(100, 3)
    Z[:, 3] = Z[:, 1] + Z[:, 2]
    Z[:, -1] += 5 * Z[:, 3]
    taken, _ = forward(Z.T @ Z, 100, 3, 3, np.ones(3))
    assert 0 not in taken
    columns, b = coefficients(Z.T @ Z, 3, [])
    assert squared_error(Z.T @ Z, columns, b) == pytest.approx(rss(Z[:, :3], Z[:, -1]), rel=1e-6)

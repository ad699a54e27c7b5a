"""What the tests of robust covariances share: rows cut otherwise, a table, its fit, and realised coverage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import sqrtm
from scipy.special import bdtr, bdtrc

from whyfit.data.arrays import ArrayRows
from whyfit.engines.local import LocalEngine, one_blas_thread
from whyfit.probability.linear import LinearFit, fit_moments, gather

ONE = LocalEngine(1)


class Cut:
    """The same rows in blocks of other lengths."""

    def __init__(self, rows: ArrayRows, sizes: tuple[int, ...]) -> None:
        self.rows, self.sizes, self.names = rows, sizes, rows.names

    def blocks(self):
        for block in self.rows.blocks():
            start, i = 0, 0
            while start < len(block.y):
                stop = start + self.sizes[i % len(self.sizes)]
                yield block.take(slice(start, stop))
                start, i = stop, i + 1


def table(n: int = 300, seed: int = 0):
    """Three random walks of very different units, errors AR(1) and heteroscedastic, forty clusters."""
    rng = np.random.default_rng(seed)
    X = np.cumsum(rng.normal(size=(n, 3)), axis=0) * [0.01, 1, 100] + 5
    e = rng.normal(size=n)
    e[1:] += 0.7 * e[:-1]
    return X, X @ [100, 1, 0.01] + e * (1 + np.abs(X[:, 1])), np.sort(rng.integers(40, size=n))


def fitted(X, y, intercept: bool = True):
    rows = ArrayRows(X, y, 1)
    moments = gather(rows, 1, ONE).total
    return fit_moments(moments, rows.names, 0.0, rows, ONE, intercept), rows


def of_clusters(D, y, g):
    """CR2 with every n × n matrix written out: V, its meat M, and (I − H)_·g (I − H_gg)^{−½} x_g V of each cluster."""
    V = np.linalg.inv(D.T @ D)
    H = D @ V @ D.T
    e, M, parts = y - H @ y, np.zeros_like(V), []
    for v in np.unique(g):
        i = g == v
        A = np.linalg.inv(np.real(sqrtm(np.eye(i.sum()) - H[np.ix_(i, i)])))
        u = D[i].T @ A @ e[i]
        M += np.outer(u, u)
        parts.append((np.eye(len(y)) - H)[:, i] @ A @ D[i] @ V)
    return V, M, parts


Simulate = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray, np.ndarray]]


def coverage(simulate: Simulate, tables: int, seed: int, *intervals) -> list[int]:
    """How often each interval(fit, rows, label) → (low, high) of the first slope holds 1."""
    rng = np.random.default_rng(seed)
    found = [0] * len(intervals)
    with one_blas_thread():
        for _ in range(tables):
            X, y, label = simulate(rng)
            fit, rows = fitted(X, y)
            for k, interval in enumerate(intervals):
                low, high = interval(fit, rows, label)
                found[k] += bool(low <= 1 <= high)
    return found


def slope_of(meat) -> Callable[[LinearFit, ArrayRows, np.ndarray], tuple[float, float]]:
    """The interval of the first slope from `meat(fit, rows, label)`, or of a table."""

    def interval(fit: LinearFit, rows: ArrayRows, label: np.ndarray) -> tuple[float, float]:
        found = meat(fit, rows, label)
        table = found.inference(fit) if hasattr(found, "inference") else found
        return float(table.low[1]), float(table.high[1])

    return interval


def within(hits: int, tables: int, low: float, high: float, level: float = 1e-3) -> bool:
    """Whether hits/tables is no reason to doubt a coverage in [low, high], binomially at `level` a side."""
    too_few = bdtr(hits, tables, low) < level
    too_many = hits > 0 and bdtrc(hits - 1, tables, high) < level
    return not (too_few or too_many)

"""Scatter of columns whose values come back thousands of times: rounding must not add up.

A value added K times in a row is rounded the same way each time; judged by exact sums (`linalg.doubled`).
"""

import numpy as np
import pytest

from whyfit.data.arrays import ArrayRows
from whyfit.engines.local import LocalEngine
from whyfit.fold import fold
from whyfit.linalg.doubled import ExactGram, Grid, exact_gram_of
from whyfit.linalg.solve import GRAM_GAMMA, U
from whyfit.probability.linear import gather

N = 40_000


def error(X, y, k):
    """Largest error of a scatter of unit columns."""
    rows = ArrayRows(X, y, k)
    moments = gather(rows, k).total
    grid = Grid.of(moments)
    gram = fold(rows.blocks(), exact_gram_of(grid), ExactGram.empty(len(grid.top)), LocalEngine())
    whole = gram.product * gram.n - np.outer(gram.total, gram.total)
    exact = np.ldexp((whole / gram.n).astype(float), grid.unit + grid.unit[:, None])
    d = np.sqrt(np.diag(exact))
    return float(np.abs((moments.scatter - exact) / d / d[:, None]).max())


def columns(kind, rng):
    match kind:
        case "dummies":
            return (rng.random((N, 3)) < [0.02, 0.3, 0.9]).astype(float)
        case "whole numbers":
            return rng.integers(0, 120, (N, 3)).astype(float)
        case "years":
            return 1900.0 + rng.integers(0, 120, (N, 3))
        case "two prices":
            return np.where(rng.random((N, 3)) < 0.3, 9.99, 19.95)
        case "zero or anything":
            return np.where(rng.random((N, 3)) < 0.5, 0.0, rng.standard_normal((N, 3)))
        case "anything":
            return rng.standard_normal((N, 3)) + 1e3
    raise AssertionError


@pytest.mark.parametrize("k", [1, 10])
@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        ("dummies", 8 * U),
        ("whole numbers", 8 * U),
        ("years", 8 * U),
        ("two prices", GRAM_GAMMA),
        ("zero or anything", GRAM_GAMMA),
        ("anything", 16 * U),
    ],
)
def test_scatter_is_as_exact_as_its_bound_says(kind, limit, k):
    rng = np.random.default_rng(4)
    X = columns(kind, rng)
    y = columns(kind, rng)[:, 1]
    assert error(X, y, k) <= limit


def test_a_constant_column_stays_constant():
    X = np.column_stack([np.full(N, 0.1), np.full(N, 1e12 + 0.3), np.arange(N) % 7])
    scatter = gather(ArrayRows(X, X[:, 2], 10), 10).total.scatter
    assert scatter[0, 0] == scatter[1, 1] == 0.0
    assert scatter[2, 2] > 0

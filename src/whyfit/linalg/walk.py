"""The rows once more: what the solver may ask for when moments do not tell enough.

Two accumulators over the same blocks: a triangle (TSQR) and exact sums of products, of [1 X y] centred, or of [X y]
about zero for a fit through the origin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from whyfit.fold import Engine, RowSource, fold
from whyfit.linalg.doubled import ExactGram, Grid, exact_gram_of
from whyfit.linalg.triangle import Triangle, triangle_of


@dataclass(frozen=True, slots=True)
class Walk:
    """How to see the rows once more: their triangle, or their exact sums of products.

    `derived` says that columns come with low-order parts, which moments and triangles do not see; `centred` is
    False if there is no intercept, and moments are about zero.
    """

    triangle: Callable[[np.ndarray, np.ndarray], Triangle]  # of (mean, scale)
    exact: Callable[[Grid], ExactGram] | None = None
    derived: Callable[[], bool] = lambda: False
    centred: bool = True


def walk_of(rows: RowSource, engine: Engine, intercept: bool = True) -> Walk:
    """Walks over `rows` by `engine`."""

    def triangle(mean: np.ndarray, scale: np.ndarray) -> Triangle:
        # without an intercept the row (1, 0, ..., 0) stands in for the column of ones, which the solver sweeps out
        zero = Triangle.empty(mean.size + 1) if intercept else Triangle(np.eye(1, mean.size + 1))
        return fold(rows.blocks(), triangle_of(mean, scale, intercept), zero, engine)

    def exact(grid: Grid) -> ExactGram:
        return fold(rows.blocks(), exact_gram_of(grid), ExactGram.empty(grid.shift.size), engine)

    def derived() -> bool:
        return any(block.lower is not None for block in islice(rows.blocks(), 1))

    return Walk(triangle, exact, derived, intercept)

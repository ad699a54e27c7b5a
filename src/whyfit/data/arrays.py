"""Rows of arrays already in memory, without a copy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

from whyfit.data.folds import fold_of
from whyfit.data.table import BLOCK
from whyfit.errors import ShapeError
from whyfit.fold import Rows


class ArrayRows:
    """A RowSource over X (n, p) and y (n,): blocks of BLOCK rows that are views of X and y.

    Values are not checked; the accumulators refuse what is not finite.
    """

    def __init__(
        self,
        X: Float[np.ndarray, "n p"],
        y: Float[np.ndarray, " n"],
        k: int,
        seed: int = 0,
        names: tuple[str, ...] | None = None,
    ) -> None:
        if X.ndim != 2 or y.ndim != 1 or X.shape[0] != y.shape[0]:
            raise ShapeError(f"X has shape {X.shape} and y {y.shape}; expected (n, p) and (n,).")
        if names is not None and len(names) != X.shape[1]:
            raise ShapeError(f"X has {X.shape[1]} columns and there are {len(names)} names.")
        self._X, self._y, self.k, self.seed = X, y, k, seed
        self._names = names or tuple(f"x{j + 1}" for j in range(X.shape[1]))
        self._folds: list[Int[np.ndarray, " m"]] = []

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def blocks(self) -> Iterator[Rows]:
        for i, start in enumerate(range(0, self._y.size, BLOCK)):
            stop = min(start + BLOCK, self._y.size)
            index = np.arange(start, stop)
            if i == len(self._folds):  # two bytes a row, kept for the next pass
                self._folds.append(fold_of(index, self.k, self.seed))
            yield Rows(self._X[start:stop], self._y[start:stop], index, self._folds[i])

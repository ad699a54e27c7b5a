"""Arrays in memory as blocks of rows, without a copy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from whyfit.data.folds import fold_of
from whyfit.errors import ShapeError
from whyfit.fold import Rows

BLOCK = 65_536  # rows of a block: a few MB for tens of columns


class ArrayRows:
    """A RowSource over X (n, p) and y (n,); folds by `data.folds.fold_of`.

    Raises ShapeError if X is not 2-D, y not 1-D, or their lengths differ.
    """

    def __init__(
        self,
        X: Float[np.ndarray, "n p"],
        y: Float[np.ndarray, " n"],
        k: int,
        seed: int = 0,
        names: tuple[str, ...] | None = None,
    ) -> None:
        X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if X.ndim != 2 or y.ndim != 1 or len(X) != len(y):
            raise ShapeError(
                f"X has shape {X.shape} and y {y.shape}; expected (n, p) and (n,) with the same n."
            )
        self.X, self.y, self.k, self.seed = X, y, k, seed
        self._names = names or tuple(f"x{j + 1}" for j in range(X.shape[1]))

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def blocks(self) -> Iterator[Rows]:
        for start in range(0, len(self.y), BLOCK):
            part = slice(start, start + BLOCK)
            index = np.arange(start, start + len(self.y[part]))
            yield Rows(self.X[part], self.y[part], index, fold_of(index, self.k, self.seed))

"""Rows of arrays already in memory, without a copy; and rows kept in memory between passes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int

from whyfit.data.folds import fold_of
from whyfit.data.table import BLOCK
from whyfit.errors import ShapeError
from whyfit.fold import Rows, RowSource


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


#: Design matrices up to this many bytes are kept between passes; larger ones are built anew each time.
REMEMBER_BYTES = 128 << 20


class Remembered:
    """A RowSource whose blocks are kept after the first pass: for models that need many.

    `without(dropped)` is the same rows with fewer columns, remembered too.
    """

    def __init__(self, source: RowSource) -> None:
        self._source = source
        self._blocks: list[Rows] | None = None
        self._subsets: dict[bytes, Remembered] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return self._source.names

    def blocks(self) -> Iterator[Rows]:
        if self._blocks is not None:
            yield from self._blocks
            return
        kept = []
        for block in self._source.blocks():
            kept.append(block)
            yield block
        self._blocks = kept

    def without(self, dropped: Bool[np.ndarray, " p"]) -> Remembered:
        key = dropped.tobytes()
        if key not in self._subsets:
            self._subsets[key] = Remembered(_Columns(self, np.flatnonzero(~dropped)))
        return self._subsets[key]


class _Columns:
    def __init__(self, source: RowSource, keep: Int[np.ndarray, " r"]) -> None:
        self._source, self._keep = source, keep

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._source.names[j] for j in self._keep)

    def blocks(self) -> Iterator[Rows]:
        for b in self._source.blocks():
            # take along the contiguous axis of a column-major block
            X = b.X.T[self._keep].T if b.X.flags.f_contiguous else b.X[:, self._keep]
            yield Rows(X, b.y, b.index, b.fold)

"""Views of a RowSource: some of its columns, some of its rows, or kept in memory between passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool

from whyfit.fold import Rows, RowSource

#: Design matrices up to this many bytes are kept between passes; larger ones are built anew each time.
REMEMBER_BYTES = 128 << 20
#: ... and those with sparse columns, which are small for what they cost to build (text is read again).
REMEMBER_SPARSE_BYTES = 384 << 20


class Remembered:
    """A RowSource whose blocks are kept after the first pass: for models that need many.

    Blocks that hold more bytes together than `limit` are not kept. `without(dropped)` is the same rows with
    fewer columns, remembered too.
    """

    def __init__(self, source: RowSource, limit: float = float("inf")) -> None:
        self._source, self._limit = source, limit
        self._blocks: list[Rows] | None = None
        self._subsets: dict[bytes, Remembered] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return self._source.names

    def blocks(self) -> Iterator[Rows]:
        if self._blocks is not None:
            yield from self._blocks
            return
        kept: list[Rows] | None = []
        size = 0
        for block in self._source.blocks():
            if kept is not None:
                size += block.nbytes
                kept = [*kept, block] if size <= self._limit else None
            yield block
        self._blocks = kept

    def without(self, dropped: Bool[np.ndarray, " p"]) -> Remembered:
        key = dropped.tobytes()
        if key not in self._subsets:
            self._subsets[key] = Remembered(Columns(self, ~dropped), self._limit)
        return self._subsets[key]


class Columns:
    """`source` with only some of its columns."""

    def __init__(self, source: RowSource, keep: Bool[np.ndarray, " p"]) -> None:
        self._source, self._keep = source, np.flatnonzero(keep)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._source.names[j] for j in self._keep)

    def blocks(self) -> Iterator[Rows]:
        for b in self._source.blocks():
            yield b.select(self._keep)


class Filtered:
    """`source` with only the rows for which `keep(block)`, a mask over its rows, holds."""

    def __init__(self, source: RowSource, keep: Callable[[Rows], Bool[np.ndarray, " m"]]) -> None:
        self._source, self._keep = source, keep

    @property
    def names(self) -> tuple[str, ...]:
        return self._source.names

    def blocks(self) -> Iterator[Rows]:
        for b in self._source.blocks():
            keep = self._keep(b)
            if keep.all():
                yield b
            elif keep.any():
                yield b.take(keep)


def without_columns(rows: RowSource, dropped: Bool[np.ndarray, " p"]) -> RowSource:
    """`rows` without the dropped columns, remembered if `rows` are."""
    if not dropped.any():
        return rows
    return rows.without(dropped) if isinstance(rows, Remembered) else Columns(rows, ~dropped)


def among(rows: RowSource, index: frozenset[int], *, inside: bool = True) -> RowSource:
    """`rows` whose source row number is in `index`, or is not."""
    numbers = np.fromiter(sorted(index), dtype=np.int64, count=len(index))
    return Filtered(rows, lambda b: np.isin(b.index, numbers, invert=not inside))

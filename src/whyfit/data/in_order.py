"""Rows in another order than that of the source: by a date, say, for all that depends on neighbours in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Int

from whyfit.data.table import BLOCK
from whyfit.fold import Rows, RowSource

#: Bytes of the rows that are put in order at once; more take another pass over the source.
ORDERED_BYTES = 256 << 20


@dataclass(frozen=True, eq=False)
class InOrder:
    """`rows` by rising `rank`, one rank per source row; dense, and `index` does not rise any more.

    Ranks 0 … n − 1 are cut into stretches of ORDERED_BYTES, and one pass over `rows` collects each.
    """

    rows: RowSource
    rank: Int[np.ndarray, " n"]

    @property
    def names(self) -> tuple[str, ...]:
        return self.rows.names

    def blocks(self) -> Iterator[Rows]:
        n = len(self.rank)
        most = max(ORDERED_BYTES // (8 * (len(self.names) + 4)), 1)
        cuts = max(-(-n // most), 1)
        edges = [n * j // cuts for j in range(cuts + 1)]
        for first, last in pairwise(edges):
            parts = []
            for block in self.rows.blocks():
                rank = self.rank[block.index]
                mine = np.flatnonzero((rank >= first) & (rank < last))
                if mine.size:
                    few = block.take(mine)
                    parts.append((few.X, few.y, few.index, few.fold, rank[mine]))
            if not parts:
                continue
            X, y, index, fold, rank = (np.concatenate(p) for p in zip(*parts, strict=True))
            order = np.argsort(rank)
            for start in range(0, order.size, BLOCK):
                some = order[start : start + BLOCK]
                yield Rows(X[some], y[some], index[some], fold[some])


def in_order(rows: RowSource, rank: Int[np.ndarray, " n"] | None) -> RowSource:
    """`rows` by `rank` (see `grouping.ranks_of`); None: as they are."""
    return rows if rank is None else InOrder(rows, rank)

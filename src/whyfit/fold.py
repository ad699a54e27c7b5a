"""Everything over rows is a fold.

A quantity that needs the rows is an *accumulator*: a value with `+`, associative and commutative up to
rounding, made from one block by some function `of`. `fold(blocks, of, engine)` maps `of` over the
blocks and adds the results *in block order*, so the outcome depends neither on the number of threads
nor on which block finishes first. What is finally wanted is a separate step on the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Accumulator(Protocol):
    """A commutative monoid up to rounding; the zero is made by the class (`empty(...)`)."""

    def __add__(self, other: Any, /) -> Any: ...


A = TypeVar("A", bound=Accumulator)
B = TypeVar("B")


class Engine(Protocol):
    """Where `of` runs: yields of(block) for every block, in order."""

    def map(self, of: Callable[[B], A], blocks: Iterable[B], /) -> Iterable[A]: ...


@dataclass(frozen=True, slots=True)
class Rows:
    """A block of the design: what every accumulator over rows receives. Never written to.

    The columns of the design are those of `dense` followed by those of `sparse`. `X` is always all of
    them, at the price of a dense block; an accumulator that can do better asks for the two parts.
    `dense` may be C- or Fortran-ordered; an accumulator must be fast for both.
    """

    dense: Float[np.ndarray, "m d"]
    y: Float[np.ndarray, " m"]
    index: Int[np.ndarray, " m"]  # source row numbers, 0-based, increasing
    fold: Int[np.ndarray, " m"]  # cross-validation fold of each row
    sparse: csr_array | None = None  # (m, s): text and categories of many levels
    lower: Callable[[], Float[np.ndarray, "m d"]] | None = None  # makes `low`

    @property
    def low(self) -> Float[np.ndarray, "m d"] | None:
        """What rounding took from `dense`, worked out when asked for; None: `dense` is exact.

        The exact columns (powers, products) are dense + low, |low| ≤ a few u|dense|; an exact column has 0.
        """
        return None if self.lower is None else self.lower()

    @property
    def X(self) -> Float[np.ndarray, "m p"]:
        """All columns, dense."""
        if self.sparse is None:
            return self.dense
        return np.hstack([self.dense, self.sparse.toarray()])

    @property
    def p(self) -> int:
        return self.dense.shape[1] + (0 if self.sparse is None else self.sparse.shape[1])  # pyright: ignore[reportOptionalSubscript]

    @property
    def nbytes(self) -> int:
        """Bytes of the columns as they are kept."""
        size, s = self.dense.nbytes, self.sparse
        return size if s is None else size + s.data.nbytes + s.indices.nbytes + s.indptr.nbytes

    def take(self, which: Bool[np.ndarray, " m"] | Int[np.ndarray, " s"] | slice) -> Rows:
        """Some of the rows."""
        lower = self.lower
        return Rows(
            self.dense[which],
            self.y[which],
            self.index[which],
            self.fold[which],
            None if self.sparse is None else self.sparse[which],
            None if lower is None else lambda: lower()[which],
        )

    def select(self, columns: Int[np.ndarray, " c"]) -> Rows:
        """Some of the columns, by increasing number."""
        d, lower = self.dense.shape[1], self.lower
        of_dense, of_sparse = columns[columns < d], columns[columns >= d] - d
        dense = _columns(self.dense, of_dense)
        sparse = self.sparse
        if sparse is not None:
            sparse = sparse[:, of_sparse] if of_sparse.size else None
        low = None if lower is None else lambda: _columns(lower(), of_dense)
        return Rows(dense, self.y, self.index, self.fold, sparse, low)


def _columns(X: Float[np.ndarray, "m d"], which: Int[np.ndarray, " c"]) -> Float[np.ndarray, "m c"]:
    """Taken along the contiguous axis of a column-major block."""
    return X.T[which].T if X.flags.f_contiguous else X[:, which]


#: Bytes of neighbouring blocks that `joined` puts together.
JOINED_BYTES = 32 << 20


def joined(blocks: Iterable[Rows]) -> Iterator[Rows]:
    """The same rows in larger blocks where they are sparse; dense blocks go by as they are.

    For accumulators that never ask for X and hold p² numbers a block: the fewer blocks the better.
    """
    waiting: list[Rows] = []
    for block in blocks:
        size = sum(b.nbytes for b in waiting)
        if waiting and (block.sparse is None or size + block.nbytes > JOINED_BYTES):
            yield _end_to_end(waiting)
            waiting = []
        if block.sparse is None:
            yield block
        else:
            waiting.append(block)
    if waiting:
        yield _end_to_end(waiting)


def _end_to_end(blocks: list[Rows]) -> Rows:
    """Low-order parts are left out."""
    if len(blocks) == 1:
        return blocks[0]
    from scipy.sparse import csr_array, vstack

    return Rows(
        np.concatenate([b.dense for b in blocks]),
        np.concatenate([b.y for b in blocks]),
        np.concatenate([b.index for b in blocks]),
        np.concatenate([b.fold for b in blocks]),
        csr_array(vstack([b.sparse for b in blocks], format="csr")),
    )


class RowSource(Protocol):
    """Blocks of rows that can be walked any number of times."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def blocks(self) -> Iterable[Rows]: ...


def fold(blocks: Iterable[B], of: Callable[[B], A], zero: A, engine: Engine) -> A:
    """zero + of(b1) + of(b2) + ..., each `of` run by `engine`."""
    total = zero
    for part in engine.map(of, blocks):
        total = total + part
    return total

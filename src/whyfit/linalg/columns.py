"""Rows turned into columns, a tile at a time, so that every element-wise loop is long and contiguous.

A tile is Z = [1; (X − centre)ᵀ], a column for each row. Its dense part is held as such; sparse columns S are
never centred but corrected for, e.g. Σ w (s − μ)(s − μ)ᵀ = SᵀWS − tμᵀ − μtᵀ + (Σw) μμᵀ with t = Sᵀw, which cancels
little (see `moments`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from whyfit.fold import Rows
from whyfit.linalg.row_tile import RowTile, near
from whyfit.linalg.sparse import add_gram, scaled

if TYPE_CHECKING:
    from scipy.sparse import csr_array

#: Bytes of the columns of a tile. Measured on two cores with 1 MB of level-2 cache each: smaller tiles make the threads
#: wait for the interpreter between calls, larger ones for memory.
TILE_BYTES = 1_400_000
SQUARES_BYTES = 16 << 20  # of products of a wide matrix and sparse rows, held together


def tile_rows(c: int) -> int:
    """Rows of a tile of c columns."""
    return int(np.clip(TILE_BYTES // (8 * c), 512, 16_384))


def columns_of(
    X: Float[np.ndarray, "m p"], centre: Float[np.ndarray, " p"], out: Float[np.ndarray, "c m"]
) -> Float[np.ndarray, "c m"]:
    """[1; (X − centre)ᵀ] by column."""
    Z = out[:, : len(X)]
    Z[0] = 1.0
    np.subtract(X.T, centre[:, None], out=Z[1:])
    return Z


@dataclass(frozen=True, slots=True)
class Scratch:
    """Arrays that the tiles of a block share, made when first asked for."""

    held: dict[str, np.ndarray] = field(default_factory=dict)

    def __call__(self, what: str, rows: int, columns: int) -> Float[np.ndarray, "rows columns"]:
        size, a = rows * columns, self.held.get(what)
        if a is None or a.size < size:
            a = self.held[what] = np.empty(size)
        return a[:size].reshape(rows, columns)


@dataclass(frozen=True, slots=True)
class Tile:
    """Z (c × m): the rows of `dense`, and those of sparseᵀ less `offset`."""

    dense: Float[np.ndarray, "e m"]  # the first row is 1
    sparse: csr_array | None
    offset: Float[np.ndarray, " s"]
    scratch: Scratch

    @property
    def c(self) -> int:
        return len(self.dense) + len(self.offset)

    def rows(self, start: int, stop: int) -> Tile:
        """Only the columns start … stop − 1 of Z."""
        S = None if self.sparse is None else self.sparse[start:stop]
        return Tile(self.dense[:, start:stop], S, self.offset, self.scratch)  # pyright: ignore[reportArgumentType]

    def times(self, B: Float[np.ndarray, "... c"]) -> Float[np.ndarray, "... m"]:
        """B Z."""
        if self.sparse is None:
            return B @ self.dense
        e = len(self.dense)
        late = B[..., e:]
        out = B[..., :e] @ self.dense
        out += (self.sparse @ late.T).T
        out -= (late @ self.offset)[..., None]
        return out

    def back(self, R: Float[np.ndarray, "... m"]) -> Float[np.ndarray, "... c"]:
        """R Zᵀ."""
        first = R @ self.dense.T
        if self.sparse is None:
            return first
        late = (self.sparse.T @ R.T).T - R.sum(axis=-1)[..., None] * self.offset
        return np.concatenate([first, late], axis=-1)

    def squares(self, T: Float[np.ndarray, "r c"]) -> Float[np.ndarray, " m"]:
        """‖T z_i‖² of every column of Z, of sparse ones at most SQUARES_BYTES of products at a time."""
        if self.sparse is None:
            w = T @ self.dense
            return np.einsum("ij,ij->j", w, w)
        e, m = self.dense.shape
        first, late = T[:, :e].T, np.ascontiguousarray(T[:, e:].T)
        shift, out = self.offset @ late, np.empty(m)
        step = max(1, SQUARES_BYTES // (8 * max(len(T), 1)))
        for start in range(0, m, step):
            part = slice(start, start + step)
            w = self.sparse[part] @ late
            w -= shift
            w += self.dense[:, part].T @ first
            out[part] = np.einsum("ij,ij->i", w, w)
        return out

    def add_gram(self, root: Float[np.ndarray, " m"], H: Float[np.ndarray, "c c"]) -> None:
        """H += Z diag(root²) Zᵀ, a symmetric update."""
        e, m = self.dense.shape
        V = np.multiply(self.dense, root, out=self.scratch("V", e, m))
        H[:e, :e] += np.dot(V, V.T, out=self.scratch("product", e, e))
        if self.sparse is not None:
            S = scaled(self.sparse, root)
            add_gram(S, H[e:, e:])
            self._complete(S.T @ V.T, V @ root, H)

    def add_cross(self, w: Float[np.ndarray, " m"], H: Float[np.ndarray, "c c"]) -> None:
        """H += Z diag(w) Zᵀ for weights of either sign."""
        e = len(self.dense)
        V = self.dense * w
        H[:e, :e] += V @ self.dense.T
        if self.sparse is not None:
            add_gram(self.sparse, H[e:, e:], right=scaled(self.sparse, w))
            self._complete(self.sparse.T @ V.T, V.sum(axis=1), H)

    def _complete(
        self,
        across: Float[np.ndarray, "s e"],
        sums: Float[np.ndarray, " e"],
        H: Float[np.ndarray, "c c"],
    ) -> None:
        """The rest of H: Sᵀ diag(w) Zᵀ and, from Sᵀw (its first column) and Σw, the correction of SᵀWS."""
        e, o = len(self.dense), self.offset
        turn = across[:, 0] - (0.5 * sums[0]) * o
        H[e:, e:] -= np.outer(turn, o) + np.outer(o, turn)
        across = across - np.outer(o, sums)
        H[e:, :e] += across
        H[:e, e:] += across.T


def tiles(
    rows: Rows, centre: Float[np.ndarray, " p"], *, by_fold: bool = False
) -> Iterator[tuple[Rows, Tile]]:
    """Some rows and their tile, one after the other; `by_fold`: the rows of a tile sorted by fold.

    A tile is overwritten by the next one. A block with sparse columns is one tile.
    """
    scratch, m, d = Scratch(), len(rows.y), rows.dense.shape[1]
    step = tile_rows(len(centre) + 1) if rows.sparse is None else max(m, 1)
    for start in range(0, m, step):
        part = rows if step >= m else rows.take(slice(start, start + step))
        if by_fold:
            part = part.take(np.argsort(part.fold, kind="stable"))
        buffer = scratch("Z", d + 1, len(part.y))
        Z = columns_of(part.dense, centre[:d], buffer)
        yield part, Tile(Z, part.sparse, centre[d:], scratch)


def newton_tiles(
    rows: Rows, centre: Float[np.ndarray, " p"]
) -> Iterator[tuple[Rows, Tile | RowTile]]:
    """As `tiles`, for `times` and `back` of vectors and `add_gram` only: by row where rows can stay as they lie."""
    if rows.sparse is not None or not near(rows.dense, centre):
        yield from tiles(rows, centre)
        return
    scratch, step = Scratch(), tile_rows(len(centre) + 1)
    for start in range(0, len(rows.y), step):
        part = rows.take(slice(start, start + step))
        yield part, RowTile(part.dense, centre, scratch)

"""Sums of products of columns without any rounding, at the speed of BLAS, folded over blocks.

Each column z of [X y], less a shift, is written on a fixed grid and cut into slices of β = 22 bits,

    z_i − shift = 2^g Σ_a 2^{β(s−a)} q_{a,i},     |q_{a,i}| ≤ 2^{β−1} whole numbers,  a = 1..s,

so that a product qₐᵀq_b over at most 2¹¹ rows is a whole number below 2⁵³: float64 arithmetic, in whatever order
BLAS chooses, makes no error. The sums are put together as Python integers, so `+` is exact, and associative to
the last bit. What s slices cannot hold is measured: `rest` is 0 where they hold every value. Slices that are zero in
a tile of rows are not multiplied: whole numbers cost one slice, ordinary measurements three or four.

Low-order parts of the columns (`Rows.low`) are taken in by TwoSum.

References: Ozaki, Ogita, Oishi & Rump (2012), Numerical Algorithms 59, 95-118, for the slices;
Ogita, Rump & Oishi (2005), SIAM J. Sci. Comput. 26(6), 1955-1988, for TwoSum.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from whyfit.errors import ShapeError
from whyfit.fold import Rows
from whyfit.linalg.moments import Moments

BITS = 22  # β: 2(β − 1) + 11 = 53
TILE = 1 << 11  # rows whose products of slices sum exactly
TILE_VALUES = 1 << 18  # ... and fewer where columns are many: the slices should stay in cache
FLUSH = 64  # tiles whose products, by weight, sum in int64: 2⁵³ · 64 · s < 2⁶³
SLICES = 7  # 154 bits: two float64 and the spread of a column
MORE_SLICES = 14  # for columns with values all but 2⁻¹⁵⁴ of the largest
_NEAR_ZERO = 8.0  # a mean below this many standard deviations costs at most four bits, and no shift
_ROOM = 1 + 1e-6  # moments are rounded


@dataclass(frozen=True, slots=True)
class Grid:
    """Where columns are written: |z − shift| < 2^top, in `slices` slices. `shift` is a whole number of units."""

    shift: Float[np.ndarray, " q"]
    top: Int[np.ndarray, " q"]
    slices: int = SLICES

    @classmethod
    def of(cls, moments: Moments, slices: int = SLICES, centred: bool = True) -> Grid:
        """Wide enough for every row that `moments` have seen; shifted near the mean if `centred` and far from zero."""
        n, mean = max(moments.n, 1), moments.mean
        d = np.sqrt(np.maximum(np.diag(moments.scatter), 0.0))
        far = (np.abs(mean) * np.sqrt(n) > _NEAR_ZERO * d) & (d > 0) & centred
        reach = _ROOM * np.where(far, d, np.hypot(d, np.sqrt(n) * mean))
        reach = np.where(far, reach + 4 * np.finfo(np.float64).eps * np.abs(mean), reach)
        _, top = np.frexp(reach)
        top = top.astype(np.int64) + 1  # the rounding of the shift needs less than a bit
        coarse = np.ldexp(1.0, top - BITS + 1)
        shift = np.where(far, np.rint(mean / coarse) * coarse, 0.0)
        return cls(shift, top, slices)

    @property
    def unit(self) -> Int[np.ndarray, " q"]:
        """g: the grid is 2^g."""
        return self.top - BITS * self.slices + 1

    @property
    def offset(self) -> np.ndarray:
        """The shift in units, as Python integers."""
        pairs = zip(self.shift, self.unit, strict=True)
        return np.array([int(math.ldexp(s, -int(g))) for s, g in pairs], dtype=object)


@dataclass(frozen=True, slots=True)
class ExactGram:
    """Σz and Σzzᵀ of the columns on a grid, in its units, as Python integers.

    `rest` bounds |value − value on the grid|, in units; `derived` marks columns with a low-order part; `fits` is False
    if a value lay beyond the grid.
    """

    n: int
    total: np.ndarray  # (q,) of int
    product: np.ndarray  # (q, q) of int
    rest: Float[np.ndarray, " q"]
    derived: Bool[np.ndarray, " q"]
    fits: bool = True

    @classmethod
    def empty(cls, q: int) -> ExactGram:
        none = np.zeros(q, dtype=bool)
        return cls(0, _zeros(q), _zeros(q, q), np.zeros(q), none)

    def __add__(self, other: ExactGram) -> ExactGram:
        if self.rest.shape != other.rest.shape:
            raise ShapeError(
                f"cannot merge exact sums of {self.rest.size} and {other.rest.size} columns."
            )
        return ExactGram(
            self.n + other.n,
            self.total + other.total,
            self.product + other.product,
            np.maximum(self.rest, other.rest),
            self.derived | other.derived,
            self.fits and other.fits,
        )


def exact_gram_of(grid: Grid) -> Callable[[Rows], ExactGram]:
    """The function that makes the ExactGram of [X y] on `grid` from one block."""

    def of(rows: Rows) -> ExactGram:
        q, m = grid.shift.size, len(rows.y)
        if not m:
            return ExactGram.empty(q)
        tile = min(TILE, m, max(256, TILE_VALUES // (4 * q)))
        work = _Slicer(grid, tile)
        whole, low = ExactGram.empty(q), rows.low
        for start in range(0, m, FLUSH * tile):
            stop = min(start + FLUSH * tile, m)
            for first in range(start, stop, tile):
                work.take(rows, low, slice(first, min(first + tile, stop)))
            whole = whole + work.flush()
        return whole

    return of


class _Slicer:
    """The buffers of one block: values on their way into slices, slices, and products summed in int64."""

    def __init__(self, grid: Grid, tile: int) -> None:
        q, s = grid.shift.size, grid.slices
        self.grid, self.q = grid, q
        self.scale = np.ldexp(1.0, -(grid.top - BITS + 1))  # the first slice is whole numbers then
        self.shift = grid.shift * self.scale
        self.high, self.low, self.spare = (np.empty((q, tile)) for _ in range(3))
        self.slices = np.empty((s * q + 1, tile))
        self._reset()

    def _reset(self) -> None:
        size = self.grid.slices * self.q + 1
        self.sums = np.zeros(
            (size, size), dtype=np.int64
        )  # the last row and column: the constant 1
        self.n, self.used, self.fits = 0, 1, True
        self.rest, self.derived = np.zeros(self.q), np.zeros(self.q, dtype=bool)

    def take(self, rows: Rows, low: np.ndarray | None, part: slice) -> None:
        q, s = self.q, self.grid.slices
        m = part.stop - part.start
        H, L, spare = self.high[:, :m], self.low[:, :m], self.spare[:, :m]
        two = self._load(rows, low, part, (H, L, spare))
        B = self.slices[:, :m]
        B[0] = 1.0
        used = 0
        while used < s:
            Q = B[1 + used * q : 1 + (used + 1) * q]
            np.rint(H, out=Q)
            H -= Q
            used += 1
            if not H.any() and not (two and L.any()):
                break
            if used < s:
                H *= 2.0**BITS
                if two:
                    L *= 2.0**BITS
                    _two_sum(H, L, spare, H, L)
        else:
            self.rest = np.maximum(
                self.rest, np.abs(H).max(axis=1) + (np.abs(L).max(axis=1) if two else 0.0)
            )
        self.fits &= bool(np.abs(B[1 : 1 + q]).max(initial=0.0) <= 2.0 ** (BITS - 1))
        size = 1 + used * q
        self.sums[:size, :size] += np.dot(B[:size], B[:size].T).astype(np.int64)
        self.used = max(self.used, used)
        self.n += m

    def _load(self, rows: Rows, low: np.ndarray | None, part: slice, into: tuple) -> bool:
        """H + L = (z − shift) · scale exactly; whether L holds anything."""
        H, L, spare = into
        d = rows.dense.shape[1]
        scale = self.scale[:, None]
        np.multiply(rows.dense[part].T, scale[:d], out=H[:d])
        if rows.sparse is not None:
            np.multiply(rows.sparse[part].toarray().T, scale[d:-1], out=H[d:-1])
        np.multiply(rows.y[part], scale[-1], out=H[-1])
        two = False
        if self.shift.any():
            L[:] = -self.shift[:, None]
            _two_sum(H, L, spare, H, L)
            two = bool(L.any())
        if low is not None and low[part].any():
            extra = np.zeros_like(H)
            np.multiply(low[part].T, scale[:d], out=extra[:d])
            self.derived |= extra.any(axis=1)
            if two:  # three terms; where two cannot hold their sum, it is off by less than 2⁻¹⁵⁸ of the value
                _two_sum(L, extra, spare, L, extra)
                _two_sum(H, L, spare, H, L)
                _two_sum(L, extra, spare, L, extra)
                self.rest = np.maximum(self.rest, extra.any(axis=1))
            else:
                _two_sum(H, extra, spare, H, L)
            two = True
        return two

    def flush(self) -> ExactGram:
        """What was taken since the last flush."""
        q, s, used = self.q, self.grid.slices, self.used
        blocks = self.sums[1 : 1 + used * q, 1 : 1 + used * q].reshape(used, q, used, q)
        product, total = _zeros(q, q), _zeros(q)
        for k in range(2 * used - 1):
            weight = sum(
                blocks[a, :, k - a] for a in range(max(0, k - used + 1), min(k, used - 1) + 1)
            )
            product = product * (1 << BITS) + np.asarray(weight).astype(object)
        for a in range(used):
            total = total * (1 << BITS) + self.sums[0, 1 + a * q : 1 + (a + 1) * q].astype(object)
        idle = BITS * (s - used)
        gram = ExactGram(
            self.n, total << idle, product << 2 * idle, self.rest, self.derived, self.fits
        )
        self._reset()
        return gram


def _two_sum(a, b, spare, high, low) -> None:
    """high + low = a + b exactly, high the rounded sum (Knuth); `high`, `low` may be a and b."""
    np.add(a, b, out=spare)
    part = spare - a
    error = a - (spare - part)
    error += b - part
    high[:], low[:] = spare, error


def _zeros(*shape: int) -> np.ndarray:
    return np.full(shape, 0, dtype=object)

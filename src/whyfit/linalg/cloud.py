"""Two sets of rows, dense or sparse, cut into blocks that are compared pair by pair.

A `Cloud` holds queries and points as they came and hands out blocks in double precision: multiplied by one power of
two so that no square overflows or, where directions are compared, divided by their lengths. A block of points bounds
all its squared distances to a tile of queries from below by one matrix product, and measures chosen pairs exactly:

    [−2(a − c), 1] · [b − c, (1 − ε)‖b − c‖²] + (1 − ε)‖a − c‖²  ≤  ‖a − b‖²,     ε = 6(d + 8)u

c is the mean of the points: it takes most of the cancellation out. To first order and in units of u(‖a‖² + ‖b‖²), ε has
to cover the product 2d + 4, the squared lengths d, the rounding of a − c and b − c 4, and twice the error d + 2 of
a measured distance, so that the bound holds for measured distances too; 6(d + 8) does, whatever the order of summation.

Reference: Higham (2002), Accuracy and Stability of Numerical Algorithms, § 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from jaxtyping import Float, Int

from whyfit.errors import NotFiniteError, ShapeError
from whyfit.linalg.norms import power_of_two, unit_rows

if TYPE_CHECKING:
    from scipy.sparse import sparray, spmatrix

    Matrix: TypeAlias = np.ndarray | sparray | spmatrix

#: Rows of a block of points, and its bytes in double precision where rows are long.
BLOCK = 1024
BLOCK_BYTES = 16_000_000
#: Bytes of the differences measured at a time: they stay in level-2 cache.
DIFFERENCE_BYTES = 500_000
#: Sparse blocks are larger: SciPy spends more time on starting an operation than on the few entries of a row.
SPARSE_BLOCK = 2048
SPARSE_PAIRS = 16_384
#: With |a − c|, |b − c| ≤ 2 a term that leaves the normal range of single precision (2⁻¹²⁶) is wrong by less than this.
UNDERFLOW = 2.0**-140


class Block(Protocol):
    """Some of the points, ready to be compared with tiles of queries."""

    @property
    def start(self) -> int:
        """Number of its first point."""
        ...

    @property
    def precisions(self) -> tuple[type[np.floating], ...]:
        """In which lower bounds can be had: fast first."""
        ...

    @property
    def lengths(self) -> np.ndarray:
        """(1 − ε)‖b − c‖²."""
        ...

    def bounds(
        self, A: Any, precision: type[np.floating]
    ) -> tuple[Float[np.ndarray, "t b"], Float[np.ndarray, " t"]]:
        """S and s with S_ij + s_i ≤ ‖aᵢ − bⱼ‖²."""
        ...

    def slack(
        self, s: np.ndarray, j: Int[np.ndarray, " c"], precision: type[np.floating]
    ) -> Float[np.ndarray, " c"]:
        """How far S_ij + s_i may lie below ‖aᵢ − bⱼ‖², for the s of chosen pairs."""
        ...

    def squares(
        self, A: Any, i: Int[np.ndarray, " c"], j: Int[np.ndarray, " c"]
    ) -> Float[np.ndarray, " c"]:
        """‖aᵢ − bⱼ‖² from the differences."""
        ...


def slack(
    d: int, precision: type[np.floating], a: np.ndarray, b: np.ndarray
) -> Float[np.ndarray, " c"]:
    """By how much the bound may lie below a distance, 2ε(‖a‖² + ‖b‖²); `a` and `b` are (1 − ε) of the squares."""
    return 2.5 * epsilon(d, precision) * (a + b) + 3 * d * UNDERFLOW


def epsilon(d: int, precision: type[np.floating]) -> float:
    """ε of the module docstring; u is half of NumPy's eps."""
    return 3 * (d + 8) * float(np.finfo(precision).eps)


@dataclass(frozen=True, slots=True)
class DenseBlock:
    start: int
    rows: Float[np.ndarray, "b d"]
    centre: Float[np.ndarray, " d"]
    single: np.ndarray  # the right factor of the product, in single precision

    @classmethod
    def of(cls, start: int, rows: np.ndarray, centre: np.ndarray) -> DenseBlock:
        return cls(start, rows, centre, _right(rows, centre, np.float32))

    @property
    def precisions(self) -> tuple[type[np.floating], ...]:
        fit = (
            epsilon(self.rows.shape[1], np.float32) < 0.1
        )  # beyond a quarter of a million columns it is not
        return (np.float32, np.float64) if fit else (np.float64,)

    @property
    def lengths(self) -> np.ndarray:
        return self.single[:, -1]

    def bounds(self, A: Any, precision: type[np.floating]) -> tuple[np.ndarray, np.ndarray]:
        t, d = A.shape
        left = np.ones((t, d + 1), dtype=precision)
        np.subtract(A, self.centre, out=left[:, :d], casting="same_kind")
        s = np.einsum("ij,ij->i", left[:, :d], left[:, :d]).astype(np.float64)
        left[:, :d] *= -2.0
        single = precision is np.float32
        right = self.single if single else _right(self.rows, self.centre, precision)
        return left @ right.T, (1 - epsilon(d, precision)) * s - d * UNDERFLOW

    def slack(self, s: np.ndarray, j: np.ndarray, precision: type[np.floating]) -> np.ndarray:
        return slack(self.rows.shape[1], precision, s, self.lengths[j])

    def squares(self, A: Any, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        out = np.empty(len(i))
        step = max(16, DIFFERENCE_BYTES // (8 * A.shape[1] + 1))
        for c in range(0, len(i), step):
            D = A[i[c : c + step]]
            D -= self.rows[j[c : c + step]]
            out[c : c + step] = np.einsum("ij,ij->i", D, D)
        return out


def _right(rows: np.ndarray, centre: np.ndarray, precision: type[np.floating]) -> np.ndarray:
    """[b − c, (1 − ε)‖b − c‖²]."""
    b, d = rows.shape
    right = np.empty((b, d + 1), dtype=precision)
    np.subtract(rows, centre, out=right[:, :d], casting="same_kind")
    right[:, d] = np.einsum("ij,ij->i", right[:, :d], right[:, :d])
    right[:, d] *= 1 - epsilon(d, precision)
    return right


@dataclass(frozen=True, slots=True)
class SparseBlock:
    """The same without a centre: sparse rows stay sparse, their products with a tile are the dense part."""

    start: int
    rows: Any  # csr_array
    transposed: Any  # csr_array: their transpose
    lengths: Float[np.ndarray, " b"]  # (1 − ε)‖b‖²

    @classmethod
    def of(cls, start: int, rows: Any) -> SparseBlock:
        lengths = (1 - epsilon(rows.shape[1], np.float64)) * _squared_lengths(rows)
        return cls(start, rows, rows.T.tocsr(), lengths)

    @property
    def precisions(self) -> tuple[type[np.floating], ...]:
        return (np.float64,)

    def bounds(self, A: Any, precision: type[np.floating]) -> tuple[np.ndarray, np.ndarray]:
        S = (A @ self.transposed).toarray()
        S *= -2.0
        S += self.lengths
        return S, (1 - epsilon(A.shape[1], precision)) * _squared_lengths(A)

    def slack(self, s: np.ndarray, j: np.ndarray, precision: type[np.floating]) -> np.ndarray:
        return slack(self.rows.shape[1], precision, s, self.lengths[j])

    def squares(self, A: Any, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        out = np.empty(len(i))
        for part in _parts(len(i), SPARSE_PAIRS):
            out[part] = _squared_lengths(A[i[part]] - self.rows[j[part]])
        return out


def _squared_lengths(rows: Any) -> Float[np.ndarray, " b"]:
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    return np.bincount(row, weights=rows.data**2, minlength=rows.shape[0])


@dataclass(frozen=True, slots=True)
class Cloud:
    """Queries and points of one width and kind; `scale` is the power of two that blocks are multiplied by."""

    queries: Any
    points: Any
    scale: float
    directions: bool  # rows are divided by their lengths
    marked: (
        bool  # a zero row has no direction: two more columns put it at right angles to all others
    )
    centre: Float[np.ndarray, " d"] | None

    @classmethod
    def of(cls, queries: Matrix, points: Matrix, directions: bool) -> Cloud:
        Q = _checked(queries, "queries")
        P = Q if points is queries else _checked(points, "points")
        dense = isinstance(Q, np.ndarray)
        if Q.shape[1] != P.shape[1] or dense != isinstance(P, np.ndarray):
            kind = {True: "dense", False: "sparse"}
            raise ShapeError(
                f"queries are {kind[dense]}, {Q.shape[1]} wide, points {kind[isinstance(P, np.ndarray)]}, "
                f"{P.shape[1]} wide; expected the same kind and width."
            )
        a, zero_a = _extent(Q, "queries")
        b, zero_b = (a, zero_a) if P is Q else _extent(P, "points")
        scale = 1.0 if directions else float(power_of_two(max(a, b)))
        bare = cls(Q, P, scale, directions, directions and (zero_a or zero_b), None)
        if not dense:
            return bare
        total = sum(bare._rows(P, part, 1).sum(axis=0) for part in _parts(P.shape[0], BLOCK))
        centre = np.asarray(total) / max(P.shape[0], 1)
        return cls(Q, P, scale, directions, bare.marked, centre)

    def tile(self, part: slice) -> Any:
        """Some queries."""
        return self._rows(self.queries, part, 0)

    def blocks(self, at_least: int) -> Iterator[Block]:
        """The points, in blocks of at least that many rows (the last may be shorter)."""
        n, d = self.points.shape
        fitting = SPARSE_BLOCK if self.centre is None else min(BLOCK, BLOCK_BYTES // (8 * d + 1))
        for part in _parts(n, max(at_least, fitting)):
            rows = self._rows(self.points, part, 1)
            if self.centre is None:
                yield SparseBlock.of(part.start, rows)
            else:
                yield DenseBlock.of(part.start, rows, self.centre)

    def _rows(self, X: Any, part: slice, side: int) -> Any:
        if not self.directions:
            return X[part] * np.float64(self.scale)
        Z = unit_rows(X[part])
        if not self.marked:
            return Z
        marks = np.zeros((Z.shape[0], 2))
        if isinstance(Z, np.ndarray):
            marks[:, side] = ~Z.any(axis=1)
            return np.hstack([Z, marks])
        from scipy.sparse import csr_array, hstack

        marks[:, side] = _squared_lengths(Z) == 0
        return hstack([Z, csr_array(marks)], format="csr")


def _parts(n: int, step: int) -> list[slice]:
    return [slice(i, min(i + step, n)) for i in range(0, n, step)]


def _checked(X: Matrix, name: str) -> Any:
    if not isinstance(X, np.ndarray):
        from scipy.sparse import csr_array, issparse

        X = csr_array(X, dtype=np.float64) if issparse(X) else np.asarray(X)
    if X.ndim != 2 or X.dtype.kind not in "fiub":
        raise ShapeError(
            f"{name} have {X.ndim} dimensions and type {X.dtype}; expected a matrix of real numbers, one row each."
        )
    return X


def _extent(X: Any, name: str) -> tuple[float, bool]:
    """Largest |entry|, and whether there is a row of zeros; one pass in blocks."""
    largest, zero = 0.0, False
    for part in _parts(X.shape[0], BLOCK):
        if isinstance(X, np.ndarray):
            each = np.abs(X[part]).max(axis=1, initial=0.0)
        else:
            each = abs(X[part]).max(axis=1).toarray().ravel()
        if not np.isfinite(each).all():
            row = part.start + int(np.flatnonzero(~np.isfinite(each))[0])
            raise NotFiniteError(
                f"row {row} of the {name} holds NaN or infinity; leave it out or impute it first."
            )
        largest, zero = max(largest, float(each.max())), zero or bool((each == 0).any())
    return largest, zero

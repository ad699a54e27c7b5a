"""Mean and scatter of a table, gathered block by block, one set per cross-validation fold.

For rows z_1..z_n of Z = [X y] in R^q keep n, μ = (1/n) Σ z_i, S = Σ (z_i − μ)(z_i − μ)ᵀ. `+` merges by

    n = n₁ + n₂,   δ = μ₂ − μ₁,   μ = μ₁ + (n₂/n) δ,   S = S₁ + S₂ + (n₁n₂/n) δδᵀ

exactly, and `empty(q)` is its zero. From these alone follow least squares with inference, the ridge path,
k-fold cross-validation, PCA, the condition number and the VIFs, without touching the rows again.

Within a block, the rows of each fold are gathered in pieces that stay in cache and shifted by a rough mean of the
block, so that the later correction by n d dᵀ has small d and cancels nothing, whatever offset the
columns carry.

Reference: Chan, Golub & LeVeque (1983), The American Statistician 37(3), 242-247.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from whyfit.engines.local import LocalEngine
from whyfit.errors import NotFiniteError, ShapeError
from whyfit.fold import Engine, Rows, fold
from whyfit.linalg.sparse import add_gram
from whyfit.linalg.tiles import shifted_products

#: Bytes of the rows of one fold that go through BLAS together, and the least number of them. Measured on two cores
#: with 1 MB of level-2 cache each, for 20 and 100 columns: smaller pieces pay for calls, larger ones for the cache.
PIECE_BYTES, PIECE_ROWS = 1 << 20, 512
#: Rows summed in a row by BLAS: of columns with a value in more than 1/FREQUENT of the rows, and of others.
SHORT, LONG, FREQUENT = 256, 1 << 30, 20
#: Times √n: what is left of Σx² when it is rounding. Sums of n equal terms err by up to about √n u.
_ROUNDING = 32 * float(np.finfo(np.float64).eps)
#: Bytes of the rows of an array handed to a thread at once: few enough to share, many enough not to matter.
SHARE_BYTES = 32 << 20
_UNROLL = 64  # rows handled by one inner loop of the shift, see `_shifted`


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean (q) and scatter (q × q) of the columns [X y]; y is the last."""

    n: int
    mean: Float[np.ndarray, " q"]
    scatter: Float[np.ndarray, "q q"]

    @classmethod
    def empty(cls, q: int) -> Moments:
        return cls(0, np.zeros(q), np.zeros((q, q)))

    @classmethod
    def of(cls, Z: Float[np.ndarray, "n q"]) -> Moments:
        """Moments of one block in two passes; the naive twin of the tiled path."""
        if not len(Z):
            return cls.empty(Z.shape[1])
        mean = Z.mean(axis=0)
        C = Z - mean
        return cls(len(Z), mean, C.T @ C)

    def __add__(self, other: Moments) -> Moments:
        if self.mean.shape != other.mean.shape:
            raise ShapeError(
                f"cannot merge moments of {self.mean.size} and {other.mean.size} columns."
            )
        if not self.n or not other.n:
            return other if not self.n else self
        n = self.n + other.n
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.n / n)
        scatter = self.scatter + other.scatter
        scatter += np.outer(delta * (self.n * other.n / n), delta)
        return Moments(n, mean, scatter)

    def columns(self, keep: Sequence[int] | Bool[np.ndarray, " q"]) -> Moments:
        """Moments of a subset of the columns; y must be named too if it is to stay last."""
        keep = np.flatnonzero(keep) if np.asarray(keep).dtype == bool else np.asarray(keep)
        return Moments(self.n, self.mean[keep], self.scatter[np.ix_(keep, keep)])


@dataclass(frozen=True)
class FoldMoments:
    """Moments of each of k folds; `total` and `without(j)` are merges of them.

    Means are kept as offsets from a `shift` common to all folds, near the data: differences of means then lose
    nothing, however far the columns lie from zero (two shifts of one far-off column subtract exactly).
    """

    n: Int[np.ndarray, " k"]
    offset: Float[np.ndarray, "k q"]
    scatter: Float[np.ndarray, "k q q"]
    shift: Float[np.ndarray, " q"]

    @classmethod
    def empty(cls, q: int, k: int) -> FoldMoments:
        return cls(np.zeros(k, dtype=np.int64), np.zeros((k, q)), np.zeros((k, q, q)), np.zeros(q))

    def __add__(self, other: FoldMoments) -> FoldMoments:
        if self.offset.shape != other.offset.shape:
            raise ShapeError(
                f"cannot merge fold moments of shape {self.offset.shape} and {other.offset.shape}."
            )
        if not self.n.any() or not other.n.any():
            return other if not self.n.any() else self
        n = self.n + other.n
        share = np.divide(other.n, n, out=np.zeros(len(n)), where=n > 0)[:, None]
        delta = other.offset + (other.shift - self.shift) - self.offset
        weight = self.n[:, None] * share * delta
        scatter = self.scatter + other.scatter
        scatter += weight[:, :, None] * delta[:, None, :]
        return FoldMoments(n, self.offset + delta * share, scatter, self.shift)

    @property
    def k(self) -> int:
        return len(self.n)

    @property
    def mean(self) -> Float[np.ndarray, "k q"]:
        return np.where(self.n[:, None] > 0, self.shift + self.offset, 0.0)

    def fold(self, j: int) -> Moments:
        return Moments(int(self.n[j]), self.mean[j], self.scatter[j])

    @cached_property
    def total(self) -> Moments:
        return self.merged(np.arange(self.k))

    def without(self, j: int) -> Moments:
        """Moments of all rows not in fold j. Merged, not subtracted: nothing cancels."""
        return self.merged(np.flatnonzero(np.arange(self.k) != j))

    def merged(self, which: Int[np.ndarray, " j"]) -> Moments:
        """Moments of all rows in some of the folds."""
        n, offset, total = self.n[which], self.offset[which], int(self.n[which].sum())
        if not total:
            return Moments.empty(len(self.shift))
        centre = (n / total) @ offset
        d = np.sqrt(n)[:, None] * (offset - centre)
        scatter = d.T @ d
        for j in which:  # not scatter[which].sum(axis=0), which copies them all first
            scatter += self.scatter[j]
        return Moments(total, self.shift + centre, scatter)

    def columns(self, keep: Sequence[int] | Bool[np.ndarray, " q"]) -> FoldMoments:
        keep = np.flatnonzero(keep) if np.asarray(keep).dtype == bool else np.asarray(keep)
        if np.array_equal(keep, np.arange(len(self.shift))):
            return self
        return FoldMoments(
            self.n, self.offset[:, keep], self.scatter[:, keep][:, :, keep], self.shift[keep]
        )


def moments_of(k: int, names: Sequence[str] = ()) -> Callable[[Rows], FoldMoments]:
    """The function that makes FoldMoments from one block of Rows, for `fold`.

    The result raises NotFiniteError, naming the columns, if a value is NaN, infinite, or so large
    that its square overflows.
    """

    def of(rows: Rows) -> FoldMoments:
        return streamed([rows], k, names)

    return of


def streamed(blocks: Iterable[Rows], k: int, names: Sequence[str] = ()) -> FoldMoments:
    """FoldMoments of all `blocks` in one set of sums: where k p² is large, a set for each block costs too much.

    Errors as of `moments_of`.
    """
    sums: _Sums | None = None
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in blocks:
            if not len(rows.y):
                sums = sums or _Sums(k, np.zeros(rows.p + 1), 0)
                continue
            if sums is None or not sums.started:
                sums = _Sums.near(rows, k)
            sums.absorb(rows)
        if sums is None:
            return FoldMoments.empty(len(names) + 1, k)
        if not sums.started:
            return FoldMoments.empty(len(sums.shift), k)
        moments = sums.centred()
    squares = np.einsum("kii->ki", moments.scatter)
    if not np.isfinite(moments.scatter).all():
        p = squares.shape[1] - 1
        bad = np.flatnonzero(~np.isfinite(squares.sum(axis=0)))
        raise not_finite(bad, dict(enumerate(names)) | {p: "y"})
    return moments


def moments_of_array(
    X: Float[np.ndarray, "n p"], names: Sequence[str] = (), engine: Engine | None = None
) -> Moments:
    """Moments of the columns of one array, float32 or float64, without a target and without folds.

    The quickest way through memory there is (see `linalg.tiles`). Errors as of `moments_of`.
    """
    n, p = X.shape
    share = max(1, SHARE_BYTES // (X.itemsize * max(p, 1)))

    def of(start: int) -> Moments:
        block = X[start : start + share]
        with np.errstate(over="ignore", invalid="ignore"):
            shift = block[:: max(1, len(block) // 512)].mean(axis=0, dtype=np.float64)
            G, V = shifted_products(block, shift)
            d = V[:, 0] / len(block)
            G -= np.outer(len(block) * d, d)
        square = np.einsum("ii->i", G)
        if not np.isfinite(square).all():
            raise not_finite(np.flatnonzero(~np.isfinite(square)), dict(enumerate(names)))
        np.maximum(square, 0.0, out=square)
        return Moments(len(block), shift + d, G)

    return fold(range(0, n, share), of, Moments.empty(p), engine or LocalEngine())


def not_finite(bad: Int[np.ndarray, " b"], known: dict[int, str]) -> NotFiniteError:
    """The error that names the `bad` columns."""
    label = [known.get(int(i), f"x{i + 1}") for i in bad]
    return NotFiniteError(
        f"column{'s' * (len(label) > 1)} {', '.join(map(repr, label[:5]))} hold"
        f"{'s' * (len(label) == 1)} NaN, infinity or values beyond 1e150 whose squares"
        " overflow; impute, drop or rescale."
    )


@dataclass
class _Sums:
    """Σ uuᵀ over each fold for u = [x − shift, y − shift_y, 1], added to block by block.

    The last `late` columns of x are sparse and not shifted. It does no harm: where a share q of a column's cells is not
    zero, x̄² ≤ q · mean(x²) by Cauchy–Schwarz, so that Σx² − nx̄² cancels a factor 1/(1 − q) at most. A column
    with the same value in every row (q = 1) is told by a difference that is rounding alone, and is given a
    scatter of zero.
    """

    k: int
    shift: Float[np.ndarray, " q"]
    late: int
    chain: int = LONG

    def __post_init__(self) -> None:
        r = len(self.shift) + 1
        self.started = False
        self.raw = np.zeros((self.k, r, r))

    @classmethod
    def near(cls, rows: Rows, k: int) -> _Sums:
        """With the shift of a block, rough means of its dense columns and of y, and the chain they need."""
        stride = max(1, len(rows.y) // 512)
        late = rows.p - rows.dense.shape[1]
        sample = np.column_stack([rows.dense[::stride], rows.y[::stride]])
        shift, chain = _rough(sample)
        return cls(k, np.concatenate([shift[:-1], np.zeros(late), shift[-1:]]), late, chain)

    def absorb(self, rows: Rows) -> None:
        self.started = True
        if rows.sparse is None:
            _add_dense(rows, self.shift, self.raw, self.chain)
        else:
            _add_sparse(rows, self.shift, self.raw)

    def centred(self) -> FoldMoments:
        """Moments from the sums, which are used up."""
        n = self.raw[:, -1, -1].copy()
        d = self.raw[:, :-1, -1] / np.maximum(n, 1)[:, None]
        first = len(self.shift) - 1 - self.late
        for j in range(self.k):
            S = self.raw[j, :-1, :-1]
            square = np.einsum("ii->i", S)  # a view; rounding may leave −ε of a constant
            before = square[first:-1].copy()
            S -= (n[j] * d[j])[:, None] * d[j]
            if self.late:
                some = square[first:-1] <= _ROUNDING * np.sqrt(n[j]) * before
                flat = first + np.flatnonzero(some)
                S[flat] = S[:, flat] = 0.0
            np.maximum(square, 0.0, out=square)
        return FoldMoments(
            n.astype(np.int64),
            np.where(n[:, None] > 0, d, 0.0),
            self.raw[:, :-1, :-1],
            self.shift,
        )


def _rough(sample: Float[np.ndarray, "s q"]) -> tuple[Float[np.ndarray, " q"], int]:
    """Means to seven binary digits of the spread, and how many rows of such columns to sum in a row.

    Sums in float64 wander off by √K u in K rows, but a value that comes back thousands of times is rounded the same way
    each time: K/10 u. Less a mean of so few digits, whole numbers and 0/1 columns have few digits themselves, and
    their products sum without rounding; for other columns with a frequent value the sums are kept short.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean, spread = sample.mean(axis=0), sample.max(axis=0) - sample.min(axis=0)
        grain = np.ldexp(1.0, np.frexp(spread)[1] - 7)
        near = np.rint(mean / grain) * grain
        near = np.where(np.isfinite(near), np.where(spread > 0, near, sample[0]), mean)
        units = (sample - near) / (grain / 64)
        often = max(1, len(sample) // FREQUENT)
        ordered = np.sort(units, axis=0)
        repeated = (ordered[often:] == ordered[:-often]).any(axis=0)
        long_digits = (units != np.rint(units)).any(axis=0)
    return near, SHORT if (repeated & long_digits).any() else LONG


def _add_dense(
    rows: Rows, shift: Float[np.ndarray, " q"], raw: Float[np.ndarray, "k r r"], chain: int
) -> None:
    """Tile by tile, in a tile fold by fold, at most `chain` rows in a row."""
    X, y, label, k = rows.dense, rows.y, rows.fold, len(raw)
    m, p = X.shape
    if k == 1:  # every row is wanted: nothing to gather
        e = np.ones((m, 2))
        np.subtract(y, shift[-1], out=e[:, 0])
        G, V = shifted_products(X, shift[:-1], e, chain)
        raw[0, :p, :p] += G
        raw[0, :p, p:] += V
        for first in range(0, m, chain):
            raw[0, p:, p:] += e[first : first + chain].T @ e[first : first + chain]
        raw[0, p:, :p] = raw[0, :p, p:].T
        return
    tiles = max(1, round(m / (k * max(PIECE_ROWS, PIECE_BYTES // (8 * p)))))
    step = -(-m // tiles)
    G, V, W = np.empty((p, p)), np.empty((p, 2)), np.empty((2, 2))
    gather = _Gather(X, shift[:-1])
    label = label.astype(np.uint8) if k <= 256 else label  # sorted in one radix pass
    for start in range(0, m, step):
        part = label[start : start + step]
        order = np.argsort(part, kind="stable")
        cut = np.concatenate([[0], np.cumsum(np.bincount(part, minlength=k))])
        for j in range(k):
            if cut[j] == cut[j + 1]:
                continue
            which = order[cut[j] : cut[j + 1]]
            z = gather(slice(start, start + step), which)
            e = np.ones((len(which), 2))
            np.subtract(y[start : start + step][which], shift[-1], out=e[:, 0])
            for first in range(0, len(z), chain):
                a, b = z[first : first + chain], e[first : first + chain]
                raw[j, :p, :p] += np.dot(a.T, a, out=G)
                raw[j, :p, p:] += np.dot(a.T, b, out=V)
                raw[j, p:, p:] += np.dot(b.T, b, out=W)
    raw[:, p:, :p] = raw[:, :p, p:].transpose(0, 2, 1)


def _add_sparse(
    rows: Rows, shift: Float[np.ndarray, " q"], raw: Float[np.ndarray, "k r r"]
) -> None:
    """Fold by fold: dense columns, y and 1 among themselves by BLAS, the rest by what is not zero."""
    d, p = rows.dense.shape[1], rows.p
    few = np.concatenate([np.arange(d), [p, p + 1]])  # where the dense columns, y and 1 stand
    for j in range(len(raw)):
        part = rows.take(np.flatnonzero(rows.fold == j))
        if not len(part.y) or part.sparse is None:
            continue
        A = np.ones((len(part.y), d + 2))
        np.subtract(part.dense, shift[:d], out=A[:, :d])
        np.subtract(part.y, shift[-1], out=A[:, d])
        across, R = part.sparse.T @ A, raw[j]
        R[np.ix_(few, few)] += A.T @ A
        R[d:p, few] += across
        R[few, d:p] += across.T
        add_gram(part.sparse, R[d:p, d:p])


class _Gather:
    """Some rows of X, minus the shift, in the layout of X and in one reused buffer.

    Both layouts keep NumPy's inner loops long: along a column, or along _UNROLL rows at once.
    """

    def __init__(self, X: Float[np.ndarray, "m p"], shift: Float[np.ndarray, " p"]) -> None:
        self.by_column = X.flags.f_contiguous and not X.flags.c_contiguous
        self.X, self.shift, self.unrolled = X, shift, np.tile(shift, _UNROLL)
        self.buffer = np.empty(0)

    def __call__(self, tile: slice, which: Int[np.ndarray, " s"]) -> Float[np.ndarray, "s p"]:
        s, p = len(which), self.X.shape[1]
        if self.buffer.size < s * p:
            self.buffer = np.empty(s * p)
        source = self.X[tile]
        if self.by_column:
            Z = self.buffer[: s * p].reshape(p, s)
            for j in range(p):
                np.take(source[:, j], which, out=Z[j], mode="clip")
            Z -= self.shift[:, None]
            return Z.T
        Z = self.buffer[: s * p].reshape(s, p)
        np.take(source, which, axis=0, out=Z, mode="clip")
        whole = s // _UNROLL * _UNROLL
        long = Z[:whole].reshape(-1, self.unrolled.size)
        long -= self.unrolled
        Z[whole:] -= self.shift
        return Z

"""Exact k nearest neighbours, screened in blocks by one matrix product each.

    ‖a − b‖² = ‖a‖² + ‖b‖² − 2 a·b                     Euclidean
    1 − cos(a, b) = ½ ‖a/‖a‖ − b/‖b‖‖²                 cosine: Euclidean between rows of unit length

The expanded form is fast (BLAS) and cancels: near points far from the origin lose all digits. So it only *screens*.
Its rounding error is at most ε(‖a‖² + ‖b‖²), ε ∝ d·u, hence

    ℓ(a, b) = (1 − ε)(‖a‖² + ‖b‖²) − 2 a·b  ≤  ‖a − b‖²

for certain, and ‖a − b‖² ≤ ℓ + 2ε(‖a‖² + ‖b‖²). Any k points so give an upper limit on the k-th smallest distance.
Whatever has ℓ above it is out, and the few that are left are measured by their differences, Σ(aᵢ − bᵢ)², which do not
cancel. So the answer is that of the slow formula, whatever precision screens: single, and double where too many pass.
Copies are at distance exactly 0; equal distances come in the order of their index.

Reference: Higham (2002), Accuracy and Stability of Numerical Algorithms, § 3.1 (the error of a dot product).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from whyfit.engines.local import LocalEngine
from whyfit.errors import ShapeError, SpecError
from whyfit.linalg.cloud import Block, Cloud

if TYPE_CHECKING:
    from whyfit.linalg.cloud import Matrix

Metric = Literal["euclidean", "cosine"]

#: Queries in a tile: with a block of points its scores take 2 MB in single precision.
TILE = 512
#: Screening in single precision is given up in a tile where more than this times k candidates per query pass.
CROWD = 4


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The k nearest points of each query, nearest first; equal distances in the order of the index."""

    index: Int[np.ndarray, "m k"]
    distance: Float[np.ndarray, "m k"]


def nearest(
    queries: Matrix,
    points: Matrix,
    k: int,
    metric: Metric = "euclidean",
    *,
    exclude_self: bool | Int[np.ndarray, " m"] = False,
) -> Neighbours:
    """The k nearest of `points` (n × d) to each of `queries` (m × d), exactly.

    Parameters
    ----------
    queries, points : two dense arrays of real numbers, or two sparse matrices, which stay sparse.
    metric : "euclidean" gives ‖a − b‖, "cosine" gives 1 − cos(a, b), between 0 and 2.
    exclude_self : keep point i out of the answer to query i (True: queries and points are the same rows),
        or the point `exclude_self[i]` (an array).

    A zero row has no direction: its cosine with everything, another zero row included, is 0, its distance 1.
    Beyond the data and the answer this takes some 50 MB for k up to about a hundred, whatever m and n.

    Raises
    ------
    ShapeError : rows of different lengths, or fewer than k points to choose from.
    NotFiniteError : a NaN or an infinity.
    SpecError : another metric.
    """
    if metric not in ("euclidean", "cosine"):
        raise SpecError(f"metric is {metric!r}; expected 'euclidean' or 'cosine'.")
    cloud = Cloud.of(queries, points, directions=metric == "cosine")
    m, n = cloud.queries.shape[0], cloud.points.shape[0]
    own = _own(exclude_self, m, n)
    choice = n - (own is not None)
    if not 1 <= k <= choice:
        raise ShapeError(f"k is {k}; expected 1 to {choice}, the number of points to choose from.")

    index, square = np.full((m, k), -1), np.full((m, k), np.inf)
    tiles = [slice(i, min(i + TILE, m)) for i in range(0, m, TILE)]
    for block in cloud.blocks(at_least=k + 1):

        def improve(tile: slice, block: Block = block) -> None:
            at = None if own is None else own[tile] - block.start
            index[tile], square[tile] = _merged(
                cloud.tile(tile), block, at, index[tile], square[tile]
            )

        for _ in LocalEngine().map(improve, tiles):
            pass
    distance = square / 2 if metric == "cosine" else np.sqrt(square) / cloud.scale
    return Neighbours(index, distance)


def _merged(
    A: Any,
    block: Block,
    own: Int[np.ndarray, " t"] | None,
    index: Int[np.ndarray, "t k"],
    square: Float[np.ndarray, "t k"],
) -> tuple[Int[np.ndarray, "t k"], Float[np.ndarray, "t k"]]:
    """The k best of those known so far and the points of `block`; `own` is left out."""
    t, k = index.shape
    i, j, d = _candidates(A, block, own, square[:, -1], k)
    # Those known come from earlier blocks, so that a stable sort leaves equal distances in the order of the index.
    i = np.concatenate([np.repeat(np.arange(t), k), i])
    j = np.concatenate([index.ravel(), j + block.start])
    d = np.concatenate([square.ravel(), d])
    order = np.lexsort((d, i))
    first = np.searchsorted(i[order], np.arange(t))
    best = order[first[:, None] + np.arange(k)]
    return j[best], d[best]


def _candidates(
    A: Any,
    block: Block,
    own: Int[np.ndarray, " t"] | None,
    limit: Float[np.ndarray, " t"],
    k: int,
) -> tuple[Int[np.ndarray, " c"], Int[np.ndarray, " c"], Float[np.ndarray, " c"]]:
    """(i, j, ‖aᵢ − bⱼ‖²) of a set of pairs that is certain to hold all with ‖aᵢ − bⱼ‖² ≤ limitᵢ.

    An infinite limit stands for the k-th smallest distance within the block.
    """
    t = len(limit)
    i = j = np.zeros(0, dtype=np.intp)
    for precision in block.precisions:
        S, offset = block.bounds(A, precision)  # ℓ(aᵢ, bⱼ) = S_ij + offsetᵢ
        if own is not None:
            inside = np.flatnonzero((own >= 0) & (own < S.shape[1]))
            S[inside, own[inside]] = np.inf
        most = limit
        if np.isinf(limit[0]):
            kth = np.partition(S, k - 1, axis=1)[:, k - 1 : k]
            i, j = _where(kth >= S)  # k of each row or, with ties, more
            ceiling = S[i, j] + offset[i] + block.slack(offset[i], j, precision)
            most = np.maximum.reduceat(ceiling, np.searchsorted(i, np.arange(t)))
        # Rounding up keeps the comparison certain in single precision.
        cut = np.nextafter((most - offset).astype(S.dtype), np.inf, dtype=S.dtype)
        i, j = _where(cut[:, None] >= S)
        if len(i) <= CROWD * k * t:
            break
    return i, j, block.squares(A, i, j)


def _where(inside: Bool[np.ndarray, "t b"]) -> tuple[Int[np.ndarray, " c"], Int[np.ndarray, " c"]]:
    """Row and column numbers of what is true, row by row; three times as fast as nonzero."""
    i, j = np.divmod(np.flatnonzero(inside), inside.shape[1])
    return i, j


def _own(exclude: bool | Int[np.ndarray, " m"], m: int, n: int) -> Int[np.ndarray, " m"] | None:
    if isinstance(exclude, bool):
        if exclude and m != n:
            raise ShapeError(
                f"exclude_self needs the same rows twice; got {m} queries and {n} points: "
                "pass the index of each query's own point instead."
            )
        return np.arange(n) if exclude else None
    own = np.asarray(exclude)
    if own.shape != (m,) or (m and not 0 <= own.min() <= own.max() < n):
        raise ShapeError(f"exclude_self has shape {own.shape}; expected {m} indices in 0..{n - 1}.")
    return own

"""How many pairs of equal rows chance makes, given how often rows are equal in all columns but one or two.

Let D_j pairs of rows differ in column j alone and D_jk in j and k alone. Were a pair that agrees elsewhere to agree in
column j with probability q, chance would make q/(1−q) pairs of equal rows for every pair that differs in j alone:

    N̂ = D_j q/(1−q),        q = Σ_k D_k / Σ_k (D_k + D_jk)

where q is counted among pairs that differ in one other column k, which cannot be copies. Columns that follow from each
other are taken into account as they are: no shuffling, no independence. j is the column most often alone in differing.
Where no two rows are that near to each other, q is the share that agrees in j among pairs that agree in k, for the
column k that tells most about j.

Pairs are counted by sorting keys (see `data.repeats`): without columns j and k a row has its key less their parts.
Of many rows a part is taken by key, which keeps equal rows together: it holds the share f of the pairs of equal
rows and f² of the others. Many columns are added up to a few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt64

#: Cells that pairs are counted in (every column sorts the rows about five times, 0.1 s in all), and columns.
MOST_CELLS = 700_000
MOST_COLUMNS = 40
_ENOUGH = 20  # pairs from which a share is worth counting
_CANDIDATES = 5
_FEW = 5  # times that a row occurs on average where a table may as well be one coarse column in several columns


@dataclass(frozen=True, slots=True)
class Coincidences:
    """Pairs of equal rows expected by chance, and the upper end of what is compatible with the counts."""

    expected: float
    upper: float


def coincidences(hashes: UInt64[np.ndarray, "c s"], share: float = 1.0) -> Coincidences:
    """Chance pairs in the whole table, from the hashes of the columns of the share of it that was taken."""
    H = _few(hashes)
    c, s = H.shape
    if s < 2 or not c:
        return Coincidences(0.0, 0.0)
    key = H.sum(axis=0, dtype=np.uint64)
    equal = pairs(key)
    alone = np.array([pairs(key - h) - equal for h in H], dtype=float)
    own = np.array([pairs(h) for h in H], dtype=float)
    overall = own / (s * (s - 1) / 2)
    if not alone.any() and len(np.unique(key)) * _FEW < s:
        return Coincidences(
            np.inf, np.inf
        )  # few different rows, none near another: nothing to count by
    j = _most_often_alone(H, own - equal, equal, alone, overall)
    others = [k for k in range(c) if k != j]
    agree = float(alone[others].sum())
    both = sum(pairs(key - H[j] - H[k]) - equal - alone[j] - alone[k] for k in others)
    q, q_upper = _share(agree, agree + both, _prior(H, j, own - equal, equal, float(overall[j])))
    d = float(alone[j])
    if q >= 1:  # column j follows from another: nothing is known
        return Coincidences(float("inf"), float("inf"))
    upper = (d + 2 * np.sqrt(d) + 3) * q_upper / (1 - q_upper)
    return Coincidences(d * q / (1 - q) / share**2, upper / share**2)


def pairs(keys: UInt64[np.ndarray, " s"]) -> int:
    """Pairs of equal keys."""
    ordered = np.sort(keys)
    edges = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1], [True]]))
    m = np.diff(edges)
    return int((m * (m - 1) // 2).sum())


def _most_often_alone(
    H, near: np.ndarray, equal: int, alone: np.ndarray, overall: np.ndarray
) -> int:
    """The column that is most often alone in differing; if none ever is, one hard to tell from the others."""
    if alone.any():
        return int(np.lexsort((overall, -alone))[0])
    some = np.argsort(overall, kind="stable")[:_CANDIDATES]
    return int(min(some, key=lambda j: _prior(H, int(j), near, equal, float(overall[j]))))


def _prior(
    H: UInt64[np.ndarray, "b s"], j: int, near: np.ndarray, equal: int, overall: float
) -> float:
    """The largest share of pairs that agree in j among those that agree in another column, copies apart.

    `near` are the pairs that agree in each column and are not equal.
    """
    best = overall
    for k in np.flatnonzero(near >= _ENOUGH):
        if k != j:
            best = max(best, (pairs(H[k] + H[j]) - equal) / near[k])
    return best


def _few(H: UInt64[np.ndarray, "c s"]) -> UInt64[np.ndarray, "b s"]:
    if len(H) <= MOST_COLUMNS:
        return H
    starts = np.linspace(0, len(H), MOST_COLUMNS, endpoint=False).astype(np.int64)
    return np.add.reduceat(H, starts, axis=0)


def _share(hits: float, trials: float, prior: float) -> tuple[float, float]:
    """q and its upper end (two standard errors of the count), with two trials' worth of the prior share."""
    q = (hits + 2 * prior) / (trials + 2)
    upper = (hits + 2 * np.sqrt(hits) + 2 * prior) / (trials + 2)
    return q, float(min(upper, (1 + q) / 2))

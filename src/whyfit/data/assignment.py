"""Folds of rows that are not drawn one by one: an assignment by row number, and how to make one.

    groups    whole groups, the largest first, each to the fold that has fewest rows so far
    blocks    row of rank r among n, in order, to fold ⌊r k / n⌋; rows of one moment stay in one block

The first is Graham's rule: the largest fold has at most 4/3 − 1/(3k) of the rows that the best assignment would give
it. Groups of one size go to folds in random order, so that the order of the groups means nothing.

References: Graham (1969), SIAM J. Applied Mathematics 17, 416-429; Roberts et al. (2017), Ecography 40, 913-929, on
blocks and groups in cross-validation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """Folds of some rows, or all, that stand in for those drawn one by one: by row number, rising."""

    index: Int[np.ndarray, " c"]
    fold: Int[np.ndarray, " c"]

    def write(self, index: Int[np.ndarray, " m"], fold: Int[np.ndarray, " m"]) -> None:
        """Put the folds of those of the rows `index` that are assigned into `fold`."""
        if not len(index):
            return
        a, b = np.searchsorted(self.index, (index[0], index[-1] + 1))
        mine = self.index[a:b]
        if index[-1] - index[0] == len(index) - 1:
            fold[mine - index[0]] = self.fold[a:b]
            return
        at = np.minimum(np.searchsorted(index, mine), len(index) - 1)
        here = index[at] == mine
        fold[at[here]] = self.fold[a:b][here]


def same_folds(a: Assignment | None, b: Assignment | None) -> bool:
    """Whether two designs over the same rows, k and seed hold the same rows out together."""
    if a is None or b is None:
        return a is b
    return np.array_equal(a.index, b.index) and np.array_equal(a.fold, b.fold)


def folds_of_groups(label: Int[np.ndarray, " m"], k: int, seed: int = 0) -> Int[np.ndarray, " m"]:
    """Fold (0..k−1) of each row, equal for equal `label` (codes 0..G−1, each present), k ≤ G."""
    size = np.bincount(label)
    rng = np.random.default_rng([seed, k, size.size])
    fold = np.empty(size.size, np.int16)
    load = np.zeros(k, np.int64)
    order = np.argsort(-size, kind="stable")
    starts = np.flatnonzero(np.diff(size[order], prepend=-1))
    for a, b in zip(starts, [*starts[1:], size.size], strict=True):
        count = _fill(load, int(size[order[a]]), int(b - a))
        load += count * size[order[a]]
        fold[order[a:b]] = rng.permutation(np.repeat(np.arange(k, dtype=np.int16), count))
    return fold[label]


def _fill(load: Int[np.ndarray, " k"], size: int, m: int) -> Int[np.ndarray, " k"]:
    """How many of m groups of one size each fold gets if every one goes where the load is least.

    Group i of a fold is taken at the level load + i·size; the m lowest levels of all folds are.
    """
    low, high = int(load.min()), int(load.min()) + size * m
    while low < high:  # the highest level that takes no more than m
        middle = (low + high + 1) // 2
        if np.maximum(-((load - middle) // size), 0).sum() <= m:
            low = middle
        else:
            high = middle - 1
    count = np.maximum(-((load - low) // size), 0)
    here = np.flatnonzero((load + count * size) == low)  # those next in line
    count[here[: m - int(count.sum())]] += 1
    return count


def folds_of_blocks(time: Float[np.ndarray, " m"] | None, m: int, k: int) -> Int[np.ndarray, " m"]:
    """Fold of each of m rows by its rank in `time` (NaN last, None: as they come).

    Fewer than k blocks where moments have more rows than a block.
    """
    if time is None:
        return (np.arange(m) * k // max(m, 1)).astype(np.int16)
    order = np.argsort(time, kind="stable")
    sorted_ = time[order]
    same = (sorted_[1:] == sorted_[:-1]) | (np.isnan(sorted_[1:]) & np.isnan(sorted_[:-1]))
    first = np.maximum.accumulate(np.where(np.append(False, same), 0, np.arange(m)))
    fold = np.empty(m, np.int16)
    fold[order] = np.unique(first * k // max(m, 1), return_inverse=True)[1].ravel()
    return fold

"""Which rows are held out together.

The fold of a row is a pure function of (row number, k, seed): every k consecutive rows receive a random
permutation of 0..k−1, so any prefix of the table is balanced to ±1 row, folds are spread over the whole
file, and neither block size nor the number of rows in the file matters. The permutations repeat every
1024·k rows with their labels rotated by a random amount, so that no period of the data can line up.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Int

_GROUPS = 1024


@lru_cache(maxsize=8)
def _base(k: int, seed: int) -> Int[np.ndarray, " period"]:
    rng = np.random.default_rng([seed, k])
    return rng.permuted(np.tile(np.arange(k, dtype=np.int16), (_GROUPS, 1)), axis=1).ravel()


@lru_cache(maxsize=1024)
def _rotation(k: int, seed: int, period: int) -> int:
    return int(np.random.default_rng([seed, k, period]).integers(k))


def fold_of(index: Int[np.ndarray, " m"], k: int, seed: int) -> Int[np.ndarray, " m"]:
    """Fold (0..k−1) of each source row number in `index`, which must not fall."""
    if k == 1:
        return np.zeros(len(index), dtype=np.int16)
    base = _base(k, seed)
    out = np.empty(len(index), dtype=np.int16)
    if not len(index):
        return out
    first, last = int(index[0]) // base.size, int(index[-1]) // base.size
    cut = np.searchsorted(index, np.arange(first + 1, last + 1) * base.size)
    for period, a, b in zip(range(first, last + 1), [0, *cut], [*cut, len(index)], strict=True):
        if a == b:
            continue
        place = index[a:b] - period * base.size
        whole = place[-1] - place[0] == b - a - 1  # consecutive rows: a slice, not a gather
        np.add(
            base[place[0] : place[-1] + 1] if whole else base[place],
            _rotation(k, seed, period),
            out=out[a:b],
        )
    np.subtract(out, k, out=out, where=out >= k)
    return out


#: Most bytes of the moments of all folds, k p² numbers: ten folds of 2,000 columns, two of 4,500.
FOLD_BYTES = 320 << 20


def most_folds(p: int) -> int:
    """Folds whose moments of p columns fit in FOLD_BYTES, at least two."""
    return max(2, FOLD_BYTES // (8 * (p + 1) ** 2))


def fold_count(n: int, wanted: int) -> int:
    """Folds used for n rows: `wanted`, or fewer so that each holds about ten rows, at least two.

    A fold's R² needs its own variance of y, which fewer than ten rows hardly give.
    """
    return max(2, min(wanted, n // 10))

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
    return rng.permuted(np.tile(np.arange(k), (_GROUPS, 1)), axis=1).ravel()


def fold_of(index: Int[np.ndarray, " m"], k: int, seed: int) -> Int[np.ndarray, " m"]:
    """Fold (0..k−1) of each source row number in `index`."""
    base = _base(k, seed)
    period, place = np.divmod(index, base.size)
    rotation = np.zeros(int(period[-1]) + 1 if period.size else 1, dtype=np.int64)
    for c in np.unique(period):
        rotation[c] = np.random.default_rng([seed, k, int(c)]).integers(k)
    return ((base[place] + rotation[period]) % k).astype(np.int16)


def fold_count(n: int, wanted: int) -> int:
    """Folds used for n rows: `wanted`, or fewer so that each holds about ten rows, at least two.

    A fold's R² needs its own variance of y, which fewer than ten rows hardly give.
    """
    return max(2, min(wanted, n // 10))

"""A simple random sample of rows, kept while blocks go by.

A row is kept if a hash of (row number, seed) falls below a threshold, so the sample is a pure function of the
row numbers: block size, order and thread count do not matter, and `+` is concatenation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from whyfit.fold import Rows

#: Rows kept for everything that needs rows at random (binned spreads, bootstraps, figures).
SAMPLE_ROWS = 50_000
#: ... but no more than hold this many bytes, all columns dense: all SAMPLE_ROWS of 335 columns.
SAMPLE_BYTES = 128 << 20


def sample_rows(p: int) -> int:
    """Rows kept of a design with p columns."""
    return max(1, min(SAMPLE_ROWS, SAMPLE_BYTES // (8 * max(p, 1))))


@dataclass(frozen=True, slots=True)
class Sample:
    """Sampled rows in source order; `share` is the sampling fraction (1.0: every row)."""

    X: Float[np.ndarray, "s p"]
    y: Float[np.ndarray, " s"]
    index: Int[np.ndarray, " s"]
    fold: Int[np.ndarray, " s"]
    share: float

    @classmethod
    def empty(cls, p: int, share: float) -> Sample:
        none = np.zeros(0, dtype=np.int64)
        return cls(np.zeros((0, p)), np.zeros(0), none, none, share)

    def __add__(self, other: Sample) -> Sample:
        if not len(self.y) or not len(other.y):
            return other if not len(self.y) else self
        return Sample(
            np.concatenate([self.X, other.X]),
            np.concatenate([self.y, other.y]),
            np.concatenate([self.index, other.index]),
            np.concatenate([self.fold, other.fold]),
            self.share,
        )


def sample_of(
    n: int, seed: int, wanted: int = SAMPLE_ROWS
) -> tuple[Callable[[Rows], Sample], float]:
    """The function that samples a block, and the sampling fraction, for a table of n rows."""
    share = 1.0 if n <= wanted else wanted / n
    limit = np.uint64(share * float(2**63))

    def of(rows: Rows) -> Sample:
        keep = slice(None) if share == 1.0 else np.flatnonzero(_hash(rows.index, seed) < limit)
        some = rows.take(keep)
        return Sample(
            np.array(some.X, order="C"),
            np.array(some.y),
            np.array(some.index, dtype=np.int64),
            np.array(some.fold, dtype=np.int64),
            share,
        )

    return of, share


def _hash(index: Int[np.ndarray, " m"], seed: int) -> np.ndarray:
    """63 well-mixed bits of each row number (the splitmix64 finaliser)."""
    with np.errstate(over="ignore"):
        z = np.asarray(index).astype(np.uint64) + np.uint64(seed) * np.uint64(0xD1342543DE82EF95)
        z += np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (z ^ (z >> np.uint64(31))) >> np.uint64(1)

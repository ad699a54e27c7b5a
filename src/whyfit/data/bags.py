"""Rows of unequal length in flat arrays: the letters of texts, or the counted words of documents.

A row has `fixed` numbers, the last of which says how many items it has in each of the `flat` arrays. So a
block of texts is two NumPy arrays and not a hundred thousand Python objects, and spills to disk as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, slots=True)
class Ragged:
    """m rows: fixed (k, m), its last line the lengths; flat arrays of Σ lengths items each."""

    fixed: Float[np.ndarray, "k m"]
    flat: tuple[np.ndarray, ...]

    @property
    def lengths(self) -> Int[np.ndarray, " m"]:
        return self.fixed[-1].astype(np.int64)

    def __len__(self) -> int:
        return self.fixed.shape[1]

    def rows(self, start: int, stop: int) -> Ragged:
        """Rows start … stop − 1."""
        ends = np.concatenate([[0], np.cumsum(self.lengths)])
        return Ragged(
            self.fixed[:, start:stop], tuple(a[ends[start] : ends[stop]] for a in self.flat)
        )

    @staticmethod
    def join(parts: Sequence[Ragged]) -> Ragged:
        flat = zip(*(p.flat for p in parts), strict=True)
        return Ragged(
            np.concatenate([p.fixed for p in parts], axis=1),
            tuple(np.concatenate(a) for a in flat),
        )

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        return (self.fixed, *self.flat)

    @staticmethod
    def of_arrays(arrays: Sequence[np.ndarray]) -> Ragged:
        return Ragged(arrays[0], tuple(arrays[1:]))


def letters_of(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """UTF-8 of all texts end to end, and the length of each in bytes."""
    encoded = [t.encode("utf-8", "surrogatepass") for t in texts]
    lengths = np.fromiter(map(len, encoded), np.float64, len(encoded))
    return np.frombuffer(b"".join(encoded), np.uint8), lengths


def texts_of(letters: np.ndarray, lengths: Iterable[int]) -> list[str]:
    """The texts whose letters `letters_of` put end to end."""
    data, texts, start = letters.tobytes(), [], 0
    for length in lengths:
        texts.append(data[start : start + length].decode("utf-8", "surrogatepass"))
        start += length
    return texts


def bag_matrix(bags: Ragged, width: int) -> csr_array:
    """Counts as a matrix (m, width): entry (i, t) says how often term t occurs in document i."""
    from scipy.sparse import csr_array

    ids, counts = bags.flat
    ends = np.concatenate([[0], np.cumsum(bags.lengths)])
    return csr_array((counts.astype(np.float64), ids, ends), shape=(len(bags), width))

"""How a column of free text becomes design columns: its length, and its terms or a few components of these."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from whyfit.data.components import Components
from whyfit.data.tfidf import TextWeights
from whyfit.data.writing import Data, Named, Out, fill_gaps
from whyfit.errors import InternalFault

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, slots=True)
class TextCoding:
    """Free text: its numbers of characters and words, an indicator if some miss, and its terms.

    These are sparse columns "text:term" or, with `components`, dense ones "text ~ leading terms".
    """

    name: str
    characters: float
    words: float
    indicator: bool = False
    weights: TextWeights | None = None
    components: Components | None = None

    @property
    def columns(self) -> Named:
        last = ((f"{self.name} missing", "indicator"),) if self.indicator else ()
        compressed = self.components.names if self.components else ()
        return (
            (f"{self.name} characters", "text"),
            (f"{self.name} words", "text"),
            *last,
            *((f"{self.name} ~ {words}", "text") for words in compressed),
        )

    @property
    def sparse_columns(self) -> Named:
        if self.weights is None or self.components:
            return ()
        return tuple((f"{self.name}:{term}", "word") for term in self.weights.names)

    def missing(self, data: Data) -> np.ndarray:
        return np.isnan(data[f"{self.name}\0characters"])

    def write(
        self, data: Data, levels: dict[str, tuple[str, ...]], out: Out, slots: Sequence[int]
    ) -> None:
        del levels
        slots = list(slots)
        for what, fill in (("characters", self.characters), ("words", self.words)):
            if (slot := slots.pop(0)) >= 0:
                fill_gaps(data[f"{self.name}\0{what}"], fill, out[slot])
        if self.indicator and (slot := slots.pop(0)) >= 0:
            np.isnan(data[f"{self.name}\0characters"], out=out[slot], casting="unsafe")
        if self.components and max(slots) >= 0:
            made = self.components.of_rows(self._rows(data))
            for slot, column in zip(slots, made.T, strict=True):
                if slot >= 0:
                    out[slot] = column

    def write_sparse(self, data: Data, levels: dict[str, tuple[str, ...]]) -> csr_array:
        """The (m, c) block of `sparse_columns`; NaN all along a row that cannot be used."""
        del levels
        return self._rows(data)

    def _rows(self, data: Data) -> csr_array:
        if self.weights is None:
            raise InternalFault(f"the terms of '{self.name}' were not chosen.")
        rows = self.weights.rows(data[f"{self.name}\0terms"])
        if math.isnan(self.characters) and (gaps := self.missing(data)).any():
            from scipy.sparse import csr_array

            c = self.weights.width
            ends = np.concatenate([[0], np.cumsum(gaps * c)])
            nan = np.full(ends[-1], np.nan), np.tile(np.arange(c), int(gaps.sum()))
            rows = rows + csr_array((*nan, ends), shape=(gaps.size, c))
        return rows

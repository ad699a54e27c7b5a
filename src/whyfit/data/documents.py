"""The documents of a text column, counted once and kept in the blocks of its table.

Splitting texts into terms is what costs time; which terms become columns, and how they are weighted, is chosen
from the counts as often as a Spec is edited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from whyfit.data.bags import Ragged, bag_matrix
from whyfit.data.store import BlockStore
from whyfit.data.tfidf import Documents, TermCounter, Terms

#: Texts counted at a time, so that the lists of terms stay small beside the counts.
_PIECE = 8192


class CountedBlocks:
    """Documents, block by block; in memory while they fit, on disk from then on."""

    def __init__(self, store: BlockStore, terms: Terms) -> None:
        self._store, self.terms = store, terms

    def __getitem__(self, i: int) -> Documents:
        (bags,) = self._store[i]
        return Documents(bag_matrix(bags, self.terms.width), self.terms)

    def close(self) -> None:
        self._store.close()


def count_documents(blocks: Callable[[], Iterable[list[str]]]) -> CountedBlocks:
    """Counts of the texts that `blocks()` yields; walked again if the terms are too many to list."""
    for hashing in (False, True):
        counter, store = TermCounter(hashing=hashing), BlockStore()
        for texts in blocks():
            pieces = range(0, max(len(texts), 1), _PIECE)
            store.append([Ragged.join([counter.add(texts[i : i + _PIECE]) for i in pieces])])
            if counter.overflow:
                break
        if not counter.overflow:
            break
        store.close()
    return CountedBlocks(store, counter.terms())

"""Texts as sparse vectors: term frequency × inverse document frequency.

Of n documents let d_t contain term t, and let c_it be how often t occurs in document i. Then

    x_it = c_it · idf_t / ‖c_i · idf‖₂,     idf_t = 1 + log((1 + n) / (1 + d_t)),

what scikit-learn's `TfidfVectorizer` computes. Terms are those of its analyser: runs of two or more letters, digits or
underscores of any script, in lower case. A language that writes no spaces gets whole phrases as terms.

The terms that occur in most documents are kept, for the moments of p columns hold p² numbers. A
vocabulary of more than MOST_TERMS is not counted: terms are hashed into BUCKETS, by the function of
`HashingVectorizer`. V different terms leave a given one alone in its bucket with probability
(1 − 1/BUCKETS)^(V−1) ≈ exp(−V/BUCKETS).

Nothing here looks at the target, so terms and weights chosen on all rows tell a model nothing of y. But
they are chosen on held-out rows too: a term's weight knows how many of these contain it.

References: Spärck Jones (1972), Journal of Documentation 28(1); Weinberger et al. (2009), ICML, on hashing.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from whyfit.data.bags import Ragged, bag_matrix

if TYPE_CHECKING:
    from scipy.sparse import csr_array

#: Columns a text becomes by default: eleven 1,000 × 1,000 Gram matrices (one per fold) take 88 MB.
WIDTH = 1000
#: Different terms counted at most. A million entries of the dictionary took 130 MB.
MOST_TERMS = 1 << 20
#: Buckets terms are hashed into when there are more.
BUCKETS = 1 << 20
_TERM = re.compile(r"\b\w\w+\b")
#: Documents whose terms give the buckets their names.
_NAMED = 10_000


@dataclass(frozen=True)
class Terms:
    """What was counted in n documents: v terms, or buckets of terms, and how many documents have each."""

    n: int
    terms: tuple[str, ...]  # none if they were hashed
    documents: Int[np.ndarray, " v"]
    buckets: int = 0
    nicknames: dict[int, str] = field(default_factory=dict)  # most frequent known term of a bucket

    @property
    def width(self) -> int:
        return self.documents.size

    @cached_property
    def numbers(self) -> dict[str, int]:
        return {t: i for i, t in enumerate(self.terms)}


@dataclass(frozen=True, slots=True)
class Documents:
    """Counted documents: entry (i, t) says how often document i has term t of `terms`."""

    counts: csr_array  # (m, v)
    terms: Terms

    def __getitem__(self, rows: Any) -> Documents:
        """Some documents: a mask, numbers or a slice, perhaps behind an ellipsis as with arrays."""
        rows = rows[-1] if isinstance(rows, tuple) else rows
        return Documents(self.counts[rows], self.terms)

    @property
    def shape(self) -> tuple[int]:
        return (self.counts.indptr.size - 1,)

    @classmethod
    def of(cls, texts: Sequence[str]) -> Documents:
        counter = TermCounter(limit=sys.maxsize)
        bags, terms = counter.add(texts), counter.terms()
        return cls(bag_matrix(bags, terms.width), terms)


class TermCounter:
    """Counts terms document by document; `add` returns what is to be kept of each.

    `overflow` is set when the vocabulary outgrows `limit`: begin again with `hashing=True`.
    """

    def __init__(self, *, hashing: bool = False, limit: int = MOST_TERMS) -> None:
        self.hashing, self.limit = hashing, limit
        self.n = 0
        self.overflow = False
        self._ids: dict[str, int] = defaultdict()
        self._ids.default_factory = self._ids.__len__  # type: ignore[attr-defined]
        self._documents = np.zeros(BUCKETS if hashing else 0, np.int64)
        self._seen: Counter[str] = Counter()

    def add(self, texts: Sequence[str]) -> Ragged:
        """Bags of the documents: (term or bucket number, count) pairs."""
        bags = self._hashed(texts) if self.hashing else self._counted(texts)
        found = np.bincount(bags.flat[0], minlength=self._documents.size)
        found[: self._documents.size] += self._documents
        self._documents = found
        self.n += len(texts)
        return bags

    def _counted(self, texts: Sequence[str]) -> Ragged:
        numbers = self._ids
        ids: list[int] = []
        counts: list[int] = []
        lengths = np.empty((1, len(texts)))
        for i, text in enumerate(texts):
            bag = Counter(analyse(text))
            ids.extend(map(numbers.__getitem__, bag))
            counts.extend(bag.values())
            lengths[0, i] = len(bag)
        self.overflow = len(numbers) > self.limit
        return Ragged(lengths, (np.array(ids, np.int32), np.array(counts, np.float32)))

    def _hashed(self, texts: Sequence[str]) -> Ragged:
        for text in texts[: max(0, _NAMED - self.n)]:
            self._seen.update(analyse(text))
        found = _hashed(texts, BUCKETS)
        lengths = np.diff(found.indptr).astype(np.float64)[None]
        return Ragged(lengths, (found.indices.astype(np.int32), found.data.astype(np.float32)))

    def terms(self) -> Terms:
        if not self.hashing:
            return Terms(self.n, tuple(self._ids), self._documents)
        names: dict[int, str] = {}
        for (term, _), bucket in zip(
            self._seen.most_common(), buckets_of([t for t, _ in self._seen.most_common()], BUCKETS),
            strict=True,
        ):  # fmt: skip
            names.setdefault(int(bucket), term)
        return Terms(self.n, (), self._documents, BUCKETS, names)


@dataclass(frozen=True, slots=True)
class TextWeights:
    """The c columns of a text and their weights: plain data, all that a new text needs.

    Attributes
    ----------
    names : term of each column; for a bucket "#17", or its most frequent known term.
    idf : weight of each column.
    buckets : number of buckets terms are hashed into; 0 if the columns are terms.
    kept : bucket of each column; empty if the columns are terms.
    """

    names: tuple[str, ...]
    idf: tuple[float, ...]
    buckets: int = 0
    kept: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        return len(self.idf)

    def transform(self, texts: Sequence[str]) -> csr_array:
        """Weighted, unit-length rows (m, c); a text without a known term is a row of zeros."""
        return self.rows(Documents.of(texts))

    def rows(self, documents: Documents) -> csr_array:
        """The same of documents that are counted already."""
        counts, terms = documents.counts, documents.terms
        ids = self._columns(terms)[counts.indices]
        keep = ids >= 0
        ends = np.concatenate([[0], np.cumsum(keep)])[counts.indptr]
        return self._weighed(counts.data[keep], ids[keep], ends)

    def _columns(self, terms: Terms) -> Int[np.ndarray, " v"]:
        """Column of each term that was counted, −1 for one that has none."""
        columns = np.full(terms.width, -1, np.int32)
        if self.buckets:
            of_bucket = np.full(self.buckets, -1, np.int32)
            of_bucket[np.array(self.kept, np.int64)] = np.arange(self.width)
            return of_bucket[_bucket_numbers(terms, self.buckets)]
        for j, term in enumerate(self.names):
            if (i := terms.numbers.get(term)) is not None:
                columns[i] = j
        return columns

    def _weighed(
        self, counts: Float[np.ndarray, " q"], ids: Int[np.ndarray, " q"], ends: np.ndarray
    ) -> csr_array:
        from scipy.sparse import csr_array

        m = ends.size - 1
        made = csr_array((counts, ids, ends), shape=(m, self.width))
        made.sum_duplicates()  # terms that share a bucket
        values = made.data * np.asarray(self.idf)[made.indices]
        rows = np.repeat(np.arange(m), np.diff(made.indptr))
        values /= np.sqrt(np.bincount(rows, values**2, minlength=m))[rows]
        return csr_array((values, made.indices, made.indptr), shape=(m, self.width))


def weights_of(
    terms: Terms, *, width: int = WIDTH, least: int = 1, hashing: bool = False
) -> TextWeights:
    """Columns and weights from what was counted.

    Parameters
    ----------
    width : at most so many columns, those in most documents; ties by name. Hashing asked for makes
        the greatest power of two within `width` the number of buckets.
    least : a column occurs in at least so many documents.
    hashing : hash the terms even if their vocabulary is known.
    """
    if hashing:
        buckets = 1 << (max(width, 1).bit_length() - 1)
        # of documents that hold several terms of one bucket each is counted: an upper bound
        documents = np.bincount(
            _bucket_numbers(terms, buckets), terms.documents, minlength=buckets
        ).astype(np.int64)
        documents = np.minimum(documents, terms.n)
        kept = np.flatnonzero(documents >= max(least, 1))
        return TextWeights(
            tuple(f"#{b}" for b in kept), _idf(terms.n, documents[kept]), buckets, _ints(kept)
        )
    enough = np.flatnonzero(terms.documents >= max(least, 1))
    if terms.buckets:
        order = enough[np.argsort(-terms.documents[enough], kind="stable")][:width]
        names = tuple(terms.nicknames.get(int(b), f"#{b}") for b in order)
        return TextWeights(
            names, _idf(terms.n, terms.documents[order]), terms.buckets, _ints(order)
        )
    order = sorted(enough, key=lambda i: (-terms.documents[i], terms.terms[i]))[:width]
    return TextWeights(tuple(terms.terms[i] for i in order), _idf(terms.n, terms.documents[order]))


def fit_texts(
    pieces: Callable[[], Iterable[Sequence[str]]], *, width: int = WIDTH, least: int = 1
) -> TextWeights:
    """Columns and weights of documents that `pieces()` yields some at a time.

    They are walked once, and once more if the vocabulary outgrows MOST_TERMS.
    """
    for hashing in (False, True):
        counter = TermCounter(hashing=hashing)
        for texts in pieces():
            counter.add(texts)
            if counter.overflow:
                break
        if not counter.overflow:
            break
    return weights_of(counter.terms(), width=width, least=least)


def analyse(text: str) -> list[str]:
    """The terms of a text in order: scikit-learn's analyser, without the second that its import takes."""
    return _TERM.findall(text.lower())


def buckets_of(terms: Sequence[str], buckets: int) -> Int[np.ndarray, " v"]:
    """Bucket of each term, as `HashingVectorizer` chooses it."""
    if not terms:
        return np.zeros(0, np.int64)
    from sklearn.feature_extraction import FeatureHasher

    hasher = FeatureHasher(buckets, input_type="string", alternate_sign=False)
    return hasher.transform([[t] for t in terms]).indices.astype(np.int64)


def _hashed(texts: Sequence[str], buckets: int) -> csr_array:
    """How often each document (m, buckets) has a term of each bucket."""
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import HashingVectorizer

    if not texts:  # which the vectorizer refuses
        return csr_array((0, buckets))
    settings: dict[str, Any] = {"norm": None, "alternate_sign": False}
    return csr_array(HashingVectorizer(n_features=buckets, **settings).transform(texts))


def _bucket_numbers(terms: Terms, buckets: int) -> Int[np.ndarray, " v"]:
    """Bucket of each counted term; buckets already made are merged into fewer, a power of two."""
    if terms.buckets:
        return np.arange(terms.buckets) % buckets
    return buckets_of(terms.terms, buckets)


def _idf(n: int, documents: Int[np.ndarray, " c"]) -> tuple[float, ...]:
    idf: Float[np.ndarray, " c"] = 1.0 + np.log((1.0 + n) / (1.0 + documents))
    return tuple(idf.tolist())


def _ints(a: Int[np.ndarray, " c"]) -> tuple[int, ...]:
    return tuple(int(v) for v in a)

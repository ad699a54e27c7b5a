"""Questions to a cloud: who is near, and where does king − man + woman lead.

An expression is labels joined by + and −. A label may hold these signs itself: at each place the longest label that
fits and is followed by a sign or the end is taken; "…" or '…' quotes one. Vectors are added as they are, not scaled
to length one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from whyfit.diagnosis.cloud import CloudCase
from whyfit.errors import SpecError
from whyfit.linalg.neighbours import nearest

_SIGNS = {"+": 1.0, "-": -1.0, "−": -1.0, "–": -1.0}


@dataclass(frozen=True)
class Names:
    """The labels of a cloud, to be looked up; `named` if they were given, else rows are counted from 1."""

    labels: Sequence[str]
    named: bool

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Label -> first point of that name."""
        places: dict[str, int] = {}
        for i, label in enumerate(self.labels):
            places.setdefault(label, i)
        return places

    @cached_property
    def _folded(self) -> Mapping[str, int]:
        folded: dict[str, int] = {}
        for label, i in self.places.items():
            folded.setdefault(label.casefold(), i)
        return folded

    def find(self, asked: str) -> int | None:
        """The point called `asked`, whatever its case, or in that row; None if there is none."""
        word = asked.strip()
        for places, key in (
            (self.places, asked),
            (self.places, word),
            (self._folded, word.casefold()),
        ):
            if key in places:
                return places[key]
        digits = re.fullmatch(r"(?:row )?(\d+)", word)
        if digits and 1 <= int(digits[1]) <= len(self.labels):
            return int(digits[1]) - 1
        return None

    def point(self, asked: str) -> int:
        """As `find`; SpecError with the nearest spelling if there is none."""
        i = self.find(asked)
        if i is None:
            raise SpecError(f"no point is called '{asked}'{self._hint(asked)}")
        return i

    def _hint(self, asked: str) -> str:
        n = len(self.labels)
        if not self.named:
            return f"; the points are rows 1 to {n:,} and have no other names."
        near = difflib.get_close_matches(asked.strip().casefold(), self._folded, 1, 0.5)
        if near:
            return f"; did you mean '{self.labels[self._folded[near[0]]]}'?"
        return f"; labels are such as '{self.labels[0]}'; a number from 1 to {n:,} is a row."


@dataclass(frozen=True, slots=True)
class Found:
    """A neighbour: similarity is the cosine, or minus the distance for the Euclidean metric."""

    point: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked, the points it names with their signs, and the nearest others."""

    asked: str
    terms: tuple[tuple[float, int], ...]
    found: tuple[Found, ...]
    vector: Any  # of the full space, dense or sparse (1, p)


def near(case: CloudCase, names: Names, asked: str, k: int) -> Answer:
    """The k nearest others of one point."""
    return _answer(case, asked, ((1.0, names.point(asked)),), k)


def project(case: CloudCase, names: Names, expression: str, k: int) -> Answer:
    """The k points nearest to a sum of vectors, its terms left out."""
    return _answer(case, expression, parse(expression, names), k)


def _answer(case: CloudCase, asked: str, terms: tuple[tuple[float, int], ...], k: int) -> Answer:
    X: Any = case.X
    signs = np.array([s for s, _ in terms])
    rows = X[[i for _, i in terms]]
    if case.dense:
        vector: Any = (signs @ rows)[None]
    else:
        from scipy.sparse import csr_array

        vector = csr_array(csr_array(signs[None]) @ rows)
    own = {i for _, i in terms}
    wanted = min(k + len(own), case.n)
    hits = nearest(vector, X, wanted, case.metric)
    found = [
        Found(int(i), 1 - float(d) if case.metric == "cosine" else -float(d))
        for i, d in zip(hits.index[0], hits.distance[0], strict=True)
        if int(i) not in own
    ]
    return Answer(asked, terms, tuple(found[:k]), vector)


def parse(expression: str, names: Names) -> tuple[tuple[float, int], ...]:
    """(sign, point) of every term. Raises SpecError for an unknown label or a dangling sign."""
    terms: list[tuple[float, int]] = []
    at, text = 0, expression
    while True:
        sign, at = _sign(text, at, first=not terms)
        if at >= len(text):
            raise SpecError(
                f"'{expression}' ends where a label is expected; write e.g. \"king-man+woman\"."
            )
        point, at = _label(text, at, names)
        terms.append((sign, point))
        at = _blank(text, at)
        if at >= len(text):
            return tuple(terms)


def _blank(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _sign(text: str, at: int, *, first: bool) -> tuple[float, int]:
    at = _blank(text, at)
    if at < len(text) and text[at] in _SIGNS:
        return _SIGNS[text[at]], _blank(text, at + 1)
    if not first:
        raise SpecError(f"expected + or − before '{text[at:]}' in '{text}'.")
    return 1.0, at


def _label(text: str, at: int, names: Names) -> tuple[int, int]:
    """The point whose label begins at `at`, and where it ends."""
    if text[at] in "\"'" and (end := text.find(text[at], at + 1)) > 0:
        return names.point(text[at + 1 : end]), end + 1
    ends = [i for i in range(at + 1, len(text)) if text[i] in _SIGNS] + [len(text)]
    for end in reversed(ends):
        point = names.find(text[at:end])
        if point is not None:
            return point, end
    return names.point(text[at : ends[0]].strip()), ends[0]


def place_of(vector: Any) -> Float[np.ndarray, " p"]:
    """The vector of an answer, dense."""
    return np.asarray(vector.toarray() if hasattr(vector, "toarray") else vector)[0]

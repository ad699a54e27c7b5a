"""How one source column becomes design columns.

A coding is fitted to a `Column`, names its design columns and writes them; it survives as plain data in
a saved model. `columns` go into rows of a (p, m) array given by `slots`, one per column, −1 for a
column that is not wanted; `sparse_columns`, of which a row has few that are not zero, are what
`write_sparse` returns as a CSR array.

Categories are treatment-coded: one 0/1 column "name=level" for every level but the reference.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Float, Int

from whyfit.data.components import Components
from whyfit.data.schema import Column
from whyfit.data.text_coding import TextCoding
from whyfit.data.tfidf import TextWeights
from whyfit.data.writing import Data, Named, Out, fill_gaps
from whyfit.errors import SpecError
from whyfit.spec import Missing, Spec

if TYPE_CHECKING:
    from scipy.sparse import csr_array

RARE = "(rare)"
MISSING = "(missing)"
#: Names of merged levels kept in a model, to tell a rare level from one never seen.
REMEMBERED = 10_000
#: Calendar parts of a moment, with what they are called.
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
PARTS = {"month": MONTHS, "weekday": WEEKDAYS, "hour": tuple(str(h) for h in range(24))}

#: A category of more levels than this is coded sparsely. Measured: a row of 64 dense columns takes 0.3 µs in a Gram
#: matrix, about as long as reading a cell, a single 1 takes 0.02 µs; fewer columns may keep their place in the table.
SPARSE_LEVELS = 64


@dataclass(frozen=True, slots=True)
class Levels:
    """A category's levels: `kept` have a column each, `reference` has none, `rare` share one.

    own: whether missing cells have a level of their own; otherwise they count as `fill`.
    A level never seen is taken for rare if there is such a column, else for the reference.
    """

    reference: str
    kept: tuple[str, ...]
    rare: bool
    own: bool
    fill: str
    merged: tuple[str, ...] = ()  # names of the rare levels, at most REMEMBERED

    @classmethod
    def of(
        cls,
        levels: Sequence[str],
        counts: Sequence[int],
        missing: int,
        spec: Spec,
        wanted: str | None,
    ) -> Levels:
        """Levels by falling `counts`; fewer than spec.rare_level rows, or too many levels: rare."""
        keep = [t for t, c in zip(levels, counts, strict=True) if c >= spec.rare_level]
        keep = keep[: spec.max_levels] or list(levels[:1])
        reference = wanted or keep[0]
        if reference not in keep:
            keep.append(reference)
        known = set(keep)
        return cls(
            reference=reference,
            kept=tuple(t for t in keep if t != reference),
            rare=len(keep) < len(levels),
            own=missing > 0 and spec.missing == "indicator",
            fill=levels[0],
            merged=tuple(t for t in levels if t not in known)[:REMEMBERED],
        )

    @property
    def names(self) -> tuple[str, ...]:
        return self.kept + (RARE,) * self.rare + (MISSING,) * self.own

    def table(self, levels: Sequence[str]) -> Int[np.ndarray, " c"]:
        """Column of each code of `levels`, −1 for the reference, −2 for an unknown level.

        The last entry is that of the code −1, a missing cell.
        """
        place = {t: i for i, t in enumerate(self.kept)}
        place[self.reference] = -1
        other = len(self.kept) if self.rare else -2
        codes = [place.get(t, other) for t in levels]
        missing = len(self.names) - 1 if self.own else place.get(self.fill, other)
        return np.array([*codes, missing], np.int64)

    def unseen(self, levels: Sequence[str]) -> np.ndarray:
        """Whether each of `levels` was absent from the training table (last entry: missing)."""
        if len(self.merged) >= REMEMBERED:  # too many to tell
            return np.zeros(len(levels) + 1, bool)
        known = {self.reference, *self.kept, *self.merged}
        return np.array([*(t not in known for t in levels), False])


def _write_levels(place: Int[np.ndarray, " m"], out: Out, slots: Sequence[int]) -> None:
    for i, slot in enumerate(slots):
        if slot >= 0:
            np.equal(place, i, out=out[slot], casting="unsafe")


@dataclass(frozen=True, slots=True)
class NumberCoding:
    """Numbers and 0/1: the value with missing cells filled, and an indicator of the filled ones.

    `values` is false for a constant of which only the indicator says anything.
    """

    name: str
    kind: str  # numeric or boolean
    fill: float
    values: bool = True
    indicator: bool = False
    truth: dict[str, float] = field(default_factory=dict)  # text of a boolean cell -> 0 or 1

    sparse_columns: ClassVar[Named] = ()

    @property
    def columns(self) -> Named:
        value = ((self.name, self.kind),) if self.values else ()
        return value + (((f"{self.name} missing", "indicator"),) if self.indicator else ())

    def missing(self, data: Data) -> np.ndarray:
        return np.isnan(data[self.name])

    def write(
        self, data: Data, levels: dict[str, tuple[str, ...]], out: Out, slots: Sequence[int]
    ) -> None:
        del levels
        a, slots = data[self.name], list(slots)
        if self.values and (slot := slots.pop(0)) >= 0:
            fill_gaps(a, self.fill, out[slot])
        if self.indicator and slots[0] >= 0:
            np.isnan(a, out=out[slots[0]], casting="unsafe")


@dataclass(frozen=True, slots=True)
class LevelCoding:
    """A category, treatment-coded."""

    name: str
    levels: Levels
    drop: bool = False  # a missing cell makes the row unusable
    sparse: bool = False

    @property
    def columns(self) -> Named:
        return () if self.sparse else self._all()

    @property
    def sparse_columns(self) -> Named:
        return self._all() if self.sparse else ()

    def _all(self) -> Named:
        return tuple((f"{self.name}={t}", "level") for t in self.levels.names)

    def missing(self, data: Data) -> np.ndarray:
        return data[self.name] < 0

    def write(
        self, data: Data, levels: dict[str, tuple[str, ...]], out: Out, slots: Sequence[int]
    ) -> None:
        place = self.levels.table(levels[self.name])[data[self.name]]
        _write_levels(place, out, slots)
        if self.drop and (gaps := data[self.name] == -1).any():
            for slot in slots:
                if slot >= 0:
                    out[slot, gaps] = np.nan

    def write_sparse(self, data: Data, levels: dict[str, tuple[str, ...]]) -> csr_array:
        """The (m, c) block of `sparse_columns`; NaN all along a row that cannot be used."""
        from scipy.sparse import csr_array

        codes, c = data[self.name], len(self.levels.names)
        place = self.levels.table(levels[self.name])[codes]
        unusable = (codes == -1) & self.drop
        own = (place >= 0) & ~unusable
        start = np.concatenate([[0], np.cumsum(np.where(unusable, c, own))])
        column = np.empty(start[-1], np.int32)
        value = np.ones(start[-1])
        column[start[:-1][own]] = place[own]
        for row in np.flatnonzero(unusable):
            column[start[row] : start[row + 1]] = np.arange(c)
            value[start[row] : start[row + 1]] = np.nan
        return csr_array((value, column, start.astype(np.int32)), shape=(len(codes), c))


@dataclass(frozen=True, slots=True)
class DateCoding:
    """A moment: days since 1970-01-01, calendar parts as categories, an indicator if some miss."""

    name: str
    fill: float
    parts: tuple[tuple[str, Levels], ...]
    formats: tuple[str, ...] = ()
    indicator: bool = False

    sparse_columns: ClassVar[Named] = ()

    @property
    def columns(self) -> Named:
        calendar = [
            (f"{self.name} {part}={t}", "calendar") for part, v in self.parts for t in v.names
        ]
        last = [(f"{self.name} missing", "indicator")] if self.indicator else []
        return ((self.name, "numeric"), *calendar, *last)

    def missing(self, data: Data) -> np.ndarray:
        return np.isnan(data[self.name])

    def write(
        self, data: Data, levels: dict[str, tuple[str, ...]], out: Out, slots: Sequence[int]
    ) -> None:
        del levels
        a, slots = data[self.name], list(slots)
        if (slot := slots.pop(0)) >= 0:
            fill_gaps(a, self.fill, out[slot])
        for part, coded in self.parts:
            here, slots = slots[: len(coded.names)], slots[len(coded.names) :]
            place = coded.table(PARTS[part])[calendar_part(a, part)]
            _write_levels(place, out, here)
            if math.isnan(self.fill) and (gaps := np.isnan(a)).any():
                for slot in here:
                    if slot >= 0:
                        out[slot, gaps] = np.nan
        if self.indicator and slots[0] >= 0:
            np.isnan(a, out=out[slots[0]], casting="unsafe")


Coding = NumberCoding | LevelCoding | DateCoding | TextCoding
SparseCoding = LevelCoding | TextCoding  # the kinds that have `write_sparse`


def calendar_part(a: Float[np.ndarray, " m"], part: str) -> Int[np.ndarray, " m"]:
    """Month 0–11, weekday 0 (Monday) – 6 or hour 0–23 of days since 1970-01-01; −1 where NaN."""
    gaps = np.isnan(a)
    whole = np.floor(np.where(gaps, 0.0, a))
    if part == "month":
        at = whole.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    elif part == "weekday":
        at = (whole.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    else:
        # a millionth of an hour, so that a moment stored as a fraction of a day keeps its hour
        at = np.floor((np.where(gaps, 0.0, a) - whole) * 24 + 1e-6).astype(np.int64) % 24
    return np.where(gaps, -1, at)


def fit_coding(
    column: Column,
    spec: Spec,
    parts: dict[str, Int[np.ndarray, " c"]],
    text: tuple[TextWeights | None, Components | None] = (None, None),
) -> Coding:
    """The coding of a usable column.

    `parts` counts each calendar part of a datetime column; `text` says how the terms of one of free text
    become columns.
    """
    some = 0 < column.n_missing < column.n
    indicator = some and spec.missing == "indicator"
    dropping = spec.missing == "drop"
    if column.role == "categorical":
        coded = Levels.of(
            column.levels, column.counts, column.n_missing, spec, reference_of(column, spec)
        )
        many = len(coded.names) > SPARSE_LEVELS
        return LevelCoding(column.name, coded, drop=dropping, sparse=many)
    if column.role == "datetime":
        kept = tuple(
            (part, _part_levels(PARTS[part], counts, spec))
            for part, counts in parts.items()
            if np.count_nonzero(counts) > 1
        )
        return DateCoding(
            column.name, _filled(column.mean, spec.missing), kept, column.formats, indicator
        )
    if column.role == "text":
        return TextCoding(
            column.name,
            _filled(column.characters, spec.missing),
            _filled(column.words, spec.missing),
            indicator,
            *text,
        )
    truth: dict[str, float] = {}
    if column.role == "boolean":
        truth = {"true": 1.0, "false": 0.0, "True": 1.0, "False": 0.0, "1": 1.0, "0": 0.0}
        truth.update(column.truth)
    return NumberCoding(
        column.name,
        "boolean" if column.role == "boolean" else "numeric",
        _filled(column.mean, spec.missing),
        values=column.role != "constant",
        indicator=indicator,
        truth=truth,
    )


def _filled(mean: float, missing: Missing) -> float:
    return math.nan if missing == "drop" else mean


def _part_levels(names: tuple[str, ...], counts: Int[np.ndarray, " c"], spec: Spec) -> Levels:
    order = sorted(np.flatnonzero(counts), key=lambda i: (-counts[i], i))
    names_, counts_ = [names[i] for i in order], [int(counts[i]) for i in order]
    coded = Levels.of(names_, counts_, 0, spec, None)
    # in calendar order, which a reader expects
    return Levels(
        coded.reference, tuple(t for t in names if t in coded.kept), coded.rare, False, coded.fill
    )


def reference_of(column: Column, spec: Spec) -> str | None:
    """The reference level the spec names for `column`; SpecError if it has no such level."""
    wanted = spec.reference.get(column.name)
    if wanted is None or wanted in column.levels:
        return wanted
    near = difflib.get_close_matches(wanted, column.levels[:1000], n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"levels: {', '.join(column.levels[:5])}."
    raise SpecError(f"'{column.name}' has no level '{wanted}' to be the reference; {hint}")

"""New data for a fitted design: X without a target, read in bounded pieces.

The columns are read as the design expects them, whatever the new file alone would suggest. Cells that
cannot be read count as missing; levels never seen are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from jaxtyping import Float

from whyfit.data.bags import Ragged, texts_of
from whyfit.data.coding import Coding, Data, DateCoding, LevelCoding, NumberCoding, TextCoding
from whyfit.data.dates import date_format_of
from whyfit.data.encode import Encoder, LevelEncoder
from whyfit.data.labels import target_plan, target_values
from whyfit.data.layout import cuts
from whyfit.data.opening import Source, unique_names
from whyfit.data.plan import Plan, present_cells
from whyfit.data.tfidf import Documents
from whyfit.errors import SchemaError

if TYPE_CHECKING:
    from whyfit.data.design import Design

_NO_TARGET = "\0"


class NewRows:
    """Iterates over (start, X); the counts are complete once the iteration is.

    `unseen`, `unreadable`, `missing`: {source column: cells}, only columns that have some. With `labelled`, `y` holds
    the target of the rows gone by, NaN where it is missing or of no known class; it stays None if the source has none.
    """

    def __init__(self, design: Design, source: Source, labelled: bool = False) -> None:
        self.design, self.source = design, source
        self.n = 0
        self.y: list[Float[np.ndarray, " m"]] | None = None
        self.unseen: dict[str, int] = {}
        self.unreadable: dict[str, int] = {}
        self.missing: dict[str, int] = {}
        names, _ = unique_names(source.header, _NO_TARGET, source.name)
        self._place = {name: i for i, name in enumerate(names)}
        self._target = self._place.get(design.target.name) if labelled else None
        absent = [name for name in design.sources if name not in self._place]
        if absent:
            shown = ", ".join(f"'{n}'" for n in absent[:5]) + ", …" * (len(absent) > 5)
            raise SchemaError(
                f"{source.name} lacks {len(absent)} column{'s' * (len(absent) != 1)} the model "
                f"needs: {shown}."
            )

    def __iter__(self) -> Iterator[tuple[int, Float[np.ndarray, "m p"]]]:
        self.n, self.unseen, self.unreadable, self.missing = 0, {}, {}, {}
        design, tokens = self.design, self.design.missing_tokens
        sample = self.source.sample()
        plans = self.source.plans(sample, tokens)
        codings = {self._place[c.name]: c for c in design.codings if c.name in design.sources}
        for i, cells in enumerate(sample):
            plans[i] = _plan(codings.get(i), plans[i], cells, tokens)
        if (at := self._target) is not None:
            plans[at], self.y = target_plan(design, self.source.plans(sample, tokens)[at]), []
        encoders = {i: plans[i].encoder(tokens) for i in (*codings, *([] if at is None else [at]))}
        for columns in self.source.batches(plans, None):
            data: Data = {}
            levels: dict[str, tuple[str, ...]] = {}
            for i, coding in codings.items():
                self._read(coding, encoders[i], columns[i], data, levels)
            if at is not None and self.y is not None:
                self.y.append(target_values(design, encoders[at], columns[at]))
            m = columns[0].len()
            for part in cuts(m, len(design.columns)):
                piece = {name: a[part] for name, a in data.items()}
                yield self.n + part.start, design.build(piece, part.stop - part.start, levels)
            self.n += m
        for i, coding in codings.items():
            counts = encoders[i].counts
            if counts.missing:
                self.missing[coding.name] = self.missing.get(coding.name, 0) + counts.missing
            if counts.unreadable:
                self.unreadable[coding.name] = counts.unreadable

    def _read(
        self,
        coding: Coding,
        encoder: Encoder,
        cells: pl.Series,
        data: Data,
        levels: dict[str, tuple[str, ...]],
    ) -> None:
        raw = encoder.add(cells)
        if isinstance(raw, Ragged):
            if isinstance(coding, TextCoding):
                data[f"{coding.name}\0characters"], data[f"{coding.name}\0words"] = raw.fixed[:2]
                if coding.weights is not None:
                    texts = texts_of(raw.flat[0], raw.lengths)
                    data[f"{coding.name}\0terms"] = Documents.of(texts)
            return
        if isinstance(encoder, LevelEncoder):
            levels[coding.name] = tuple(encoder.levels)
            if isinstance(coding, NumberCoding):  # a boolean
                value = np.array([*(_truth(t, coding) for t in encoder.levels), np.nan])
                unknown = int((np.isnan(value[raw]) & (raw >= 0)).sum())
                if unknown:
                    self.unreadable[coding.name] = self.unreadable.get(coding.name, 0) + unknown
                raw = value[raw]
            elif isinstance(coding, LevelCoding):
                new = coding.levels.unseen(list(encoder.levels))
                if count := int(new[raw].sum()):
                    self.unseen[coding.name] = self.unseen.get(coding.name, 0) + count
        data[coding.name] = raw


def _truth(text: str, coding: NumberCoding) -> float:
    for known in (text, text.casefold()):
        if known in coding.truth:
            return coding.truth[known]
    try:
        return coding.truth.get(f"{float(text):.15g}", np.nan)
    except ValueError:
        return np.nan


def _plan(coding: Coding | None, seen: Plan, cells: pl.Series, tokens: tuple[str, ...]) -> Plan:
    """How to read a column: as the design needs it."""
    if coding is None:
        return Plan("skip", fixed=True)
    if isinstance(coding, NumberCoding) and coding.kind != "boolean":
        return seen if seen.kind in ("float", "number") else Plan("number", fixed=True)
    if isinstance(coding, DateCoding):
        formats = coding.formats
        if cells.dtype == pl.String and not formats:
            formats = date_format_of(present_cells(cells, tokens), needed=0.5).formats
        return Plan("date", formats=formats, fixed=True)
    return Plan("text" if isinstance(coding, TextCoding) else "level", fixed=True)

"""How a column is to be read, judged from a sample of its cells."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from whyfit.data.dates import DateFormat, date_format_of
from whyfit.data.encode import (
    MANY,
    DateEncoder,
    Encoder,
    LevelEncoder,
    NumberEncoder,
    SkipEncoder,
    TextEncoder,
)
from whyfit.data.numbers import NUMERIC_MISSING, Style, floats, style_of
from whyfit.errors import SchemaError
from whyfit.spec import Role

#: A column is read as numbers unless more than this share of its present cells is unreadable.
UNREADABLE = 0.2
#: Strings are free text from this mean number of words or characters on, if they hardly repeat.
TEXT_WORDS = 1.5
TEXT_CHARACTERS = 40.0
#: Above this share of distinct strings a column hardly repeats.
REPEATS = 0.5
#: Cells of the sample judged at a time.
_CELLS = 1 << 20

Kind = Literal["float", "number", "level", "text", "date", "skip"]


@dataclass(frozen=True, slots=True)
class Plan:
    """kind "float" is number whose text a CSV parser may read straight to float64."""

    kind: Kind
    style: Style = "plain"
    formats: tuple[str, ...] = ()
    fixed: bool = False  # not to be revised at the end
    literal: bool = False  # strings that are meant as strings, even if they look like numbers
    reason: str = ""

    def encoder(self, tokens: tuple[str, ...]) -> Encoder:
        match self.kind:
            case "float" | "number":
                return NumberEncoder(self.style, tokens)
            case "level":
                return LevelEncoder(tokens, limit=1 << 40 if self.fixed else MANY)
            case "text":
                return TextEncoder(tokens)
            case "date":
                return DateEncoder(self.formats, tokens)
            case "skip":
                return SkipEncoder(self.reason)


def forced(role: Role, plan: Plan, cells: pl.Series, name: str) -> Plan:
    """`plan` bent to the role the user asked for; `cells` are the stripped, present ones."""
    fixed = dataclasses.replace(plan, fixed=True, reason="role set by the user")
    match role:
        case "numeric":
            kind = plan.kind if plan.kind in ("float", "number") else "number"
            return dataclasses.replace(fixed, kind=kind)
        case "boolean":
            kind = plan.kind if plan.kind in ("float", "number") else "level"
            return dataclasses.replace(fixed, kind=kind)
        case "categorical":
            return dataclasses.replace(fixed, kind="level")
        case "text":
            return dataclasses.replace(fixed, kind="text")
        case "datetime":
            if plan.kind == "date":
                return fixed
            if cells.dtype != pl.String:
                raise SchemaError(f"'{name}' holds {cells.dtype}, not dates; leave its role out.")
            found = date_format_of(cells, needed=0.5)
            if not found.formats:
                example = cells[0] if cells.len() else ""
                hint = (
                    "day and month cannot be told apart; write YYYY-MM-DD"
                    if found.ambiguous
                    else "write YYYY-MM-DD or leave its role out"
                )
                raise SchemaError(f"'{name}' has cells like '{example}' that are no dates; {hint}.")
            return dataclasses.replace(fixed, kind="date", formats=found.formats)
        case _:
            return dataclasses.replace(fixed, kind="skip")


def present_cells(cells: pl.Series, tokens: tuple[str, ...]) -> pl.Series:
    """Stripped cells that are neither empty nor a missing token."""
    texts = cells.str.strip_chars()
    return texts.filter(texts.is_not_null() & (texts != "") & ~texts.is_in(list(tokens)))


def numeric_share(present: pl.Series, style: Style) -> float:
    """Share of numbers among cells that are no word for missing; 0 if all are such words."""
    cells = present.filter(~present.is_in(list(NUMERIC_MISSING)))
    if cells.is_empty():
        return 0.0
    return 1.0 - floats(cells, style).null_count() / cells.len()


def plan_text(cells: pl.Series, tokens: tuple[str, ...], style: Style) -> Plan:
    """The plan for a column of a text file (String `cells` of the sample)."""
    present = present_cells(cells, tokens)
    if present.is_empty():
        return Plan("level")
    if numeric_share(present, style) >= 1.0 - UNREADABLE:
        return Plan("number", style)
    return plan_strings(present)


def plan_strings(present: pl.Series) -> Plan:
    """The plan for strings that are no numbers."""
    dates: DateFormat = date_format_of(present)
    if dates.formats:
        return Plan("date", formats=dates.formats)
    reason = "dates whose day and month cannot be told apart" if dates.ambiguous else ""
    n, distinct = present.len(), present.n_unique()
    words = present.str.count_matches(r"\S+").to_numpy().mean()
    characters = present.str.len_chars().to_numpy().mean()
    long = words >= TEXT_WORDS or characters > TEXT_CHARACTERS
    if long and n > 1000 and distinct > 0.9 * n:
        return Plan("text", reason=reason)
    return Plan("level", reason=reason)


def plan_typed(cells: pl.Series, tokens: tuple[str, ...], *, loose: bool) -> Plan:
    """The plan for a typed column; `loose` strings (mixed objects) may be numbers."""
    kind = cells.dtype
    if kind.is_numeric() or kind == pl.Boolean:
        return Plan("number")
    if kind.is_temporal() and kind != pl.Time:
        return Plan("number" if kind == pl.Duration else "date")
    if kind == pl.Null:
        return Plan("level")
    if kind == pl.String:
        if loose:
            return plan_text(cells, tokens, "plain")
        present = present_cells(cells, tokens)
        plan = Plan("level") if present.is_empty() else plan_strings(present)
        return dataclasses.replace(plan, literal=True)
    if isinstance(kind, (pl.Categorical, pl.Enum)) or kind == pl.Time:
        return Plan("level", literal=True)
    return Plan("skip", reason=f"values of type {kind} are not used", fixed=True)


def plan_texts(
    sample: list[pl.Series], tokens: tuple[str, ...], *, comma_likely: bool
) -> list[Plan]:
    """The plan of each column of a text file, by a sample of its cells (String).

    Columns of clean numbers are found all at once, for a table may have thousands of them.
    """
    numeric_tokens = [t for t in tokens if _parses(t)]
    clean = _clean_numbers(sample) if not numeric_tokens else [False] * len(sample)
    doubtful = [i for i, fine in enumerate(clean) if not fine]
    styles: dict[int, Style] = {}
    proven = False
    for i in doubtful:
        cells = present_cells(sample[i], tokens)
        cells = cells.filter(~cells.is_in(list(NUMERIC_MISSING)))
        styles[i] = style_of(cells, comma_file=False, comma_likely=comma_likely)
        proven = proven or (
            styles[i] == "comma" and numeric_share(cells, "comma") >= 1.0 - UNREADABLE
        )
    if proven:  # then 1.234 may be a thousand elsewhere
        for i, cells in enumerate(sample):
            cells = present_cells(cells, tokens)
            styles[i] = style_of(cells, comma_file=True, comma_likely=True)
    return [
        Plan("float")
        if clean[i] and styles.get(i, "plain") == "plain"
        else plan_text(cells, tokens, styles.get(i, "plain"))
        for i, cells in enumerate(sample)
    ]


def _parses(text: str) -> bool:
    try:
        return float(text) == float(text)
    except ValueError:
        return False


def _clean_numbers(sample: list[pl.Series]) -> list[bool]:
    """Whether a float64 parser reads every cell of a column as it stands, at least one, no NaN."""
    if not sample or sample[0].is_empty():
        return [False] * len(sample)
    rows = sample[0].len()
    together = max(1, _CELLS // rows)  # columns end to end, so that a wide table is quick
    clean: list[bool] = []
    for start in range(0, len(sample), together):
        part = [c.alias("") for c in sample[start : start + together]]
        cells = pl.concat(part)
        filled = (cells != "").fill_null(False)
        number = cells.cast(pl.Float64, strict=False).is_not_nan().fill_null(False)
        good = (~filled | number).to_numpy().reshape(len(part), rows).all(axis=1)
        some = filled.to_numpy().reshape(len(part), rows).any(axis=1)
        clean.extend(np.logical_and(good, some).tolist())
    return clean

"""Text to float64, vectorised, with nothing lost on the way.

Three styles of writing are told apart by a sample: "plain" (1234.5), "comma" (1.234,5) and "grouped"
(1,234.5). A cell is a number, missing (empty, or a token), infinite, or unreadable.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from jaxtyping import Float

Style = Literal["plain", "comma", "grouped"]

#: Words that say "missing" in a column of numbers, whatever Spec.missing_tokens says.
NUMERIC_MISSING = ("null", "None", "none", "nan", "NaN", "-")
EXACT = 2.0**53
_COMMA = r"^[+-]?(\d{1,3}(\.\d{3})+|\d+)?,\d+([eE][+-]?\d+)?$"
_DOTTED_THOUSANDS = r"^[+-]?\d{1,3}(\.\d{3})+$"
_GROUPED = r"^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$"


@dataclass(frozen=True, slots=True)
class Numbers:
    """Cells of one column and chunk, read as numbers."""

    values: Float[np.ndarray, " m"]  # NaN where missing, infinite or unreadable
    unreadable: tuple[tuple[int, str], ...]  # position, text of the first few
    n_unreadable: int
    n_infinite: int
    n_inexact: int
    tokens: Counter[str]


def style_of(cells: pl.Series, *, comma_file: bool, comma_likely: bool) -> Style:
    """How the stripped, present `cells` write numbers.

    `comma_likely`: the delimiter is not a comma, so that 1,234 may be 1.234;
    `comma_file`: another column has shown decimal commas.
    """
    if cells.is_empty():
        return "plain"
    n = cells.len()
    with_comma = int(cells.str.contains(",", literal=True).sum())
    if with_comma:
        grouped = int(cells.str.contains(_GROUPED).sum())
        comma = int(cells.str.contains(_COMMA).sum())
        if comma_likely and comma >= max(grouped, 0.8 * with_comma):
            return "comma"
        if grouped >= 0.8 * with_comma:
            return "grouped"
        return "comma" if comma >= 0.8 * with_comma else "plain"
    if comma_file:
        dotted = int(cells.str.contains(".", literal=True).sum())
        if dotted and int(cells.str.contains(_DOTTED_THOUSANDS).sum()) == dotted and n >= 2:
            return "comma"
    return "plain"


def floats(cells: pl.Series, style: Style) -> pl.Series:
    """Stripped text as Float64, null where it is no number of this style."""
    if style == "comma":
        ok = cells.str.contains(_COMMA) | ~cells.str.contains(r"[.,]")
        ok = ok | cells.str.contains(_DOTTED_THOUSANDS)
        cells = cells.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        return cells.set(~ok.fill_null(False), None).cast(pl.Float64, strict=False)
    if style == "grouped":
        ok = cells.str.contains(_GROUPED) | ~cells.str.contains(",", literal=True)
        cells = cells.str.replace_all(",", "", literal=True)
        return cells.set(~ok.fill_null(False), None).cast(pl.Float64, strict=False)
    return cells.cast(pl.Float64, strict=False)


def read_numbers(
    raw: pl.Series, style: Style, tokens: tuple[str, ...], examples: int = 5
) -> Numbers:
    """The cells of `raw` (String) as numbers; words of `tokens` and NUMERIC_MISSING are missing."""
    cells = raw.str.strip_chars()
    words = list(dict.fromkeys((*tokens, *NUMERIC_MISSING)))
    present = cells.is_not_null() & (cells != "").fill_null(False)
    said = present & cells.is_in(words).fill_null(False)
    counted: Counter[str] = Counter()
    if said.any():
        for word, count in cells.filter(said).value_counts().iter_rows():
            counted[word] = count
    number = floats(cells, style)
    values = number.fill_null(np.nan).to_numpy().copy()
    if said.any():
        values[said.to_numpy()] = np.nan
    bad = (present & ~said & number.is_null()).to_numpy() | (
        # "nan" in another spelling parses, yet is no number
        (present & ~said).to_numpy() & np.isnan(values)
    )
    where = np.flatnonzero(bad)
    infinite = np.isinf(values)
    n_infinite = int(infinite.sum())
    values[infinite] = np.nan
    large = np.abs(values) >= EXACT
    n_inexact = _inexact(cells.filter(pl.Series(large)), style) if large.any() else 0
    return Numbers(
        values,
        tuple((int(i), str(raw[int(i)])) for i in where[:examples]),
        int(where.size),
        n_infinite,
        n_inexact,
        counted,
    )


def _inexact(cells: pl.Series, style: Style) -> int:
    """How many integers among `cells` float64 rounds."""
    if style == "comma":
        cells = cells.str.replace_all(".", "", literal=True)
    elif style == "grouped":
        cells = cells.str.replace_all(",", "", literal=True)
    whole = cells.filter(cells.str.contains(r"^[+-]?\d+$"))
    return sum(len(t) < 310 and int(float(t)) != int(t) for t in whole)

"""Dates and times: which format a column is written in, and its days since 1970-01-01 UTC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float

#: A column is datetime if at least this share of its present cells parses.
PARSED = 0.95
MICROSECONDS_PER_DAY = 86_400_000_000

_ISO = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
)


def _with_times(date: str) -> tuple[str, ...]:
    return (date, f"{date} %H:%M", f"{date} %H:%M:%S%.f")


#: Families tried in turn; a column may mix the formats of one family, never two families.
_FAMILIES: tuple[tuple[str, ...], ...] = (
    _ISO,
    ("%Y-%m",),
    _with_times("%Y/%m/%d"),
    _with_times("%d.%m.%Y"),
    _with_times("%d %b %Y"),
    _with_times("%d-%b-%Y"),
    _with_times("%b %d, %Y"),
    _with_times("%B %d, %Y"),
    _with_times("%d %B %Y"),
)
#: Day and month in doubt: used only when one order parses and the other does not.
_EITHER_ORDER = (
    (_with_times("%d/%m/%Y"), _with_times("%m/%d/%Y")),
    (_with_times("%d-%m-%Y"), _with_times("%m-%d-%Y")),
)


@dataclass(frozen=True, slots=True)
class DateFormat:
    """The formats of a column, or why it has none although it looks like dates."""

    formats: tuple[str, ...] = ()
    ambiguous: bool = False


def date_format_of(cells: pl.Series, needed: float = PARSED) -> DateFormat:
    """Formats that parse at least the share `needed` of the stripped, present `cells`."""
    if cells.is_empty() or not _date_like(cells, needed):
        return DateFormat()
    for family in _FAMILIES:
        if _share(cells, family) >= needed:
            return DateFormat(family)
    for first, second in _EITHER_ORDER:
        a, b = _share(cells, first), _share(cells, second)
        if max(a, b) < needed:
            continue
        if min(a, b) >= needed and a == b:
            return DateFormat(ambiguous=True)
        return DateFormat(first if a > b else second)
    return DateFormat()


def _date_like(cells: pl.Series, needed: float) -> bool:
    shaped = cells.str.contains(r"^\w{1,9}[-/. ]\w{1,9}(,? ?[-/. ]?\d{2,4})?.*$")
    return int((shaped & cells.str.contains(r"\d{4}")).sum()) >= needed * cells.len() > 0


def _share(cells: pl.Series, formats: tuple[str, ...]) -> float:
    return 1.0 - parse_dates(cells, formats).null_count() / cells.len()


def parse_dates(cells: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    """Datetime in UTC microseconds; null where none of `formats` fits."""
    frame = cells.to_frame("t")
    tries = []
    for fmt in formats:
        column = pl.col("t")
        if fmt == "%Y-%m":  # polars needs a day
            column, fmt = column + "-01", "%Y-%m-%d"
        if fmt.endswith("z"):
            parsed = column.str.to_datetime(fmt, time_unit="us", strict=False, time_zone="UTC")
            tries.append(parsed.dt.replace_time_zone(None))
        elif "%H" in fmt:
            tries.append(column.str.to_datetime(fmt, time_unit="us", strict=False))
        else:
            date = column.str.to_date(fmt, strict=False)
            tries.append(date.cast(pl.Datetime("us")))
    return frame.select(pl.coalesce(tries)).to_series()


def days(moments: pl.Series) -> Float[np.ndarray, " m"]:
    """Date, Datetime or Duration as float64 days, NaN where null."""
    if moments.dtype == pl.Date:
        return moments.cast(pl.Int32).cast(pl.Float64).fill_null(np.nan).to_numpy()
    if moments.dtype == pl.Duration:
        moments = moments.cast(pl.Duration("us"))
    else:
        if getattr(moments.dtype, "time_zone", None):
            moments = moments.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        moments = moments.cast(pl.Datetime("us"))
    number = moments.cast(pl.Int64).cast(pl.Float64) / MICROSECONDS_PER_DAY
    return number.fill_null(np.nan).to_numpy()

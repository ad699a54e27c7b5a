"""Panel: one subject of a report beyond the findings, as plain data: a sentence, tables, a chart, formulas.

Makers in `account/` fill panels from a Case; the text, HTML and JSON renderers draw any panel and know none by name.
Numbers stay numbers (NaN where one does not exist); renderers round them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cell = str | float | int | None
Mark = Literal["line", "points", "steps", "bars", "band"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with the interval it is certain to; a cell of a grid."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. A column of numbers is set to the right; a cell that does not exist is None or NaN."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell | Interval, ...], ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One shape of a chart; `low` and `high` are the edges of a band, or of bars about the points."""

    name: str
    mark: Mark
    x: tuple[float, ...]
    y: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """`reading` says in one sentence how to read it, `description` what is drawn, for those who cannot see it."""

    title: str
    reading: str
    description: str
    x: str  # titles of the axes
    y: str
    series: tuple[Series, ...]
    log_x: bool = False
    log_y: bool = False
    diagonal: bool = False  # a dashed line y = x
    level: float | None = None  # a dashed line at this y


@dataclass(frozen=True, slots=True)
class Panel:
    """`key` is an identifier of letters and hyphens; `lead` one plain sentence with the numbers that matter most.

    Formulas are LaTeX with the user's own values, as in Evidence; remarks are further sentences.
    """

    key: str
    title: str
    lead: str
    grids: tuple[Grid, ...] = ()
    charts: tuple[Chart, ...] = ()
    formulas: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

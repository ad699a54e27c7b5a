"""Schema: what each column of a table is, and what was seen in it.

A `Table` (see `table.py`) stores every column as one NumPy array per block:

    numeric, boolean, datetime, constant    float64, NaN = missing (datetime: days since 1970-01-01)
    categorical                             int32 codes into `Column.levels`, −1 = missing
    text                                    float64 pair of columns is made at design time from
                                            "<name>\\x00characters" and "<name>\\x00words"; equal texts
                                            have equal "<name>\\x00text"
    identifier                              float64 if it was numeric; otherwise equal strings have equal
                                            "<name>\\x00key": codes (−1 = missing) or hashes (NaN)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from whyfit.spec import Role


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A cell that did not parse as its column's type."""

    row: int  # 0-based source row (data rows, header not counted)
    text: str


@dataclass(frozen=True, slots=True)
class Column:
    """A source column.

    n_unreadable cells are counted in n_missing as well: they are treated as missing.
    `levels` are sorted by falling count, ties by name; `counts` belongs to them.
    Numeric summaries are over the readable, present cells; NaN where there are none.
    """

    name: str
    role: Role
    n: int
    n_missing: int = 0
    n_unreadable: int = 0
    examples: tuple[Unreadable, ...] = ()  # first few unreadable cells
    tokens: dict[str, int] = field(default_factory=dict)  # "NA" -> how many cells said so
    levels: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    minimum: float = float("nan")
    maximum: float = float("nan")
    mean: float = float("nan")
    n_distinct: int | None = None  # None: more than were worth counting
    integral: bool = False  # every present value is an integer
    n_infinite: int = 0  # cells that said inf; treated as missing and counted there
    n_inexact: int = 0  # integers beyond 2**53 that float64 rounds
    values: tuple[float, ...] = ()  # all distinct numbers, rising, if there are few (≤ 256)
    has_time: bool = False  # datetime with a time of day
    formats: tuple[str, ...] = ()  # datetime text: the formats it was read by
    truth: dict[str, float] = field(default_factory=dict)  # boolean text -> 0 or 1
    characters: float = float("nan")  # text: mean number per present cell
    words: float = float("nan")
    reason: str = ""  # why it has this role, in words, where that is not obvious


@dataclass(frozen=True, slots=True)
class Schema:
    columns: tuple[Column, ...]
    n: int

    def __getitem__(self, name: str) -> Column:
        for c in self.columns:
            if c.name == name:
                return c
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        return any(c.name == name for c in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

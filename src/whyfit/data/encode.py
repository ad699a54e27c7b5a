"""One encoder per column: cells of any type in, one raw NumPy array per batch out, counts kept.

An encoder sees the batches of its column once, in order. What it returns is stored as it is;
`roles.py` decides at the end what the column was and how the stored arrays become those of a Block.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from whyfit.data.bags import Ragged, letters_of
from whyfit.data.dates import days, parse_dates
from whyfit.data.numbers import EXACT, Style, read_numbers
from whyfit.data.schema import Unreadable

#: Distinct values followed per numeric column, and per text column.
FEW = 256
MANY = 100_000
EXAMPLES = 5
#: Rows within which a column of numbers must show more than FEW values to be no longer followed.
_LOOK = 4096
#: A column whose share of different whole numbers falls below this in a batch is no identifier.
NEARLY_ALL = 0.95
#: Whole numbers remembered to find repeats.
KEPT = 2_000_000


@dataclass(slots=True)
class Counts:
    """What is counted for every column."""

    n: int = 0
    missing: int = 0
    unreadable: int = 0
    infinite: int = 0
    inexact: int = 0
    tokens: Counter[str] = field(default_factory=Counter)
    examples: list[Unreadable] = field(default_factory=list)

    def keep(self, row: int, text: str) -> None:
        if len(self.examples) < EXAMPLES:
            self.examples.append(Unreadable(row, text))


@dataclass(slots=True)
class Range:
    """Running summary of the readable cells."""

    n: int = 0
    minimum: float = math.nan
    maximum: float = math.nan
    mean: float = math.nan
    integral: bool = True

    def add(self, a: Float[np.ndarray, " m"]) -> None:
        m = a.size
        if not m:
            return
        low, high = float(a.min()), float(a.max())
        with np.errstate(over="ignore"):
            mean = float(a.mean())
            if not math.isfinite(mean):  # cells near the largest double
                mean = float((a / m).sum())
        if self.n == 0:
            self.minimum, self.maximum, self.mean = low, high, mean
        else:
            total = self.n + m
            self.minimum, self.maximum = min(self.minimum, low), max(self.maximum, high)
            self.mean = self.mean * (self.n / total) + mean * (m / total)
        self.n += m
        if self.integral:
            self.integral = bool(a[0] == np.floor(a[0]) and (a == np.floor(a)).all())


class WholeNumbers:
    """Share of different values among whole numbers, followed while it stays above NEARLY_ALL.

    Beyond KEPT values only those divisible by a growing power of two are kept: whether a value
    belongs to the sample depends on the value alone, so repeats are still seen.
    """

    def __init__(self) -> None:
        self._parts: list[np.ndarray] | None = []
        self._kept = 0
        self._modulus = 1

    def forget(self) -> None:
        self._parts = None

    def add(self, a: Float[np.ndarray, " m"]) -> None:
        if self._parts is None:
            return
        part = np.unique(a)
        if part.size < NEARLY_ALL * a.size:
            self.forget()
            return
        part = a if self._modulus == 1 else a[_scattered(a) % self._modulus == 0]
        self._parts.append(part)
        self._kept += part.size
        while self._kept > KEPT:
            self._modulus *= 2
            self._parts = [v[_scattered(v) % self._modulus == 0] for v in self._parts]
            self._kept = sum(v.size for v in self._parts)

    def distinct_share(self) -> float:
        """Distinct values ÷ values, of all or of the sample; 0 once it was too low to follow."""
        if not self._parts or not self._kept:
            return 0.0
        return np.unique(np.concatenate(self._parts)).size / self._kept


def _scattered(a: Float[np.ndarray, " m"]) -> Int[np.ndarray, " m"]:
    """A hash of each value (Fibonacci hashing), so that 'divisible' is a random property."""
    return (a.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)


class NumberEncoder:
    """Numbers: raw float64, NaN where missing."""

    def __init__(self, style: Style = "plain", tokens: tuple[str, ...] = ()) -> None:
        self.style: Style = style
        self.tokens = tokens
        self.counts = Counts()
        self.range = Range()
        self.boolean = False  # came as a boolean type
        self.distinct: set[float] | None = set()
        self.counter = True  # value − row number never changed
        self.sorted = True  # rising in row order
        self.whole = WholeNumbers()
        self._offset: float | None = None
        self._last = -math.inf

    def add(self, cells: pl.Series) -> Float[np.ndarray, " m"]:
        of_text = cells.dtype == pl.String
        values = self._from_text(cells) if of_text else self._from_numbers(cells)
        self._watch(values)
        self.counts.n += values.size
        return values

    def _from_text(self, cells: pl.Series) -> Float[np.ndarray, " m"]:
        read, c = read_numbers(cells, self.style, self.tokens), self.counts
        c.unreadable += read.n_unreadable
        c.infinite += read.n_infinite
        c.inexact += read.n_inexact
        c.tokens.update(read.tokens)
        for i, text in read.unreadable:
            c.keep(c.n + i, text)
        return read.values

    def _from_numbers(self, cells: pl.Series) -> Float[np.ndarray, " m"]:
        if cells.dtype == pl.Boolean:
            self.boolean = True
        if cells.dtype == pl.Duration:
            cells = pl.Series(days(cells)).fill_nan(None)
        whole = cells.dtype.is_integer()
        number = cells if cells.dtype == pl.Float64 else cells.cast(pl.Float64, strict=False)
        if number.null_count():
            number = number.fill_null(np.nan)
        values = number.to_numpy()
        with np.errstate(invalid="ignore", over="ignore"):  # inf − inf, 1e308 + 1e308
            finite = math.isfinite(float(values.sum()))
        if not finite:
            infinite = np.isinf(values)
            if infinite.any():
                values = np.where(infinite, np.nan, values)
                self.counts.infinite += int(infinite.sum())
        if whole and values.size and np.nanmax(np.abs(values), initial=0) >= EXACT:
            large = np.flatnonzero(np.abs(values) >= EXACT)
            self.counts.inexact += sum(int(values[i]) != cells[int(i)] for i in large)
        return values

    def _watch(self, values: Float[np.ndarray, " m"]) -> None:
        present = values
        if values.size and math.isnan(float(values.min())):  # a sum might overflow
            gaps = np.isnan(values)
            if gaps.any():
                present = values[~gaps]
                self.counts.missing += int(gaps.sum())
                self.counter = False
        self.range.add(present)
        if not present.size:
            return
        if self.distinct is not None:
            if self.counts.n == 0 and len(np.unique(present[:_LOOK])) > FEW:
                self.distinct = None
            else:
                self.distinct.update(np.unique(present).tolist())
                if len(self.distinct) > FEW:
                    self.distinct = None
        if not self.range.integral:
            self.counter = self.sorted = False
            self.whole.forget()
            return
        self.whole.add(present)
        if self.sorted:
            self.sorted = bool(present[0] > self._last and (present[1:] > present[:-1]).all())
            self._last = float(present[-1])
        if self.counter:
            if self._offset is None:
                self._offset = float(present[0])
            rows = np.arange(self.counts.n, self.counts.n + present.size)
            self.counter = bool((present - rows == self._offset).all())

    @property
    def offset(self) -> float:
        return math.nan if self._offset is None else self._offset


class LevelEncoder:
    """Strings with repetition: raw int32 codes by first appearance, −1 where missing.

    `overflow` is set when more than MANY distinct strings were seen; the codes are then useless.
    """

    def __init__(self, tokens: tuple[str, ...], *, limit: int = MANY) -> None:
        self.tokens = frozenset(tokens)
        self.limit = limit
        self.counts = Counts()
        self.levels: dict[str, int] = {}
        self.tally = np.zeros(0, np.int64)
        self.overflow = False

    def add(self, cells: pl.Series) -> Int[np.ndarray, " m"]:
        m = cells.len()
        self.counts.n += m
        if self.overflow:
            return np.full(m, -1, np.int32)
        texts = cells if cells.dtype == pl.String else as_text(cells)
        distinct = texts.drop_nulls().unique(maintain_order=True)
        local = texts.cast(pl.Enum(distinct)).to_physical().cast(pl.Int32)
        local = local.fill_null(distinct.len()).to_numpy()
        table = np.empty(distinct.len() + 1, np.int32)
        table[-1] = -1
        seen = np.bincount(local, minlength=table.size)
        for i, text in enumerate(distinct.to_list()):
            level = text.strip()
            if not level:
                table[i] = -1
            elif level in self.tokens:
                table[i] = -1
                self.counts.tokens[level] += int(seen[i])
            else:
                table[i] = self.levels.setdefault(level, len(self.levels))
        codes = table[local]
        gone = table < 0
        self.counts.missing += int(seen[gone].sum())
        if len(self.levels) > self.tally.size:
            self.tally = np.concatenate(
                [self.tally, np.zeros(len(self.levels) - self.tally.size, np.int64)]
            )
        np.add.at(self.tally, table[~gone], seen[~gone])
        self.overflow = len(self.levels) > self.limit
        return codes


class TextEncoder:
    """Free text: raw characters, words, a hash and bytes of each text, and its letters.

    Characters and words are NaN where it is missing.
    """

    def __init__(self, tokens: tuple[str, ...]) -> None:
        self.tokens = tokens
        self.counts = Counts()
        self.characters = Range()
        self.words = Range()

    def add(self, cells: pl.Series) -> Ragged:
        texts = (cells if cells.dtype == pl.String else as_text(cells)).str.strip_chars()
        said = texts.is_in(list(self.tokens)).fill_null(False)
        if said.any():
            for word, count in texts.filter(said).value_counts().iter_rows():
                self.counts.tokens[word] += count
        gone = (said | texts.is_null() | (texts == "").fill_null(True)).to_numpy()
        out = np.empty((4, texts.len()))
        out[0] = texts.str.len_chars().cast(pl.Float64).fill_null(np.nan).to_numpy()
        words = texts.str.count_matches(r"\S+").cast(pl.Float64).fill_null(np.nan)
        out[1] = words.to_numpy()
        out[:2, gone] = np.nan
        texts = texts.set(pl.Series(gone), "")
        out[2] = texts.hash(0).to_numpy() >> np.uint64(11)  # 53 bits, which float64 holds exactly
        letters, out[3] = letters_of(texts.to_list())
        self.counts.n += texts.len()
        self.counts.missing += int(gone.sum())
        self.characters.add(out[0, ~gone])
        self.words.add(out[1, ~gone])
        return Ragged(out, (letters,))


class DateEncoder:
    """Dates and times: raw float64 days since 1970-01-01 UTC, NaN where missing."""

    def __init__(self, formats: tuple[str, ...] = (), tokens: tuple[str, ...] = ()) -> None:
        self.formats = formats
        self.tokens = tokens
        self.counts = Counts()
        self.range = Range()
        self.has_time = False
        self.overflow = False

    def add(self, cells: pl.Series) -> Float[np.ndarray, " m"]:
        c, moments = self.counts, cells
        if cells.dtype == pl.String:
            texts = cells.str.strip_chars()
            said = texts.is_in(list(self.tokens)).fill_null(False)
            if said.any():
                for word, count in texts.filter(said).value_counts().iter_rows():
                    c.tokens[word] += count
            present = (texts.is_not_null() & (texts != "").fill_null(False) & ~said).to_numpy()
            moments = parse_dates(texts, self.formats)
            bad = np.flatnonzero(present & moments.is_null().to_numpy())
            c.unreadable += bad.size
            for i in bad[:EXAMPLES]:
                c.keep(c.n + int(i), str(cells[int(i)]))
        values = days(moments)
        gaps = np.isnan(values)
        c.n += values.size
        c.missing += int(gaps.sum())
        present = values[~gaps]
        self.range.add(present)
        self.has_time = self.has_time or bool((present != np.floor(present)).any())
        return values


class SkipEncoder:
    """A column that is left out: rows are counted, nothing is stored."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.counts = Counts()

    def add(self, cells: pl.Series) -> Float[np.ndarray, 0]:
        self.counts.n += cells.len()
        self.counts.missing += cells.null_count()
        return np.empty(0)


Encoder = NumberEncoder | LevelEncoder | TextEncoder | DateEncoder | SkipEncoder


def as_text(cells: pl.Series) -> pl.Series:
    """Typed cells as the text a person would write: 3, not 3.0."""
    if cells.dtype.is_float():
        with_point = cells.cast(pl.String)
        return with_point.str.replace(r"\.0$", "").set(cells.is_nan().fill_null(False), None)
    if cells.dtype == pl.Boolean:
        return cells.cast(pl.String)
    return cells.cast(pl.String, strict=False)

"""CSV and its relatives as batches of polars frames, one chunk at a time.

Each chunk is parsed by polars with the planned types. When that fails, the chunk is read again with
every cell as text, then by the csv module: nothing is nulled silently, and a row with too many or too
few fields is an error that names its line.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from whyfit.data.numbers import EXACT
from whyfit.data.plan import Plan, plan_texts
from whyfit.data.sniff import (
    Dialect,
    dialect_of,
    encoding_of,
    fallback_encoding,
    records_of,
    unlimited,
)
from whyfit.data.stream import Chunk, TextStream, chunks, line_at
from whyfit.errors import SourceError

#: Bytes parsed at a time: with two chunks in flight the parser's memory stays small, and 4 MiB
#: was the quickest size from 1 to 32 on files of 10 to 1000 columns.
CHUNK = 4 << 20
#: A chunk holds about this many rows at least, however wide the table.
CHUNK_ROWS = 2000
#: Rows judged before reading, fewer in a table so wide that they would be too many cells.
SAMPLE_ROWS = 10_000
_SAMPLE_CELLS = 2_000_000
_FEWEST_SAMPLED = 500
_HEAD = 1 << 20
_AHEAD = 2
_BLANK = re.compile(rb"(?:\A|(?<=\n))(?: *\r?\n)+")

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class _Parsed:
    frame: pl.DataFrame
    blank: int  # blank lines left out
    transcoded: bool = False
    doubtful: frozenset[int] = frozenset()  # columns read as text for NaN or huge numbers


class TextSource:
    """A text table: names, a sample to plan by, and batches as often as they are wanted."""

    format = "csv"

    def __init__(self, path: Path, head: bytes, whole: bool) -> None:
        self.path = path
        self.name = path.name
        encoding = encoding_of(head, self.name, whole=whole)
        text = head.decode(encoding, "replace")
        lone_cr = "\r" in text and "\n" not in text
        if lone_cr:
            text = text.replace("\r", "\n")
        self.dialect: Dialect = dialect_of(text, encoding, whole=whole)
        self._lone_cr = lone_cr
        self._huge: set[int] = set()  # columns of huge floats, known to hold no long integers
        self.header = self._header()
        self.details: dict[str, object] = {
            "delimiter": self.dialect.delimiter,
            "encoding": encoding,
            "decimal": ".",
        }

    def _open(self) -> TextStream:
        return TextStream(self.path, self.dialect.encoding, lone_cr=self._lone_cr)

    def _chunks(self, stream: TextStream, size: int) -> Iterator[Chunk]:
        """Chunks without the header record."""
        d = self.dialect
        first = True
        for chunk in chunks(stream, d.delimiter, d.quote, size):
            if first:
                first = False
                skip = self._header_bytes(chunk.data)
                chunk = Chunk(chunk.data[skip:], chunk.start + skip)
            if chunk.data:
                yield chunk

    def _header_bytes(self, data: bytes) -> int:
        """Length of the first record that is not blank, its newline included."""
        start = 0
        if blank := _BLANK.match(data):
            start = blank.end()
        quote, delimiter = self.dialect.quote.encode(), self.dialect.delimiter.encode()
        end = data.find(b"\n", start) + 1
        if end and data.find(quote, start, end) < 0:
            return end
        at, quoted, field_start = start, False, True
        while at < len(data):
            b = data[at : at + 1]
            if quoted:
                quoted = b != quote
            elif b == quote and (field_start or data[at - 1 : at] == quote):
                quoted = True
            elif b == b"\n":
                return at + 1
            field_start = b == delimiter
            at += 1
        return at

    def _header(self) -> list[str]:
        with self._open() as stream:
            d = self.dialect
            for chunk in chunks(stream, d.delimiter, d.quote, _HEAD):
                end = self._header_bytes(chunk.data)
                text = chunk.data[:end].decode("utf-8", "replace")
                records = records_of(text, d.delimiter, d.quote)
                if records:
                    return records[0]
        raise SourceError(f"{self.name} is empty; expected a header line and rows of data.")

    def size(self) -> int:
        return self.path.stat().st_size

    def sample(self) -> list[pl.Series]:
        """The first rows, every cell as text."""
        parts: list[pl.DataFrame] = []
        rows = 0
        wanted = min(SAMPLE_ROWS, max(_FEWEST_SAMPLED, _SAMPLE_CELLS // len(self.header)))
        with self._open() as stream:
            for chunk in self._chunks(stream, _HEAD):
                part = self._parse(chunk, [pl.String] * len(self.header)).frame
                parts.append(part)
                rows += part.height
                if rows >= wanted:
                    break
        if not parts:
            return [pl.Series(str(i), [], pl.String) for i in range(len(self.header))]
        return pl.concat(parts).head(wanted).get_columns()

    def plans(self, sample: list[pl.Series], tokens: tuple[str, ...]) -> list[Plan]:
        found = plan_texts(sample, tokens, comma_likely=self.dialect.delimiter != ",")
        if any(p.style == "comma" for p in found):
            self.details["decimal"] = ","
        return found

    def batches(self, plans: list[Plan], progress: Progress | None) -> Iterator[list[pl.Series]]:
        """Columns of each chunk in file order; numbers as Float64 where the plan allows it."""
        types: list[type[pl.DataType]] = [
            pl.Float64 if p.kind == "float" else pl.String for p in plans
        ]
        blank = 0
        with self._open() as stream, ThreadPoolExecutor(_AHEAD, "whyfit-read") as pool:
            waiting: deque[tuple[Future[_Parsed], float]] = deque()

            def finished() -> list[pl.Series]:
                nonlocal blank
                job, fraction = waiting.popleft()
                parsed = job.result()
                blank += parsed.blank
                if parsed.transcoded:
                    self.details["encoding"] = f"{self.dialect.encoding}, in parts cp1252"
                if progress is not None:
                    progress(fraction)
                columns = parsed.frame.get_columns()
                for i, column in enumerate(columns):
                    if types[i] == pl.Float64 and column.dtype == pl.String:
                        if _dirty(column):  # text from now on
                            types[i] = pl.String
                        elif i in parsed.doubtful:
                            self._huge.add(i)
                return columns

            size = self._chunk_size()
            try:
                for chunk in self._chunks(stream, size):
                    waiting.append(
                        (pool.submit(self._parse, chunk, list(types)), stream.fraction())
                    )
                    if len(waiting) > _AHEAD:
                        yield finished()
                while waiting:
                    yield finished()
            finally:
                for job, _ in waiting:
                    job.cancel()
        if stream.compression:
            self.details["compression"] = stream.compression
        if blank:
            self.details["blank_lines"] = blank

    def _chunk_size(self) -> int:
        return max(CHUNK, min(8 * CHUNK, CHUNK_ROWS * 10 * len(self.header)))

    def _parse(self, chunk: Chunk, types: list[type[pl.DataType]]) -> _Parsed:
        if (nul := chunk.data.find(b"\0")) >= 0:
            line = self._line(chunk.start + nul)
            raise SourceError(f"{self.name} holds a NUL byte in line {line}; is it a text file?")
        frame, transcoded, data = self._polars(chunk.data, types), False, chunk.data
        doubtful: frozenset[int] = frozenset()
        if frame is None:
            try:
                data.decode("utf-8")
            except UnicodeDecodeError:
                data = data.decode(fallback_encoding(data)).encode()
                transcoded = True
                frame = self._polars(data, types)
        if frame is None and pl.Float64 in types:
            frame = self._polars(data, [pl.String] * len(types))
        if frame is not None and self._whole(frame, data):
            doubtful = frozenset(
                i
                for i, column in enumerate(frame.get_columns())
                if column.dtype == pl.Float64 and _doubtful(column, i in self._huge)
            )
            if doubtful:
                types = [pl.String if i in doubtful else t for i, t in enumerate(types)]
                frame = self._polars(data, types)
        if frame is not None and self._whole(frame, data):
            return _Parsed(frame, 0, transcoded, doubtful)
        if frame is not None and self.dialect.quote.encode() not in data:
            lines = data.count(b"\n")
            squeezed = _BLANK.sub(b"", data)
            again = self._polars(squeezed, types) if squeezed else frame.clear()
            if again is not None and self._whole(again, squeezed):
                return _Parsed(again, lines - squeezed.count(b"\n"), transcoded)
        return self._by_csv_module(Chunk(data, chunk.start), transcoded)

    def _line(self, start: int) -> int:
        with self._open() as stream:
            return line_at(stream, start)

    def _polars(self, data: bytes, types: list[type[pl.DataType]]) -> pl.DataFrame | None:
        schema = {str(i): t for i, t in enumerate(types)}
        try:
            return pl.read_csv(
                data,
                has_header=False,
                schema=schema,
                infer_schema=False,
                separator=self.dialect.delimiter,
                quote_char=self.dialect.quote,
            )
        except (pl.exceptions.PolarsError, OverflowError):
            return None

    def _whole(self, frame: pl.DataFrame, data: bytes) -> bool:
        """Whether every row had all its fields.

        polars fills missing fields with null and refuses too many. So a row can only be short where
        its last cell is null, and none is if the delimiters outside quotes add up.
        """
        if frame.width == 1:
            return _BLANK.search(data) is None
        if frame.to_series(-1).null_count() == 0:
            return True
        a = np.frombuffer(data, np.uint8)
        is_delimiter = a == ord(self.dialect.delimiter)
        quote = ord(self.dialect.quote)
        if self.dialect.quote.encode() in data:
            # wraps around at 256, which keeps the parity
            inside = np.cumsum(a == quote, dtype=np.uint8) & 1
            is_delimiter &= inside == 0
        return int(np.count_nonzero(is_delimiter)) == frame.height * (frame.width - 1)

    def _by_csv_module(self, chunk: Chunk, transcoded: bool) -> _Parsed:
        d, width = self.dialect, len(self.header)
        text = io.StringIO(chunk.data.decode("utf-8", "replace"), newline="")
        rows: list[list[str]] = []
        blank = before = 0
        try:
            reader = csv.reader(text, delimiter=d.delimiter, quotechar=d.quote)
            for row in unlimited(reader):
                if not row or (len(row) == 1 and row[0].isspace()) or (row == [""] and width > 1):
                    blank += 1
                elif len(row) == width:
                    rows.append(row)
                else:
                    raise SourceError(
                        f"{self.name}: line {self._line(chunk.start) + before} has {len(row)} "
                        f"field{'s' * (len(row) != 1)}, the header has {width}; "
                        f"quote cells that hold {_shown(d.delimiter)}, or mend the line."
                    )
                before = reader.line_num
        except csv.Error as error:
            line = self._line(chunk.start) + before
            raise SourceError(f"{self.name}: near line {line}: {error}.") from None
        columns = list(zip(*rows, strict=True)) if rows else [()] * width
        return _Parsed(
            pl.DataFrame([pl.Series(str(i), c, pl.String) for i, c in enumerate(columns)]),
            blank,
            transcoded,
        )


def _dirty(column: pl.Series) -> bool:
    """Whether some text is no number, or an integer so long that float64 may round it."""
    filled = column.filter(column != "")
    number = filled.cast(pl.Float64, strict=False)
    if number.null_count() or number.is_nan().any():
        return True
    return bool(filled.str.contains(r"^[+-]?\d{16,}$").any())


def _doubtful(column: pl.Series, huge: bool) -> bool:
    """Whether floats hide what the text said: the word NaN, or an integer beyond 2^53."""
    number = column.drop_nulls().to_numpy()
    if not number.size:
        return False
    low, high = float(number.min()), float(number.max())
    return low != low or (not huge and (high >= EXACT or low <= -EXACT))


def _shown(delimiter: str) -> str:
    return {"\t": "a tab"}.get(delimiter, f"'{delimiter}'")

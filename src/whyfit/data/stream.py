"""Bytes of a file as UTF-8 text, and chunks of it cut between records.

A chunk never splits a record: a newline inside quotes is no boundary. Cutting at the last newline is
right when the chunk has no quote or its quotes pair up; otherwise quoted fields are matched one by one.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from whyfit.data.sniff import compression_of
from whyfit.errors import SourceError

#: A record longer than this is taken for a quote that was never closed.
_LONGEST_RECORD = 256 << 20


@dataclass(frozen=True, slots=True)
class Chunk:
    data: bytes
    start: int  # bytes of UTF-8 before it


class TextStream:
    """Sequential reader: decompresses, decodes to UTF-8, normalises lone CR line ends."""

    def __init__(self, path: Path, encoding: str = "utf-8", *, lone_cr: bool = False) -> None:
        self.name = path.name
        self._size = max(1, path.stat().st_size)
        self._raw = path.open("rb", buffering=0)
        head = self._raw.read(8)
        self._raw.seek(0)
        self.compression = compression_of(head)
        self._file: Any = self._raw
        match self.compression:
            case "gzip":
                self._file = gzip.GzipFile(fileobj=self._raw)
            case "bz2":
                self._file = bz2.BZ2File(self._raw)
            case "xz":
                self._file = lzma.LZMAFile(self._raw)  # noqa: SIM115 - closed in close()
        self._decoder = None
        if encoding == "utf-8-sig":
            self._read(3)
        elif encoding != "utf-8":
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._lone_cr = lone_cr

    def _read(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
        except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, OSError) as error:
            if self.compression:
                raise SourceError(
                    f"{self.name} is a truncated or damaged {self.compression} file ({error}); "
                    "get a fresh copy."
                ) from None
            raise SourceError(f"{self.name} cannot be read: {error}.") from None
        return data

    def read(self, size: int) -> bytes:
        """About `size` bytes of UTF-8; b"" at the end."""
        while True:
            data = self._read(size)
            if self._decoder is not None:
                text = self._decoder.decode(data, final=not data).encode("utf-8", "replace")
            else:
                text = data
            if text or not data:
                return text.replace(b"\r", b"\n") if self._lone_cr else text

    def back(self, size: int) -> bool:
        """Step back so that the last `size` bytes are read again, if this stream can."""
        plain = self._file is self._raw and self._decoder is None and not self._lone_cr
        if plain:
            self._raw.seek(-size, 1)
        return plain

    def fraction(self) -> float:
        """Share of the file's bytes read so far."""
        return min(1.0, self._raw.tell() / self._size)

    def close(self) -> None:
        self._file.close()
        self._raw.close()

    def __enter__(self) -> TextStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def chunks(stream: TextStream, delimiter: str, quote: str, size: int) -> Iterator[Chunk]:
    """Chunks of about `size` bytes that end at a record boundary."""
    carry, start = b"", 0
    while True:
        data = stream.read(size)
        buffer = carry + data if carry else data
        if not data:
            if buffer:
                yield Chunk(buffer, start)
            return
        cut = boundary(buffer, delimiter.encode(), quote.encode())
        if cut == 0:
            if len(buffer) > _LONGEST_RECORD:
                raise SourceError(
                    f"{stream.name}: a record beyond byte {start:,} is longer than "
                    f"{_LONGEST_RECORD >> 20} MiB; is a quote never closed there?"
                )
            carry = buffer
            size = max(size, len(buffer))  # doubles, so that a long record costs linear time
            continue
        tail = len(buffer) - cut
        # Reading the cut-off tail again is cheaper than joining it to the next four megabytes.
        carry = buffer[cut:] if tail and not stream.back(tail) else b""
        yield Chunk(buffer[:cut] if tail else buffer, start)
        start += cut


def line_at(stream: TextStream, start: int) -> int:
    """1-based number of the physical line at byte `start` of a stream just opened."""
    line, left = 1, start
    while left > 0 and (data := stream.read(min(left, 1 << 20))):
        line += data.count(b"\n", 0, left)
        left -= len(data)
    return line


def boundary(buffer: bytes, delimiter: bytes, quote: bytes) -> int:
    """Length of the longest prefix of whole records, each ended by a newline; 0 if there is none."""
    end = buffer.rfind(b"\n") + 1
    if buffer.find(quote, 0, end) < 0:
        return end
    if _paired(buffer, end, delimiter, quote):
        return end
    return _boundary_by_fields(buffer, delimiter, quote)


def _paired(buffer: bytes, end: int, delimiter: bytes, quote: bytes) -> bool:
    """Whether all quotes before `end` open, close or escape as RFC 4180 says, none left open."""
    a = np.frombuffer(buffer, np.uint8, count=end)
    at = np.flatnonzero(a == quote[0])
    if at.size % 2:
        return False
    opening, closing = at[::2], at[1::2]
    edges = np.zeros(256, bool)
    edges[[delimiter[0], 10, 13]] = True
    before = a[np.maximum(opening - 1, 0)]
    escaped = np.concatenate([[False], opening[1:] == closing[:-1] + 1])
    good_open = (opening == 0) | edges[before] | escaped
    after = a[np.minimum(closing + 1, end - 1)]
    good_close = edges[after] | np.concatenate([escaped[1:], [False]])
    return bool(good_open.all() and good_close.all())


def _boundary_by_fields(buffer: bytes, delimiter: bytes, quote: bytes) -> int:
    q, d = re.escape(quote), re.escape(delimiter)
    start = rb"(?:(?<=[\n\r" + d + rb"])|\A)" + q
    # Possessive, so that an escaped quote is never taken for a closing one.
    field = re.compile(start + rb"(?:[^" + q + rb"]|" + q * 2 + rb")*+" + q)
    opens = re.compile(start)
    masked = field.sub(lambda m: b"x" * len(m[0]), buffer)
    left_open = opens.search(masked)
    return masked.rfind(b"\n", 0, left_open.start() if left_open else len(masked)) + 1

"""What a file is, judged by its bytes first and its name second.

`format_of` tells CSV, Parquet, Arrow and NDJSON apart by magic bytes; `dialect_of` finds encoding,
delimiter and quote of a text table from its first lines.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from whyfit.errors import SourceError

DELIMITERS = (",", ";", "\t", "|")
#: Records looked at to choose the delimiter.
_SNIFF_RECORDS = 200
#: Characters looked at for single quotes.
_QUOTE_LOOK = 1 << 16
_LIMIT = threading.Lock()
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive or spreadsheet", "unzip it, or save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "decompress it, or use gzip"),
    (b"FEA1", "a Feather file of version 1", "write it again with a current Arrow"),
    (b"\x89HDF", "an HDF5 file", "write the table as Parquet or CSV"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV"),
    (b"%PDF", "a PDF document", "give a CSV, Parquet, Arrow or NDJSON file"),
    (b"Obj\x01", "an Avro file", "write the table as Parquet or CSV"),
    (b"\x93NUMPY", "a NumPy array", "load it and pass the arrays (X, y) in Python"),
    (b"\x80\x04\x95", "a Python pickle", "load it yourself and pass the data frame"),
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text table is written."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"


def compression_of(head: bytes) -> str:
    """ "gzip", "bz2", "xz" or "" by magic bytes."""
    for magic, name in ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\xfd7zXZ\x00", "xz")):
        if head.startswith(magic):
            return name
    return ""


def format_of(head: bytes, name: str) -> str:
    """ "parquet", "feather", "ndjson" or "csv" of a (decompressed) head; SourceError for others."""
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "feather"
    for magic, what, hint in _FOREIGN:
        if head.startswith(magic):
            raise SourceError(f"{name} is {what}; {hint}.")
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith(b"{") and _is_json_line(text):
        return "ndjson"
    if text.startswith(b"[") and re.match(rb"\[\s*(\{|\])", text):
        raise SourceError(
            f"{name} is a JSON array; write one object per line (NDJSON), or pass a data frame."
        )
    suffixes = name.lower().split(".")[1:]
    for suffix, what in (("parquet", "Parquet"), ("feather", "Arrow"), ("arrow", "Arrow")):
        if suffix in suffixes[-1:]:
            raise SourceError(f"{name} is not a {what} file: its first bytes are {head[:4]!r}.")
    return "csv"


def _is_json_line(text: bytes) -> bool:
    line, newline, _ = text.partition(b"\n")
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        # One record longer than the head: a quoted key right after the brace will do.
        return not newline and re.match(rb'\{\s*"[^"]*"\s*:', line) is not None


def encoding_of(head: bytes, name: str, *, whole: bool) -> str:
    """Python codec of `head`; `whole` if nothing follows it. SourceError for binary content."""
    for mark, codec in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return codec
    if b"\0" in head:
        raise SourceError(
            f"{name} holds NUL bytes and is no text table; expected CSV, TSV, Parquet, Arrow or "
            "NDJSON (UTF-16 needs its byte-order mark)."
        )
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=whole)
        return "utf-8"
    except UnicodeDecodeError:
        pass
    control = sum(head.count(bytes([b])) for b in (*range(1, 9), *range(14, 27), 127))
    if control > 0.01 * len(head):
        raise SourceError(f"{name} looks like binary data; expected CSV, Parquet, Arrow or NDJSON.")
    return fallback_encoding(head)


def fallback_encoding(data: bytes) -> str:
    """cp1252, or latin-1 if `data` has one of the five bytes that cp1252 leaves undefined."""
    return "latin-1" if re.search(rb"[\x81\x8d\x8f\x90\x9d]", data) else "cp1252"


def unlimited(records: Iterator[list[str]]) -> Iterator[list[str]]:
    """`records` of a csv.reader with no limit on the length of a cell.

    The limit of the csv module is global, so it is raised for one record at a time, under a lock.
    """
    while True:
        with _LIMIT:
            old = csv.field_size_limit(1 << 30)
            try:
                record = next(records)
            except StopIteration:
                return
            finally:
                csv.field_size_limit(old)
        yield record


def records_of(text: str, delimiter: str, quote: str) -> list[list[str]]:
    """Up to a few hundred records that are not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote)
    records = []
    try:
        for record in unlimited(reader):
            if record and (len(record) > 1 or record[0].strip()):
                records.append(record)
            if len(records) > _SNIFF_RECORDS:
                break
    except csv.Error:
        pass
    return records


def dialect_of(text: str, encoding: str, *, whole: bool) -> Dialect:
    """Delimiter and quote that split the first lines most evenly, ties to more fields."""
    quote = '"'
    start = text[:_QUOTE_LOOK]
    single = r"(?m)(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|\r\n])"
    if '"' not in start and len(re.findall(single, start)) >= 3:
        quote = "'"
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        records = records_of(text, delimiter, quote)
        if len(records) > 1 and not whole:
            records = records[:-1]
        if not records or len(records[0]) < 2:
            continue
        width = len(records[0])
        even = sum(len(r) == width for r in records[1:]) / max(1, len(records) - 1)
        if (score := (even, width)) > best_score:
            best, best_score = delimiter, score
    return Dialect(best, quote, encoding)

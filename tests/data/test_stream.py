"""Chunks are whole records, and nothing is lost between them."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyfit.data.stream import TextStream, boundary, chunks, line_at
from whyfit.errors import SourceError

cell = st.text(alphabet='ab,"\n;\t é', max_size=6)
quoting = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])


def written(rows: list[list[str]], how: int, end: str = "\n") -> str:
    out = io.StringIO()
    csv.writer(out, quoting=how, lineterminator=end).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


def records(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@given(
    st.lists(st.lists(cell, min_size=2, max_size=3), min_size=1, max_size=30),
    quoting,
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 60),
)
def test_any_chunk_size_cuts_between_records(tmp_path_factory, rows, how, end, size):
    path = tmp_path_factory.mktemp("s") / "t.csv"
    text = written(rows, how, end)
    path.write_bytes(text.encode())
    with TextStream(path) as stream:
        parts = list(chunks(stream, ",", '"', size))
    assert b"".join(p.data for p in parts) == text.encode()
    assert [r for p in parts for r in records(p.data.decode())] == records(text)
    start = 0
    for part in parts:
        assert part.start == start
        with TextStream(path) as stream:
            assert line_at(stream, start) == text.encode()[:start].count(b"\n") + 1
        start += len(part.data)


def test_a_lone_quote_inside_a_cell_opens_nothing():
    text = b'disk 5",a\n"x\ny",b\n6",c\n"open,\n'
    assert boundary(text, b",", b'"') == text.index(b'"open')
    assert boundary(b'a,"b""\n', b",", b'"') == 0
    assert boundary(b'a,"b"""\nc', b",", b'"') == 8
    assert boundary(b"no newline", b",", b'"') == 0


@pytest.mark.parametrize(
    ("compress", "name"), [(gzip.compress, "gzip"), (bz2.compress, "bz2"), (lzma.compress, "xz")]
)
def test_compression_is_found_by_content_not_by_name(tmp_path: Path, compress, name):
    path = tmp_path / "plain.csv"
    path.write_bytes(compress("a,b\n1,é\n".encode()))
    with TextStream(path) as stream:
        assert stream.compression == name
        assert stream.read(100).decode() == "a,b\n1,é\n"
        assert stream.read(100) == b""
        assert stream.fraction() == 1.0
    path.write_bytes(compress(b"a,b\n" * 1000)[:-9])
    with TextStream(path) as stream, pytest.raises(SourceError, match=f"damaged {name} file"):
        list(chunks(stream, ",", '"', 100))


@given(st.text(alphabet="aé€\n,", max_size=200), st.integers(1, 7))
def test_utf16_comes_out_as_utf8_whatever_the_read_size(tmp_path_factory, text, size):
    path = tmp_path_factory.mktemp("s") / "t.csv"
    path.write_bytes(text.encode("utf-16"))
    with TextStream(path, "utf-16") as stream:
        out = b""
        while data := stream.read(size):
            out += data
    assert out.decode() == text


def test_a_record_without_end_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("whyfit.data.stream._LONGEST_RECORD", 1000)
    path = tmp_path / "t.csv"
    path.write_bytes(b'a,b\n1,"' + b"x\n" * 2000)
    with (
        TextStream(path) as stream,
        pytest.raises(SourceError, match=r"record beyond byte 4 .* is a quote never closed"),
    ):
        list(chunks(stream, ",", '"', 64))

"""Text files of word vectors."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from whyfit.data.vectors import read_word_vectors
from whyfit.errors import SourceError

WORDS = ("the", "of", "new york", "the", ",", "été", "3")
VECTORS = np.random.default_rng(0).normal(size=(7, 4))


def written(path: Path, header: str = "", end: str = "\n") -> Path:
    lines = [
        f"{w} " + " ".join(map(repr, map(float, v))) for w, v in zip(WORDS, VECTORS, strict=True)
    ]
    text = header + end.join(lines) + end
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize(
    ("name", "header", "end"),
    [
        ("v.txt", "", "\n"),
        ("v.vec", "7 4\n", "\n"),
        ("v.txt.gz", "", "\r\n"),
        ("v.txt", "\ufeff", "\n"),
    ],
)
def test_word_vectors(tmp_path: Path, name: str, header: str, end: str):
    made = read_word_vectors(written(tmp_path / name, header, end))
    assert made is not None
    assert tuple(made[0]) == WORDS  # repeated ones too
    np.testing.assert_array_equal(made[1], VECTORS)


def test_a_line_of_another_length_is_named(tmp_path: Path):
    path = written(tmp_path / "v.txt")
    lines = path.read_text().split("\n")
    lines[4] = lines[4].rsplit(" ", 1)[0]
    path.write_text("\n".join(lines))
    with pytest.raises(SourceError, match=r"v.txt: line 5 has 3 numbers, line 1 has 4; mend"):
        read_word_vectors(path)


def test_a_word_among_the_numbers_is_named(tmp_path: Path):
    path = written(tmp_path / "v.txt")
    lines = path.read_text().split("\n")
    lines[5] = "été 1 2 x 4"
    path.write_text("\n".join(lines))
    with pytest.raises(SourceError, match="the vector of 'été' holds 'x', which is no number"):
        read_word_vectors(path)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "one line of plain words\n", "x 1\ny 2\n"])
def test_other_text_is_no_embedding(tmp_path: Path, text: str):
    path = tmp_path / "v.txt"
    path.write_text(text)
    assert read_word_vectors(path) is None


def test_a_header_that_promises_too_much(tmp_path: Path):
    path = written(tmp_path / "v.txt", "99999999999 4\n")
    with pytest.raises(SourceError, match=r"promises 99,999,999,999 vectors of 4 numbers"):
        read_word_vectors(path)

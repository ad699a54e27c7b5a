"""Embeddings in a text file "word v1 v2 … vd", a line per word.

The file may begin with a line "n d" (word2vec) and be compressed (.gz, .bz2, .xz). A word may hold spaces, as in
some published files: the numbers are the last d fields of a line.

References: the formats of word2vec (Mikolov et al. 2013), GloVe (Pennington et al. 2014) and fastText.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from whyfit.data.limits import memory_left
from whyfit.data.stream import TextStream
from whyfit.errors import SourceError

_CHUNK = 4 << 20
#: Vectors of fewer numbers are a table of two columns, not an embedding.
_FEWEST = 2
#: Vectors parsed at a time.
_ROWS = 4096


def read_word_vectors(path: Path) -> tuple[list[str], Float[np.ndarray, "n d"]] | None:
    """Words, of which some may repeat, and vectors (float64); None if the first lines are no word vectors.

    Raises SourceError, naming the line, if a later one holds another number of values, or if the first line promises
    another number of vectors.
    """
    lines = _numbered_lines(path)
    start = next(lines, None)
    if start is None:
        return None
    at, line = start
    n = _count(line)
    if n is not None:
        if (start := next(lines, None)) is None:
            return None
        at, line = start
    d = _width(line)
    if d < _FEWEST:
        return None
    if n is not None and 8 * n * d > memory_left():
        raise SourceError(
            f"{path.name} promises {n:,} vectors of {d} numbers, {8 * n * d >> 20:,} MB, and "
            f"{memory_left() >> 20:,} MB are left."
        )
    first, words, parts, waiting = at, [], [], []
    while True:
        fields = line.rstrip().rsplit(maxsplit=d)
        if len(fields) != d + 1:
            if at < first + 2:  # not even the second line agrees: another kind of file
                return None
            raise SourceError(
                f"{path.name}: line {at} has {len(line.split()) - 1} numbers, line {first} has {d}; "
                "mend the line."
            )
        words.append(fields[0])
        waiting.append(fields[1:])
        if len(waiting) == _ROWS:
            parts.append(_parsed(waiting, path.name, words))
            waiting = []
        if (following := next(lines, None)) is None:
            break
        at, line = following
    if waiting:
        parts.append(_parsed(waiting, path.name, words))
    if n is not None and len(words) != n:
        raise SourceError(
            f"{path.name} promises {n:,} vectors in its first line and holds {len(words):,}; "
            "get a fresh copy or mend that line."
        )
    return words, np.concatenate(parts)


def _parsed(rows: list[list[str]], name: str, words: list[str]) -> Float[np.ndarray, "m d"]:
    try:
        return np.array(rows, dtype=np.float64)
    except ValueError:
        for i, row in enumerate(rows):
            try:
                np.array(row, dtype=np.float64)
            except ValueError as error:
                word = words[len(words) - len(rows) + i]
                reason = str(error).removeprefix("could not convert string to float: ").strip("'")
                raise SourceError(
                    f"{name}: the vector of '{word}' holds '{reason[:40]}', which is no number."
                ) from None
        raise


def _numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers from 1; ends at once if the file is no UTF-8 text."""
    number, rest = 0, b""
    with TextStream(path) as stream:
        while True:
            data = stream.read(_CHUNK)
            pieces = (rest + data).split(b"\n")
            rest = pieces.pop() if data else b""
            for piece in pieces:
                number += 1
                try:
                    line = piece.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r")
                except UnicodeDecodeError:
                    if number == 1:
                        return
                    raise SourceError(f"{path.name}: line {number} is not UTF-8 text.") from None
                if line.strip():
                    yield number, line
            if not data:
                return


def _count(line: str) -> int | None:
    """n of a first line "n d"."""
    fields = line.split()
    return int(fields[0]) if len(fields) == 2 and all(f.isdecimal() for f in fields) else None


def _width(line: str) -> int:
    """Numbers at the end of a line, its first field apart."""
    d = 0
    for field in reversed(line.split()[1:]):
        try:
            float(field)
        except ValueError:
            break
        d += 1
    return d

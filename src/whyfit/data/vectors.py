"""Embeddings: an .npy file of n vectors, or a text file "word v1 v2 … vd" with a line per word.

A text file may begin with a line "n d" (word2vec) and be compressed (.gz, .bz2, .xz). A word may hold spaces, as in
some published files: the numbers are the last d fields of a line.

References: the formats of word2vec (Mikolov et al. 2013), GloVe (Pennington et al. 2014) and fastText.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from whyfit.data.limits import memory_left
from whyfit.data.numpy_files import NPY, ZIP, read_arrays
from whyfit.data.stream import TextStream
from whyfit.errors import NotFiniteError, ShapeError, SourceError

_CHUNK = 4 << 20
#: Vectors of fewer numbers are a table of two columns, not an embedding.
_FEWEST = 2
#: Vectors parsed at a time.
_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Vectors:
    """n vectors of d numbers; `labels` may repeat and are None if nothing names the vectors."""

    matrix: Float[np.ndarray, "n d"]  # float64, or float32 where the file holds no more
    labels: tuple[str, ...] | None
    name: str


def read_vectors(path: Path, labels: Path | None = None) -> Vectors:
    """The vectors in a file.

    Parameters
    ----------
    path : .npy (n, d), .npz with one such array, or a text file of word vectors.
    labels : text file with one label per vector; it takes the place of a text file's words.

    Raises
    ------
    SourceError : no such vectors, a cut file, or a line of another length. ShapeError : the labels are more or
    fewer than the vectors. NotFiniteError : NaN or infinity, naming the vector.
    """
    words = None
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith((NPY, ZIP)):
        matrix = _of_arrays(path)
    else:
        found = read_word_vectors(path)
        if found is None:
            raise SourceError(
                f"{path.name} is no file of vectors; expected .npy, or lines 'word v1 v2 …'."
            )
        words, matrix = found
    if labels is not None:
        words = _lines(labels)
        if len(words) != len(matrix):
            raise ShapeError(
                f"{labels.name} has {len(words):,} labels for {len(matrix):,} vectors; expected as many."
            )
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if bad.size:
        first = int(bad[0])
        who = f"row {first + 1}" + (f", '{words[first]}'" if words else "")
        raise NotFiniteError(
            f"{path.name} holds NaN or infinity in {bad.size:,} of {len(matrix):,} vectors, first in "
            f"{who}; leave them out."
        )
    return Vectors(matrix, tuple(words) if words is not None else None, path.name)


def _of_arrays(path: Path) -> Float[np.ndarray, "n d"]:
    arrays = {k: a for k, a in read_arrays(path).items() if a.ndim == 2 and a.dtype.kind in "fiub"}
    if len(arrays) != 1:
        seen = "no array" if not arrays else f"{len(arrays)} arrays"
        raise ShapeError(f"{path.name} holds {seen} (n, d) of numbers; expected one.")
    (A,) = arrays.values()
    single = A.dtype.kind == "f" and A.dtype.itemsize <= 4
    return np.ascontiguousarray(A, dtype=np.float32 if single else np.float64)


def read_word_vectors(path: Path) -> tuple[list[str], Float[np.ndarray, "n d"]] | None:
    """Words and vectors (float64) of a text file; None if its first lines are no word vectors.

    Raises SourceError, naming the line, if a later one holds another number of values.
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


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SourceError(f"{path.name} is not UTF-8 text; expected one label per line.") from None
    except OSError as error:
        raise SourceError(f"cannot read '{path}': {(error.strerror or '').lower()}.") from None
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line.rstrip("\r") for line in lines]

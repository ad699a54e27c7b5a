"""Text files of word vectors: "word v1 v2 ... vp" per line, perhaps after a line "n p" (word2vec)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from whyfit.errors import SourceError


def read_word_vectors(path: Path) -> tuple[list[str], Float[np.ndarray, "n p"]] | None:
    """Words and vectors; None if the first lines are no word vectors.

    A word may hold spaces (some published files do): the numbers are the last p fields.
    Raises SourceError, naming the line, if a later line has another number of values.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="strict").split("\n")
    except (UnicodeDecodeError, OSError):
        return None
    if lines and not lines[-1].strip():
        lines.pop()
    first = 1 if lines and _counts(lines[0]) else 0
    body = lines[first:]
    if not body or (width := _width(body[0])) < 2:
        return None
    words, rows = [], []
    for i, line in enumerate(body):
        parts = line.rstrip().rsplit(" ", width)
        if len(parts) != width + 1:
            if i < 2:
                return None
            raise SourceError(
                f"{path.name}: line {i + 1 + first} has another number of values than line {1 + first} "
                f"({width}); mend the line."
            )
        words.append(parts[0])
        rows.append(parts[1:])
    try:
        return words, np.array(rows, dtype=np.float64)
    except ValueError:
        return None


def _counts(line: str) -> bool:
    fields = line.split()
    return len(fields) == 2 and all(f.isdecimal() for f in fields)


def _width(line: str) -> int:
    """Numbers at the end of a line whose first field is none."""
    fields = line.rstrip().split(" ")
    k = 0
    for f in reversed(fields[1:]):
        try:
            float(f)
        except ValueError:
            break
        k += 1
    return k

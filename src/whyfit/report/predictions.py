"""Predictions of new rows as CSV or JSON: columns row, prediction, low, high or probability.

Numbers are written with the fewest digits that read back to the same float64; a missing one is an
empty cell in CSV and null in JSON.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping

import numpy as np

from whyfit.report.json import encode, plain

#: Rows written at a time, so that few cells are Python objects at once.
_ROWS = 65_536


def to_csv(table: Mapping[str, np.ndarray]) -> bytes:
    """A header and one line per row, UTF-8, line ends LF."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(plain(list(table)))
    rows = max((len(values) for values in table.values()), default=0)
    for start in range(0, rows, _ROWS):
        part = ([_cell(v) for v in c[start : start + _ROWS].tolist()] for c in table.values())
        writer.writerows(zip(*part, strict=True))
    return out.getvalue().encode("utf-8")


def _cell(value: object) -> object:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return plain(value) if isinstance(value, str) else value


def to_json(table: Mapping[str, np.ndarray]) -> bytes:
    """A list with one object per row."""
    columns = [values.tolist() for values in table.values()]
    return encode([dict(zip(table, row, strict=True)) for row in zip(*columns, strict=True)])

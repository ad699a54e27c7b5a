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


def to_csv(table: Mapping[str, np.ndarray]) -> bytes:
    """A header and one line per row, UTF-8, line ends LF."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(plain(list(table)))
    columns = [[_cell(v) for v in values.tolist()] for values in table.values()]
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue().encode("utf-8")


def _cell(value: object) -> object:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return plain(value) if isinstance(value, str) else value


def to_json(table: Mapping[str, np.ndarray]) -> bytes:
    """A list with one object per row."""
    columns = [values.tolist() for values in table.values()]
    return encode([dict(zip(table, row, strict=True)) for row in zip(*columns, strict=True)])

"""A sample of new data under a fitted design: X, the target where there is one, and what happened to its cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from whyfit.data.design import Design
from whyfit.data.new_rows import NewRows
from whyfit.data.opening import is_pair, open_new, open_source
from whyfit.data.sample import sample_rows
from whyfit.errors import SourceError


@dataclass(frozen=True, eq=False)
class NewSample:
    """`n` rows were read; X (m, p) and y (m,) are those kept, evenly spaced, in their order.

    y is None where the data have no target; NaN where a cell is missing or of a class not seen in training. `missing`
    and `unseen` are cells by source column.
    """

    name: str
    n: int
    X: Float[np.ndarray, "m p"]
    y: Float[np.ndarray, " m"] | None
    missing: dict[str, int]
    unseen: dict[str, int]


def read_new_sample(design: Design, source: Any) -> NewSample:
    """New rows of any source that `whyfit.fit` takes; a target is read if it is there.

    Raises SchemaError if columns are missing; SourceError if the source cannot be read or has no rows.
    """
    opened = open_source(source, design.target.name) if is_pair(source) else open_new(source)
    most, step, kept, at = sample_rows(len(design.names)), 1, [], []
    new = NewRows(design, opened, labelled=True)
    for start, X in new:
        rows = np.arange(start, start + len(X))
        some = rows % step == 0
        kept.append(X[some])
        at.append(rows[some])
        while sum(map(len, at)) > 2 * most:  # thin out what was kept: every second row
            step *= 2
            keep = [rows % step == 0 for rows in at]
            kept = [X[k] for X, k in zip(kept, keep, strict=True)]
            at = [rows[k] for rows, k in zip(at, keep, strict=True)]
    if not new.n:
        raise SourceError(
            f"{opened.name} has no rows; expected rows like those of the training table."
        )
    X, rows = np.concatenate(kept), np.concatenate(at)
    y = np.concatenate(new.y)[rows] if new.y else None
    if y is not None and np.isnan(y).all():
        y = None
    known = np.isfinite(X).all(axis=1)
    return NewSample(
        opened.name,
        new.n,
        X[known],
        None if y is None else y[known],
        dict(new.missing),
        dict(new.unseen),
    )

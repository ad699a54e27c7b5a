"""Looks at a whole table that a design needs: calendar parts, and the rows that can be used."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from whyfit.data.coding import PARTS, calendar_part
from whyfit.data.schema import Column
from whyfit.data.settle import FEWEST_ROWS
from whyfit.data.table import Table
from whyfit.errors import TargetError

if TYPE_CHECKING:
    from whyfit.data.design import Design


def count_parts(table: Table, sources: list[Column]) -> dict[str, dict[str, Int[np.ndarray, " c"]]]:
    """Rows of each month, weekday and hour; the one look at the table that dates need."""
    moments = [c for c in sources if c.role == "datetime"]
    counts = {
        c.name: {
            part: np.zeros(len(names), np.int64)
            for part, names in PARTS.items()
            if part != "hour" or c.has_time
        }
        for c in moments
    }
    if moments:
        for block in table.blocks():
            for name, parts in counts.items():
                for part, tally in parts.items():
                    at = calendar_part(block.data[name], part)
                    tally += np.bincount(at[at >= 0], minlength=tally.size)
    return counts


def count_rows(design: Design, table: Table) -> tuple[dict[str, int], int]:
    """Rows left out, by reason, and rows left."""
    c = table.schema[design.target.name]
    dropped = {
        "missing target": c.n_missing - c.n_unreadable - c.n_infinite,
        "unreadable target": c.n_unreadable,
        "infinite target": c.n_infinite,
    }
    low, high, n_used = math.inf, -math.inf, table.n - c.n_missing
    if design.drops_missing:
        n_used = 0
        levels = {col.name: col.levels for col in table.schema.columns}
        for block in table.blocks():
            y = design.target.values(block.data[c.name], levels[c.name])
            keep = ~np.isnan(y)
            for coding in design.needed:
                gone = keep & coding.missing(block.data)
                if gone.any():
                    reason = f"missing cell in '{coding.name}'"
                    dropped[reason] = dropped.get(reason, 0) + int(gone.sum())
                    keep &= ~gone
            n_used += int(keep.sum())
            if keep.any():
                low, high = min(low, float(y[keep].min())), max(high, float(y[keep].max()))
    dropped = {reason: count for reason, count in dropped.items() if count}
    worst = max(dropped, key=lambda r: dropped[r], default="none")
    if n_used < FEWEST_ROWS:
        raise TargetError(
            f"{n_used} of {table.n:,} rows can be used (most left out for: {worst}); expected at "
            f"least {FEWEST_ROWS}; try missing='indicator' or drop the column."
        )
    if design.drops_missing and low == high:
        raise TargetError(
            f"the target '{c.name}' is constant in the {n_used:,} rows without a missing cell; "
            "try missing='indicator'."
        )
    return dropped, n_used

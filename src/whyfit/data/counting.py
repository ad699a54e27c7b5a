"""Looks at a whole table that a design needs: calendar parts, terms of texts, the rows that can be used."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from whyfit.data.coding import PARTS, calendar_part
from whyfit.data.components import Components, components_of
from whyfit.data.schema import Column
from whyfit.data.settle import FEWEST_ROWS
from whyfit.data.table import Table
from whyfit.data.tfidf import WIDTH, TextWeights, weights_of
from whyfit.errors import TargetError
from whyfit.spec import Spec

if TYPE_CHECKING:
    from whyfit.data.design import Design

#: Mean words of a text from which its terms become columns by default: names of persons have four (the
#: passengers of the Titanic), sentences ten and more.
PROSE_WORDS = 5.0
#: Rows for each term by default: the rule of ten rows a coefficient (Harrell, 2015, §4.4). Twice as many terms
#: gain a ridge 0.01 of held-out log loss (spam messages 0.058 → 0.049, reviews 0.483 → 0.471) for six times
#: the time.
TERM_ROWS = 10


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


def weigh_texts(
    table: Table, sources: list[Column], spec: Spec
) -> dict[str, tuple[TextWeights, Components | None]]:
    """Terms that become columns, and their compression, of every column of prose.

    All rows choose them, with a target or without, excluded and held-out ones too.
    """
    chosen = [
        c.name
        for c in sources
        if c.role == "text"
        and spec.text != "counts"
        and c.name not in spec.drop
        and (c.words >= PROSE_WORDS or spec.roles.get(c.name) == "text")
    ]
    width = spec.text_features or min(WIDTH, table.n // (TERM_ROWS * max(len(chosen), 1)))
    weighed = {}
    for name in chosen:
        key = (name, width, spec.rare_level, spec.text, spec.text_components)
        if key not in table.weighed:  # as often as a remedy is tried
            table.weighed[key] = _weigh(table, name, width, spec)
        if table.weighed[key][0].width:
            weighed[name] = table.weighed[key]
    return weighed


def _weigh(
    table: Table, name: str, width: int, spec: Spec
) -> tuple[TextWeights, Components | None]:
    hashing = spec.text == "hash"
    weights = weights_of(table.terms(name), width=width, least=spec.rare_level, hashing=hashing)
    k = spec.text_components
    if not (weights.width and k):
        return weights, None
    from scipy.sparse import csr_array, vstack

    rows = [weights.rows(block.data[f"{name}\0terms"]) for block in table.blocks()]
    return weights, components_of(csr_array(vstack(rows, format="csr")), weights.names, k)


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

"""The target's cells of new data, read as those of the training table were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from jaxtyping import Float

from whyfit.data.encode import Encoder, LevelEncoder
from whyfit.data.plan import Plan

if TYPE_CHECKING:
    from whyfit.data.design import Design


def target_plan(design: Design, seen: Plan) -> Plan:
    """How to read the target: numbers if it was numeric in training, else texts."""
    if _role(design) == "numeric":
        return seen if seen.kind in ("float", "number") else Plan("number", fixed=True)
    return Plan("level", fixed=True)


def target_values(design: Design, encoder: Encoder, cells: pl.Series) -> Float[np.ndarray, " m"]:
    """y of the cells; NaN where one is missing, unreadable, of no known class, or not positive under a log."""
    raw = np.asarray(encoder.add(cells))
    if not isinstance(encoder, LevelEncoder):
        if design.target.transform == "log":
            raw = np.where(raw > 0, raw, np.nan)
        return design.target.values(raw, ())
    levels = tuple(encoder.levels)
    if _role(design) == "boolean" and design.schema is not None:
        truth = {"false": 0.0, "true": 1.0, "0": 0.0, "1": 1.0}
        truth |= {t.casefold(): v for t, v in design.schema[design.target.name].truth.items()}
        value = [truth.get(t.casefold(), np.nan) for t in levels]
        return design.target.values(np.array([*value, np.nan])[raw], ())
    return design.target.values(raw.astype(np.int32), levels)


def _role(design: Design) -> str:
    if design.schema is not None:
        return design.schema[design.target.name].role
    return (
        "numeric" if design.target.task == "regression" or design.target.numbers else "categorical"
    )

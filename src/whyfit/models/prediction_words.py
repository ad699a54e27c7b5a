"""What predictions say in words: how their intervals were made, and the classes of their sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Shaped

from whyfit.probability.conformal_scores import ClassScores, HeldOutScores, rows_needed
from whyfit.probability.predictive import GLMLaw, Kind

if TYPE_CHECKING:
    from whyfit.models.table_model import TableModel


def notes_on_intervals(model: TableModel, level: float, kind: Kind) -> Iterator[str]:
    """What intervals, or sets, are made of where that is not the law of least squares."""
    made = model.conformal
    if isinstance(made, ClassScores):
        least = rows_needed(level)
        counts = zip(model.design.classes, made.classes, strict=True)
        few = [f"{label} ({q.n:,})" for label, q in counts if q.n < least]
        if few:
            yield (
                f"in every set, as sets at {100 * level:g} % need {least:,} held-out rows of a class:"
                f" {', '.join(few)}."
            )
    elif kind == "mean":
        return
    elif made is not None:
        how = "the errors of held-out rows"
        if isinstance(made, HeldOutScores) and made.spread is not None:
            how += ", in units of their predicted spread"
        yield f"intervals of new rows are conformal, from {how}."
    elif isinstance(model.law, GLMLaw):
        yield f"intervals of new rows are quantiles of {model.law.new_row()}."


def texts_of(held: Bool[np.ndarray, "m C"], classes: tuple[str, ...]) -> Shaped[np.ndarray, " m"]:
    """The classes of every set, joined by " | "; "" of an empty one."""
    known, place = np.unique(held, axis=0, return_inverse=True)
    names = np.array(classes, dtype=object)
    texts = np.array([" | ".join(names[row]) for row in known] or [""], dtype=object)
    return texts[place.ravel()]

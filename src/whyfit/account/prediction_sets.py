"""The panel of prediction sets of a classifier fitted with conformal intervals: does each class lie in its sets?

The set of a held-out row is made from the scores of rows in other folds (`probability.conformal_scores.ClassScores`).
"""

from __future__ import annotations

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.held_out_intervals import held_out_sets
from whyfit.diagnosis.words import percent, plural
from whyfit.errors import SpecError
from whyfit.probability.association import wilson
from whyfit.probability.conformal_scores import rows_needed
from whyfit.report.panel import Cell, Grid, Interval, Panel

#: Classes that have a row of their own.
MOST = 12
TITLE = "Are the prediction sets kept?"


def sets_panel(case: Case) -> Panel | None:
    """None unless the fit is asked for conformal intervals."""
    if case.spec.intervals != "conformal":
        return None
    level = case.spec.confidence
    try:
        code, held = held_out_sets(case, level)
    except SpecError as error:
        return Panel("intervals", TITLE, f"There are no sets: {error}")
    own = held[np.arange(len(code)), code]
    size = held.sum(axis=1)
    low, high = wilson(int(own.sum()), len(own), level)
    lead = (
        f"Held out, {percent(level)} sets held the class of {100 * own.mean():.3g} % of {plural(len(own), 'row')}"
        f" [{100 * low:.3g}, {100 * high:.3g}], with {size.mean():.2f} of {held.shape[1]} classes to a set."
    )
    return Panel(
        "intervals",
        TITLE,
        lead,
        (_classes(case, code, own, size), _sizes(size)),
        formulas=(r"\{c : 1 - p_c(x) \le q_c\}",),
        remarks=_remarks(case, code, level),
    )


def _classes(case: Case, code: np.ndarray, own: np.ndarray, size: np.ndarray) -> Grid:
    rows: list[tuple[Cell | Interval, ...]] = []
    for c in np.argsort(np.bincount(code, minlength=len(case.design.classes)), kind="stable")[
        :MOST
    ]:
        mine = code == c
        if not mine.any():
            continue
        ends = wilson(int(own[mine].sum()), int(mine.sum()), case.spec.confidence)
        covered = Interval(100 * float(own[mine].mean()), *(100 * v for v in ends))
        rows.append((case.design.classes[c], int(mine.sum()), covered, float(size[mine].mean())))
    head = ("class", "rows", "in its set, %", "classes to a set")
    return Grid("Held-out rows of every class, the rarest first", head, tuple(rows))


def _sizes(size: np.ndarray) -> Grid:
    counts = np.bincount(size)
    rows = tuple((k, int(n), 100 * n / len(size)) for k, n in enumerate(counts) if n)
    return Grid("How many classes the sets hold", ("classes", "rows", "%"), rows)


def _remarks(case: Case, code: np.ndarray, level: float) -> tuple[str, ...]:
    least = rows_needed(level)
    counts = np.bincount(code, minlength=len(case.design.classes))
    few = [
        f"{name} ({n:,})" for name, n in zip(case.design.classes, counts, strict=True) if n < least
    ]
    out = [
        "A set of one class is a prediction; an empty one says that the row looks like no class."
    ]
    if few:
        out.append(f"In every set, as {least:,} rows of a class are needed: {', '.join(few)}.")
    return tuple(out)

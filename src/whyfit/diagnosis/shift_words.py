"""What differs between rows then and now, and what it costs, in words that rule and panel share."""

from __future__ import annotations

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import feature_of
from whyfit.diagnosis.shift import LEVEL, Cells, Losses, Shift
from whyfit.diagnosis.words import number, percent
from whyfit.probability.two_samples import Move


def how_of(case: Case, shift: Shift) -> str:
    """What differs most."""
    moved, cells = shift.standing()
    filled = {c.feature for c in cells}  # what is put in for a gap moves a column too
    moved = [(j, m) for j, m in moved if feature_of(case, j) not in filled]
    said = [_cells(c) for c in cells[:1]] + [_move(case, shift, j, m) for j, m in moved[:1]]
    return "; ".join(said) or "no column alone, all together"


def cost_of(case: Case, losses: Losses) -> str:
    """ "; typical error 1.2 becomes 1.6"; "" where it was not observed."""
    if losses.observed is None:
        return ""
    before, now = size_of(case, losses.before.value), size_of(case, losses.observed.value)
    if case.new is None:
        if losses.p_worse >= LEVEL:
            return "; a fit on the earlier rows predicts them no worse"
        return f"; {unit_of(case)} {before} if rows take turns, {now} by a fit on the earlier ones"
    cost = f"; {unit_of(case)} {before} becomes {now}"
    if losses.explained:
        return cost
    more = losses.observed.value > losses.predicted.value
    return f"{cost}, {'more' if more else 'less'} than the columns explain"


def unit_of(case: Case) -> str:
    if case.task != "regression":
        return "log loss"
    return "typical error" + (" of the log" if case.spec.target_transform == "log" else "")


def size_of(case: Case, loss: float) -> str:
    return number(float(np.sqrt(loss)) if case.task == "regression" else loss, 3)


def _move(case: Case, shift: Shift, j: int, move: Move) -> str:
    """ "age: mean 38 then, 52 now", "colour=red: 12 % then, 40 % now", "spread of age × 2.1"."""
    a, b, name = shift.A[:, j], shift.B[:, j], case.names[j]
    if case.design.kinds[j] in ("level", "boolean", "indicator") and len(np.unique(a)) <= 2:
        low, high = float(min(a.min(), b.min())), float(max(a.max(), b.max()))
        width = (high - low) or 1.0
        p, q = ((v.mean() - low) / width for v in (a, b))
        return f"{name}: {percent(float(p))} then, {percent(float(q))} now"
    if move.auc is move.place:
        return f"{name}: mean {number(float(a.mean()), 3)} then, {number(float(b.mean()), 3)} now"
    if a.std() > 0:
        return f"spread of {name} × {number(float(b.std() / a.std()), 2)}"
    return f"{name}: constant then, not now"


def _cells(c: Cells) -> str:
    what = "missing" if c.what == "missing" else "of unknown levels"
    return f"{c.feature}: {percent(c.before)} {what} then, {percent(c.now)} now"

"""What the rules on descents share: shares and factors in words, and remedies that were really run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from whyfit.calculus.walk import HOPELESS, Walk
from whyfit.diagnosis.descent import RELEVANT, DescentCase
from whyfit.diagnosis.finding import Remedy, Trial
from whyfit.diagnosis.words import number

#: Relative error of a prediction on a quadratic with all rows: issue and docs, tested.
EXACT = 0.05
#: Factor within which a prediction holds that rests on the curvature at one place alone.
ROUGH = 2.0
#: ... and one of a mean over all draws of batches, beside a single draw.
DRAWN = 3.0
_ROUNDING = 16 * float(np.finfo(float).eps)  # of the loss, below which an excess is rounding
_LEAST = 1e-15  # a share of the excess loss below which there is nothing left
MEASURE = "share of the excess loss left"


def share(x: float) -> str:
    """A share of the excess loss: "12 %", "3.1e−7", "∞"."""
    if not math.isfinite(x):
        return "∞"
    if x > 10:
        return f"{number(x, 3)} ×"
    return f"{number(100 * x, 3)} %" if x >= 1e-6 else number(x, 2)


def remedy(
    case: DescentCase, name: str, edit: dict[str, Any], taken: Walk, before: float | None = None
) -> Remedy:
    """`taken` set beside what was done; the difference is of logarithms."""
    after = case.left_of(taken) if taken.outcome != "diverged" else np.inf
    start = case.left if before is None else before
    if not np.isfinite(case.walk.losses[-1]):  # its last finite loss says nothing of it
        start = max(start, HOPELESS)
    return measured(name, edit, start, after)


def measured(name: str, edit: dict[str, Any], before: float, after: float) -> Remedy:
    """A remedy by the shares of the excess loss left without and with it; the difference is of logarithms."""
    start, end = max(before, _LEAST), max(after, _LEAST)
    gain = math.log(start / end) if math.isfinite(end) else -np.inf
    return Remedy(
        name, edit, Trial(MEASURE, start, end, gain, gain, gain, gain > math.log(RELEVANT))
    )


def better_step(case: DescentCase) -> Remedy:
    """The step that was found best, run for as long."""
    return remedy(
        case, f"learning rate {number(case.best, 2)}", {"lr": rounded(case.best)}, case.better
    )


def rounded(x: float) -> float:
    """Two significant digits: what one would type."""
    return float(f"{x:.2g}")


def per_step(at: np.ndarray, shares: Float[np.ndarray, " k"]) -> float:
    """Factor of the excess loss per step: exp of the slope of log(share) over the later half; NaN if unknown."""
    usable = np.flatnonzero(np.isfinite(shares) & (shares > _LEAST))
    late = usable[usable.size // 2 :]
    late = usable[-2:] if late.size < 2 else late
    if late.size < 2:
        return float("nan")
    steps = at[late] - at[late[0]]
    if late.size == 2:
        return float((shares[late[1]] / shares[late[0]]) ** (1 / steps[1]))
    return float(np.exp(np.polyfit(steps, np.log(shares[late]), 1)[0]))


def factors(case: DescentCase) -> tuple[float, float]:
    """Predicted and observed factor of the excess loss per step, over the same looks."""
    at = case.walk.at
    seen = (case.walk.losses - case.least) / case.first
    seen = np.where(seen > _ROUNDING * abs(case.least) / case.first, seen, 0.0)
    if case.told is None:
        return float("nan"), per_step(at, seen)
    known = ~np.isnan(case.told[at])
    return per_step(at[known], case.told[at][known]), per_step(at[known], seen[known])


def predicted_left(case: DescentCase) -> float:
    """Share of the excess loss that theory says is left where the walk ended; NaN without a closed form."""
    if case.told is None:
        return float("nan")
    if case.batch is None:
        return float(case.told[case.walk.steps])
    tail = case.walk.at[-min(10, max(len(case.walk.at) // 2, 1)) :]
    return float(np.mean(case.told[tail]))


def refuted(case: DescentCase, predicted: float, observed: float) -> bool:
    """Whether a closed form that is exact here (a quadratic, all rows) missed what happened."""
    if not (case.problem.quadratic and case.batch is None and case.linear):
        return False
    if not (math.isfinite(predicted) and math.isfinite(observed)):
        return False
    return abs(observed - predicted) > EXACT * abs(predicted) + 1e-9

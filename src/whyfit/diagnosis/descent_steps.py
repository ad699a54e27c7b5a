"""Which other step sizes are worth trying in a DescentCase, and how far the steps of a rule that divides can go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from whyfit.calculus.forecast import adaptive_step
from whyfit.calculus.optimizers import RMSProp
from whyfit.calculus.reading import DONE

if TYPE_CHECKING:
    from whyfit.diagnosis.descent import DescentCase

#: Shares of the limit of stability that are tried, and multiples of what theory gives an adaptive rule.
SHARES = (0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9)
MULTIPLES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_SECANTS = 3


def candidates(case: DescentCase) -> tuple[float, ...]:
    if case.plan.rule.adaptive:
        way = case.problem.minimum - case.problem.begin
        size = adaptive_step(case.spectrum, way, case.plan.steps)
        if not case.problem.lowest.exists:
            size = _endless_step(case) or size
        quiet = quiet_rate(case)
        return (*(size * m for m in MULTIPLES), *(() if quiet is None else (quiet,)))
    top = case.curvature
    edge = case.plan.rule.largest_rate(top)
    if case.batch_limit is not None:
        edge = min(edge, case.batch_limit)
    if not 0 < edge < np.inf:
        return (case.rate,)
    return tuple(edge * s for s in SHARES)


def _endless_step(case: DescentCase) -> float:
    """As `adaptive_step` where there is no minimum: bouncing by η leaves DONE of the loss as it bends at the start."""
    trace = float(np.trace(case.problem.objective.hessian(case.problem.begin)))
    return float(np.sqrt(2 * DONE * case.first / trace)) if trace > 0 else 0.0


def quiet_rate(case: DescentCase) -> float | None:
    """Of a rule that divides: the step whose resting place leaves half of DONE; None if unknown."""
    resting = case.reading.resting if case.reading is not None else None
    if resting is None:
        return None
    rate, wanted = case.rate, DONE / 2 * case.first
    for _ in range(_SECANTS):  # the level is about a power of the step, 1 (noise) to 2 (edge)
        level = resting.level(rate)
        if level is None or not 0 < level < np.inf:
            return None
        rate *= float(np.clip(wanted / level, 1e-8, 1e8)) ** (0.5 if case.batch is None else 1)
    return rate


def moves(case: DescentCase, steps: int) -> Float[np.ndarray, " t"]:
    """How far each of `steps` steps of a rule that divides takes a parameter whose gradient does not change.

    η, as the bias of its means is corrected; of RMSProp, whose is not, η/√(1 − αᵗ).
    """
    rates, rule = case.rates(case.rate, steps), case.plan.rule
    if isinstance(rule, RMSProp):
        return rates / np.sqrt(1 - rule.alpha ** np.arange(1, steps + 1))
    return rates

"""Where a loss is least: Newton's method with an eigen-solve, so that flat directions and kinks do no harm.

Each step minimises the quadratic model on the live eigen-directions of the unit-diagonal Hessian and is halved until
the loss falls. Columns are expected to be standardised. A loss of separable classes has no minimum: there Newton's
decrement δ shrinks by e^−½ a step for ever (calculus.newton.CREEP) while the parameters grow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.calculus.descent import Quadratic
from whyfit.calculus.newton import CREEP, CREEP_FROM, CREEPS
from whyfit.calculus.second_order import Curved
from whyfit.calculus.stability import live_excess

_STEPS = 200
_HALVINGS = 40
_ENOUGH = 1e-14  # δ²/2 relative to the loss, below which a gain is rounding
_NOTHING = 1e-7  # share of the first loss at which a log-loss has no minimum left to find


@dataclass(frozen=True, slots=True)
class Minimum:
    """`w` and the loss there; `exists` is False where the loss falls for ever. `steps` of Newton."""

    w: Float[np.ndarray, " c"]
    loss: float
    exists: bool
    steps: int


def minimise(
    objective: Curved, start: Float[np.ndarray, " c"], falls_to: float | None = None
) -> Minimum:
    """Minimise from `start`. `falls_to` is a value the loss can approach without reaching it (0 of a log-loss)."""
    w, loss = start, objective.loss(start)
    first, before, creeps = loss, np.inf, 0
    for t in range(_STEPS):
        gain, step = live_excess(objective.gradient(w), objective.hessian(w))
        if not gain > _ENOUGH * max(abs(loss), np.finfo(float).tiny):
            return Minimum(w, loss, True, t)
        delta = float(np.sqrt(2 * gain))
        if falls_to is not None:
            creeps = creeps + 1 if CREEP[0] < delta / before < CREEP[1] else 0
            if (creeps > CREEPS and delta < CREEP_FROM) or loss - falls_to < _NOTHING * first:
                return Minimum(w, loss, False, t)
        before, lower = delta, halved(objective, w, step, loss)
        if lower is None:
            return Minimum(w, loss, True, t)  # nothing left above rounding, or a kink
        w, loss = lower
    return Minimum(w, loss, falls_to is None, _STEPS)


def halved(
    objective: Curved, w: Float[np.ndarray, " c"], step: Float[np.ndarray, " c"], loss: float
) -> tuple[Float[np.ndarray, " c"], float] | None:
    """w − ηs, η = 1, ½, ¼ ... until its loss is below `loss`, and that; None where it never is."""
    rate = 1.0
    for _ in range(_HALVINGS):
        new = objective.loss(w - rate * step)
        if new < loss:
            return w - rate * step, new
        rate /= 2
    return None


def quadratic_minimum(loss: Quadratic) -> Minimum:
    """Of a quadratic in one step; flat directions stay at 0."""
    w = np.zeros(loss.size)
    for _ in range(2):  # the second takes back the rounding of the first
        w = w - live_excess(loss.gradient(w), loss.hessian(w))[1]
    return Minimum(w, max(loss.loss(w), 0.0), True, 1)

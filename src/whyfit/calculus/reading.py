"""What became of a descent, and whether theory had said so.

Near a minimum everything is known beforehand (calculus.stability, calculus.noise): where the step is too large, how
fast each direction shrinks, at what level mini-batches stop. `read` puts the prediction beside what the
walk did and names the outcome by the share of the excess loss left, ε = (L_T − L*)/(L_0 − L*):

    diverged        the loss overflowed, or ends above its start
    bounces         the step exceeds the limit; the loss is not a quadratic and holds it at a distance
    noise floor     mini-batches keep it where theory puts their floor; more steps do not help
    done            ε ≤ DONE
    oscillates      stable, but the sharpest direction overshoots by nearly as much as it corrects
    step too small  a step that is larger and still stable would have arrived within the same budget
    ill-conditioned even the best constant step would not have arrived: κ is what is in the way

References: as in calculus.stability and calculus.noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from whyfit.calculus.descent import Quadratic
from whyfit.calculus.noise import NoiseFloor, noise_floor
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.stability import Stability, best_rate, preconditioned, stability
from whyfit.calculus.walk import Walk

Outcome = Literal[
    "diverged", "bounces", "noise floor", "done", "oscillates", "step too small", "ill-conditioned"
]

#: Share of the excess loss left at which a descent counts as arrived: 1 %, as in LA108 and CA202.
DONE = 0.01
#: A tail whose mean is within this factor of the predicted floor is the floor.
_FLOOR = 2.0
_TAIL = 0.5  # share of the looks that make up the tail
_ROUNDING = 1e-13  # of the loss, below which an excess is rounding


@dataclass(frozen=True, slots=True)
class Told:
    """A prediction and what was observed; `tolerance` is relative. NaN where nothing could be observed."""

    what: str
    predicted: float
    observed: float
    tolerance: float

    @property
    def agrees(self) -> bool | None:
        if not np.isfinite(self.observed):
            return None
        if not np.isfinite(self.predicted):
            return False
        return abs(self.observed - self.predicted) <= self.tolerance * abs(self.predicted)


@dataclass(frozen=True)
class Reading:
    """`left` is ε; `curvatures` those of H at the minimum, divided by D of an adaptive rule's last state.

    growth : predicted and observed factor per step on the distance to the minimum. `floor` of mini-batches, None for
    all rows. `best` is the best constant step and `steps` the updates to ε = DONE that it and the chosen one need.
    """

    outcome: Outcome
    left: float
    minimum: float
    curvatures: Float[np.ndarray, " c"]
    stability: Stability
    floor: NoiseFloor | None
    best: float
    steps: tuple[float, float]
    told: tuple[Told, ...]

    @property
    def condition(self) -> float:
        """λ_max/λ_min of the live curvatures."""
        top = float(self.curvatures.max(initial=0.0))
        live = self.curvatures[self.curvatures > top * self.curvatures.size * np.finfo(float).eps]
        return float(live.max() / live.min()) if live.size else 1.0


def read(objective: Quadratic | RowLoss, minimum: Float[np.ndarray, " c"], walk: Walk) -> Reading:
    """Read a walk of constant or scheduled step; theory is told for its last step size."""
    plan, rule = walk.plan, walk.plan.rule
    least, H = objective.loss(minimum), objective.hessian(minimum)
    D = rule.preconditioner(walk.state) if walk.outcome != "diverged" else None
    lam = preconditioned(H, D)
    rate = float(walk.rates[-1]) if walk.rates[-1] > 0 else plan.rate
    known = stability(rule, lam, rate)
    floor = None
    rows = objective if isinstance(objective, RowLoss) and not objective.several else None
    if rows is not None and plan.batch is not None and not rule.adaptive:
        floor = noise_floor(rows, minimum, rule, rate, plan.batch)
    excess = walk.losses - least
    first = max(float(excess[0]), np.finfo(float).tiny)
    left = float(excess[-1] / first) if np.isfinite(excess[-1]) else np.inf
    tail = excess[int(len(excess) * (1 - _TAIL)) :]
    best = best_rate(rule, lam)
    quick = stability(rule, lam, best).steps_to(DONE) if best > 0 else 0.0
    steps = (known.steps_to(DONE), quick)
    growth = _observed_growth(walk, excess, abs(least))
    told = [Told("factor per step", known.growth, growth, 0.05)]
    if floor is not None and floor.settles:
        settled = _flat(tail) if len(tail) > 20 else False
        told.append(
            Told("noise floor", floor.excess, float(tail.mean()) if settled else np.nan, 0.25)
        )
    outcome = _outcome(walk, left, tail / first, known, floor, steps, first)
    return Reading(outcome, left, least, lam, known, floor, best, steps, tuple(told))


def _outcome(
    walk: Walk,
    left: float,
    tail: Float[np.ndarray, " k"],
    known: Stability,
    floor: NoiseFloor | None,
    steps: tuple[float, float],
    first: float,
) -> Outcome:
    if walk.outcome == "diverged":
        return "diverged"
    settled = walk.plan.batch is not None and _flat(tail)
    if settled and floor is not None and floor.settles:
        settled = bool(tail.mean() * first <= _FLOOR * floor.excess)
    if not left <= 1.0 and not settled:
        return "diverged"
    if not known.stable and known.excess > 1 and not walk.plan.rule.adaptive and tail.mean() > DONE:
        return "bounces"
    if left <= DONE and tail[-max(1, len(tail) // 4) :].mean() <= DONE:
        return "done"
    if settled:
        return "noise floor"
    if walk.plan.rule.adaptive and _flat(tail):
        return "oscillates"
    if known.slowest == known.curvature and known.excess > 0.5 and steps[1] < steps[0]:
        return "oscillates"
    return "step too small" if steps[1] <= walk.plan.steps else "ill-conditioned"


def _flat(tail: Float[np.ndarray, " k"]) -> bool:
    """Whether the second half of a tail is no lower than its first, by two standard errors of batch means."""
    if len(tail) < 8 or not np.isfinite(tail).all():
        return False
    parts = np.array([p.mean() for p in np.array_split(tail, 8)])
    early, late = parts[:4], parts[4:]
    spread = np.sqrt((early.var(ddof=1) + late.var(ddof=1)) / 4)
    return bool(early.mean() - late.mean() <= 2 * spread)


def _observed_growth(walk: Walk, excess: Float[np.ndarray, " k"], size: float) -> float:
    """exp of half the slope of log(excess) over the later half of what is above rounding; NaN for mini-batches."""
    if walk.plan.batch is not None:
        return float("nan")
    usable = np.flatnonzero(np.isfinite(excess) & (excess > _ROUNDING * max(size, excess[0])))
    if usable.size < 4:
        return float("nan")
    late = usable[usable.size // 2 :]
    if late.size < 3:
        return float("nan")
    return float(np.exp(np.polyfit(walk.at[late], np.log(excess[late]), 1)[0] / 2))

"""What became of a descent, and whether theory had said so.

Near a minimum everything is known beforehand (calculus.stability, calculus.noise): where the step is too large, how
fast each direction shrinks, at what level mini-batches stop. `read` puts the prediction beside what the
walk did and names the outcome by the share of the excess loss left, ε = (L_T − L*)/(L_0 − L*):

    diverged        the loss overflowed, or ends above its start
    bounces         the step exceeds the limit; the loss is not a quadratic and holds it at a distance. With momentum
                    also below the limit: a cycle away from the minimum, into which the first steps have thrown it
    noise floor     mini-batches keep it where theory puts their floor; more steps do not help
    done            ε ≤ DONE
    oscillates      stable, but the sharpest direction overshoots by nearly as much as it corrects; a rule that divides
                    hovers where calculus.adaptive_floor puts its edge of stability
    step too small  a step that is larger and still stable would have arrived within the same budget
    ill-conditioned even the best constant step would not have arrived: κ is what is in the way

References: as in calculus.stability and calculus.noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from whyfit.calculus.adaptive_floor import AdaptiveFloor
from whyfit.calculus.descent import Quadratic
from whyfit.calculus.noise import NoiseFloor, noise_floor
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.optimizers import Adam
from whyfit.calculus.stability import Stability, best_rate, preconditioned, stability
from whyfit.calculus.walk import Walk

Outcome = Literal[
    "diverged", "bounces", "noise floor", "done", "oscillates", "step too small", "ill-conditioned"
]

#: Share of the excess loss left at which a descent counts as arrived: 1 %, as in LA108 and CA202.
DONE = 0.01
#: A tail whose mean is within this factor of the predicted floor is the floor.
_FLOOR = 2.0
_AT = 1.2  # ... and an end within this factor of it, falling or not
#: ... and within this factor of where a rule that divides comes to rest: its bursts are long.
_HOVER = 3.0
_TAIL = 0.5  # share of the looks that make up the tail
_LAST = 10  # looks at the end, of a descent on batches, whose mean is where it ended
#: Memories 1/(1 − β₂) after which 5 % of the first squared gradients are left.
MEMORIES = 3.0
_TINY = (
    1e-8  # share of the limit below which 1 − ηλ is 1 to rounding, and a floor cannot be worked out
)
_RISES, _OFTEN = 1e-6, 0.1  # a rise by this share, in this share of the looks
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

    resting : where a rule that divides comes to rest. growth : predicted and observed factor per step on the distance
    to the minimum. `floor` of mini-batches, None for all rows. `best` is the best constant step and `steps` the updates
    to ε = DONE that it and the chosen one need.
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
    resting: AdaptiveFloor | None = None

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
    resting = AdaptiveFloor(objective, minimum, H, rule, plan.batch) if rule.adaptive else None
    excess = walk.losses - least
    first = max(float(excess[0]), np.finfo(float).tiny)
    left = (ended(walk) - least) / first if np.isfinite(excess[-1]) else np.inf
    tail = excess[int(len(excess) * (1 - _TAIL)) :]
    best = best_rate(rule, lam)
    quick = stability(rule, lam, best).steps_to(DONE) if best > 0 else 0.0
    steps = (known.steps_to(DONE), quick)
    growth = _observed_growth(walk, excess, abs(least))
    told = [Told("factor per step", known.growth, growth, 0.05)]
    if floor is not None and floor.settles:
        settled = falls_no_more(tail) if len(tail) > 20 else False
        told.append(
            Told("noise floor", floor.excess, float(tail.mean()) if settled else np.nan, 0.25)
        )
    level = None
    if resting is not None and walk.outcome != "diverged":
        level = resting_level(resting, walk, rate)
    if resting is not None:
        held = None if level is None else level / first
        outcome = _of_adaptive(walk, left, first, tail / first, held, steps)
    else:
        outcome = _outcome(walk, left, tail / first, known, floor, steps, first)
    return Reading(outcome, left, least, lam, known, floor, best, steps, tuple(told), resting)


def resting_level(resting: AdaptiveFloor, walk: Walk, rate: float) -> float | None:
    """Excess loss at which a rule that divides is held at the end of `walk`; on batches with the D it has, if young."""
    D = walk.plan.rule.preconditioner(walk.state)
    if walk.plan.batch is not None and D is not None and young(walk):
        return resting.held_by(D, rate)
    return resting.level(rate)


def young(walk: Walk) -> bool:
    """Whether Adam's memory of the first gradients, 1/(1 − β₂) steps, has not passed yet."""
    rule = walk.plan.rule
    return isinstance(rule, Adam) and walk.steps * (1 - rule.beta2) < MEMORIES


def ended(walk: Walk) -> float:
    """The loss a walk ended at: the last finite one, or what it keeps to on average.

    Batches scatter it and a rule that divides hovers in bursts: once it no longer falls the mean over the last quarter
    counts; on batches, while it falls, that over the last looks.
    """
    losses = walk.losses[np.isfinite(walk.losses)]
    noisy = walk.plan.batch is not None
    if walk.outcome == "diverged" or not (noisy or walk.plan.rule.adaptive):
        return float(losses[-1])
    if falls_no_more(losses[len(losses) // 2 :]):
        return float(losses[-max(len(losses) // 4, 1) :].mean())
    return (
        float(losses[-min(_LAST, max(len(losses) // 2, 1)) :].mean())
        if noisy
        else float(losses[-1])
    )


def _arrived(left: float, tail: Float[np.ndarray, " k"]) -> bool:
    """Within 1 %, and not by chance at the last look."""
    return left <= DONE and (falls_no_more(tail) or tail[-max(1, len(tail) // 4) :].mean() <= DONE)


def _of_adaptive(
    walk: Walk,
    left: float,
    first: float,
    tail: Float[np.ndarray, " k"],
    level: float | None,
    steps: tuple[float, float],
) -> Outcome:
    """Of a rule that divides; `level` is the share of the excess loss at which it comes to rest."""
    if walk.outcome == "diverged":
        return "diverged"
    if _rose(walk, left, first):
        return "diverged"
    settled = falls_no_more(tail) and (level is None or tail.mean() <= _HOVER * level)
    settled = settled or (walk.plan.batch is not None and level is not None and left <= _AT * level)
    if _arrived(left, tail):
        return "done"
    if settled:
        return "noise floor" if walk.plan.batch is not None else "oscillates"
    return "step too small" if steps[1] <= walk.plan.steps else "ill-conditioned"


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
    settled = walk.plan.batch is not None and falls_no_more(tail)
    if settled and known.excess > 1 and _rose(walk, left, first):
        return "diverged"
    if settled and floor is not None and (floor.settles or known.excess < _TINY):
        settled = floor.settles and bool(tail.mean() * first <= _FLOOR * floor.excess)
    if floor is not None and floor.settles and left * first <= _AT * floor.excess:
        settled = True
    if _rose(walk, left, first) and not settled:
        return "diverged"
    beyond = not known.stable and known.excess > 1
    if tail.mean() > DONE and (beyond or (walk.plan.batch is None and _circles(tail))):
        return "bounces"
    if _arrived(left, tail):
        return "done"
    if settled:
        return "noise floor"
    if known.slowest == known.curvature and known.excess > 0.5 and steps[1] < steps[0]:
        return "oscillates"
    return "step too small" if steps[1] <= walk.plan.steps else "ill-conditioned"


def _rose(walk: Walk, left: float, first: float) -> bool:
    """Whether it ended above its start by more than rounding."""
    return not (left - 1) * first <= _ROUNDING * abs(float(walk.losses[0]))


def _circles(tail: Float[np.ndarray, " k"]) -> bool:
    """Whether the loss keeps rising and falling without getting lower."""
    rises = np.diff(tail) > _RISES * tail[:-1]
    return falls_no_more(tail) and float(rises.mean()) > _OFTEN


def falls_no_more(tail: Float[np.ndarray, " k"]) -> bool:
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

"""A descent that is really taken: parameters, losses and step sizes, step by step.

`walk` runs any rule on any objective, on all rows or on mini-batches. On a quadratic a rule that is linear in the
gradient needs no walking: every eigen-direction is multiplied by M(λ, η) per step, so that all t at once are
powers of 2 × 2 matrices (`quadratic_walk`); the two agree to rounding, whatever the number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from whyfit.calculus.descent import Quadratic
from whyfit.calculus.objective import Objective, RowLoss
from whyfit.calculus.optimizers.base import Rule, check_rate
from whyfit.calculus.schedules import Constant, Schedule
from whyfit.errors import NotFiniteError, SpecError

Outcome = Literal["ran", "diverged", "reached"]

#: A loss this many times its start (or one that overflows) will not come back.
HOPELESS = 1e12
_MOST_LOOKS = 10_000  # losses kept of a walk; looks are spaced to stay within
_CHUNK = 512  # steps whose powers are held together


@dataclass(frozen=True)
class Plan:
    """How to descend: the user's own choice.

    rate : step size η, multiplied by the schedule. steps : updates. batch : rows per update, None for all; batches
    are drawn anew from all rows, without repetition within a batch. look : updates between two evaluations of the
    full loss (the last step is always looked at). until : stop at a loss this low.

    Raises SpecError for η ≤ 0, no steps, an empty batch.
    """

    rule: Rule
    rate: float
    steps: int
    schedule: Schedule = field(default_factory=Constant)
    batch: int | None = None
    seed: int = 0
    look: int = 1
    until: float = -np.inf

    def __post_init__(self) -> None:
        check_rate(self.rate)
        if self.steps < 1:
            raise SpecError(f"steps is {self.steps}; expected at least 1.")
        if self.batch is not None and self.batch < 1:
            raise SpecError(f"the batch size is {self.batch}; expected at least 1 row.")
        if self.look < 1:
            raise SpecError(f"look is {self.look}; expected at least 1.")


@dataclass(frozen=True)
class Walk:
    """What a descent did.

    `at` (k) are the steps looked at, 0 first; `losses`, `points` (k, c) and `rates` (η of the step that follows) belong
    to them. `state` is the rule's last. `outcome`: "diverged" if the loss overflowed or rose HOPELESS-fold,
    "reached" if it fell to plan.until.
    """

    plan: Plan
    at: Int[np.ndarray, " k"]
    losses: Float[np.ndarray, " k"]
    points: Float[np.ndarray, "k c"]
    rates: Float[np.ndarray, " k"]
    outcome: Outcome
    state: object = None

    @property
    def w(self) -> Float[np.ndarray, " c"]:
        return self.points[-1]

    @property
    def steps(self) -> int:
        """Updates made."""
        return int(self.at[-1])


def walk(objective: Objective, plan: Plan, start: Float[np.ndarray, " c"] | None = None) -> Walk:
    """Descend from `start` (default 0).

    Raises
    ------
    NotFiniteError : the loss is not finite at the start.
    SpecError : mini-batches of an objective that has no rows, or larger than there are rows.
    """
    w = np.zeros(objective.size) if start is None else np.array(start, dtype=np.float64)
    draw = _batches(objective, plan)
    look = max(plan.look, -(-plan.steps // _MOST_LOOKS))
    loss = first = objective.loss(w)
    if not np.isfinite(first):
        raise NotFiniteError(
            "the loss is not finite at the start; check the data, or start elsewhere."
        )
    state, memory = plan.rule.init(w), plan.schedule.init()
    factor, memory = plan.schedule.next(memory, 0, loss)
    at, losses, points, rates = [0], [loss], [w], [plan.rate * factor]
    outcome: Outcome = "ran"
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(plan.steps):
            if t:
                seen = loss if at[-1] == t else None
                factor, memory = plan.schedule.next(memory, t, seen)
            g = objective.gradient(w) if draw is None else draw(w)
            w, state = plan.rule.update(state, w, g, plan.rate * factor)
            if (t + 1) % look and t + 1 < plan.steps and np.isfinite(w).all():
                continue
            loss = objective.loss(w)
            at.append(t + 1)
            losses.append(loss)
            points.append(w)
            rates.append(plan.rate * factor)
            if not loss <= HOPELESS * max(abs(first), np.finfo(float).tiny):
                outcome = "diverged"
                break
            if loss <= plan.until:
                outcome = "reached"
                break
    return Walk(
        plan, np.array(at), np.array(losses), np.array(points), np.array(rates), outcome, state
    )


def _batches(objective: Objective, plan: Plan):
    """A function of w that draws the next batch's gradient; None for all rows."""
    if plan.batch is None:
        return None
    if not isinstance(objective, RowLoss):
        raise SpecError("mini-batches need rows; give a RowLoss, or descend on all rows.")
    n, size = objective.n, plan.batch
    if size > n:
        raise SpecError(f"the batch size is {size} and there are {n} rows; expected at most {n}.")
    if size == n:
        return None
    rng = np.random.default_rng(plan.seed)
    return lambda w: objective.batch_gradient(w, rng.choice(n, size, replace=False, shuffle=False))


def quadratic_walk(
    loss: Quadratic, plan: Plan, start: Float[np.ndarray, " p"] | None = None
) -> Walk:
    """The same descent in closed form: all rows, a rule linear in the gradient, a constant schedule.

    Raises SpecError for anything else.
    """
    if plan.rule.adaptive or plan.batch is not None or not isinstance(plan.schedule, Constant):
        raise SpecError(
            f"{plan.rule.name} has no closed form here; it needs all rows, a constant step and no "
            "adaptive division."
        )
    lam, V = loss.spectrum
    floor = lam.max(initial=0.0) * np.finfo(float).eps * max(lam.size, 1)
    live = lam > floor
    w0 = np.zeros(loss.size) if start is None else np.asarray(start, dtype=np.float64)
    pull = V.T @ (2 * loss.g)
    best = np.divide(pull, lam, out=V.T @ w0, where=live)  # a flat direction stays where it is
    M = plan.rule.transition(lam, plan.rate)
    z = np.zeros(M.shape[:2])
    z[:, 0] = V.T @ w0 - best
    look = max(plan.look, -(-plan.steps // _MOST_LOOKS))
    at = np.unique(np.append(np.arange(0, plan.steps + 1, look), plan.steps))
    with np.errstate(over="ignore", invalid="ignore"):
        path = _powers_on(M, z, at)
        excess = 0.5 * (path * path) @ np.where(live, lam, 0.0)
    least = loss.c - 0.5 * float(np.where(live, lam, 0.0) @ (best * best))
    losses = max(least, 0.0) + excess
    lost = ~(losses <= HOPELESS * max(losses[0], np.finfo(float).tiny))
    reached = losses <= plan.until
    stop = np.flatnonzero(lost | reached)
    end = int(stop[0]) + 1 if stop.size else len(at)
    outcome: Outcome = "ran" if not stop.size else "diverged" if lost[stop[0]] else "reached"
    points = (path[:end] + best) @ V.T
    return Walk(plan, at[:end], losses[:end], points, np.full(end, plan.rate), outcome)


def _powers_on(
    M: Float[np.ndarray, "p s s"], z: Float[np.ndarray, "p s"], at: Int[np.ndarray, " k"]
) -> Float[np.ndarray, "k p"]:
    """The first number of Mᵗz for every t in `at` (rising, 0 first): powers by doubling, then chunk by chunk."""
    p, s = z.shape
    steps = int(at[-1])
    size = min(_CHUNK, steps + 1)
    P = np.empty((size, p, s, s))
    P[0] = np.eye(s)
    have, power = 1, M
    while have < size:
        more = min(have, size - have)
        P[have : have + more] = P[:more] @ power
        have, power = have + more, power @ power
    onward = P[size - 1] @ M  # M^size
    out = np.empty((len(at), p))
    for start in range(0, steps + 1, size):
        inside = (at >= start) & (at < start + size)
        if inside.any():
            out[inside] = np.einsum("tpj,pj->tp", P[at[inside] - start][:, :, 0, :], z)
        z = np.einsum("pij,pj->pi", onward, z)
    return out

"""DescentCase: one descent that was taken, what theory had to say of it, and what else was tried.

The counterpart of `Case` for rules about optimizers. All is worked out when first asked for; trials run on the same
loss with the same number of steps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float

from whyfit.calculus.batch_theory import BatchTheory
from whyfit.calculus.forecast import Spectrum
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.problem import Problem
from whyfit.calculus.reading import DONE, Reading, ended, read, resting_level, young
from whyfit.calculus.schedules import Schedule
from whyfit.calculus.second_order import Method
from whyfit.calculus.standstill import Standstill, standstill
from whyfit.calculus.walk import Plan, Walk, walk
from whyfit.diagnosis import descent_theory
from whyfit.diagnosis.descent_steps import candidates, moves
from whyfit.diagnosis.descent_theory import LAST, NEAR

Outcome = Literal[
    "diverged", "bounces", "noise floor", "done", "oscillates", "step too small", "ill-conditioned",
    "not arrived", "no minimum", "plateau", "saddle", "local minimum",
]  # fmt: skip

TASK = "descent"
#: Steps of a descent that is only tried; longer ones are tried for so many.
TRIED_STEPS = 2_000
#: A step this many times larger (or smaller) is another step: LA108 and CA202 speak from a factor 2.
RELEVANT = 2.0
#: A stable step this near its limit overshoots by nearly as much as it corrects: |1 − ηλ| > 0.9.
EDGE = 0.95
#: Share of the limit on batches from which fourth moments of the distance grow: those of gradient descent on normal
#: rows do at about half the limit of the second.
HEAVY = 0.5
#: A rule that divides is at its edge while its preconditioned curvature is within a factor 2 of the limit: it swings
#: about it (Cohen et al. 2022, fig. 1).
HOVERS = 0.5
#: Below this κ a descent needs a few dozen steps and something else is in the way. (κ/4) ln 100 = 29 at 25.
NARROW = 25.0
_QUIET_STEPS, _QUIET_VALUES = 100, 1e9  # on all rows, and the numbers that reads
#: A loss is far above what is within reach if it keeps this share of what the columns gain over the best constant ...
FAR = 0.1
#: ... and stands if over the second half of its steps it fell by less than this share of what is left.
STANDS = 0.25
_INDEFINITE = 1e-9  # of λ_max, below −which λ_min is no rounding


@dataclass(frozen=True)
class DescentCase:
    """`names` of the columns that take part; `schedule` makes the schedule of so many steps."""

    problem: Problem
    plan: Plan
    walk: Walk
    names: tuple[str, ...]
    schedule: Callable[[int], Schedule]
    method: Method | None = None
    task: str = TASK
    memory: dict = field(default_factory=dict)

    @property
    def least(self) -> float:
        return self.problem.least

    @property
    def batch(self) -> int | None:
        """Rows per step; None where every step sees all."""
        batch = self.plan.batch
        return None if batch is None or batch >= self.problem.n else batch

    @property
    def linear(self) -> bool:
        """Whether theory has a closed form: a rule that is linear in the gradient."""
        return self.method is None and not self.plan.rule.adaptive

    @property
    def first(self) -> float:
        """Excess loss at the start."""
        return max(float(self.walk.losses[0]) - self.least, np.finfo(float).tiny)

    def left_of(self, taken: Walk) -> float:
        """Share of the excess loss left where it ended (calculus.reading.ended); inf if it is lost."""
        if not np.isfinite(taken.losses[-1]) and taken is not self.walk:
            return np.inf
        return max(ended(taken) - self.least, 0.0) / self.first

    @cached_property
    def left(self) -> float:
        return self.left_of(self.walk)

    @property
    def tail(self) -> float:
        """Mean share of the excess loss over the later half of the looks."""
        later = self.walk.losses[len(self.walk.losses) // 2 :]
        return max(float(later.mean()) - self.least, 0.0) / self.first

    @cached_property
    def end(self) -> Float[np.ndarray, " c"]:
        """The last parameters at which the loss is finite."""
        return self.walk.points[np.flatnonzero(np.isfinite(self.walk.losses))[-1]]

    @cached_property
    def unit_end(self) -> Float[np.ndarray, " c"]:
        """`end` on standardised columns."""
        return self.end if self.problem.standardised else self.problem.to_unit(self.end)

    @cached_property
    def stuck(self) -> Standstill | None:
        """What holds a loss far above a lower point; None of one that is convex, that moves, or is near."""
        if self.problem.kind.convex or not np.isfinite(self.walk.losses[-1]):
            return None
        low, losses = self.problem.lowest.loss, self.walk.losses
        excess = self.problem.objective.loss(self.end) - low
        tail = LAST if self.batch is not None else 1
        middle = (len(losses) - 1) // 2
        fell = losses[max(middle + 1 - tail, 0) : middle + 1].mean() - losses[-tail:].mean()
        stands = fell < STANDS * excess or (self.method and self.walk.steps < self.plan.steps)
        if not (stands and excess > FAR * max(self.problem.constant_loss - low, 0.0)):
            return None
        return standstill(self.problem.unit, self.unit_end, self.problem.low_points)

    @cached_property
    def close(self) -> float:
        """Excess loss below which a quadratic stands for the loss near its minimum."""
        if self.problem.kind.convex:
            return NEAR * self.first
        gain = max(self.problem.constant_loss - self.least, 0.0)
        return DONE * min(gain, self.first)

    @cached_property
    def bowl(self) -> bool:
        """Whether the loss bends upwards at the end: what is known of the way to a minimum asks for it."""
        if self.problem.kind.convex:
            return True
        lam = np.linalg.eigvalsh(self.problem.unit.hessian(self.unit_end))
        return bool(lam[0] > -_INDEFINITE * lam[-1])

    # -- theory ------------------------------------------------------------------------------------

    @cached_property
    def spectrum(self) -> Spectrum:
        """At the minimum; where there is none, at the end."""
        at = self.problem.minimum if self.problem.lowest.exists else self.end
        return Spectrum.of(self.problem.objective.hessian(at), at, self.problem.begin)

    @cached_property
    def reading(self) -> Reading | None:
        """None of second-order methods and of a loss without a minimum."""
        if self.method is not None or not self.problem.lowest.exists:
            return None
        return read(self.problem.objective, self.problem.minimum, self.walk)

    @property
    def rate(self) -> float:
        return self.plan.rate

    @cached_property
    def curvature(self) -> float:
        """The sharpest that is met: at the start and at the minimum."""
        tops = [self.spectrum.top]
        if not self.problem.quadratic:
            H = self.problem.objective.hessian(self.problem.begin)
            if np.isfinite(H).all():
                tops.append(float(np.linalg.eigvalsh(H)[-1]))
        return max(tops)

    @cached_property
    def limit(self) -> float:
        """The largest step that the rule holds stable at the minimum (without one at the start), on all rows.

        inf if nothing bends.
        """
        if self.reading is not None and self.plan.rule.adaptive:
            top = self.reading.stability.curvature
        else:
            top = self.spectrum.top if self.problem.lowest.exists else self.curvature
        return self.plan.rule.largest_rate(top)

    @cached_property
    def on_batches(self) -> BatchTheory | None:
        """None on all rows, of adaptive rules and where the loss has no minimum or several η a row."""
        loss = self.problem.objective
        if not isinstance(loss, RowLoss) or loss.several or not self.problem.lowest.exists:
            return None
        if not (self.linear and self.batch):
            return None
        return BatchTheory(loss, self.problem.minimum, self.plan.rule, self.batch)

    @cached_property
    def batch_limit(self) -> float | None:
        """The largest step at which the noise of batches settles; None where it is unknown."""
        if self.on_batches is None or not self.limit < np.inf:
            return None
        return self.on_batches.limit(self.limit)

    @property
    def unsettled(self) -> bool:
        """Whether the noise of batches grows without end at the step that was used."""
        return self.batch_limit is not None and self.rate > self.batch_limit

    @property
    def of_limit(self) -> float:
        """Share of the limit of stability, on batches of the limit with them, that the step takes up; 0 if unknown.

        Of a rule that divides on all rows the share of its preconditioned curvature.
        """
        if self.method is not None or not self.problem.lowest.exists:
            return 0.0
        if self.linear:
            return self.rate / min(self.limit, self.batch_limit or np.inf)
        if self.batch is not None or self.reading is None:
            return 0.0
        return self.reading.stability.excess

    @property
    def on_edge(self) -> bool:
        """Whether it is stable and overshoots by nearly as much as it corrects; of a rule that divides, at its edge."""
        return EDGE < self.of_limit <= 1 if self.linear else HOVERS < self.of_limit < 1 / HOVERS

    @property
    def young(self) -> bool:
        """Whether Adam's memory of the first gradients, 1/(1 − β₂) steps, has not passed yet."""
        return young(self.walk)

    @property
    def heavy(self) -> bool:
        """Whether means over draws of batches are made by rare bursts, so that a single draw lies below them."""
        return self.batch is not None and self.linear and self.of_limit > HEAVY

    @cached_property
    def floor(self) -> float | None:
        """Excess loss at which batches, or the edge of a rule that divides, keep it at the last step size."""
        rate = float(self.walk.rates[-1]) or self.rate
        if not self.linear:
            resting = self.reading.resting if self.reading is not None else None
            if resting is None or (self.batch is None and not self.on_edge):
                return None
            return resting_level(resting, self.walk, rate)
        if self.on_batches is None or self.unsettled:
            return None
        return self.on_batches.floor(rate)

    def rates(self, rate: float, steps: int) -> Float[np.ndarray, " t"]:
        return rate * self.schedule(steps).factors(steps)

    def expected(self, rate: float, steps: int) -> Float[np.ndarray, " t"] | None:
        return descent_theory.expected(self, rate, steps)

    @cached_property
    def told(self) -> Float[np.ndarray, " t"] | None:
        return descent_theory.told(self)

    @cached_property
    def critical(self) -> tuple[float, float]:
        return descent_theory.critical(self)

    @cached_property
    def noise(self) -> float:
        return descent_theory.noise(self)

    @cached_property
    def certified(self) -> tuple[float, float]:
        """½ gᵀH⁻¹g at the end, and the true excess loss there."""
        there = self.problem.objective.loss(self.end) - self.least
        return self.problem.left_at(self.end), max(there, 0.0)

    # -- what else was tried -----------------------------------------------------------------------

    def at(self, rate: float, steps: int | None = None, schedule: Schedule | None = None) -> Walk:
        """The same descent with another step size (and number of steps, and schedule)."""
        steps = self.plan.steps if steps is None else steps
        key = ("walk", rate, steps, repr(schedule))
        if key not in self.memory:
            plan = dataclasses.replace(
                self.plan, rate=rate, steps=steps, schedule=schedule or self.schedule(steps),
                look=max(1, -(-self.plan.look * steps // self.plan.steps)),
            )  # fmt: skip
            self.memory[key] = walk(self.problem.objective, plan, self.problem.begin)
        return self.memory[key]

    @cached_property
    def tried(self) -> tuple[tuple[float, float], ...]:
        """Step sizes that were weighed with the share of the excess loss each leaves, predicted or run."""
        steps = min(self.plan.steps, TRIED_STEPS)
        exact = self.linear and self.problem.quadratic and self.problem.lowest.exists
        out = []
        for rate in candidates(self):
            share = self.expected(rate, steps) if exact else None
            if share is not None:
                end = share[-1]
            else:
                taken = self.at(rate, steps)
                end = np.inf if taken.outcome == "diverged" else self.left_of(taken)
            out.append((rate, float(end)))
        return tuple(out)

    @cached_property
    def best(self) -> float:
        """The step that theory and trial recommend: of those weighed, the one that leaves least."""
        rate, _ = min(self.tried, key=lambda t: (t[1], t[0]))
        return rate

    @cached_property
    def better(self) -> Walk:
        """The same descent with the recommended step, really taken."""
        return self.at(self.best)

    @cached_property
    def outcome(self) -> Outcome:
        """What became of it; a step counts as too small only if a larger one was seen to do better."""
        if self.stuck is not None:
            return self.stuck.kind
        if self.method is not None:
            return "done" if self.left <= DONE else "not arrived"
        if self.reading is None:
            return "diverged" if self.left > 1 or self.walk.outcome == "diverged" else "no minimum"
        said = self.reading.outcome
        if said == "bounces" and self.problem.quadratic and self.linear and self.batch is None:
            return "diverged"  # a quadratic holds nothing: it is on its way
        if said == "noise floor" and self.batch is None:
            said = "oscillates"  # a batch of all rows
        if said == "oscillates" and self.linear and not (self.on_edge or self.slower):
            said = "ill-conditioned"  # the sharpest direction is the slowest, and no step is much better
        if said in ("step too small", "ill-conditioned"):
            if self.faster is not None:
                return "step too small"
            if self.slower is not None:
                return "noise floor" if self.batches_hold else "oscillates"
            return "ill-conditioned" if self.spectrum.condition >= NARROW else "not arrived"
        return said

    @cached_property
    def quiet(self) -> float:
        """Share of the excess loss that the same rule and step leave on all rows: what is not the batches' doing."""
        objective = self.problem.condensed.objective
        steps = min(self.plan.steps, TRIED_STEPS)
        if isinstance(objective, RowLoss):
            steps = min(steps, max(int(_QUIET_VALUES / objective.Z.size), _QUIET_STEPS))
        plan = dataclasses.replace(
            self.plan, batch=None, steps=steps, look=1, schedule=self.schedule(steps)
        )
        return self.left_of(walk(objective, plan, self.problem.begin))

    @cached_property
    def faster(self) -> float | None:
        """A step at least twice as large that was run and leaves less than half; None if none does."""
        return self._gaining([t for t in self.tried if t[0] >= RELEVANT * self.rate])

    @cached_property
    def slower(self) -> float | None:
        """A step at most half as large that was run and leaves less than half; None if none does."""
        return self._gaining([t for t in self.tried if t[0] * RELEVANT <= self.rate])

    def _gaining(self, tried: list[tuple[float, float]]) -> float | None:
        if not tried:
            return None
        rate, _ = min(tried, key=lambda t: (t[1], t[0]))
        return rate if self.left_of(self.at(rate)) * RELEVANT < self.left else None

    @property
    def first_move(self) -> float:
        """By how much a rule that divides moves every parameter in its first step."""
        return float(moves(self, 1)[0])

    @property
    def reach(self) -> float:
        """How far a rule that divides can have moved a parameter."""
        return float(moves(self, self.walk.steps).sum())

    @property
    def batches_hold(self) -> bool:
        """Whether it is the batches that hold the loss up: on all rows less than half of it would be left."""
        return self.batch is not None and self.quiet * RELEVANT < self.left

    @cached_property
    def other(self) -> DescentCase:
        """The same optimizer in the other coordinates, standardised or raw, with the step found best there."""
        turned = self.problem.on(not self.problem.standardised)
        probe = dataclasses.replace(self, problem=turned, memory={})
        probe = dataclasses.replace(probe, plan=dataclasses.replace(self.plan, rate=probe.best))
        return dataclasses.replace(probe, walk=probe.at(probe.rate), memory={})

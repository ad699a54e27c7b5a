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
from whyfit.calculus.forecast import Spectrum, adaptive_step
from whyfit.calculus.noise import gradient_covariance
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.optimizers import Nesterov, RMSProp
from whyfit.calculus.problem import Problem
from whyfit.calculus.reading import DONE, Reading, ended, read
from whyfit.calculus.schedules import Constant, Plateau, Schedule
from whyfit.calculus.second_order import Method
from whyfit.calculus.stability import critical_step, live_excess
from whyfit.calculus.standstill import Standstill, standstill
from whyfit.calculus.walk import Plan, Walk, walk

Outcome = Literal[
    "diverged", "bounces", "noise floor", "done", "oscillates", "step too small", "ill-conditioned",
    "not arrived", "no minimum", "plateau", "saddle", "local minimum",
]  # fmt: skip

TASK = "descent"
#: Steps of a descent that is only tried; longer ones are tried for so many.
TRIED_STEPS = 2_000
#: Shares of the limit of stability that are tried, and multiples of what theory gives an adaptive rule.
SHARES = (0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9)
MULTIPLES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
#: A step this many times larger (or smaller) is another step: LA108 and CA202 speak from a factor 2.
RELEVANT = 2.0
#: Share of the excess loss below which the quadratic model at the minimum, above which the one at the start, is told.
NEAR, LITTLE = 0.1, 0.5
SAFE = 0.75  # of the limit of stability
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
_TAIL = 10  # the last looks, of a descent on batches
_SECANTS = 3
_SAME = 0.25  # relative change of the sharpest curvature within which a model still holds
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
        tail = _TAIL if self.batch is not None else 1
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
            return resting.level(rate)
        if self.on_batches is None or self.unsettled:
            return None
        return self.on_batches.floor(rate)

    def rates(self, rate: float, steps: int) -> Float[np.ndarray, " t"]:
        return rate * self.schedule(steps).factors(steps)

    def expected(self, rate: float, steps: int) -> Float[np.ndarray, " t"] | None:
        """Share of the excess loss left after 0, 1, … `steps` steps by theory; None but on a quadratic."""
        if not (self.linear and self.problem.quadratic) or isinstance(self.plan.schedule, Plateau):
            return None
        rates = self.rates(rate, steps)
        total = float(self.spectrum.excess.sum())
        if not total > 0:
            return None
        if self.batch is None:
            at = np.arange(steps + 1)
            if isinstance(self.plan.schedule, Constant) and steps > TRIED_STEPS:
                at = np.unique(np.linspace(0, steps, 1001).astype(int))
                few = self.spectrum.path(self.plan.rule, rates, at) / total
                with np.errstate(divide="ignore", over="ignore"):
                    return np.exp(np.interp(np.arange(steps + 1), at, np.log(few)))
            return self.spectrum.path(self.plan.rule, rates, at) / total
        if self.on_batches is None:
            return None
        return self.on_batches.path(self.problem.begin - self.problem.minimum, rates) / total

    @cached_property
    def told(self) -> Float[np.ndarray, " t"] | None:
        """Share of the excess loss left that theory gives for every step really planned, NaN where it has no say.

        On a quadratic `expected`. Elsewhere the quadratic model holds near the place it is made at: at the start
        while little has been gained, at the minimum from the first look that is NEAR it. None where batches do not
        settle, and where there is no closed form.
        """
        if self.unsettled or not self.linear or not self.problem.lowest.exists or not self.bowl:
            return None
        if self.problem.quadratic:
            return self.expected(self.rate, self.plan.steps)
        if isinstance(self.plan.schedule, Plateau) or not self.problem.smooth:
            return None
        rates, steps = self.rates(self.rate, self.plan.steps), self.plan.steps
        if self.batch is None and LITTLE <= self.left <= 1 and self.walk.outcome != "diverged":
            w = self.walk.points[0]
            g, H = self.problem.objective.gradient(w), self.problem.objective.hessian(w)
            if not self.problem.kind.convex and np.linalg.eigvalsh(H)[0] <= 0:
                return None
            gain, step = live_excess(g, H)
            model = Spectrum.of(H, w - step, w)
            bent = float(np.linalg.eigvalsh(self.problem.objective.hessian(self.end))[-1])
            if abs(bent / model.top - 1) > _SAME:
                return None  # the curvature at the start says nothing of where it got to
            path = model.path(self.plan.rule, rates, np.arange(steps + 1))
            return (path - gain + self.first) / self.first
        if self.rate > SAFE * self.limit:
            return None  # at the edge what is left out of the quadratic decides
        shares = (self.walk.losses - self.least) / self.first
        near = np.flatnonzero(shares <= self.close / self.first)
        if not near.size or self.walk.at[near[0]] >= self.walk.steps:
            return None
        k = int(near[0])
        t, out = int(self.walk.at[k]), np.full(steps + 1, np.nan)
        if self.batch is not None:
            if self.on_batches is None:
                return None
            path = self.on_batches.path(self.walk.points[k] - self.problem.minimum, rates[t:])
        else:
            start = self.walk.points[k]
            model = Spectrum.of(self.problem.objective.hessian(self.problem.minimum),
                                self.problem.minimum, start)  # fmt: skip
            path = model.path(
                self.plan.rule, rates[t:], np.arange(steps - t + 1), False, self._speed(k)
            )
        out[t:] = path / self.first
        return out

    def _speed(self, k: int) -> Float[np.ndarray, " c"] | None:
        """The velocity of a rule with momentum at look k, from the step that led there."""
        if (
            self.plan.rule.entry(1.0).size == 1
            or k == 0
            or self.walk.at[k] - self.walk.at[k - 1] != 1
        ):
            return None
        moved = (self.walk.points[k - 1] - self.walk.points[k]) / float(self.walk.rates[k])
        if isinstance(self.plan.rule, Nesterov):  # moved = g + βv, and v itself is what is kept
            g = self.problem.objective.gradient(self.walk.points[k - 1])
            return (moved - g) / self.plan.rule.beta if self.plan.rule.beta else g
        return moved

    @cached_property
    def critical(self) -> tuple[float, float]:
        """Along the update at the end: the multiple beyond which the loss no longer falls, predicted and found."""
        w, objective, rule = self.end, self.problem.objective, self.plan.rule
        g = objective.gradient(w)
        state = self.walk.state if np.isfinite(self.walk.losses[-1]) else rule.init(w)
        if state is None and self.linear:
            state = rule.init(w)
        rate = float(self.walk.rates[-1]) or self.rate
        new, _ = rule.update(state, w, g, rate)
        step = w - new
        multiple = critical_step(objective, w, step)
        here = objective.loss(w)
        if not 0 < multiple < np.inf:
            return multiple, np.nan
        low, high = multiple / 1e3, multiple
        while objective.loss(w - high * step) < here and high < 1e6 * multiple:
            low, high = high, 2 * high
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (
                (middle, high) if objective.loss(w - middle * step) < here else (low, middle)
            )
        return multiple, low

    @cached_property
    def certified(self) -> tuple[float, float]:
        """½ gᵀH⁻¹g at the end, and the true excess loss there."""
        there = self.problem.objective.loss(self.end) - self.least
        return self.problem.left_at(self.end), max(there, 0.0)

    @cached_property
    def noise(self) -> float:
        """Gradient noise scale tr Σ/‖∇L‖² at the end: rows at which noise and gradient are equally strong."""
        loss = self.problem.objective
        if not isinstance(loss, RowLoss) or loss.several:
            return np.nan
        mean, cov = gradient_covariance(loss, self.end)
        square = float(mean @ mean)
        if (
            self.batch is not None and self.walk.outcome != "diverged"
        ):  # of one draw it would be chance
            some = self.walk.points[-_TAIL:]
            square = float(np.mean([g @ g for g in map(loss.gradient, some)]))
        return float(np.trace(cov)) / square if square > 0 else np.inf

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
        for rate in self._candidates():
            share = self.expected(rate, steps) if exact else None
            if share is not None:
                end = share[-1]
            else:
                taken = self.at(rate, steps)
                end = np.inf if taken.outcome == "diverged" else self.left_of(taken)
            out.append((rate, float(end)))
        return tuple(out)

    def _candidates(self) -> tuple[float, ...]:
        if self.plan.rule.adaptive:
            way = self.problem.minimum - self.problem.begin
            size = adaptive_step(self.spectrum, way, self.plan.steps)
            quiet = self.quiet_rate
            return (*(size * m for m in MULTIPLES), *(() if quiet is None else (quiet,)))
        top = self.curvature
        edge = self.plan.rule.largest_rate(top)
        if self.batch_limit is not None:
            edge = min(edge, self.batch_limit)
        if not 0 < edge < np.inf:
            return (self.rate,)
        return tuple(edge * s for s in SHARES)

    @cached_property
    def quiet_rate(self) -> float | None:
        """Of a rule that divides: the step whose resting place leaves half of DONE; None if unknown."""
        resting = self.reading.resting if self.reading is not None else None
        if resting is None:
            return None
        rate, wanted = self.rate, DONE / 2 * self.first
        for _ in range(_SECANTS):  # the level is about a power of the step, 1 (noise) to 2 (edge)
            level = resting.level(rate)
            if level is None or not 0 < level < np.inf:
                return None
            rate *= float(np.clip(wanted / level, 1e-8, 1e8)) ** (0.5 if self.batch is None else 1)
        return rate

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
            said = "oscillates"
        if said == "oscillates" and self.linear and not (self.on_edge or self.slower):
            said = "ill-conditioned"  # the sharpest direction is the slowest, and no step is much better
        if said in ("step too small", "ill-conditioned"):
            if self.faster is not None:
                return "step too small"
            if self.plan.rule.adaptive and self.slower is not None:
                return "oscillates"
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

    def _moves(self, steps: int) -> Float[np.ndarray, " t"]:
        """How far each of `steps` steps of a rule that divides takes a parameter whose gradient does not change.

        η, as the bias of its means is corrected; of RMSProp, whose is not, η/√(1 − αᵗ).
        """
        rates, rule = self.rates(self.rate, steps), self.plan.rule
        if isinstance(rule, RMSProp):
            return rates / np.sqrt(1 - rule.alpha ** np.arange(1, steps + 1))
        return rates

    @property
    def first_move(self) -> float:
        """By how much a rule that divides moves every parameter in its first step."""
        return float(self._moves(1)[0])

    @property
    def reach(self) -> float:
        """How far a rule that divides can have moved a parameter."""
        return float(self._moves(self.walk.steps).sum())

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

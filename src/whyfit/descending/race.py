"""A race of optimizers on one loss: each with the step that theory recommends, how many steps and epochs to 1 %.

Who does not arrive within the budget is told, where the loss is a quadratic and the rule linear, how many steps theory
says it would have taken. Epochs count passes over all rows: a step on a batch is a part of one, a step of Newton one,
a step of BFGS as many as it asked for gradients.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from whyfit.calculus.batch_stability import FourthMoments, batch_limit, fourth_moments
from whyfit.calculus.descent import Quadratic
from whyfit.calculus.forecast import Spectrum, adaptive_step
from whyfit.calculus.objective import Plane, RowLoss
from whyfit.calculus.optimizers import (
    Adam,
    AdamW,
    GradientDescent,
    Momentum,
    Nesterov,
    RMSProp,
)
from whyfit.calculus.optimizers.base import Rule
from whyfit.calculus.problem import Descended, Problem
from whyfit.calculus.reading import DONE
from whyfit.calculus.second_order import Method, second_order_walk
from whyfit.calculus.stability import best_rate
from whyfit.calculus.walk import Plan, Walk, walk
from whyfit.descending.choices import SECOND_ORDER
from whyfit.diagnosis.descent_steps import MULTIPLES

#: Steps of each rule on all rows; fewer where a pass over the rows costs more.
MOST_STEPS, MOST_ON_ROWS, FEWEST_STEPS = 2_000, 500, 60
_VALUES = 4e8  # numbers read by one entrant at most: a second or so
_QUASI_STEPS = 300
_BATCH_STEPS, _LOOKS = 3_000, 300  # of an entrant on batches, and the losses looked at
_HEATS, _SHORT = (
    6,
    100,
)  # of several steps each is tried for a sixth of the time, the best two to the end
_BATCH_SHARES = (0.9, 0.3, 0.1, 0.03, 0.01)  # of the limit on batches
_SAFE = 0.9  # of the limit of stability
_BATCH = 32
CURVE = 120  # points of a curve that is drawn


@dataclass(frozen=True)
class Entrant:
    """One optimizer's run. `steps`, `epochs` to 1 % of the excess loss: None if it did not arrive; `predicted` steps
    where theory counts them. `left` is the share at the end of its `budget`; `curve` pairs epochs with shares."""

    name: str
    rate: float | None
    batch: int | None
    steps: int | None
    epochs: float | None
    left: float
    budget: int
    predicted: float | None
    curve: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class _Counted:
    """An objective that counts its gradients: passes over the rows."""

    of: Descended
    seen: list[int]

    @property
    def size(self) -> int:
        return self.of.size

    def loss(self, w: np.ndarray) -> float:
        return self.of.loss(w)

    def gradient(self, w: np.ndarray) -> np.ndarray:
        self.seen[0] += 1
        return self.of.gradient(w)

    def hessian(self, w: np.ndarray) -> np.ndarray:
        return self.of.hessian(w)

    def hessian_vector(self, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        return self.of.hessian_vector(w, v)

    def on_plane(self, plane: Plane) -> np.ndarray:
        return self.of.on_plane(plane)


def race(problem: Problem, batch: int | None = None, seed: int = 0) -> tuple[Entrant, ...]:
    """All optimizers on `problem`, fastest first; those that did not arrive last, least left first.

    `batch` is the size used for SGD where the problem has rows (default 32).
    """
    whole = problem.condensed
    spectrum = _spectrum(whole)
    budget = int(
        np.clip(_VALUES / (problem.n * problem.objective.size), FEWEST_STEPS, MOST_ON_ROWS)
    )
    if isinstance(whole.objective, Quadratic):
        budget = MOST_STEPS
    target = whole.least + DONE * (whole.start_loss - whole.least)
    run = _Race(whole, spectrum, budget, target, seed)
    rules: list[Rule] = [
        GradientDescent(), Momentum(0.9), Nesterov(0.9), RMSProp(), Adam(), AdamW()
    ]  # fmt: skip
    entrants = [run.first_order(rule) for rule in rules]
    entrants += [run.second_order(name, method) for name, method in SECOND_ORDER.items()]
    if not isinstance(problem.objective, Quadratic) and problem.n > 2:
        size = min(batch or _BATCH, problem.n - 1)
        by_batch = replace(run, problem=problem)
        entrants += [
            by_batch.first_order(GradientDescent(), size),
            by_batch.first_order(Adam(), size),
        ]
    return tuple(
        sorted(
            entrants,
            key=lambda e: (
                e.epochs is None,
                e.epochs if e.epochs is not None else (e.predicted or np.inf),
                e.left,
            ),
        )
    )


def _spectrum(problem: Problem) -> Spectrum:
    H = problem.objective.hessian(problem.minimum)
    return Spectrum.of(H, problem.minimum, problem.begin)


@dataclass(frozen=True)
class _Race:
    problem: Problem
    spectrum: Spectrum
    budget: int
    target: float
    seed: int

    def first_order(self, rule: Rule, batch: int | None = None) -> Entrant:
        """The best of a few steps about the one theory gives."""
        problem, n = self.problem, self.problem.n
        each = 1.0 if batch is None else batch / n
        steps = self.budget if batch is None else int(min(self.budget / each, _BATCH_STEPS))
        look = 1 if batch is None else max(1, steps // _LOOKS)
        rates = self._rates(rule, batch, steps)

        def run(rate: float, most: int) -> tuple[float, float, float, Walk]:
            plan = Plan(rule, rate, most, batch=batch, seed=self.seed, look=look, until=self.target)
            taken = walk(problem.objective, plan, problem.begin)
            left = self._share(taken.losses[-1])
            if taken.outcome == "reached":
                return 0.0, taken.steps, rate, taken
            return 1.0, left, rate, taken

        heats = steps if len(rates) == 1 else max(steps // _HEATS, min(steps, _SHORT))
        made: list[tuple[float, float, float, Walk]] = []
        for rate in rates:  # who has arrived sets the time for the others
            enough = min([heats, *(int(m[1]) for m in made if m[0] == 0.0)])
            made.append(run(rate, enough))
        made.sort(key=lambda m: (m[0], m[1]))
        if made[0][0] and heats < steps:
            made = sorted((run(m[2], steps) for m in made[:2]), key=lambda m: (m[0], m[1]))
        best = made[0]
        rate, taken = best[2], best[3]
        predicted = None
        if batch is None and problem.quadratic and not rule.adaptive:
            predicted = self.spectrum.steps_to(rule, rate, DONE)
        return self._entrant(
            _name(rule, batch), rate, batch, taken, each * taken.at, predicted, steps
        )

    def _rates(self, rule: Rule, batch: int | None, steps: int) -> tuple[float, ...]:
        if rule.adaptive:
            way = self.problem.minimum - self.problem.begin
            size = adaptive_step(self.spectrum, way, steps)
            return tuple(size * m for m in sorted(MULTIPLES, key=lambda m: abs(np.log(m))))
        top = self.spectrum.top
        if not self.problem.quadratic:
            start = self.problem.objective.hessian(self.problem.begin)
            if np.isfinite(start).all():
                top = max(top, float(np.linalg.eigvalsh(start)[-1]))
        edge = rule.largest_rate(top)
        if not 0 < edge < np.inf:
            return (1.0,)
        if batch is not None:
            return tuple(self._batch_edge(rule, batch, edge) * f for f in _BATCH_SHARES)
        theory = min(best_rate(rule, self.spectrum.live), _SAFE * edge)
        if self.problem.quadratic:
            return (theory,)
        return (theory, edge / 2, edge / 8)

    def _batch_edge(self, rule: Rule, batch: int, edge: float) -> float:
        """The largest step at which the noise of batches settles, where it can be worked out."""
        seen = self._fourth
        return edge if seen is None else batch_limit(seen, rule, batch, edge)

    @cached_property
    def _fourth(self) -> FourthMoments | None:
        """One pass over the rows, whatever the number of entrants."""
        loss = self.problem.objective
        if not isinstance(loss, RowLoss) or loss.several:
            return None
        return fourth_moments(loss, self.problem.minimum)

    def second_order(self, name: str, method: Method) -> Entrant:
        counted = _Counted(self.problem.objective, [0])
        taken = second_order_walk(counted, method, _QUASI_STEPS, self.target, self.problem.begin)
        passes = counted.seen[0]
        epochs = taken.at * (max(passes, 1) / max(taken.steps, 1))
        del name
        return self._entrant(method, None, None, taken, epochs, None, _QUASI_STEPS)

    def _entrant(
        self, name: str, rate: float | None, batch: int | None, taken: Walk, epochs: np.ndarray,
        predicted: float | None, budget: int,
    ) -> Entrant:  # fmt: skip
        arrived = taken.outcome == "reached"
        shares = [self._share(x) for x in taken.losses]
        pick = np.unique(np.linspace(0, len(shares) - 1, CURVE).astype(int))
        curve = tuple((float(epochs[i]), shares[i]) for i in pick if np.isfinite(shares[i]))
        return Entrant(
            name, rate, batch, taken.steps if arrived else None, float(epochs[-1]) if arrived else None,
            shares[-1], budget, predicted, curve,
        )  # fmt: skip

    def _share(self, loss: float) -> float:
        span = self.problem.start_loss - self.problem.least
        if not np.isfinite(loss):
            return np.inf
        return max(float(loss) - self.problem.least, 0.0) / span if span > 0 else 0.0


def _name(rule: Rule, batch: int | None) -> str:
    if batch is None:
        return rule.name
    return (
        f"SGD, batch {batch:,}"
        if isinstance(rule, GradientDescent)
        else f"{rule.name}, batch {batch:,}"
    )

"""Ways out for a descent that stands still, each really taken for as many steps.

From zero all probabilities are equal and nothing is saturated. As far as they are linear there the Brier loss is least
squares on the indicators of the classes: its minimum, the residual variance of that regression, says beforehand about
how far a fresh start can fall. The log-loss is convex everywhere, so that it gets out of the place itself; its minimum
says how good a Brier score it leads to.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from whyfit.calculus.forecast import Spectrum, adaptive_step
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.problem import Problem
from whyfit.calculus.reading import DONE
from whyfit.calculus.second_order import second_order_walk
from whyfit.calculus.stability import best_rate, live_excess
from whyfit.calculus.walk import Walk, walk
from whyfit.diagnosis.descent import RELEVANT, DescentCase
from whyfit.diagnosis.descent_theory import SAFE
from whyfit.diagnosis.descent_trials import rounded
from whyfit.diagnosis.words import number


@dataclass(frozen=True)
class Escape:
    """`edit` of the descent (and table), what it was predicted to leave of the excess loss, and what it left.

    `what` is done, in words without the step. `rate` is None of a second-order method.
    `accuracy` is the share of rows whose class gets the largest probability.
    """

    what: str
    edit: dict[str, Any]
    rate: float | None
    predicted: float
    left: float
    accuracy: float
    taken: Walk

    @property
    def name(self) -> str:
        """`what` with the step, where it is another one."""
        if "lr" not in self.edit:
            return self.what
        said = f"learning rate {number(self.rate, 2)}"
        return f"{self.what}, {said}" if len(self.edit) > 1 else said


def escapes(case: DescentCase) -> tuple[Escape, ...]:
    """Those that apply, the one that leaves least first; worked out once."""
    if "escapes" not in case.memory:
        made = [_log_loss(case)]
        if case.problem.start is not None:
            made.append(_from_zero(case, case.rate))
        if case.method is None and (len(made) == 1 or made[-1].left > DONE):
            made.append(_from_zero(case, None))
        if min(e.left for e in made) > DONE and not case.problem.standardised:
            made.append(_standardised(case))
        case.memory["escapes"] = tuple(sorted(made, key=lambda e: max(e.left, DONE)))
    return case.memory["escapes"]


def accuracy(problem: Problem, w: Float[np.ndarray, " c"]) -> float:
    """Share of the rows whose class gets the largest probability; of two classes, a half or more for class 1."""
    loss = problem.objective
    assert isinstance(loss, RowLoss)
    eta = loss.Z @ loss.shaped(w)
    said = eta.argmax(axis=1) if loss.several else eta >= 0
    return float((said == loss.y).mean())


def saturated(problem: Problem, w: Float[np.ndarray, " c"], sure: float = 0.99) -> float:
    """Share of the rows with a probability above `sure`, right or wrong."""
    loss = problem.objective
    assert isinstance(loss, RowLoss)
    mean = loss.kind.mean(loss.Z @ loss.shaped(w))
    top = mean.max(axis=1) if loss.several else np.maximum(mean, 1 - mean)
    return float((top > sure).mean())


def within_reach(problem: Problem) -> float:
    """L(0) − ½gᵀG⁻¹g: what a descent of the Brier loss from zero falls to, as far as probabilities are linear there.

    G = (2/n) Σ x̃x̃ᵀ ⊗ J² with J the derivative of the probabilities at zero, ¼ of two classes and I/C − 11ᵀ/C² of C
    (J² = J/C): Gauss and Newton's Hessian, which is the true one of two classes.
    """
    loss, C = problem.unit, problem.kind.outputs
    assert isinstance(loss, RowLoss)
    zero = np.zeros(loss.size)
    J2 = np.array([[1 / 16]]) if C == 1 else (np.eye(C) - 1 / C) / C**2
    G = 2 / loss.n * np.kron(loss.Z.T @ loss.Z, J2)
    gain, _ = live_excess(loss.gradient(zero), G if loss.l2 is None else G + np.diag(loss.l2))
    return max(loss.loss(zero) - gain, 0.0)


def _share(case: DescentCase, loss: float) -> float:
    return max(loss - case.least, 0.0) / case.first


def _from_zero(case: DescentCase, rate: float | None) -> Escape:
    """With the rate that was used, or (None) with one that theory gives."""
    fresh = dataclasses.replace(case, problem=case.problem.starting(None), memory={})
    edit: dict[str, Any] = {} if case.problem.start is None else {"start": "zero"}
    what = "another step" if case.problem.start is None else "start at zero"
    if rate is None:
        rate = edit["lr"] = rounded(_rate(fresh))
    told = _share(case, within_reach(case.problem))
    return _escape(case, what, edit, rate, told, _taken(fresh, rate), fresh.problem)


def _log_loss(case: DescentCase) -> Escape:
    """From the same start."""
    convex = case.problem.log_loss
    other = dataclasses.replace(case, problem=convex, memory={})
    name = "multinomial" if convex.kind.outputs > 1 else "logistic"
    edit: dict[str, Any] = {"loss": name}
    rate = case.rate
    if case.method is None:
        rate = edit["lr"] = rounded(_rate(other))
    told = _share(case, case.problem.unit.loss(convex.lowest.w))
    return _escape(
        case, "minimise the log-loss", edit, rate, told, _taken(other, rate), case.problem
    )


def _standardised(case: DescentCase) -> Escape:
    turned = case.problem.starting(None).on(True)
    fresh = dataclasses.replace(case, problem=turned, memory={})
    rate = rounded(_rate(fresh)) if case.method is None else case.rate
    edit: dict[str, Any] = {"standardise": True}
    what = "standardise the columns"
    if case.problem.start is not None:
        edit["start"] = "zero"
        what += ", start at zero"
    if case.method is None:
        edit["lr"] = rate
    told = _share(case, within_reach(case.problem))
    return _escape(case, what, edit, rate, told, _taken(fresh, rate), turned)


def _escape(
    case: DescentCase, what: str, edit: dict, rate: float, told: float, taken: Walk, of: Problem
) -> Escape:
    """`of` has the loss that is judged by, in the coordinates that were walked in."""
    w = taken.points[np.flatnonzero(np.isfinite(taken.losses))[-1]]
    left = np.inf if taken.outcome == "diverged" else _share(case, of.objective.loss(w))
    return Escape(what, edit, None if case.method else rate, told, left, accuracy(of, w), taken)


def _taken(case: DescentCase, rate: float) -> Walk:
    objective, begin = case.problem.objective, case.problem.begin
    if case.method is not None:
        return second_order_walk(objective, case.method, case.plan.steps, start=begin)
    return walk(objective, dataclasses.replace(case.plan, rate=rate), begin)


def _rate(case: DescentCase) -> float:
    """The step theory gives from zero on: the sharpest curvature is that at zero or at the minimum."""
    objective, low = case.problem.objective, case.problem.minimum
    zero = np.zeros(objective.size)
    first = float(np.linalg.eigvalsh(objective.hessian(zero))[-1])
    spectrum = Spectrum.of(objective.hessian(low), low, case.problem.begin)
    rule = case.plan.rule
    if rule.adaptive:
        return adaptive_step(spectrum, low - case.problem.begin, case.plan.steps)
    edge = rule.largest_rate(max(first, spectrum.top))
    if case.batch is not None:
        limit = case.batch_limit
        edge = edge if limit is None else min(edge, limit / RELEVANT)
    best = best_rate(rule, spectrum.live) if case.problem.lowest.exists else np.inf
    return min(best, SAFE * edge)

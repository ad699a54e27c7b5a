"""Least squares by a chosen optimizer: the path it takes, and what theory says of that path.

    L(β₀, w) = (1/n) Σ (y − β₀ − xᵀw)²,      from (β₀, w) = 0, on all rows, on the columns as they are

runs on moments in 1 + p dimensions, whatever n. Where it stops is measured in standard errors: of the directions of the
parameters, the worst lies at most

    δ = √(n (L − L*)/σ̂²)

standard errors from its least-squares value. Below ARRIVED nobody can tell the two fits apart.

Reference: Boyd & Vandenberghe (2004), Convex Optimization, §9.3 and §9.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from whyfit.calculus.descent import Quadratic
from whyfit.calculus.forecast import Spectrum
from whyfit.calculus.optimizers import (
    Adam,
    AdamW,
    GradientDescent,
    Momentum,
    Nesterov,
    RMSProp,
    Rule,
)
from whyfit.calculus.optimizers.base import check_rate
from whyfit.calculus.reading import Told, read
from whyfit.calculus.second_order import Method, second_order_walk
from whyfit.calculus.stability import best_rate
from whyfit.calculus.walk import Plan, Walk, walk
from whyfit.errors import SpecError
from whyfit.linalg.conditioning import live_columns
from whyfit.linalg.moments import Moments
from whyfit.probability.linear import about_zero

RULES: dict[str, Callable[[], Rule]] = {
    "gd": GradientDescent, "momentum": Momentum, "nesterov": Nesterov, "rmsprop": RMSProp, "adam": Adam,
    "adamw": AdamW,
}  # fmt: skip
METHODS: dict[str, Method] = {"newton": "Newton", "bfgs": "BFGS", "lbfgs": "L-BFGS"}

ARRIVED = 0.01  # standard errors
#: ... or of the excess loss at the start: of a fit without residuals a standard error is 0.
ROUNDING = 1e-12
_NUMBERS = 4_000_000  # of parameters kept along a path
_TENTH = 10  # an adaptive rule crosses the largest one-column slope in a tenth of the steps
#: Powers of e by which the slowest direction has changed, from where it alone sets the factor per step.
_LATE = 5.0
_WORDS = {
    "diverged": "the loss grew: the step is above the limit of stability",
    "oscillates": "the sharpest direction overshoots at every step",
    "step too small": "a larger step would have arrived in as many steps",
    "ill-conditioned": "no constant step arrives in so many steps; standardise the columns, or use 'lbfgs' or 'newton'",
    "done": "the loss is within 1 % of its minimum, the coefficients are not; take more steps",
}


@dataclass(frozen=True)
class Trace:
    """The path of a descent.

    Attributes
    ----------
    optimizer : as asked for. names : (c,) of the parameters, the intercept first if there is one.
    steps : (k,) updates made when looked at, 0 first. losses : (k,) mean squared residuals there, units of y squared.
    points : (k, c) parameters there. rates : (k,) step sizes; 1 of second-order methods, which choose their own.
    rate : where the step size is from, in words. minimum : the least possible loss.
    left : share of the excess loss left at the end. distance : from least squares, in standard errors.
    outcome : "arrived", or what was in the way, in words.
    told : predictions of theory, each beside what was observed; none of second-order methods.
    """

    optimizer: str
    names: tuple[str, ...]
    steps: Int[np.ndarray, " k"]
    losses: Float[np.ndarray, " k"]
    points: Float[np.ndarray, "k c"]
    rates: Float[np.ndarray, " k"]
    rate: str
    minimum: float
    left: float
    distance: float
    arrived: bool
    outcome: str
    told: tuple[Told, ...]

    @property
    def end(self) -> Float[np.ndarray, " c"]:
        """The last parameters at which the loss is finite."""
        return self.points[np.flatnonzero(np.isfinite(self.losses))[-1]]

    def coefficients(self, intercept: bool, p: int, names: tuple[str, ...]):
        """β₀ and w (p) at the end; 0 of columns that took no part."""
        w, first = np.zeros(p), 1 if intercept else 0
        place = {name: j for j, name in enumerate(names)}
        for name, value in zip(self.names[first:], self.end[first:], strict=True):
            w[place[name]] = value
        return (float(self.end[0]) if intercept else 0.0), w


def rule_of(optimizer: str | Rule) -> Rule | Method:
    """Raises SpecError for a name that is none of RULES and METHODS."""
    if isinstance(optimizer, Rule):
        return optimizer
    name = str(optimizer).lower()
    if name in METHODS:
        return METHODS[name]
    if name not in RULES:
        said = "; this fit takes all rows at once: 'gd'" if name == "sgd" else ""
        raise SpecError(
            f"optimizer is {optimizer!r}; expected one of {', '.join((*RULES, *METHODS))}{said}."
        )
    return RULES[name]()


def check(optimizer: str | Rule | None, learning_rate: float | None, n_steps: int) -> None:
    """Raises SpecError for an unknown optimizer, η ≤ 0, no steps, and a step size nobody takes."""
    if not isinstance(n_steps, (int, np.integer)) or n_steps < 1:
        raise SpecError(f"n_steps is {n_steps}; expected a whole number of at least 1.")
    if learning_rate is None:
        if optimizer is not None:
            rule_of(optimizer)
        return
    check_rate(learning_rate)
    if optimizer is None:
        raise SpecError(
            "learning_rate is given without an optimizer; name one, e.g. optimizer='gd'."
        )
    if isinstance(rule_of(optimizer), str):
        raise SpecError(f"{optimizer} chooses its own steps; leave learning_rate out.")


def descend(
    moments: Moments,
    least: Float[np.ndarray, " q"],
    sigma2: float,
    names: tuple[str, ...],
    optimizer: str | Rule,
    learning_rate: float | None,
    n_steps: int,
    intercept: bool,
) -> Trace:
    """The descent on these moments; `least` (β₀, w) is the least-squares fit, `sigma2` its residual variance."""
    live = np.flatnonzero(live_columns(moments))
    loss = Quadratic.with_intercept(moments) if intercept else Quadratic.of(about_zero(moments))
    if not intercept:
        live = np.flatnonzero(live_columns(about_zero(moments)))
    best = np.concatenate([least[:1], least[1:][live]]) if intercept else least[1:][live]
    rule, said = rule_of(optimizer), "chosen by the method"
    look = max(1, -(-n_steps * (loss.size + 1) // _NUMBERS))
    told: tuple[Told, ...] = ()
    if isinstance(rule, str):
        taken = second_order_walk(loss, rule, n_steps)
    else:
        rate, said = _rate(loss, rule, learning_rate, n_steps)
        plan = Plan(rule, rate, n_steps, look=look)
        taken = walk(loss, plan)
    ended = np.flatnonzero(np.isfinite(taken.losses))[-1]
    away = taken.points[ended] - best
    excess = max(float(away @ loss.A @ away), 0.0)
    first = max(float(best @ loss.A @ best), np.finfo(float).tiny)
    distance = (
        float(np.sqrt(moments.n * excess / sigma2)) if sigma2 > 0 else (np.inf if excess else 0.0)
    )
    arrived = taken.outcome != "diverged" and (distance <= ARRIVED or excess <= ROUNDING * first)
    outcome = "arrived"
    if isinstance(rule, Rule) and loss.size:
        reading = read(loss, best, taken)
        told = _told(loss, best, taken, excess / first)
        if taken.steps * abs(np.log(max(reading.stability.growth, 1e-300))) > _LATE:
            told += reading.told
        outcome = _WORDS.get(reading.outcome, reading.outcome)
    elif not arrived:
        outcome = "the steps did not suffice"
    return Trace(
        optimizer if isinstance(optimizer, str) else optimizer.name,
        (("intercept",) if intercept else ()) + tuple(names[j] for j in live),
        taken.at, taken.losses, taken.points, taken.rates, said, loss.loss(best), excess / first,
        distance, arrived, "arrived" if arrived else outcome, told,
    )  # fmt: skip


def _told(
    loss: Quadratic, best: Float[np.ndarray, " c"], taken: Walk, left: float
) -> tuple[Told, ...]:
    """The share of the excess loss that closed form leaves, beside what the steps left."""
    if taken.plan.rule.adaptive:
        return ()
    spectrum = Spectrum.of(loss.hessian(best), best)
    ended = int(taken.at[np.flatnonzero(np.isfinite(taken.losses))[-1]])
    by_direction = spectrum.left_by_direction(taken.plan.rule, taken.plan.rate, ended)
    total = max(float(spectrum.excess.sum()), np.finfo(float).tiny)
    observed = left if left > ROUNDING else float("nan")
    return (Told("share of the excess loss left", float(by_direction.sum()) / total, observed, 0.05),)  # fmt: skip


def _rate(loss: Quadratic, rule: Rule, asked: float | None, steps: int) -> tuple[float, str]:
    if asked is not None:
        return float(asked), "as asked for"
    lam = loss.spectrum[0]
    if not lam.size or not lam[0] > 0:
        return 1.0, "any: nothing bends"
    if rule.adaptive:
        slopes = np.abs(loss.g) / np.maximum(np.diag(loss.A), np.finfo(float).tiny)
        rate = _TENTH * float(slopes.max()) / steps
        return rate or 1.0, "a tenth of the steps cross the largest one-column slope"
    half = rule.largest_rate(float(lam[0])) / 2
    quick = best_rate(rule, lam)
    if 0 < quick < half:
        return quick, "the fastest contraction, of all constant steps"
    return half, "half the limit of stability" + (
        ", 1/λ_max" if isinstance(rule, GradientDescent) else ""
    )


def why(trace: Trace) -> str:
    """Why the table has no standard errors; "" where the descent arrived."""
    if trace.arrived:
        return ""
    apart = (
        ""
        if not np.isfinite(trace.distance)
        else f", {trace.distance:.2g} standard errors from least squares"
    )
    return (
        f"{trace.optimizer} did not arrive: after {trace.steps[-1]:,} steps {100 * trace.left:.2g} % of the excess "
        f"loss is left{apart}; {trace.outcome}. There are no standard errors: this is not the least-squares fit."
    )  # fmt: skip

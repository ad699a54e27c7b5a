"""The learning rate is above the limit of stability, and the loss rises or bounces.

What it says

With this step the optimizer overshoots the minimum along the sharpest direction by more than it corrects. The loss
grows, or is thrown about, however long it runs.

The mathematics

Along the eigenvector of the Hessian H with curvature λ a step of gradient descent multiplies the distance to the
minimum by 1 − ηλ, so the excess loss by (1 − ηλ)². It falls only while η is below

    gradient descent 2/λ_max,   momentum (2 + 2β)/λ_max,   Nesterov (2 + 2β)/((1 + 2β) λ_max),
    Adam (2 + 2β₁)/((1 − β₁) λ_max(D^−½HD^−½)),   RMSProp 2/λ_max(D^−½HD^−½)

with D what an adaptive rule divides the gradient by. Mini-batches lower the limit: the noise of a batch grows with the
distance too, and its variance settles only if the mean-square recursion contracts. On a squared loss the growth per
step is known before the first one is taken, and must be what is seen.

Why it hurts

Nothing is learned: the parameters are far from any minimum, or jump about it. Adaptive rules hide it, because D grows
with the gradient: near the minimum D shrinks until they are at their limit, and there they hover, every parameter
flipping by ± η/2 (RMSProp) or ± (1 − β₁)η/(2 + 2β₁) (Adam, in bursts), which leaves

    ½ (η/K)² σᵀHσ,   K = 2 or (2 + 2β₁)/(1 − β₁),   σ = sign(Hσ)

of the loss however long they run; on mini-batches the noise of D holds them higher.

What to do

A step at a fraction of the limit. whyfit weighs several, by theory where it is exact and by running them where it is
not, and runs the best. Standardised columns raise the limit, because they lower λ_max. References: Boyd & Vandenberghe
(2004), Convex Optimization, §9.3; Cohen et al. (2021, 2022), arXiv 2103.00065 and 2207.14484.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from whyfit.calculus.reading import DONE
from whyfit.diagnosis.descent import TASK, DescentCase
from whyfit.diagnosis.descent_trials import better_step, factors, refuted, share
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import latex, number, plural


def check(case: DescentCase) -> Iterator[Suspicion]:
    """Certain facts of one run."""
    if case.method is not None:
        return
    if case.outcome in ("diverged", "bounces") or _held(case):
        yield Suspicion(lambda: _confirm(case))


def _held(case: DescentCase) -> bool:
    """Stable or adaptive, held at a distance that a smaller step does not have."""
    if case.outcome == "done" or not case.left > DONE:
        return False
    if (
        case.outcome == "no minimum"
    ):  # no limit is known where it got to, but a smaller step was run
        return case.slower is not None
    if case.linear:
        beyond = case.unsettled or case.on_edge
        return case.outcome == "oscillates" or (beyond and case.batch is not None)
    if case.outcome not in ("oscillates", "noise floor"):
        return False
    if case.batch is not None and case.batches_hold:
        return False  # on all rows it would arrive: the batches are the cause
    return case.slower is not None


def _confirm(case: DescentCase) -> Confirmed | None:
    predicted, observed = factors(case)
    constant = case.linear and case.batch is None
    if constant and refuted(case, predicted, observed):
        return None
    better = better_step(case)
    if better.trial is None or not better.trial.helped:
        return None  # a smaller step does no better: the step is not what is wrong
    constant = constant and math.isfinite(predicted) and math.isfinite(observed)
    adaptive = case.plan.rule.adaptive
    held = case.floor / case.first if adaptive and case.floor is not None else None
    evidence = [
        Evidence(
            "learning rate", case.rate, None if adaptive else _bound(case), formula=_formula(case)
        ),
        Evidence("share of the excess loss left", case.left, predicted=held),
        Evidence("of the limit that the sharpest direction takes up", case.reading.stability.excess)
        if case.reading
        else None,
        Evidence("factor of the excess loss per step", observed, predicted=predicted)
        if constant
        else None,
    ]
    finding = RULE.finding(
        "error" if case.outcome == "diverged" else "warning",
        (),
        _said(case),
        evidence=[e for e in evidence if e is not None],
        prediction=(
            f"predicted excess loss × {number(predicted, 4)} per step   observed × {number(observed, 4)}"
            if constant
            else _predicted(case, held)
        ),
        remedy=better,
        explains=("CA204", "CA219", "CA203"),
    )
    return Confirmed(finding)


def _bound(case: DescentCase) -> float:
    """The limit that was passed, or is near: that on all rows if that was, else that with batches."""
    if case.batch_limit is None or case.rate > case.limit:
        return case.limit
    return min(case.limit, case.batch_limit)


def _said(case: DescentCase) -> str:
    eta, name, bound = f"η = {number(case.rate, 3)}", case.plan.rule.name, _bound(case)
    if case.plan.rule.adaptive:
        if not np.isfinite(case.walk.losses[-1]):
            return f"{name} at {eta}: the loss overflowed after {plural(case.walk.steps, 'step')}"
        if case.outcome == "diverged":
            return f"{name} at {eta} ends above its start, at {share(case.left)} the excess loss"
        if case.outcome == "no minimum":
            return f"{name} at {eta} overshoots: {share(case.left)} of the loss is left"
        where = ", at its edge of stability" if case.on_edge else ""
        return f"{name} at {eta} hovers at {share(case.left)} of the excess loss{where}"
    if bound < case.rate <= case.limit:
        return (
            f"{eta} is stable on all rows (limit {number(case.limit, 3)}), but the noise of batches of "
            f"{case.batch:,} settles only below {number(bound, 3)}"
        )
    if case.rate > bound:
        return f"{eta} is {number(case.rate / bound, 3)} × the limit of {name}, {number(bound, 3)}"
    if case.outcome == "no minimum":
        return f"{eta} overshoots: {share(case.left)} of the loss is left"
    of = name if bound == case.limit else f"batches of {case.batch:,}"
    if case.outcome == "bounces":
        return (
            f"{eta} is {number(100 * case.rate / bound, 2)} % of the limit of {of} at the minimum, {number(bound, 3)}, "
            f"and circles it at {share(case.left)} of the excess loss"
        )
    if case.on_edge:
        return f"{eta} is on the edge: the limit of {of} is {number(bound, 3)}"
    return f"{eta} overshoots: it is {number(100 * case.rate / bound, 2)} % of the limit of {of}, {number(bound, 3)}"


def _predicted(case: DescentCase, held: float | None) -> str:
    """What theory said beside what was seen, where no closed form gives the growth per step."""
    left = share(case.left) if np.isfinite(case.walk.losses[-1]) else "an overflow"
    after = share(case.left_of(case.better))
    if held is not None and case.outcome != "diverged":
        return (
            f"predicted it hovers at {share(held)} of the excess loss   observed {left}; "
            f"at η = {number(case.best, 2)} {after}"
        )
    exists = case.problem.lowest.exists
    if case.plan.rule.adaptive and case.batch is None and exists and case.walk.at[1] == 1:
        far = float(np.abs(case.problem.minimum - case.problem.begin).max())
        told = case.first_move
        if told > far:
            went = float(np.abs(case.walk.points[1] - case.walk.points[0]).max())
            return (
                f"predicted the first step moves parameters by {number(told, 3)}, the minimum is {number(far, 3)} "
                f"away   observed {number(went, 3)}"
            )
    return f"predicted it falls at η = {number(case.best, 2)}   observed {after} of the excess loss left, not {left}"


def _formula(case: DescentCase) -> str:
    rule, top = case.plan.rule.name, case.spectrum.top
    if not case.problem.lowest.exists:
        top = case.curvature
    eta = rf"\eta = {latex(case.rate)}"
    match rule:
        case "gradient descent":
            return rf"{eta},\quad 2/\lambda_{{\max}} = 2/{latex(top)} = {latex(case.limit)}"
        case "momentum":
            return rf"{eta},\quad (2+2\beta)/\lambda_{{\max}} = {latex(case.limit)}"
        case "Nesterov":
            return rf"{eta},\quad \frac{{2+2\beta}}{{(1+2\beta)\lambda_{{\max}}}} = {latex(case.limit)}"
        case "RMSProp":
            return rf"{eta},\quad 2/\lambda_{{\max}}(D^{{-1/2}}HD^{{-1/2}}) = {latex(case.limit)}"
    top = r"\lambda_{\max}(D^{-1/2}HD^{-1/2})"
    return rf"{eta},\quad \frac{{2+2\beta_1}}{{(1-\beta_1){top}}} = {latex(case.limit)}"


RULE = Rule(
    "CA201",
    "step-too-large",
    "calculus",
    "error",
    check,
    __doc__ or "",
    reference="Boyd & Vandenberghe (2004), Convex Optimization, §9.3; Cohen et al. (2021), arXiv 2103.00065.",
    tasks=(TASK,),
)

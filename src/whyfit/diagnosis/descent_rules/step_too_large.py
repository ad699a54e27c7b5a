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

from whyfit.calculus.reading import DONE
from whyfit.diagnosis.descent import RELEVANT, TASK, DescentCase
from whyfit.diagnosis.descent_trials import better_step, factors, refuted, share
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import latex, number


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
    if case.linear:
        beyond = case.unsettled or case.on_edge
        return case.outcome == "oscillates" or (beyond and case.batch is not None)
    if case.outcome not in ("oscillates", "noise floor"):
        return False
    if case.batch is not None and case.batches_hold:
        return False  # on all rows it would arrive: the batches are the cause
    return case.best * RELEVANT <= case.rate


def _confirm(case: DescentCase) -> Confirmed | None:
    predicted, observed = factors(case)
    constant = case.linear and case.batch is None
    if constant and refuted(case, predicted, observed):
        return None
    better = better_step(case)
    if better.trial is None or not better.trial.helped:
        return None  # a smaller step does no better: the step is not what is wrong
    limit, adaptive = case.limit, case.plan.rule.adaptive
    of_batches = (
        case.batch_limit is not None and case.rate > case.batch_limit and case.rate <= limit
    )
    bound = min(limit, math.inf if case.batch_limit is None else case.batch_limit)
    name = case.plan.rule.name
    if of_batches:
        said = (
            f"η = {number(case.rate, 3)} is stable on all rows (limit {number(limit, 3)}), but the noise of batches of "
            f"{case.batch:,} settles only below {number(bound, 3)}"
        )
    elif adaptive and case.outcome == "diverged":
        said = f"{name} at η = {number(case.rate, 3)} ends above its start: {share(case.left)} of the excess loss"
    elif adaptive:
        where = ", at its edge of stability" if case.on_edge else ""
        said = f"{name} at η = {number(case.rate, 3)} hovers at {share(case.left)} of the excess loss{where}"
    elif case.rate > bound:
        said = f"η = {number(case.rate, 3)} is {number(case.rate / bound, 3)} × the limit of {name}, {number(bound, 3)}"
    else:
        of = name if case.batch_limit != bound else f"batches of {case.batch:,}"
        said = f"η = {number(case.rate, 3)} is on the edge: the limit of {of} is {number(bound, 3)}"
    held = case.floor / case.first if adaptive and case.floor is not None else None
    evidence = [
        Evidence("learning rate", case.rate, None if adaptive else bound, formula=_formula(case)),
        Evidence("share of the excess loss left", case.left, predicted=held),
        Evidence("of the limit that the sharpest direction takes up", case.reading.stability.excess)
        if case.reading
        else None,
        Evidence("factor of the excess loss per step", observed, predicted=predicted)
        if math.isfinite(predicted) and math.isfinite(observed) and constant
        else None,
    ]
    if constant and math.isfinite(predicted) and math.isfinite(observed):
        prediction = f"predicted excess loss × {number(predicted, 4)} per step   observed × {number(observed, 4)}"
    elif held is not None and case.outcome != "diverged":
        after = case.left_of(case.better)
        prediction = (
            f"predicted it hovers at {share(held)} of the excess loss   observed {share(case.left)}; "
            f"at η = {number(case.best, 2)} {share(after)}"
        )
    else:
        after = case.left_of(case.better)
        prediction = (
            f"predicted it falls at η = {number(case.best, 2)}   observed {share(after)} of the excess loss left, "
            f"not {share(case.left)}"
        )
    finding = RULE.finding(
        "error" if case.outcome == "diverged" else "warning",
        (),
        said,
        evidence=[e for e in evidence if e is not None],
        prediction=prediction,
        remedy=better,
        explains=("CA204", "CA219", "CA203"),
    )
    return Confirmed(finding)


def _formula(case: DescentCase) -> str:
    rule, top = case.plan.rule.name, case.spectrum.top
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

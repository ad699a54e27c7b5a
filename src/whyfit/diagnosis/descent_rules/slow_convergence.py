"""The loss is a long narrow valley: even the best constant step does not arrive in the steps given.

What it says

The sharpest direction forbids a larger step, and along the flattest that step hardly moves. The ratio of the two
curvatures, not the step, is in the way.

The mathematics

With κ = λ_max/λ_min of the Hessian the best constant step of gradient descent shrinks the distance to the minimum by
(κ − 1)/(κ + 1) per step, so that about

    (κ/2) ln(1/ε) / 2   steps (momentum and Nesterov: √κ in place of κ)

bring the excess loss to a share ε. Which directions hold what is left is known in closed form; the finding names the
columns of the one that holds most. Columns as they are in a table (years, amounts, shares) easily give κ = 10⁸, and an
intercept beside a column far from 0 multiplies it.

Why it hurts

The loss curve looks flat, as if it had arrived, while some coefficients have hardly left their start.

What to do

Standardise the columns: tried here with the same optimizer. Where columns say nearly the same, that does not help;
Newton's method or L-BFGS do not depend on κ as gradient descent does, and are tried next. References: Boyd &
Vandenberghe (2004), Convex Optimization, §9.3; Nesterov (2018), Lectures on Convex Optimization, §2.1.5.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from whyfit.calculus.reading import DONE
from whyfit.calculus.second_order import second_order_walk
from whyfit.diagnosis.descent import NARROW, TASK, DescentCase
from whyfit.diagnosis.descent_trials import predicted_left, refuted, remedy, rounded, share
from whyfit.diagnosis.finding import Evidence, Remedy
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import latex, number

_QUASI = 200  # steps of the second-order remedy
_NAMED = 3


def check(case: DescentCase) -> Iterator[Suspicion]:
    """A certain fact of one run."""
    if case.method is not None or case.reading is None or case.spectrum.condition < NARROW:
        return
    slow = case.outcome == "ill-conditioned" or (
        case.outcome in ("step too small", "oscillates")
        and case.linear
        and case.left_of(case.better) > DONE
        and case.spectrum.steps_to(case.plan.rule, case.best, DONE) > case.plan.steps
    )
    if slow:
        yield Suspicion(lambda: _confirm(case))


def _confirm(case: DescentCase) -> Confirmed | None:
    told = predicted_left(case)
    if refuted(case, told, case.left):
        return None
    kappa, rule = case.spectrum.condition, case.plan.rule
    names, held = _left_in(case)
    evidence = [
        Evidence("κ of the Hessian", kappa, NARROW,
                 formula=rf"\kappa = \lambda_{{\max}}/\lambda_{{\min}} = {latex(kappa)}"),
        Evidence("share of the excess loss left", case.left, DONE, None if np.isnan(told) else told),
        Evidence("of that in the direction that holds most", held),
    ]  # fmt: skip
    if case.linear:
        steps = case.spectrum.steps_to(rule, case.best, DONE)
        evidence.append(
            Evidence("predicted steps to 1 % at the best step", steps, float(case.plan.steps))
        )
    prediction = (
        f"predicted {share(told)} of the excess loss left   observed {share(case.left)}"
        if not np.isnan(told)
        else ""
    )
    finding = RULE.finding(
        "warning",
        names,
        f"the loss is {number(kappa, 2)} times sharper across than along (κ): {case.walk.steps:,} steps leave "
        f"{share(case.left)} of the excess loss",
        evidence=evidence,
        prediction=prediction,
        remedy=_remedy(case),
        explains=("CA204",),
    )
    return Confirmed(finding)


def _left_in(case: DescentCase) -> tuple[tuple[str, ...], float]:
    """Columns of the direction in which most of the excess loss is left, and the share it holds."""
    z = case.spectrum.V.T @ (case.end - case.problem.minimum)
    rest = 0.5 * case.spectrum.lam * z**2
    total = float(rest.sum())
    if not total > 0:
        return (), 0.0
    worst = int(np.argmax(rest))
    weights = np.abs(case.spectrum.V[:, worst]).reshape(-1, case.problem.kind.outputs).max(axis=1)
    if not case.problem.standardised:  # what a unit of spread of each column moves
        weights = weights * np.concatenate([[1.0], case.problem.sd])
    names = ("(intercept)", *case.names)
    order = np.argsort(-weights)[:_NAMED]
    return tuple(names[j] for j in order if weights[j] > 0.1 * weights[order[0]]), float(
        rest[worst] / total
    )


def _remedy(case: DescentCase) -> Remedy:
    if not case.problem.standardised:
        other = case.other
        made = remedy(
            case,
            f"standardise the columns, learning rate {number(other.rate, 2)}",
            {"standardise": True, "lr": rounded(other.rate)},
            other.walk,
        )
        if made.trial is not None and made.trial.helped:
            return made
    until = case.least + 1e-3 * DONE * case.first
    taken = second_order_walk(case.problem.objective, "L-BFGS", _QUASI, until, case.problem.begin)
    name = f"L-BFGS: {taken.steps:,} steps"
    return remedy(case, name, {"optimizer": "lbfgs"}, taken)


RULE = Rule(
    "CA203",
    "slow-convergence",
    "calculus",
    "warning",
    check,
    __doc__ or "",
    reference="Boyd & Vandenberghe (2004), Convex Optimization, §9.3.",
    tasks=(TASK,),
)

"""The descent stopped before the minimum, for want of steps.

What it says

The gradient at the parameters that were returned is not small: by certificate more than 1 % of the excess loss is
still to be gained. Neither the step nor the conditioning is at fault; there were too few steps.

The mathematics

Newton's decrement gives what is left without knowing the minimum,

    L(w) − L* = ½ ∇L(w)ᵀ H⁻¹ ∇L(w)

exactly on a quadratic, to second order near a smooth minimum. It does not depend on the units of the columns, so it is
worked out on standardised ones. The finding sets it beside the true excess loss.

Why it hurts

A solver that stops at an iteration limit returns coefficients like any other; only the gradient tells.

What to do

More steps, or a method that needs fewer; tried here with four times as many. Reference: Boyd & Vandenberghe (2004),
Convex Optimization, §9.5.1.
"""

from __future__ import annotations

from collections.abc import Iterator

from whyfit.calculus.reading import DONE
from whyfit.calculus.second_order import second_order_walk
from whyfit.diagnosis.descent import TASK, DescentCase
from whyfit.diagnosis.descent_trials import remedy, share
from whyfit.diagnosis.finding import Evidence, Remedy
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import number

_MORE = 4  # times as many steps


def check(case: DescentCase) -> Iterator[Suspicion]:
    """A certain fact of one run; other rules say why, if they can."""
    if not case.problem.lowest.exists or case.stuck is not None:
        return
    if case.left > DONE and case.outcome != "diverged":
        yield Suspicion(lambda: _confirm(case))


def _confirm(case: DescentCase) -> Confirmed:
    certified, true = case.certified
    finding = RULE.finding(
        "warning",
        (),
        f"stopped after {case.walk.steps:,} steps with {share(case.left)} of the excess loss left",
        evidence=(
            Evidence("excess loss", true, DONE * case.first, certified,
                     formula=r"L - L^* = \tfrac12 \nabla L^\top H^{-1} \nabla L"),
            Evidence("share of the excess loss left", case.left, DONE),
        ),
        prediction=f"predicted excess loss {number(certified, 3)}   observed {number(true, 3)}",
        remedy=_remedy(case),
    )  # fmt: skip
    return Confirmed(finding)


def _remedy(case: DescentCase) -> Remedy:
    steps = _MORE * case.plan.steps
    if case.method is not None:
        taken = second_order_walk(
            case.problem.objective, case.method, steps, -float("inf"), case.problem.begin
        )
    else:
        taken = case.at(case.rate, steps)
    return remedy(case, f"{steps:,} steps", {"steps": steps}, taken)


RULE = Rule(
    "CA204",
    "not-converged",
    "calculus",
    "warning",
    check,
    __doc__ or "",
    reference="Boyd & Vandenberghe (2004), Convex Optimization, §9.5.1.",
    tasks=(TASK,),
)

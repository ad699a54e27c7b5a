"""The learning rate is so small that the descent ends on the way, though a larger one is stable.

What it says

The loss still falls when the steps run out. A step several times larger would be stable and would have left far less.

The mathematics

In the eigen-directions of the Hessian the part ½λ_i z_i² of the excess loss shrinks by (1 − ηλ_i)² per step of
gradient descent (by the square of its 2 × 2 matrix M(λ_i, η) with momentum). Summed over the directions this is the
share that is left after t steps,

    Σ ½λ_i z_i² (1 − ηλ_i)²ᵗ / Σ ½λ_i z_i²,

and with it the steps to 1 %. An adaptive rule moves every parameter by about η per step at most, so in T steps by no
more than about ηT, however steep the loss (RMSProp by η Σ 1/√(1 − αᵗ): its first steps are longer).

Why it hurts

What looks like a model that cannot fit is one that was not given the time. The coefficients are shrunk towards their
start.

What to do

Raise the step to a fraction of its limit of stability; whyfit weighs several and runs the best for as many steps.
Reference: Boyd & Vandenberghe (2004), Convex Optimization, §9.3.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from whyfit.calculus.reading import DONE
from whyfit.diagnosis.descent import RELEVANT, TASK, DescentCase
from whyfit.diagnosis.descent_trials import predicted_left, refuted, remedy, rounded, share
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import number


def check(case: DescentCase) -> Iterator[Suspicion]:
    """A certain fact of one run: `outcome` has compared the steps already, but where there is no minimum."""
    endless = case.outcome == "no minimum" and case.method is None and case.left > DONE
    if case.outcome == "step too small" or (endless and case.faster is not None):
        yield Suspicion(lambda: _confirm(case))


def _confirm(case: DescentCase) -> Confirmed | None:
    told = predicted_left(case)
    if refuted(case, told, case.left):
        return None
    if case.faster is None:
        return None
    rate = case.best if case.best >= RELEVANT * case.rate else case.faster
    times, taken = rate / case.rate, case.at(rate)
    evidence = [
        Evidence("share of the excess loss left", case.left, DONE,
                 None if np.isnan(told) else told),
        Evidence("larger step that does better", times, unit="×"),
    ]  # fmt: skip
    if case.linear and case.problem.quadratic and case.batch is None:
        steps = case.spectrum.steps_to(case.plan.rule, case.rate, DONE)
        evidence.append(
            Evidence("predicted steps to 1 %", steps, float(case.plan.steps), unit="steps")
        )
    prediction = f"predicted {share(told)} of the excess loss left   observed {share(case.left)}"
    if not case.linear and case.problem.lowest.exists:
        begin = case.problem.begin
        far = float(np.abs(case.problem.minimum - begin).max())
        went = float(np.abs(case.end - begin).max())
        evidence.append(Evidence("largest parameter at the end", went, far, case.reach))
        prediction = (
            f"predicted no parameter further than {number(case.reach, 3)} (the minimum is {number(far, 3)} away)   "
            f"observed {number(went, 3)}"
        )
    elif np.isnan(told):
        prediction = (
            f"predicted less is left at η = {number(rate, 2)}   observed {share(case.left_of(taken))}, "
            f"not {share(case.left)}"
        )
    finding = RULE.finding(
        "warning",
        (),
        f"after {case.walk.steps:,} steps {share(case.left)} of the excess loss is left; η = {number(rate, 2)}, "
        f"{number(times, 2)} × larger, is stable",
        evidence=evidence,
        prediction=prediction,
        remedy=remedy(case, f"learning rate {number(rate, 2)}", {"lr": rounded(rate)}, taken),
        explains=("CA204",),
    )
    return Confirmed(finding)


RULE = Rule(
    "CA202",
    "step-too-small",
    "calculus",
    "warning",
    check,
    __doc__ or "",
    reference="Boyd & Vandenberghe (2004), Convex Optimization, §9.3.",
    tasks=(TASK,),
)

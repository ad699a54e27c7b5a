"""The descent stands still on a plateau, at a saddle or in a local minimum, though far less loss is within reach.

What it says

The loss is not convex, and the gradient has all but vanished at a place where the loss is still high. More steps of
this kind do not help. Squared error through a sigmoid or softmax (the Brier loss) is the usual case: rows that are
predicted wrongly *and with confidence* pull on nothing.

The mathematics

A convex loss lies above its tangents, so that at any w its slope towards a lower point w* promises at least the whole
difference, ∇L(w)ᵀ(w − w*) ≥ L(w) − L(w*). Here it promises less than half of it. What kind of place it is the extreme
eigenvalues of the Hessian H say, on standardised columns, where a unit move changes the logit of a typical row by one:

    plateau         no unit move changes the loss by more than 5 % of what is within reach, or only upwards
    saddle          λ_min < 0 beyond its error; the loss was seen to fall by about ½|λ_min|s² over a distance s
    local minimum   H is positive definite and Newton's decrement ½gᵀH⁻¹g next to nothing

The Brier loss has slope 2(π − y) π(1 − π) in the logit: at π = 0.999 and y = 0 the loss is 1, and the slope 0.002. The
log-loss has slope π − y there.

What is within reach is the lowest point that was found, walking down from the minimum
of the log-loss and from the best constant; of a loss that is not convex nobody can know that it is the lowest. What a
fresh start at zero should reach is told by the quadratic model there, L(0) − ½gᵀH⁻¹g, which is the residual variance of
least squares on the indicators of the classes.

Why it hurts

The loss curve is flat and looks converged. The probabilities are 0 and 1 and often wrong.

What to do

Minimise the log-loss, which has no such places; start at zero or nearby; take a smaller step, if it was the step that
threw the parameters there. All that apply are run for as many steps and the best is proposed. Momentum and adaptive
rules leave a plateau sooner, and not soon. References: Boyd & Vandenberghe (2004), Convex Optimization, §3.1.3; Solla,
Levin & Fleisher (1988), Complex Systems 2, 625-640; Dauphin et al. (2014), NeurIPS 27.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from whyfit.calculus.standstill import FLAT, PROMISED, Standstill
from whyfit.diagnosis.descent import RELEVANT, TASK, DescentCase
from whyfit.diagnosis.descent_escapes import (
    Escape,
    accuracy,
    escapes,
    saturated,
    within_reach,
)
from whyfit.diagnosis.descent_trials import measured, share
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import latex, listed, number

_NOTHING = 1e-6
_NAMED = 3  # columns of a direction
_WEIGHTY = 0.1  # of the heaviest, from which a column is named


def check(case: DescentCase) -> Iterator[Suspicion]:
    """A certain fact of one run."""
    if case.stuck is not None:
        yield Suspicion(lambda: _confirm(case))


def _confirm(case: DescentCase) -> Confirmed | None:
    stuck = case.stuck
    assert stuck is not None
    tried = escapes(case)
    best = tried[0]
    if not best.left * RELEVANT < case.left:
        return None  # nothing that should get away does: the place is not what holds it
    end, reach = case.problem.objective.loss(case.end), case.least
    lam_min, lam_max = stuck.point.smallest, stuck.point.largest
    evidence = [
        Evidence("loss at the end", end),
        Evidence("lowest loss that was found", reach),
        Evidence("share of the difference that a unit move along the gradient gains", stuck.gradient, FLAT),
        Evidence("λ_min", sum(lam_min) / 2, low=lam_min[0], high=lam_min[1]),
        Evidence("λ_max", sum(lam_max) / 2, low=lam_max[0], high=lam_max[1]),
        Evidence(
            "slope towards it, of the difference (convex: 1 or more)", stuck.promise, PROMISED,
            formula=r"\nabla L^\top (w - w^*) / (L - L^*) = " + latex(stuck.promise, 2),
        ),
        Evidence("rows predicted with more than 99 %", saturated(case.problem, case.end)),
        Evidence("predicted right at the end", accuracy(case.problem, case.end), unit="of the rows"),
        *(Evidence(f"after: {e.name}", e.accuracy, unit="of the rows") for e in tried),
    ]  # fmt: skip
    severity = "error" if end > case.problem.constant_loss else "warning"
    subject, said, prediction = _told(case, stuck, best)
    finding = RULE.finding(
        severity,
        subject,
        said,
        evidence=evidence,
        prediction=prediction,
        remedy=measured(best.name, best.edit, case.left, best.left),
        explains=("CA201", "CA202", "CA203", "CA204", "CA219"),
    )
    return Confirmed(finding)


def _told(case: DescentCase, stuck: Standstill, best: Escape) -> tuple[tuple[str, ...], str, str]:
    """Subject, message and prediction."""
    end = number(case.problem.objective.loss(case.end), 3)
    reach = number(case.least, 3)
    fall, lam = stuck.point.fall, sum(stuck.point.smallest) / 2
    if stuck.kind == "saddle" and fall is not None:
        names = direction_names(case, fall.direction)
        along = listed(names)
        return (
            names,
            f"a saddle at {end}, where {reach} is within reach: λ_min = {number(lam, 2)}, the loss falls along {along}",
            f"predicted {number(fall.predicted, 3)} over {number(fall.step, 2)} along {along}   observed "
            f"{number(fall.observed, 3)}",
        )
    place = "plateau" if stuck.kind == "plateau" else "local minimum"
    said = f"a {place} at {end}, where {reach} is within reach: "
    if stuck.kind == "plateau":
        said += (
            f"the slope towards it is {_little(stuck.promise)} of what a convex loss has at least; "
            f"{number(100 * saturated(case.problem, case.end), 2)} % of the rows are all but certain"
        )
    else:
        said += f"the loss rises all round (λ_min = {number(lam, 2)}), and its slope is nothing"
    if "loss" in best.edit:
        low = case.problem.log_loss.lowest
        told = f"the log-loss leads to {number(case.problem.unit.loss(low.w), 3)}"
    else:
        told = f"a start at zero can fall to {number(within_reach(case.problem), 3)}"
    seen = best.left * case.first + case.least
    return (), said, f"predicted {told}   observed {number(seen, 3)}"


def _little(x: float) -> str:
    """A share that may be next to nothing."""
    return share(x) if x >= _NOTHING else "less than a millionth"


def direction_names(case: DescentCase, direction: np.ndarray) -> tuple[str, ...]:
    """The columns that weigh most in a direction on standardised columns."""
    weights = np.abs(direction).reshape(-1, case.problem.kind.outputs).max(axis=1)
    names = ("(intercept)", *case.names)
    order = np.argsort(-weights)[:_NAMED]
    return tuple(names[j] for j in order if weights[j] > _WEIGHTY * weights[order[0]])


RULE = Rule(
    "CA208",
    "plateau-or-saddle",
    "calculus",
    "error",
    check,
    __doc__ or "",
    reference="Boyd & Vandenberghe (2004), Convex Optimization, §3.1.3; Dauphin et al. (2014), NeurIPS 27.",
    tasks=(TASK,),
)

"""Mini-batches keep the loss above its minimum; more steps of this size do not help.

What it says

The gradient of a batch differs so much from that of all rows that the parameters wander about the minimum. The loss has
stopped falling at the level theory gives for this step and batch size.

The mathematics

Near the minimum every direction receives noise of variance v_iᵀΣv_i/B per step and forgets it at the rate ηλ_i, so that
the excess loss settles at about

    η tr Σ / (4B)      (gradient descent, small η; with momentum 1/(1 − β) of it)

with Σ the covariance of the gradient over the rows and B the batch size; whyfit solves the exact mean-square recursion,
in which the noise itself grows with the distance. How many rows make noise and gradient equally strong is the *gradient
noise scale* tr Σ/‖∇L‖²: far above B, a step is mostly noise.

Why it hurts

The last parameters are a draw, not the minimum: another seed returns others, and training longer changes nothing.

What to do

Let the step fall like 1/t or along a cosine, or take larger batches: both are tried and the better one is proposed.
References: Mandt, Hoffman & Blei (2017), JMLR 18(134); McCandlish et al. (2018), arXiv 1812.06162.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from whyfit.calculus.schedules import Cosine
from whyfit.calculus.walk import walk
from whyfit.diagnosis.descent import TASK, DescentCase
from whyfit.diagnosis.descent_trials import DRAWN, remedy, share
from whyfit.diagnosis.finding import Evidence, Remedy
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import number

#: Times the batch size that the noise scale has to reach. At 1 noise and gradient are equally strong (McCandlish et
#: al. 2018, §2.2); where the loss no longer falls that is enough.
NOISY = 1.0
_LARGER = 8  # times the batch


def check(case: DescentCase) -> Iterator[Suspicion]:
    """A certain fact of one run."""
    if case.outcome != "noise floor" or case.batch is None or case.unsettled:
        return
    if case.noise >= NOISY * case.batch or case.batches_hold:
        yield Suspicion(lambda: _confirm(case))


def _confirm(case: DescentCase) -> Confirmed | None:
    assert case.batch is not None
    told = case.floor / case.first if case.floor is not None and not case.heavy else np.nan
    seen = case.left if case.heavy or case.young else case.tail
    if math.isfinite(told) and not told / DRAWN <= seen <= told * DRAWN:
        return None
    evidence = [
        Evidence("gradient noise scale at the end", case.noise, NOISY * case.batch, unit="rows",
                 formula=r"\mathrm{tr}\,\Sigma / \lVert\nabla L\rVert^2"),
        Evidence("share of the excess loss it settled at", seen, predicted=told if math.isfinite(told) else None),
    ]  # fmt: skip
    made = _remedy(case, seen)
    assert made.trial is not None
    if not math.isfinite(told) and not made.trial.helped:
        return None
    finding = RULE.finding(
        "warning",
        (),
        f"batches of {case.batch:,} at η = {number(case.rate, 3)} hold {share(seen)} of the excess loss; it no longer "
        f"falls",
        evidence=evidence,
        prediction=(
            f"predicted it settles at {share(told)} of the excess loss   observed {share(seen)}"
            if math.isfinite(told)
            else f"predicted less noise leaves less of it   observed {share(made.trial.after)}, not {share(seen)}"
        ),
        remedy=made,
        explains=("CA204",),
    )
    return Confirmed(finding)


def _remedy(case: DescentCase, seen: float) -> Remedy:
    assert case.batch is not None
    falling = remedy(
        case, "let the step fall along a cosine", {"schedule": "cosine"},
        case.at(case.rate, schedule=Cosine(case.plan.steps)), seen,
    )  # fmt: skip
    size = min(_LARGER * case.batch, case.problem.n)
    plan = dataclasses.replace(case.plan, batch=size)
    larger = remedy(
        case,
        f"batches of {size:,}",
        {"batch": size},
        walk(case.problem.objective, plan, case.problem.begin),
        seen,
    )
    made = [r for r in (falling, larger) if r.trial is not None]
    return max(made, key=lambda r: r.trial.difference if r.trial else -math.inf)


RULE = Rule(
    "CA219",
    "noisy-gradients",
    "calculus",
    "warning",
    check,
    __doc__ or "",
    reference="Mandt, Hoffman & Blei (2017), JMLR 18(134); McCandlish et al. (2018), arXiv 1812.06162.",
    tasks=(TASK,),
)

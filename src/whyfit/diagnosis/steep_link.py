"""A log link that grows too fast: e^η predicts the mean worse than a straight line does.

Under Poisson and gamma loss a row counts by its relative error, so that a few rows far out, where e^η is far above any
y, cost the fit little; of the squared error they may carry all. Both means are judged on the same held-out rows by
R² over all folds together; R² of single folds is as noisy as their largest rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from jaxtyping import Float

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import Measure
from whyfit.diagnosis.rule import Confirmed, Proposal, Suspicion
from whyfit.diagnosis.words import fixed, number, percent

#: R² that a log link may cost: five times what remedies may, as no interval guards it.
LIMIT = 0.05
#: With fewer rows R² hangs on the largest one or two: of 40 simulated tables of Poisson counts whose mean is e^η, 8 of
#: 60 rows, 3 of 100 and none of 150 had the straight line ahead by LIMIT.
_FEWEST_ROWS = 150


def _pooled_r2(case: Case) -> Float[np.ndarray, " k"]:
    total = case.moments.total
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = 1 - np.nanmean(case.scores["mse"]) * total.n / total.scatter[-1, -1]
    return np.full(case.k, r2)


POOLED_R2 = Measure("held-out R² of all folds", _pooled_r2)


def suspicions(case: Case, finding: Callable[..., Any]) -> Iterator[Suspicion]:
    """A fact of the held-out rows."""
    if case.n < _FEWEST_ROWS or case.linear.df < 3:
        return
    straight = case.rerun({"loss": "squared"})
    if straight.task != case.task:  # two values: classes
        return
    here, there = (float(_pooled_r2(c)[0]) for c in (case, straight))
    if there - here > LIMIT and there > 0:
        yield Suspicion(lambda: _confirm(case, here, there, finding))


def _confirm(case: Case, here: float, there: float, finding: Callable[..., Any]) -> Confirmed:
    target, s = case.spec.target, case.sample
    e = (s.y - case.held_out) ** 2
    top = np.sort(e)[-max(1, round(0.01 * len(e))) :]
    share = float(top.sum() / e.sum())
    largest, seen = float(np.max(case.held_out)), float(s.y.max())
    message = (
        f"the log link predicts the mean of {target} worse than a straight line: held-out R² {_r2(here)} against"
        f" {_r2(there)}; 1 % of rows carry {percent(share)} of the squared error (largest prediction"
        f" {number(largest, 3)}, largest {target} {number(seen, 3)})"
    )
    evidence = (
        Evidence("held-out R² of all folds", here, limit=there - LIMIT),
        Evidence("held-out R² under squared loss", there),
        Evidence("squared error owed to the top 1 % of rows", share),
        Evidence("largest held-out prediction", largest, limit=seen, unit=target),
    )
    return Confirmed(
        finding("warning", (target,), message, evidence=evidence),
        (Proposal("squared loss", {"loss": "squared"}, POOLED_R2),),
    )


def _r2(x: float) -> str:
    return fixed(x, 2) if abs(x) < 100 else number(x, 2)

"""What helps against shifted rows, tried: training on some of them too, or weighting the training rows.

The labelled new rows are cut into folds. Each is predicted by a fit on the training rows alone, and by one on these and
the other folds, or on these under importance weights; the losses of each fold are paired.
"""

from __future__ import annotations

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Remedy, Trial
from whyfit.diagnosis.measures import Measure
from whyfit.diagnosis.refits import losses_under
from whyfit.diagnosis.shift import Losses, Shift
from whyfit.diagnosis.trial import paired

FOLDS = 5
#: Labelled new rows below which nothing is tried.
FEWEST = 50
#: Training and new rows that take part.
ROWS = 5_000


def remedies(case: Case, shift: Shift, losses: Losses) -> Remedy | None:
    """The first that helped, otherwise the first tried; None where none can be."""
    y = shift.y_B
    if y is None or np.isfinite(y).sum() < FEWEST:
        return Remedy("collect the target of some new rows and train on them too", {})
    known = np.isfinite(y)
    B, y = shift.B[known], y[known]
    order = np.random.default_rng([case.spec.seed, len(y)]).permutation(len(y))
    fold = np.empty(len(y), int)
    fold[order] = np.arange(len(y)) % FOLDS
    alone = losses_under(case, shift.A, shift.y_A, B, y)
    if alone is None:
        return None
    before = np.array([alone[fold == j].mean() for j in range(FOLDS)])
    trained = np.empty(FOLDS)
    for j in range(FOLDS):
        mine = fold == j
        X = np.vstack([shift.A, B[~mine]])
        t = np.concatenate([shift.y_A, y[~mine]])
        lost = losses_under(case, X, t, B[mine], y[mine])
        trained[j] = np.nan if lost is None else lost.mean()
    found = [Remedy("train on the new rows too", {}, _trial(case, before, trained))]
    if case.loss == "squared" and losses.told:
        after = losses_under(case, shift.A, shift.y_A, B, y, losses.weights)
        assert after is not None
        per = np.array([after[fold == j].mean() for j in range(FOLDS)])
        name = "weight the training rows by how like the new ones they are"
        found.append(Remedy(name, {}, _trial(case, before, per)))
    return next((r for r in found if r.trial and r.trial.helped), found[0])


def _trial(case: Case, before: np.ndarray, after: np.ndarray) -> Trial:
    squared = case.loss == "squared"
    name = "squared error on new rows" if squared else "log loss on new rows"
    measure = Measure(name, lambda _: before, "lower", "ratio" if squared else "difference")
    return paired(before, after, measure, case.spec.confidence)

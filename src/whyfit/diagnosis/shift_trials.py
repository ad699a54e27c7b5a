"""What helps against shifted rows, tried: training on some of them too, or weighting the training rows.

The labelled new rows are cut into folds. Each is predicted by a fit on the training rows alone, and by one on these and
the other folds, or on these under importance weights; the losses of each fold are paired.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Remedy, Trial
from whyfit.diagnosis.measures import Measure
from whyfit.diagnosis.shift import Losses, Shift
from whyfit.diagnosis.trial import paired
from whyfit.probability import logistic, multinomial
from whyfit.probability.predictive import LogisticLaw, MultinomialLaw

FOLDS = 5
#: Labelled new rows below which nothing is tried.
FEWEST = 50
#: Training and new rows that take part.
ROWS = 5_000


def remedies(case: Case, shift: Shift, losses: Losses) -> Remedy | None:
    """The first that helped, otherwise the first tried; None where none can be."""
    if case.loss not in ("squared", "log-loss"):
        return None
    y = shift.y_B
    if y is None or np.isfinite(y).sum() < FEWEST:
        return Remedy("collect the target of some new rows and train on them too", {})
    known = np.isfinite(y)
    B, y = shift.B[known], y[known]
    order = np.random.default_rng([case.spec.seed, len(y)]).permutation(len(y))
    fold = np.empty(len(y), int)
    fold[order] = np.arange(len(y)) % FOLDS
    alone = _losses(case, shift.A, shift.y_A, B, y)
    before = np.array([alone[fold == j].mean() for j in range(FOLDS)])
    trained = np.empty(FOLDS)
    for j in range(FOLDS):
        mine = fold == j
        X = np.vstack([shift.A, B[~mine]])
        t = np.concatenate([shift.y_A, y[~mine]])
        trained[j] = _losses(case, X, t, B[mine], y[mine]).mean()
    found = [Remedy("train on the new rows too", {}, _trial(case, before, trained))]
    if case.loss == "squared" and losses.told:
        after = _losses(case, shift.A, shift.y_A, B, y, losses.weights)
        per = np.array([after[fold == j].mean() for j in range(FOLDS)])
        name = "weight the training rows by how like the new ones they are"
        found.append(Remedy(name, {}, _trial(case, before, per)))
    return next((r for r in found if r.trial and r.trial.helped), found[0])


def _trial(case: Case, before: np.ndarray, after: np.ndarray) -> Trial:
    squared = case.loss == "squared"
    name = "squared error on new rows" if squared else "log loss on new rows"
    measure = Measure(name, lambda _: before, "lower", "ratio" if squared else "difference")
    return paired(before, after, measure, case.spec.confidence)


def _losses(
    case: Case,
    X: np.ndarray,
    y: np.ndarray,
    at: np.ndarray,
    truth: np.ndarray,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Loss of rows `at` under the model of the case fitted to (X, y)."""
    ridge = case.spec.ridge
    if case.loss == "squared":
        return (truth - _linear(X, y, at, ridge, weights)) ** 2
    scale = X.std(axis=0)
    live = scale > 0
    X, at = X[:, live] / scale[live], at[:, live] / scale[live]
    ridge = max(ridge, 1e-6 * len(X))  # classes may be separable in a part of the rows
    if case.task == "binary":
        law = LogisticLaw.of(logistic.fit_arrays(X, y, ridge=ridge).fit)
        P = law.probability(at)
    else:
        classes = tuple(case.design.classes)
        P = np.full((len(at), len(classes)), 1e-12)
        there, code = np.unique(y, return_inverse=True)
        fit = multinomial.fit_arrays(X, code.astype(float), ridge=ridge).fit
        P[:, there.astype(int)] = MultinomialLaw.of(fit).probability(at)
    p = np.clip(P[np.arange(len(at)), truth.astype(int)], 1e-12, 1.0)
    return -special.xlogy(1.0, p)


def _linear(X, y, at, ridge, weights) -> np.ndarray:
    """Predictions of (weighted) least squares on unit-variance columns, with the penalty of the case."""
    w = np.ones(len(y)) if weights is None else weights
    mean, centre = w @ X / w.sum(), w @ y / w.sum()
    scale = np.sqrt(w @ (X - mean) ** 2 / w.sum())
    live = scale > 1e-12 * np.maximum(np.abs(mean), 1e-300)
    Z = (X - mean)[:, live] / scale[live]
    A = (Z * w[:, None]).T @ Z + ridge * np.eye(int(live.sum()))
    coef = np.linalg.lstsq(A, (Z * w[:, None]).T @ (y - centre), rcond=1e-12)[0]
    return centre + (at - mean)[:, live] / scale[live] @ coef

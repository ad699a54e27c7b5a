"""The model of a case fitted to other rows in memory, and what it loses on others still."""

from __future__ import annotations

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.held_out import log_losses
from whyfit.probability import logistic, multinomial
from whyfit.probability.predictive import LogisticLaw, MultinomialLaw


def losses_under(
    case: Case,
    X: np.ndarray,
    y: np.ndarray,
    at: np.ndarray,
    truth: np.ndarray,
    weights: np.ndarray | None = None,
) -> np.ndarray | None:
    """Loss of rows `at`, whose target is `truth`, under the model of the case fitted to (X, y).

    Squared error, or −log p; None under other losses, and where (X, y) lacks a class. `weights` of least squares only.
    """
    ridge = case.spec.ridge
    if case.loss not in ("squared", "log-loss"):
        return None
    if case.loss == "squared":
        return (truth - _linear(X, y, at, ridge, weights)) ** 2
    if len(np.unique(y)) < len(case.design.classes):
        return None
    scale = X.std(axis=0)
    live = scale > 0
    X, at = X[:, live] / scale[live], at[:, live] / scale[live]
    ridge = max(ridge, 1e-6 * len(X))  # classes may be separable in a part of the rows
    if case.task == "binary":
        law = LogisticLaw.of(logistic.fit_arrays(X, y, ridge=ridge).fit)
        P = law.probability(at)
    else:
        P = MultinomialLaw.of(multinomial.fit_arrays(X, y, ridge=ridge).fit).probability(at)
    return log_losses(truth, P)


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

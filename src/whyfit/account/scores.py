"""Scores of a Case over its folds, beside those of training and of the constant predictor."""

from __future__ import annotations

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.probability.evidence import ridge_by_evidence
from whyfit.probability.glm import GLMFit
from whyfit.probability.linear import LinearFit
from whyfit.probability.validation import FoldScores, over_folds
from whyfit.report.document import Score


def _score(values: np.ndarray, level: float) -> Score:
    e = over_folds(values, level)
    return Score(e.value, e.low, e.high, tuple(map(float, values)))


def _group(scores: FoldScores, names: tuple[str, ...], level: float) -> dict[str, Score]:
    known = [n for n in names if n in scores and np.isfinite(scores[n]).any()]
    group = {n: _score(scores[n], level) for n in known}
    if "mse" in scores:
        group["rmse"] = _score(np.sqrt(scores["mse"]), level)
    return group


def scores_of(case: Case) -> dict[str, dict[str, Score]]:
    level, fit = case.spec.confidence, case.fit
    if isinstance(fit, LinearFit):
        names = ("r2", "log_score")
        ridge = case.spec.ridge or ridge_by_evidence(case.moments.total)
        return {
            "held_out": _group(case.scores, names, level),
            "training": {
                "r2": Score(fit.r2),
                "rmse": Score(float(np.sqrt(fit.rss / fit.n))),
            },
            "ridge": _group(case.scores_under(ridge), names, level),
            "constant": _group(case.baseline, names, level),
        }
    if isinstance(fit, GLMFit):
        names = ("r2", "mae", "deviance_explained", "log_score")
        training = {} if fit.family == "huber" else {"deviance_explained": Score(fit.r2)}
        return {
            "held_out": _group(case.scores, names, level),
            "training": training,
            "constant": _group(case.baseline, names, level),
        }
    names = ("log_loss", "skill", "accuracy", "balanced_accuracy", "brier")
    constant = {
        "log_loss": _score(case.scores["null_log_loss"], level),
        "accuracy": _score(case.scores["null_accuracy"], level),
    }
    return {
        "held_out": _group(case.scores, names, level),
        "training": {
            "log_loss": Score(-fit.log_likelihood / fit.n),
            "skill": Score(1 - fit.log_likelihood / fit.null_log_likelihood),
        },
        "constant": constant,
    }

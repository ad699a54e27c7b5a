"""Out-of-fold predictions of a case's sample, and the map its probabilities are passed through.

Each row is predicted by the coefficients of the training set it is not in. With `Spec.recalibrate` the map of new rows
is learned from these predictions, and the map of each fold from those of the other folds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from whyfit.data.sample import Sample
from whyfit.errors import SpecError
from whyfit.probability import multinomial
from whyfit.probability.calibration_maps import EDGE
from whyfit.probability.glm import GLMFit
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.multinomial import MultinomialFit
from whyfit.probability.predictive import sigmoid
from whyfit.probability.recalibrated_validation import rescored
from whyfit.probability.recalibration import Recalibrated, check_map
from whyfit.probability.scores.proper import log_loss_rows
from whyfit.probability.validation import FoldScores

if TYPE_CHECKING:
    from whyfit.data.design import Design
    from whyfit.diagnosis.case import Case
    from whyfit.spec import Spec

#: Choices of what is done with probabilities, under which the fit and its cross-validation stay as they are.
USES = frozenset({"recalibrate", "threshold", "costs"})
#: What is the same under specs that differ only in these.
_SAME = (
    "all_rows", "rows", "moments", "excluded", "linear", "fit", "_columns", "residuals", "sample", "_validated",
    "out_of_fold", "called_at",
)  # fmt: skip


def check_use(spec: Spec, design: Design) -> None:
    """SpecError for a map or costs that the task has no use for."""
    target, classes = design.target.name, len(design.classes)
    check_map(spec.recalibrate, design.task, classes, target)
    if spec.costs is None or design.task == "binary":
        return
    what = "is a number" if design.task == "regression" else f"has {classes} classes"
    raise SpecError(
        f"costs are of a false positive and a false negative, and the target '{target}' {what}; leave them out."
    )


def fitted(case: Case) -> dict[str, Any]:
    """What is known of a case whatever becomes of its probabilities."""
    return {name: case.__dict__[name] for name in _SAME if name in case.__dict__}


def out_of_fold(case: Case) -> Float[np.ndarray, " s"]:
    """ŷ of the sample, P(second class), or (s, C) probabilities; before any recalibration."""
    s, B = case.sample, case.training_coefficients
    if isinstance(case.fit, LogisticFit):
        return sigmoid(_own_predictions(_all_columns(case.fit, B, case.p), s))
    if isinstance(case.fit, MultinomialFit):
        return multinomial.held_out(case.fit, B, s)
    eta = _own_predictions(B, s)
    return case.fit.mean_of(eta) if isinstance(case.fit, GLMFit) else eta


def _all_columns(fit: LogisticFit, B: np.ndarray, p: int) -> Float[np.ndarray, "k c"]:
    """Coefficients of (1, x) from those of (1, kept columns − centre)."""
    W = np.zeros((len(B), p + 1))
    W[:, 1:][:, ~fit.dropped] = B[:, 1:]
    W[:, 0] = B[:, 0] - B[:, 1:] @ fit.optimum.centre
    return W


def _own_predictions(B: Float[np.ndarray, "k c"], s: Sample) -> Float[np.ndarray, " s"]:
    """Of each row by the coefficients of its own fold, intercept first."""
    out = np.empty(len(s.y))
    for j in np.unique(s.fold):
        rows = s.fold == j
        out[rows] = B[j, 0] + s.X[rows] @ B[j, 1:]
    return out


def of_classes(p: Float[np.ndarray, "s ..."]) -> Float[np.ndarray, "s C"]:
    """A column for every class, also where `p` is the probability of the second of two."""
    return np.column_stack([1 - p, p]) if p.ndim == 1 else p


def log_losses(code: np.ndarray, p: Float[np.ndarray, "s ..."]) -> Float[np.ndarray, " s"]:
    """−log of the probability of the class that came true, which counts as EDGE at least."""
    return log_loss_rows(code.astype(np.int64), np.clip(of_classes(p), EDGE, 1.0))


def recalibration_of(case: Case) -> Recalibrated | None:
    """The maps that `Spec.recalibrate` asks for."""
    if case.spec.recalibrate == "none":
        return None
    s = case.sample
    y = s.y if case.out_of_fold.ndim == 1 else s.y.astype(np.int64)
    return Recalibrated.of(case.spec.recalibrate, y, case.out_of_fold, s.fold, case.k)


def rescored_folds(case: Case) -> FoldScores | None:
    """Held-out scores of all rows under the maps and the threshold; None if cross-validation gave these already."""
    fit, maps = case.fit, case.recalibration
    at = case.spec.called_from
    if not isinstance(fit, LogisticFit | MultinomialFit):
        return None
    if maps is None and (at == case.called_at or isinstance(fit, MultinomialFit)):
        return None
    return rescored(fit, case.training_coefficients, case.all_rows, maps, at, case.engine)

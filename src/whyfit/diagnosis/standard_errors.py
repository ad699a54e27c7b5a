"""Standard errors under `Spec.covariance`, of any fit of a Case: the table, and what goes into a law that predicts.

    classic            the model is right, rows are independent
    HC0 … HC3          their variance may differ (likelihood fits have HC0 only)
    cluster            rows of one group may depend on each other (`Spec.groups`)
    HAC                rows may depend on their neighbours in order (`Spec.order`)

The cases of `probability`: `residuals`, `sandwich` and `few_clusters` for least squares, `score_sandwich` for the rest.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from jaxtyping import Float

from whyfit.data.grouping import labels_of, ranks_of
from whyfit.data.in_order import in_order
from whyfit.probability import score_sandwich
from whyfit.probability.glm import GLMFit
from whyfit.probability.inference import Inference
from whyfit.probability.linear import LinearFit
from whyfit.probability.predictive import GLMLaw, LogisticLaw, MultinomialLaw
from whyfit.probability.sandwich import Meat, cluster_meat, newey_west_meat

if TYPE_CHECKING:
    from whyfit.diagnosis.case import Case

L = TypeVar("L", GLMLaw, LogisticLaw, MultinomialLaw)


@dataclass(frozen=True, eq=False)
class StandardErrors:
    """The table of coefficients; `meat` of a robust least-squares covariance, or the robust `covariance` of another
    fit, ordered as its own; both None for classic errors. `clusters`, `lag`: of the dependence allowed for.
    """

    table: Inference
    meat: Float[np.ndarray, "c c"] | None = None
    covariance: Float[np.ndarray, "c c"] | None = None
    clusters: int | None = None
    lag: int | None = None

    def on(self, law: L) -> L:
        """`law` of a likelihood fit with this covariance."""
        if self.covariance is None:
            return law
        c = len(law.mean) + 1
        J = np.eye(c)  # from (1, x) to (1, x − mean)
        J[0, 1:] = law.mean
        V, place = np.zeros_like(law.covariance), np.ones(len(law.covariance), bool)
        if len(self.covariance) != len(
            V
        ):  # of several classes, which have no place for dropped columns
            place = np.diag(law.covariance) != 0
        V[np.ix_(place, place)] = np.nan_to_num(self.covariance)
        J = np.kron(np.eye(len(V) // c), J)
        return dataclasses.replace(law, covariance=J @ V @ J.T)


def standard_errors(case: Case, kind: str | None = None) -> StandardErrors:
    """Of the case's fit, as `kind` or else its Spec asks for. Errors of a fit without residual degrees of freedom are
    unknown under any.
    """
    kind, fit, level = kind or case.spec.covariance, case.fit, case.spec.confidence
    if isinstance(fit, LinearFit):
        if kind == "classic" or fit.df <= 0:
            return StandardErrors(fit.inference(level))
        if kind in ("cluster", "HAC"):
            meat = _dependent(case, fit, kind)
            table = meat.inference(fit, level)
            return StandardErrors(table, meat.matrix, clusters=meat.clusters, lag=meat.lag)
        M = case.residuals.meat(kind, fit.parameters - 1)
        return StandardErrors(fit.inference(level, M, kind), M)
    if kind == "classic":
        return StandardErrors(fit.inference(level))
    if kind not in ("cluster", "HAC"):
        if isinstance(fit, GLMFit):
            return StandardErrors(fit.inference(level, True), covariance=fit.robust_covariance)
        robust = score_sandwich.hc0(fit, case.rows, case.engine)
    elif kind == "cluster":
        label = labels_of(case.table, case.spec.groups or "")
        robust = score_sandwich.clustered(fit, case.rows, label, case.engine)
    else:
        rank = ranks_of(case.table, case.spec.order)
        robust = score_sandwich.newey_west(fit, in_order(case.rows, rank), engine=case.engine)
    table = robust.inference(fit, level)
    return StandardErrors(table, covariance=robust.matrix, clusters=robust.clusters, lag=robust.lag)


def _dependent(case: Case, fit: LinearFit, kind: str) -> Meat:
    if kind == "cluster":
        label = labels_of(case.table, case.spec.groups or "")
        return cluster_meat(fit, case.rows, label, engine=case.engine)
    rank = ranks_of(case.table, case.spec.order)
    return newey_west_meat(fit, in_order(case.rows, rank), engine=case.engine)

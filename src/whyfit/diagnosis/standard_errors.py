"""Standard errors under `Spec.covariance`, of any fit of a Case: the table, and what goes into a law that predicts.

    classic            the model is right, rows are independent
    HC0 … HC3          their variance may differ (likelihood fits have HC0 only)
    cluster            rows of one group may depend on each other (`Spec.groups`)
    HAC                rows may depend on their neighbours in order (`Spec.order`)

Those of least squares are the ones that cover in small tables, each coefficient with its own degrees of freedom: CR2
(`few_clusters`), EWC (`cosines`), and of small tables HC2 and HC3 (`leveraged`, whose errors are those of `residuals`).
Those of likelihood fits, CR1 and Newey and West, are from `score_sandwich`.
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
from whyfit.probability.cosines import ewc_meat
from whyfit.probability.few_clusters import cr2_meat
from whyfit.probability.glm import GLMFit
from whyfit.probability.inference import Inference
from whyfit.probability.leveraged import own_df
from whyfit.probability.linear import LinearFit
from whyfit.probability.predictive import GLMLaw, LogisticLaw, MultinomialLaw
from whyfit.probability.sandwich import Meat

if TYPE_CHECKING:
    from whyfit.diagnosis.case import Case
    from whyfit.spec import Spec

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


def standard_errors(case: Case, spec: Spec | None = None) -> StandardErrors:
    """Of the case's fit, as `spec` or else its own asks for (its covariance, groups and order). Errors of a fit without
    residual degrees of freedom are unknown under any.
    """
    spec = spec or case.spec
    kind, fit, level = spec.covariance, case.fit, spec.confidence
    if isinstance(fit, LinearFit):
        if kind == "classic" or fit.df <= 0:
            return StandardErrors(fit.inference(level))
        if kind in ("cluster", "HAC"):
            meat = _dependent(case, fit, spec)
            table = meat.inference(fit, level)
            return StandardErrors(table, meat.matrix, clusters=meat.clusters, lag=meat.lag)
        M = case.residuals.meat(kind, fit.parameters - 1)
        dfs = own_df(fit, case.rows, kind, case.engine)
        return StandardErrors(fit.inference(level, M, kind, dfs), M)
    if kind == "classic":
        return StandardErrors(fit.inference(level))
    if kind not in ("cluster", "HAC"):
        if isinstance(fit, GLMFit):
            return StandardErrors(fit.inference(level, True), covariance=fit.robust_covariance)
        robust = score_sandwich.hc0(fit, case.rows, case.engine)
    elif kind == "cluster":
        label = labels_of(case.table, spec.groups or "")
        robust = score_sandwich.clustered(fit, case.rows, label, case.engine)
    else:
        rank = ranks_of(case.table, spec.order)
        robust = score_sandwich.newey_west(fit, in_order(case.rows, rank), engine=case.engine)
    table = robust.inference(fit, level)
    return StandardErrors(table, covariance=robust.matrix, clusters=robust.clusters, lag=robust.lag)


def _dependent(case: Case, fit: LinearFit, spec: Spec) -> Meat:
    if spec.covariance == "cluster":
        label = labels_of(case.table, spec.groups or "")
        return cr2_meat(fit, case.rows, label, engine=case.engine)
    rank = ranks_of(case.table, spec.order)
    return ewc_meat(fit, in_order(case.rows, rank), engine=case.engine)

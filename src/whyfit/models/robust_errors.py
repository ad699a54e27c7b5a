"""The robust covariances of the least-squares estimator, by name.

HC0 … HC3   unequal variances          cluster   CR2, rows of a group depend on each other
HAC         EWC, rows depend on their neighbours in the order in which they are given
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Shaped

from whyfit.data.arrays import ArrayRows
from whyfit.errors import ShapeError, SpecError
from whyfit.probability.cosines import ewc_meat
from whyfit.probability.few_clusters import cr2_meat
from whyfit.probability.leveraged import own_df
from whyfit.probability.linear import LinearFit
from whyfit.probability.residuals import examine
from whyfit.probability.sandwich import Meat

COVARIANCES = ("classic", "HC0", "HC1", "HC2", "HC3", "cluster", "HAC")


def check_covariance(covariance: str, groups: Any, n: int) -> Shaped[np.ndarray, " n"] | None:
    """The groups as an array of one label a row; SpecError or ShapeError if they and `covariance` do not agree."""
    if covariance not in COVARIANCES:
        raise SpecError(f"covariance is {covariance!r}; expected one of {', '.join(COVARIANCES)}.")
    if groups is None:
        if covariance == "cluster":
            raise SpecError("covariance 'cluster' needs groups; give fit one label a row.")
        return None
    label = np.asarray(groups)
    if label.shape != (n,):
        raise ShapeError(
            f"groups have shape {label.shape}; expected one label for each of the {n:,} rows."
        )
    return label


def meat_of(
    fit: LinearFit, rows: ArrayRows, covariance: str, label: Shaped[np.ndarray, " n"] | None
) -> Meat | None:
    """The meat of `covariance`, with degrees of freedom for each coefficient where they are its own; None: classic."""
    if covariance == "classic":
        return None
    if covariance == "cluster" and label is not None:
        return cr2_meat(fit, rows, label)
    if covariance == "HAC":
        return ewc_meat(fit, rows)
    # HC1 divides by n − 1 − rank; through the origin there is one parameter fewer
    M = examine(fit, rows, kinds=(covariance,)).meat(covariance, fit.parameters - 1)
    dfs = own_df(fit, rows, covariance)
    return Meat(M, covariance, fit.df) if dfs is None else Meat.each(M, covariance, dfs)

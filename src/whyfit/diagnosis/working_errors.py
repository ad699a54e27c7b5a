"""Errors of a fit on a scale on which its model gives all of them one variance, and what coefficients make of them.

    least squares   e = y − ŷ          classes   e = (y − p)/√(p(1 − p))     others   e = −ℓ′(η)/√E ℓ″

A coefficient is off by a weighted sum of them, β̂_j − β_j = Σ u_ij ε_i to first order, and the hat matrix is
H_ik = z_iᵀ A z_k with z = √w (1, x − centre), w = E ℓ″ and A the inverse Hessian.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from whyfit.probability.glm import GLMFit
from whyfit.probability.linear import LinearFit
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.score_sandwich import bread_of, slopes_of

if TYPE_CHECKING:
    from whyfit.diagnosis.case import Case

#: Standard errors too small by this factor are off by a tenth (the 10 % change-in-estimate criterion of Maldonado &
#: Greenland 1993, American Journal of Epidemiology 138, 923-936).
WIDENING = 1.1
#: Multiplications for the weights U of all coefficients: half a second. With more columns fewer rows are taken.
_WORK = 4e9
_EXACT = 1e-20  # residuals below this share of the variance are rounding
_FEWEST = 15  # degrees of freedom


def can_judge(case: Case) -> bool:
    """Whether the fit has errors: a maximum, degrees of freedom, and something unexplained."""
    fit = case.fit
    if not isinstance(fit, LinearFit | LogisticFit | GLMFit) or fit.df < _FEWEST:
        return False
    if isinstance(fit, LinearFit):
        return bool(fit.rss > _EXACT * fit.tss)
    return fit.converged


def errors_of(
    case: Case, X: Float[np.ndarray, "s p"], y: Float[np.ndarray, " s"]
) -> Float[np.ndarray, " s"]:
    """Residuals of the fit; of a likelihood −ℓ′(η)/√E ℓ″, which for classes are Pearson's."""
    fit = case.fit
    if isinstance(fit, LinearFit):
        return y - fit.predict(X)
    assert isinstance(fit, LogisticFit | GLMFit)
    slope, weight = slopes_of(fit, X, y)
    return -slope / np.sqrt(np.maximum(weight, 1e-12))


def weights_of(
    case: Case, X: Float[np.ndarray, "s p"], y: Float[np.ndarray, " s"]
) -> Float[np.ndarray, "s c"]:
    """U: how each coefficient (the level at the mean of the columns first, then the columns kept) weighs the errors."""
    fit = case.fit
    if isinstance(fit, LinearFit):
        keep = ~fit.dropped
        D = X[:, keep] - fit.mean[:-1][keep]
        U = np.empty((len(y), D.shape[1] + 1))
        U[:, 0] = 1.0
        np.matmul(D, fit.V[1:, 1:][np.ix_(keep, keep)], out=U[:, 1:])
        return U
    assert isinstance(fit, LogisticFit | GLMFit)
    keep = ~fit.dropped
    D = np.column_stack([np.ones(len(y)), X[:, keep] - fit.optimum.centre])
    weight = slopes_of(fit, X, y)[1]
    return np.sqrt(weight)[:, None] * (D @ bread_of(fit))


def whitened(
    case: Case, X: Float[np.ndarray, "s p"], y: Float[np.ndarray, " s"]
) -> Float[np.ndarray, "s c"]:
    """√w (1, x − centre) of the columns kept: H_ik = z_iᵀ A z_k with A of `hat_factor`."""
    fit = case.fit
    keep = ~fit.dropped
    centre = fit.mean[:-1][keep] if isinstance(fit, LinearFit) else fit.optimum.centre
    Z = np.empty((len(y), len(centre) + 1))
    Z[:, 0] = 1.0
    np.subtract(X[:, keep], centre, out=Z[:, 1:])
    if isinstance(fit, LogisticFit | GLMFit):
        Z *= np.sqrt(slopes_of(fit, X, y)[1])[:, None]
    return Z


def hat_factor(case: Case) -> Float[np.ndarray, "c c"]:
    """A of `whitened`."""
    fit = case.fit
    if isinstance(fit, LinearFit):
        keep = np.concatenate([[False], ~fit.dropped])
        A = np.zeros((fit.rank + 1, fit.rank + 1))
        A[0, 0], A[1:, 1:] = 1 / fit.n, fit.V[np.ix_(keep, keep)]
        return A
    assert isinstance(fit, LogisticFit | GLMFit)
    return bread_of(fit) / (fit.dispersion if isinstance(fit, GLMFit) else 1.0)


def coefficient_names(case: Case) -> tuple[str, ...]:
    """Of the columns of U; the first is the level."""
    gone = case.fit.dropped
    return ("the mean level", *(n for n, g in zip(case.names, gone, strict=True) if not g))


def few_rows(n: int, p: int) -> Int[np.ndarray, " m"]:
    """Rows, evenly spread, for which U is affordable."""
    most = max(int(_WORK / (2 * (p + 1) ** 2)), 500)
    return np.arange(n) if n <= most else np.arange(most) * n // most

"""Joint tests of linear hypotheses Rβ = r: Wald, F and likelihood ratio.

With d = Rβ̂ − r, q independent rows of R and Σ any covariance of β̂,

    W = dᵀ (RΣRᵀ)⁻¹ d → χ²_q,     F = W/q ~ F(q, df)       exactly so for normal errors and the classic Σ
    LR = n log(RSS₀/RSS) → χ²_q,   RSS₀ = RSS + dᵀ(RVRᵀ)⁻¹d      normal errors of one variance

LR rejects too often where n is not many times the number of coefficients (five slopes at n = 20: 13 % for
nominal 5 %, tests/probability/test_hypotheses.py); F does not.

Reference: Seber & Lee (2003), Linear Regression Analysis, ch. 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.errors import ShapeError, SpecError
from whyfit.probability.distributions import chi2_upper, f_upper
from whyfit.probability.linear import LinearFit

#: Reciprocal condition number of R at unit scale below which its rows say one thing twice.
_DEPENDENT = 1e-10


@dataclass(frozen=True, slots=True)
class JointTest:
    """A statistic, its degrees of freedom (df2 is ∞ for χ²) and P(one as large | Rβ = r)."""

    kind: str
    statistic: float
    df1: float
    df2: float
    p_value: float


def contrasts(
    names: Sequence[str], hypotheses: Sequence[Mapping[str, float]]
) -> Float[np.ndarray, "q c"]:
    """R from {name: factor}: [{"a": 1, "b": -1}, {"c": 1}] says a = b and c = 0.

    Raises SpecError for a name there is not.
    """
    R = np.zeros((len(hypotheses), len(names)))
    for i, row in enumerate(hypotheses):
        for name, factor in row.items():
            if name not in names:
                raise SpecError(
                    f"there is no coefficient '{name}'; coefficients: {', '.join(names)}."
                )
            R[i, names.index(name)] = factor
    return R


def wald_test(
    estimate: Float[np.ndarray, " c"],
    covariance: Float[np.ndarray, "c c"],
    R: Float[np.ndarray, "q c"],
    r: Float[np.ndarray, " q"] | None = None,
    df: float = np.inf,
) -> JointTest:
    """Wald's test of Rβ = r (r = 0 if None): F(q, df), or χ²_q if df is ∞.

    NaN if a coefficient that R uses is NaN, or df ≤ 0. Where Σ is singular on R (an exact fit), F is ∞ unless d is 0.
    Raises ShapeError for sizes that do not fit or dependent rows of R.
    """
    d, spread, q = apart(estimate, covariance, R, r)
    kind = "chi2" if np.isinf(df) else "F"
    if not (np.isfinite(d).all() and np.isfinite(spread).all() and df > 0):
        return JointTest(kind, np.nan, q, df, np.nan)
    W = _quadratic(spread, d)
    if np.isinf(df):
        return JointTest(kind, W, q, df, chi2_upper(W, q))
    return JointTest(kind, W / q, q, df, f_upper(W / q, q, df))


def linear_test(
    fit: LinearFit,
    R: Float[np.ndarray, "q c"],
    r: Float[np.ndarray, " q"] | None = None,
    covariance: Float[np.ndarray, "c c"] | None = None,
    df: float | None = None,
) -> JointTest:
    """F test of Rβ = r for a linear fit; R has a column for the intercept, first.

    `covariance` is the classic one, or e.g. that of `sandwich.Meat`, whose `df` should be given too. For few clusters
    that rejects too often (`joint_clusters` has a test that does not).
    """
    beta = np.append(fit.intercept, np.where(fit.dropped, np.nan, fit.coef))
    Sigma = fit.sigma2 * fit.V if covariance is None else covariance
    return wald_test(beta, Sigma, R, r, fit.df if df is None else df)


def likelihood_ratio(
    fit: LinearFit, R: Float[np.ndarray, "q c"], r: Float[np.ndarray, " q"] | None = None
) -> JointTest:
    """Likelihood-ratio test of Rβ = r under normal errors, without fitting again."""
    beta = np.append(fit.intercept, np.where(fit.dropped, np.nan, fit.coef))
    d, spread, q = apart(beta, fit.V, R, r)
    if not (np.isfinite(d).all() and np.isfinite(spread).all()):
        return JointTest("LR", np.nan, q, np.inf, np.nan)
    extra = _quadratic(spread, d)
    with np.errstate(divide="ignore", invalid="ignore"):
        LR = float(fit.n * np.log1p(np.divide(extra, fit.rss))) if extra else 0.0
    return JointTest("LR", LR, q, np.inf, chi2_upper(LR, q))


def apart(estimate, covariance, R, r):
    """Rβ̂ − r, RΣRᵀ and q, with rows of R checked; NaN coefficients that R does not use are left out."""
    beta, R = np.asarray(estimate, dtype=float), np.asarray(R, dtype=float)
    if R.ndim != 2 or R.shape[1] != beta.size or not len(R):
        raise ShapeError(
            f"R has shape {R.shape}; expected (q, {beta.size}), a column per coefficient, q ≥ 1."
        )
    q = len(R)
    r = np.zeros(q) if r is None else np.asarray(r, dtype=float)
    if r.shape != (q,):
        raise ShapeError(f"r has shape {r.shape} and R {R.shape}; expected ({q},).")
    length = np.linalg.norm(R, axis=1)
    unit = R / np.where(length > 0, length, 1.0)[:, None]
    singular = np.linalg.svd(unit, compute_uv=False)
    if q > R.shape[1] or singular[-1] <= _DEPENDENT * singular[0]:
        raise ShapeError("rows of R are zero or dependent; state each hypothesis once.")
    used = (R != 0).any(axis=0)
    R = R[:, used]
    return R @ beta[used] - r, R @ np.asarray(covariance)[np.ix_(used, used)] @ R.T, q


def _quadratic(A: Float[np.ndarray, "q q"], d: Float[np.ndarray, " q"]) -> float:
    """dᵀA⁻¹d with A at unit diagonal; ∞ if A is singular and d is not 0."""
    if not d.any():
        return 0.0
    scale = np.sqrt(np.diag(A))
    if not (scale > 0).all():
        return np.inf
    z = d / scale
    try:
        half = np.linalg.solve(np.linalg.cholesky(A / scale / scale[:, None]), z)
    except np.linalg.LinAlgError:
        return np.inf
    return float(half @ half)

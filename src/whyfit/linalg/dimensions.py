"""How many principal components are worth keeping: two answers, and which to prefer.

*Evidence.* A component is worth its parameters if it makes new rows more probable. Under probabilistic PCA with k
components fitted on the rows outside fold j (mean μ, eigenpairs λ_i, v_i, noise σ_k²), the rows in it, of second moment
M about μ, have the mean log density

    −½ [ p ln 2π + Σ_{i≤k}(ln λ_i + v_iᵀMv_i/λ_i) + (p − k) ln σ_k² + Σ_{i>k} v_iᵀMv_i/σ_k² ]

for every k at once from one eigendecomposition per fold: no second pass over the rows. `evidence` is the fewest
components whose held-out density is within one standard error (paired over folds) of the best.

*Parallel analysis.* λ_j counts while it exceeds the 95 % point of the j-th eigenvalue of *independent* columns of the
same variances (Horn, Glorfeld). Those are simulated from the Wishart law itself (Bartlett), p² numbers a draw
whatever n; beyond SIMULATED columns the Tracy–Widom law of the largest of p − j + 1 of equal variance stands in.

Evidence takes noise to be alike in all directions, parallel analysis the largest columns to be innocent. On columns of
one unit with noise of one size both are right; a single overwhelming component hides weaker ones from parallel
analysis; unequal noise makes the evidence keep components for the noise's sake. So the evidence is recommended
unless it asks for so many that its own noise model has failed (more than half of all); then parallel analysis, of
columns scaled to one variance, for units must not decide.

References: Tipping & Bishop (1999), J. R. Stat. Soc. B 61; Minka (2000), NIPS 13; Horn (1965), Psychometrika 30;
Glorfeld (1995), Educ. Psychol. Meas. 55; Johnstone (2001), Ann. Stat. 29(2), 295-327.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh, eigvalsh

from whyfit.errors import ShapeError
from whyfit.linalg.components import principal_components
from whyfit.linalg.conditioning import correlation
from whyfit.linalg.moments import FoldMoments, Moments

QUANTILE = 0.95  # Glorfeld (1995)
TRACY_WIDOM_95 = 0.9793  # 95 % point of the Tracy–Widom law of order 1 (Johnstone 2001, table 1)
SIMULATED = (
    400  # columns up to which the null is simulated: one eigendecomposition of p × p per draw
)
_WORK = 2e8  # columns³ × draws that a simulation may cost, about a second
_FEWEST_DRAWS, _MOST_DRAWS = 40, 400
#: A variance below this share of the largest is rounding: no density can be built on it.
_NOTHING = 1e-13


@dataclass(frozen=True, slots=True)
class HeldOutDensity:
    """`scores[j, k]`: mean log density per row of fold j under k components; NaN where σ² would be 0."""

    scores: Float[np.ndarray, "g k"]
    best: int
    chosen: int  # fewest within one standard error of the best


@dataclass(frozen=True, slots=True)
class Parallel:
    """`thresholds[j]`: 95 % point of the (j+1)-th variance of independent columns; `count` exceed theirs in a row."""

    count: int
    variances: Float[np.ndarray, " p"]
    thresholds: Float[np.ndarray, " p"]


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Both counts and the `recommended` one, with the reason in a sentence."""

    evidence: int
    parallel: int
    recommended: int
    why: str


def held_out_density(folds: FoldMoments, *, unit_variance: bool = False) -> HeldOutDensity:
    """Probabilistic PCA with 0, 1, …, p − 1 components, scored on rows it has not seen.

    With `unit_variance` columns are divided by their overall standard deviation. Raises ShapeError if fewer than two
    folds hold rows, or nothing varies.
    """
    scatter, offset = folds.scatter, folds.offset
    if unit_variance:
        d = np.sqrt(np.diag(folds.total.scatter) / max(folds.total.n - 1, 1))
        d = np.where(d > 0, d, 1.0)
        scatter, offset = scatter / d / d[:, None], offset / d
    folds = FoldMoments(folds.n, offset, scatter, np.zeros(offset.shape[1]))
    used = [j for j in range(folds.k) if 0 < folds.n[j] < folds.total.n - 1]
    if len(used) < 2:
        raise ShapeError(
            f"{len(used)} folds hold rows; a held-out density needs at least two, of two rows."
        )
    scores = np.array([_density(folds.without(j), folds.fold(j)) for j in used])
    mean = scores.mean(axis=0)
    if not np.isfinite(mean).any():
        raise ShapeError("no column varies; expected at least one that does.")
    best = int(np.nanargmax(mean))
    loss = scores[:, best : best + 1] - scores
    # one standard error, of overlapping training sets (Nadeau & Bengio 2003)
    g = len(used)
    error = np.sqrt((1 / g + 1 / (g - 1)) * loss.var(axis=0, ddof=1))
    with np.errstate(invalid="ignore"):
        close = np.flatnonzero(loss.mean(axis=0) <= error)
    return HeldOutDensity(scores, best, int(close.min()) if close.size else best)


def _density(train: Moments, test: Moments) -> Float[np.ndarray, " p"]:
    """Mean log density of the test rows for k = 0 … p − 1."""
    p = train.mean.size
    lam, V = eigh(train.scatter / train.n, check_finite=False)
    lam, V = lam[::-1], V[:, ::-1]
    delta = test.mean - train.mean
    M = test.scatter / test.n + np.outer(delta, delta)
    seen = np.einsum("ij,ij->j", V, M @ V)
    real = lam > _NOTHING * max(float(lam[0]), np.finfo(float).tiny)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.cumsum(np.where(real, np.log(lam) + seen / lam, np.nan))
        rest = np.arange(p, 0, -1.0)  # p − k
        sigma2 = np.maximum(np.cumsum(lam[::-1])[::-1], 0.0) / rest
        left = np.cumsum(seen[::-1])[::-1]
        score = np.concatenate([[0.0], each[:-1]]) + rest * np.log(sigma2) + left / sigma2
    score[~(sigma2 > _NOTHING * lam[0])] = np.nan
    return -0.5 * (p * np.log(2 * np.pi) + score)


def parallel_analysis(
    moments: Moments,
    *,
    unit_variance: bool = False,
    rng: int | np.random.Generator | None = 0,
) -> Parallel:
    """Components that exceed those of independent normal columns of the same variances.

    Heavy tails raise the eigenvalues of independent columns too: then this counts too many. 0 for n < 3.
    """
    n = moments.n
    lam = principal_components(moments, unit_variance=unit_variance).variances
    if n < 3:
        return Parallel(0, lam, np.full(lam.size, np.inf))
    variance = np.maximum(np.diag(moments.scatter), 0.0) / (n - 1)
    variance = (variance > 0).astype(float) if unit_variance else variance
    if lam.size <= SIMULATED:
        limit = _simulated(variance, n, np.random.default_rng(rng), unit_variance)
    else:
        limit = variance.mean() * _tracy_widom(lam.size, n)
    over = lam > limit
    count = int(np.argmin(over)) if not over.all() else lam.size
    return Parallel(count, lam, limit)


def _simulated(
    variance: np.ndarray, n: int, rng: np.random.Generator, unit: bool
) -> Float[np.ndarray, " p"]:
    """95 % points of the eigenvalues of Wishart(n − 1, diag(variance))/(n − 1), by Bartlett's triangle."""
    p = variance.size
    draws = int(np.clip(_WORK / p**3, _FEWEST_DRAWS, _MOST_DRAWS))
    values = np.empty((draws, p))
    for i in range(draws):
        values[i] = eigvalsh(_wishart(p, n, rng, variance, unit), check_finite=False)[::-1]
    return np.quantile(values, QUANTILE, axis=0)


def _wishart(p: int, n: int, rng: np.random.Generator, variance: np.ndarray, unit: bool):
    m = n - 1
    r = min(p, m)
    A = np.tril(rng.standard_normal((p, r)), -1)
    A[np.arange(r), np.arange(r)] = np.sqrt(rng.chisquare(m - np.arange(r)))
    if unit:  # a correlation matrix: rows of unit length
        return correlation(A @ A.T) * np.sqrt(np.outer(variance, variance))
    A *= np.sqrt(variance / m)[:, None]
    return A @ A.T


def _tracy_widom(p: int, n: int) -> Float[np.ndarray, " p"]:
    """95 % points of the largest eigenvalue of n − 1 degrees of freedom and p, p − 1, …, 1 unit columns."""
    m, left = n - 1.0, np.arange(p, 0, -1.0)
    root = np.sqrt(m - 1) + np.sqrt(left)
    spread = root * (1 / np.sqrt(m - 1) + 1 / np.sqrt(left)) ** (1 / 3)
    return (root**2 + TRACY_WIDOM_95 * spread) / m


def dimensions(
    folds: FoldMoments,
    *,
    unit_variance: bool = False,
    rng: int | np.random.Generator | None = 0,
) -> Dimensions:
    """Both counts, and the one to take."""
    evidence = held_out_density(folds, unit_variance=unit_variance).chosen
    parallel = parallel_analysis(folds.total, unit_variance=unit_variance, rng=rng).count
    p = folds.scatter.shape[1]
    found = f"new rows are most probable under {evidence} of {p} components"
    if 2 * evidence <= p:
        return Dimensions(
            evidence, parallel, evidence, f"{found}; {parallel} exceed independent columns."
        )
    shared = parallel
    if not unit_variance:  # units must not decide what is shared
        shared = parallel_analysis(folds.total, unit_variance=True, rng=rng).count
    why = f"{found}: noise differs between directions, so {shared} that exceed independent columns of one variance."
    return Dimensions(evidence, parallel, shared, why)

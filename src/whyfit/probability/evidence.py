"""Ridge penalty by evidence: the λ under which the data were most probable beforehand.

Prior w_std ~ N(0, (σ²/λ)I) on unit-variance columns, flat on β₀ and 1/σ² on σ². With eigenvalues nμ_i of the
Gram matrix, rotated correlations b and g = n − 1,

    −2 log p(y|λ) = (n−1) log RSS(λ) + Σ log(1 + nμ_i/λ) + const,
    RSS(λ) = S_yy (1 − Σ b_i²/(μ_i + λ/n)),

a smooth function of log λ, minimised on a grid that is refined around its best point.

Reference: MacKay (1992), Neural Computation 4, 415-447; Bishop (2006), PRML, §3.5.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from whyfit.linalg.conditioning import correlation
from whyfit.linalg.moments import Moments
from whyfit.linalg.solve import solve_gram

_POINTS, _REFINEMENTS = (
    25,
    5,
)  # log₁₀ λ to (12/24)(2/24)⁴ = 2e-5; scipy.optimize would cost 0.1 s to import


def ridge_by_evidence(moments: Moments) -> float:
    """λ of the Spec's convention (RSS + λ‖w_std‖²) that maximises the evidence; at least 1e-8 n."""
    C = correlation(moments.scatter)
    mu, V = np.linalg.eigh(C[:-1, :-1])
    mu = np.maximum(mu, 0.0)
    b2 = (V.T @ C[:-1, -1]) ** 2
    n = moments.n

    def deviance(r: np.ndarray) -> np.ndarray:  # r = λ/n
        rss = 1 - (b2 / (mu + r[:, None])).sum(axis=1)
        return (n - 1) * np.log(np.maximum(rss, 1e-15)) + np.log1p(mu / r[:, None]).sum(axis=1)

    low, high, best = -8.0, 4.0, 0.0
    for _ in range(_REFINEMENTS):
        grid = np.linspace(low, high, _POINTS)
        i = int(np.argmin(deviance(10.0**grid)))
        low, high, best = grid[max(i - 1, 0)], grid[min(i + 1, _POINTS - 1)], grid[i]
    return float(n * 10.0**best)


def effective_parameters(C: Float[np.ndarray, "p p"], ridge: float, n: int) -> float:
    """tr(C(C + λ/n I)⁻¹): how many coefficients the penalty leaves free."""
    mu = np.maximum(np.linalg.eigvalsh(C), 0.0)
    return float((mu / (mu + ridge / n)).sum()) if ridge else float((mu > 0).sum())


def logit_scale(C: Float[np.ndarray, "q q"], ridge: float, total: Moments) -> float:
    """What turns the λ of 0/1 targets by least squares into that of log odds.

    Slopes of the log odds are those of the probability over v = π(1 − π), to first order; the prior variance
    σ²/λ of the latter becomes σ²/(λv²), so λ is multiplied by v²/σ². The evidence of the linear model is used
    because it stays exact where a nearly separable likelihood has no useful curvature at its maximum.

    `C` is the correlation matrix of the columns and the target, last.
    """
    v = float(total.scatter[-1, -1]) / total.n
    A, c = C[:-1, :-1], C[:-1, -1]
    z = solve_gram(A + ridge / total.n * np.eye(len(A)), c)
    sigma2 = v * max(float(1 - 2 * z @ c + z @ A @ z), 1e-6)
    return v * v / sigma2

"""Ridge penalty by evidence: the λ under which the data were most probable beforehand.

Prior w_std ~ N(0, (σ²/λ)I) on unit-variance columns, flat on β₀ and 1/σ² on σ². With eigenvalues nμ_i of the
Gram matrix, rotated correlations b and g = n − 1,

    −2 log p(y|λ) = (n−1) log RSS(λ) + Σ log(1 + nμ_i/λ) + const,
    RSS(λ) = S_yy (1 − Σ b_i²/(μ_i + λ/n)),

a smooth function of log λ, minimised on a grid and then by golden section.

Reference: MacKay (1992), Neural Computation 4, 415-447; Bishop (2006), PRML, §3.5.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize_scalar

from whyfit.linalg.conditioning import correlation
from whyfit.linalg.moments import Moments


def ridge_by_evidence(moments: Moments) -> float:
    """λ of the Spec's convention (RSS + λ‖w_std‖²) that maximises the evidence; at least 1e-8 n."""
    C = correlation(moments.scatter)
    mu, V = np.linalg.eigh(C[:-1, :-1])
    mu = np.maximum(mu, 0.0)
    b2 = (V.T @ C[:-1, -1]) ** 2
    n = moments.n

    def deviance(log_ratio: float) -> float:
        r = np.exp(log_ratio)  # λ/n
        rss = max(1 - float((b2 / (mu + r)).sum()), 1e-15)
        return (n - 1) * np.log(rss) + float(np.log1p(mu / r).sum())

    grid = np.log(10.0) * np.arange(-8, 4.01, 0.5)
    best = int(np.argmin([deviance(g) for g in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(deviance, bounds=(low, high), method="bounded")
    return float(n * np.exp(found.x))


def effective_parameters(C: Float[np.ndarray, "p p"], ridge: float, n: int) -> float:
    """tr(C(C + λ/n I)⁻¹): how many coefficients the penalty leaves free."""
    mu = np.maximum(np.linalg.eigvalsh(C), 0.0)
    return float((mu / (mu + ridge / n)).sum()) if ridge else float((mu > 0).sum())

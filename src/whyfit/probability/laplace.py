"""Ridge penalty of a logistic fit by evidence, in the Gaussian approximation of the likelihood.

Near its maximum the likelihood of the coefficients v of unit-variance columns is N(v̂, A⁻¹), A the Hessian with
the intercept swept out. Under the prior v ~ N(0, I/λ) the maximum itself is v̂ ~ N(0, A⁻¹ + I/λ), so that with
A = V diag(α) Vᵀ and b = Vᵀv̂

    −2 log p(v̂|λ) = Σ_j log(1/α_j + 1/λ) + Σ_j b_j²/(1/α_j + 1/λ)

is minimised over λ. At λ the penalty leaves Σ_j α_j/(α_j + λ) coefficients free.

Reference: MacKay (1992), Neural Computation 4, 720-736; Bishop (2006), PRML, §4.4.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize_scalar

from whyfit.probability.logistic import LogisticFit


def _spectrum(fit: LogisticFit) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """α and b² of the kept columns, without the penalty the fit may have had."""
    keep = ~fit.dropped
    scale = fit.scale[keep]
    H = fit.optimum.hessian - np.diag(np.concatenate([[0.0], fit.ridge * scale**2]))
    A = H[1:, 1:] - np.outer(H[1:, 0], H[0, 1:]) / H[0, 0]
    alpha, V = np.linalg.eigh(A / scale / scale[:, None])
    b = V.T @ (fit.optimum.b[1:] * scale)
    good = alpha > 1e-12 * max(float(alpha[-1]), 1e-300) if alpha.size else np.zeros(0, bool)
    return alpha[good], b[good] ** 2


def logistic_ridge_by_evidence(fit: LogisticFit) -> float:
    """λ of the Spec's convention for an unpenalised, converged fit; between 1e-6 n and 1e4 n."""
    alpha, b2 = _spectrum(fit)

    def deviance(log_ridge: float) -> float:
        variance = 1 / alpha + np.exp(-log_ridge)
        return float(np.log(variance).sum() + (b2 / variance).sum())

    grid = np.log(fit.n) + np.log(10.0) * np.arange(-6, 4.01, 0.5)
    best = int(np.argmin([deviance(g) for g in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(deviance, bounds=(low, high), method="bounded")
    return float(np.exp(found.x))


def logistic_effective_parameters(fit: LogisticFit, ridge: float) -> float:
    """Σ α/(α + λ): how many slopes the penalty leaves free."""
    alpha, _ = _spectrum(fit)
    return float((alpha / (alpha + ridge)).sum())

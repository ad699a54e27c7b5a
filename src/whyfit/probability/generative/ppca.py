"""Probabilistic principal components: rows as k hidden coordinates and noise alike in all directions.

    x = μ + Wt + ε,   t ~ N(0, I_k),   ε ~ N(0, σ²I)        x ~ N(μ, M),   M = WWᵀ + σ²I

The maximum of the likelihood is in closed form: W = V_k (Λ_k − σ²)^½, σ² the mean of the p − k variances left out.
Variances have divisor n − 1, as scikit-learn's PCA, not n as the likelihood would. Of M, the directions V hold all:
log densities cost p k numbers a row.

Degenerate input: with σ² = 0 (k = p with a constant combination, or fewer rows than columns) rows have no density, a
SpecError; a single row likewise.

Reference: Tipping & Bishop (1999), J. R. Stat. Soc. B 61, 611-622.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.errors import SpecError
from whyfit.linalg.components import principal_components
from whyfit.linalg.moments import Moments


@dataclass(frozen=True, eq=False)
class ProbabilisticPCA:
    """mean (p,), directions (k, p), variances (k,), noise σ², all in units of the columns."""

    mean: Float[np.ndarray, " p"]
    directions: Float[np.ndarray, "k p"]
    variances: Float[np.ndarray, " k"]
    noise: float

    @property
    def loadings(self) -> Float[np.ndarray, "p k"]:
        """W."""
        return self.directions.T * np.sqrt(np.maximum(self.variances - self.noise, 0.0))

    @property
    def covariance(self) -> Float[np.ndarray, "p p"]:
        """M."""
        W = self.loadings
        return W @ W.T + self.noise * np.eye(len(self.mean))

    def log_density(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, " m"]:
        """log p(x) of each row."""
        p, k = len(self.mean), len(self.variances)
        D = X - self.mean
        T = D @ self.directions.T
        rest = np.maximum(np.einsum("ij,ij->i", D, D) - np.einsum("ij,ij->i", T, T), 0.0)
        square = (T * T) @ (1 / self.variances) + (rest / self.noise if k < p else 0.0)
        log_det = float(np.log(self.variances).sum())
        log_det += (p - k) * float(np.log(self.noise)) if k < p else 0.0
        return -0.5 * (square + log_det + p * np.log(2 * np.pi))

    def hidden(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, "m k"]:
        """Posterior means of t given x, (WᵀW + σ²I)⁻¹Wᵀ(x − μ): the scores, shrunk by the noise."""
        gain = np.sqrt(np.maximum(self.variances - self.noise, 0.0)) / self.variances
        return (X - self.mean) @ self.directions.T * gain

    def sample(
        self, size: int, rng: np.random.Generator | int | None = 0
    ) -> Float[np.ndarray, "s p"]:
        """New rows."""
        rng = np.random.default_rng(rng)
        t = rng.standard_normal((size, len(self.variances)))
        noise = rng.standard_normal((size, len(self.mean))) * np.sqrt(self.noise)
        return self.mean + t @ self.loadings.T + noise


def probabilistic_pca(moments: Moments, k: int) -> ProbabilisticPCA:
    """Of all columns of `moments`; k hidden coordinates, 0 ≤ k ≤ p.

    Raises SpecError for k out of range, or where rows have no density.
    """
    p = moments.mean.size
    if not 0 <= k <= p:
        raise SpecError(f"k is {k} of {p} columns; expected a number of components from 0 to {p}.")
    found = principal_components(moments)
    noise, lam = found.noise_variance(k), found.variances[:k]
    least = noise if k < p else (lam[-1] if k else 0.0)
    if not least > 1e-14 * float(found.variances.max(initial=0.0)):
        raise SpecError(
            f"the rows do not vary beyond {k} components, so that new rows have no density; take fewer components."
        )
    return ProbabilisticPCA(moments.mean, found.directions[:k], lam, noise)

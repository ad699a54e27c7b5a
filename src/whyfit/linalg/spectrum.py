"""Where the eigenvalues of an operator lie, all of them at once: stochastic Lanczos quadrature.

For a random v with E[vvᵀ] = I the measure Σ_i (v_iᵀ v)² δ(λ − λ_i) has the spectral density as its mean. Lanczos from v
gives its Gauss quadrature: nodes θ_j, the eigenvalues of T_m, and weights s_{1j}², exact for polynomials of degree
2m − 1. Averaged over a few probes,

    φ(λ) = (1/p) Σ_i δ(λ − λ_i) ≈ (1/N) Σ_probes Σ_j s_{1j}² δ(λ − θ_j),      tr f(A) ≈ p Σ w_j f(θ_j)

Such traces are unbiased for polynomials up to that degree, with variance 2(tr f(A)² − (tr f(A))²/p)/N for
probes of any direction with equal chance.

References: Golub & Meurant (2010), Matrices, Moments and Quadrature; Avron & Toledo (2011), J. ACM 58(2); Ubaru, Chen
& Saad (2017), SIAM J. Matrix Anal. Appl. 38(4), 1075-1099; Ghorbani, Krishnan & Xiao (2019), ICML, for networks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from whyfit.engines.local import one_blas_thread
from whyfit.errors import ShapeError
from whyfit.linalg.krylov import Krylov
from whyfit.linalg.operators import as_operator


@dataclass(frozen=True, slots=True)
class SpectralDensity:
    """Nodes and weights per probe, (N, m); every row of weights sums to 1. `p` is the number of eigenvalues."""

    nodes: Float[np.ndarray, "N m"]
    weights: Float[np.ndarray, "N m"]
    p: int

    def trace(self, f: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
        """tr f(A) and its standard error.

        The larger of the spread over the probes and what theory gives: few probes
        seldom meet a single large eigenvalue, and their spread alone would hide it.
        """
        each = self.p * (self.weights * f(self.nodes)).sum(axis=1)
        squares = self.p * (self.weights * f(self.nodes) ** 2).sum(axis=1)
        N = len(each)
        varied = max(float(squares.mean() - each.mean() ** 2 / self.p), 0.0)
        theory = float(np.sqrt(2 * varied / N))
        seen = float(each.std(ddof=1) / np.sqrt(N)) if N > 1 else 0.0
        return float(each.mean()), max(seen, theory)

    def count(self, low: float, high: float) -> tuple[float, float]:
        """How many eigenvalues lie in [low, high], and the standard error."""
        return self.trace(lambda x: ((x >= low) & (x <= high)).astype(float))

    def density(
        self, grid: Float[np.ndarray, " g"], width: float | None = None
    ) -> Float[np.ndarray, " g"]:
        """φ on a grid, smoothed by a normal of standard deviation `width`; its integral is 1.

        Default width: 1 % of the range of the nodes, the resolution Ghorbani et al. (2019) use.
        """
        spread = float(np.ptp(self.nodes)) or max(abs(float(self.nodes.flat[0])), 1.0)
        h = width or 0.01 * spread
        z = (np.asarray(grid)[:, None] - self.nodes.ravel()) / h
        kernel = np.exp(-0.5 * z * z) / (h * np.sqrt(2 * np.pi))
        return kernel @ self.weights.ravel() / len(self.nodes)


def spectral_density(
    A: Any, probes: int = 10, steps: int = 80, rng: int | np.random.Generator | None = 0
) -> SpectralDensity:
    """The spectral density of a symmetric operator from probes × steps products.

    Raises ShapeError if A is not square, or without a probe or step; NotFiniteError for a product that is not finite.
    """
    A, rng = as_operator(A), np.random.default_rng(rng)
    p = A.shape[1]
    if A.shape[0] != p or probes < 1 or steps < 1:
        raise ShapeError(
            f"an operator of shape {A.shape}, {probes} probes and {steps} steps; expected a square"
            " one and at least one of each."
        )
    m = min(steps, p)
    nodes, weights = np.empty((probes, m)), np.empty((probes, m))
    with one_blas_thread():
        for i in range(probes):
            basis = Krylov.start(A, rng, m)
            while basis.m < m:
                basis.grow()
            # a fresh start after exhaustion is uncoupled from v₁ and so gets weight 0 by itself
            nodes[i], S = basis.spectrum()
            weights[i] = S[0] ** 2
    return SpectralDensity(nodes, weights, p)

"""The leading singular triplets of a large matrix from a few products with random vectors.

Draw Ω (p × l, l = k + oversampling), and make Q an orthonormal basis of Y = (AAᵀ)^q A Ω; then A ≈ QQᵀA, and the small
matrix B = QᵀA has the singular values wanted. Powers sharpen a slowly falling spectrum; between any two products the
block is orthogonalised, or rounding would leave only the leading direction of it.

What was missed is measured, not assumed: θ, the largest Ritz value of (I − QQᵀ)A after m Lanczos steps from a random
start, falls short of e² = ‖(I − QQᵀ)A‖² by a share of more than ε with a known probability, so that

    e² ≤ θ/(1 − ε),   ε = (ln(1.648 √p/δ)/(2m − 1))²,    except with probability δ

and since AᵀA = BᵀB + ((I − QQᵀ)A)ᵀ((I − QQᵀ)A), each singular value is caught from both sides:

    σ_j(B) ≤ σ_j ≤ √(σ_j(B)² + e²)

Reference: Halko, Martinsson & Tropp (2011), SIAM Review 53(2), 217-288: Algorithms 4.4 and 5.1;
Kuczyński & Woźniakowski (1992), SIAM J. Matrix Anal. Appl. 13(4), Theorem 4.2, for the bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.linalg import svd

from whyfit.engines.local import one_blas_thread
from whyfit.errors import NotFiniteError, ShapeError
from whyfit.linalg.decompose import signs
from whyfit.linalg.krylov import Krylov
from whyfit.linalg.operators import Operator, as_operator, symmetric

OVERSAMPLING = 10  # Halko et al. (2011), §1.3: "p = 5 or p = 10 often gives superb results"
POWERS = 4  # products with (AAᵀ); two suffice where the spectrum falls fast (§4.5)
STEPS = 12  # Lanczos steps of the error bound: for a million columns it is then within a third of the truth
RISK = 1e-3  # of the error bound


@dataclass(frozen=True, slots=True)
class RandomisedSvd:
    """U (n, k), values σ (k) falling and Vt (k, p); A ≈ U diag(σ) Vt.

    `missed` bounds ‖(I − QQᵀ)A‖₂ except with probability `risk`; `high` is the bound it gives for each σ_j, and
    `values` are bounds from below (to rounding).
    """

    U: Float[np.ndarray, "n k"]
    values: Float[np.ndarray, " k"]
    Vt: Float[np.ndarray, "k p"]
    missed: float
    risk: float

    @property
    def high(self) -> Float[np.ndarray, " k"]:
        return np.sqrt(self.values**2 + self.missed**2)


def randomised_svd(
    A: Any,
    k: int,
    *,
    oversampling: int = OVERSAMPLING,
    powers: int = POWERS,
    rng: int | np.random.Generator | None = 0,
) -> RandomisedSvd:
    """The k leading singular triplets of A; about 2·powers + 2 passes over it, and 2·STEPS for the bound.

    Parameters
    ----------
    A : (n, p), anything `as_operator` takes.
    k : how many, 1 to min(n, p).
    oversampling, powers : more of either costs more and misses less; `missed` says whether it was enough.

    Raises
    ------
    ShapeError : k is out of range. NotFiniteError : a product is NaN or infinite.
    """
    A, rng = as_operator(A), np.random.default_rng(rng)
    n, p = A.shape
    if not 1 <= k <= min(n, p):
        raise ShapeError(f"{k} singular values of a {n} × {p} matrix; expected 1 to {min(n, p)}.")
    with one_blas_thread():
        Q = range_of(A, min(k + oversampling, n, p), powers, rng)
        B = A.T @ Q  # (p, l): the transpose of B
        V, values, Wt = svd(B, full_matrices=False, check_finite=False)
        whole = Q.shape[1] == min(n, p)
        missed = 0.0 if whole else _missed(A, Q, rng)
    # every row of Vt has its entry of largest size positive: results do not depend on the draw's signs
    Vt, U = V.T[:k], Q @ Wt[:k].T
    sign = signs(Vt)
    return RandomisedSvd(U * sign, values[:k], Vt * sign[:, None], missed, RISK)


def range_of(
    A: Operator, size: int, powers: int, rng: np.random.Generator
) -> Float[np.ndarray, "n l"]:
    """An orthonormal basis that holds most of the range of A."""
    Q = _orthonormal(A @ rng.standard_normal((A.shape[1], size)))
    for _ in range(powers):
        Q = _orthonormal(A @ _orthonormal(A.T @ Q))
    return Q


def _missed(A: Operator, Q: np.ndarray, rng: np.random.Generator) -> float:
    """An upper bound of ‖(I − QQᵀ)A‖₂, except with probability RISK."""

    def product(V: np.ndarray) -> np.ndarray:
        Y = A @ V
        Y -= Q @ (Q.T @ Y)
        return A.T @ Y

    p = A.shape[1]
    basis = Krylov.start(symmetric(p, product), rng, STEPS)
    while basis.m < min(STEPS, p):
        basis.grow()
    theta = max(float(basis.spectrum()[0][-1]), 0.0)
    if basis.exhausted:
        return float(np.sqrt(theta))
    share = (np.log(1.648 * np.sqrt(p) / RISK) / (2 * STEPS - 1)) ** 2
    return float(np.sqrt(theta / (1 - share))) if share < 1 else float("inf")


def _orthonormal(Y: np.ndarray) -> np.ndarray:
    if not np.isfinite(Y).all():
        raise NotFiniteError(
            "a product with the matrix is NaN or infinite; impute or drop those rows first."
        )
    return np.linalg.qr(Y)[0]

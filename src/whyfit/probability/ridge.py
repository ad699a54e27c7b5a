"""Ridge regression from a correlation matrix, with its certified digits.

    minimise ‖c − A z‖² + (λ/n)‖z‖²        z = (C + (λ/n) I)⁻¹ Aᵀc,  C = AᵀA of unit columns

The penalty makes the matrix better conditioned than C, so moments are enough; where it lies below rounding, the
solution of least norm is taken, and nothing is certified.

Reference: Hoerl & Kennard (1970), Technometrics 12(1), 55-67.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular

from whyfit.linalg.conditioning import live_columns
from whyfit.linalg.moments import Moments
from whyfit.linalg.solve import GRAM_GAMMA, Solution, U, digits_of


def penalised(s: Solution, C: np.ndarray, ridge: float, moments: Moments) -> tuple[Solution, float]:
    """Ridge on the correlation scale: (C + λ/n I) z = c. Nothing is dropped but constant columns."""
    live = live_columns(moments)
    A, c = C[:-1, :-1][np.ix_(live, live)], C[:-1, -1][live]
    inner, z, certain = _inverse(A + ridge / moments.n * np.eye(len(A)), c)
    G = inner @ inner.T
    rss = max(0.0, float(1 - 2 * z @ c + z @ A @ z))
    gamma, size = GRAM_GAMMA, 1 + float(z @ z)
    row = np.linalg.norm(G, axis=1) if certain else np.full(len(A), np.inf)
    reach = gamma * row * np.sqrt(size)
    w, digits, full = np.zeros(len(live)), np.zeros(len(live)), np.zeros((len(live), len(live)))
    w[live] = z * np.sqrt(s.tss) / s.scale[live]
    G_error = np.full(len(live), np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        digits[live] = digits_of(reach / np.abs(z))
        G_error[live] = gamma * row**2 / np.diag(G)
        slip = gamma * size + 2 * ridge / moments.n * float(np.abs(z) @ reach)
        rss_digits = float(digits_of(np.divide(slip, rss)))
    full[np.ix_(live, live)] = G
    root = np.zeros((len(live), inner.shape[1]))
    root[live] = inner
    used = float(np.einsum("ij,ji->", G, A))
    return (
        Solution(
            w,
            full,
            root,
            s.scale,
            digits,
            ~live,
            rss * s.tss,
            s.tss,
            "gram",
            s.gap if certain else 0.0,
            s.lost,
            rss_digits,
            G_error,
            gamma=gamma,
            slip=slip,
        ),
        used,
    )


def _inverse(
    A: Float[np.ndarray, "r r"], c: Float[np.ndarray, " r"]
) -> tuple[Float[np.ndarray, "r s"], Float[np.ndarray, " r"], bool]:
    """B with BBᵀ = A⁻¹, A⁻¹c, and True; where a tiny penalty leaves A singular, both of least norm and False."""
    try:
        L = cholesky(A, lower=True, check_finite=False)
    except LinAlgError:
        mu, Q = np.linalg.eigh(A)
        good = mu > U * len(A) * mu[-1]
        B = Q[:, good] / np.sqrt(mu[good])
        return B, B @ (B.T @ c), False
    B = solve_triangular(L, np.eye(len(L)), lower=True, check_finite=False).T
    return B, cho_solve((L, True), c, check_finite=False), True

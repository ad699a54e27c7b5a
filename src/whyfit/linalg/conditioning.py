"""How near the columns of a matrix are to saying the same thing twice.

All quantities are of the centred, unit-scaled columns, i.e. of their correlation matrix C = V diag(μ) Vᵀ:

    condition indices    η_k = √(μ_max/μ_k)
    variance proportion  π_jk = (V_jk²/μ_k) / Σ_k (V_jk²/μ_k)     share of var(w_j) owed to direction k
    VIF_j                (C⁻¹)_jj = 1/(1 − R_j²)                  variance of w_j over that with orthogonal columns

Reference: Belsley, Kuh & Welsch (1980), Regression Diagnostics, ch. 3; Marquardt (1970) for the VIF.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.linalg import eigh

from whyfit.linalg.moments import Moments

#: 64 u: a column whose length d falls below this times √n |mean| holds the rounding of its mean and nothing else.
FLAT = 32 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Conditioning:
    """Spectrum of the correlation matrix; `indices` rise, `directions[:, k]` belongs to index k."""

    eigenvalues: Float[np.ndarray, " p"]  # falling
    directions: Float[np.ndarray, "p p"]
    n: int

    @classmethod
    def of(cls, C: Float[np.ndarray, "p p"], n: int) -> Conditioning:
        mu, V = eigh(C, check_finite=False)
        return cls(np.maximum(mu[::-1], 0.0), V[:, ::-1], n)

    @property
    def number(self) -> float:
        """κ of the centred, unit-scaled design (not of its Gram matrix)."""
        return float(self.indices[-1]) if self.eigenvalues.size else 1.0

    @property
    def indices(self) -> Float[np.ndarray, " p"]:
        with np.errstate(divide="ignore"):
            return np.sqrt(self.eigenvalues[0] / self.eigenvalues)

    @property
    def singular_values(self) -> Float[np.ndarray, " p"]:
        """Of the centred columns scaled to unit standard deviation, divided by √(n−1)."""
        return np.sqrt(self.eigenvalues)

    @property
    def proportions(self) -> Float[np.ndarray, "p p"]:
        """π_jk: rows are coefficients, columns are condition indices."""
        with np.errstate(divide="ignore", invalid="ignore"):
            phi = self.directions**2 / self.eigenvalues
            return phi / phi.sum(axis=1, keepdims=True)

    @property
    def vif(self) -> Float[np.ndarray, " p"]:
        with np.errstate(divide="ignore"):
            return (self.directions**2 / self.eigenvalues).sum(axis=1)


def correlation(scatter: Float[np.ndarray, "q q"]) -> Float[np.ndarray, "q q"]:
    """Correlation matrix of a scatter matrix; 0 (1 on the diagonal) where a column is constant."""
    d = np.sqrt(np.maximum(np.diag(scatter), 0.0))  # rounding may leave −0
    safe = np.where(d > 0, d, 1.0)
    C = scatter / safe / safe[:, None]
    np.fill_diagonal(C, 1.0)
    return C


def varying(moments: Moments) -> Bool[np.ndarray, " q"]:
    """Whether each column of `moments` varies beyond rounding; the target stands last."""
    d = np.sqrt(np.maximum(np.diag(moments.scatter), 0.0))
    return d > FLAT * np.sqrt(max(moments.n, 1)) * np.abs(moments.mean)


def live_columns(moments: Moments) -> Bool[np.ndarray, " p"]:
    """`varying` without the target: the columns that can have a coefficient."""
    return varying(moments)[:-1]

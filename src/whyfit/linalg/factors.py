"""QR, Cholesky and the pseudo-inverse, each with the decision it took and how exact it is.

    A P = Q R             Householder; with pivoting |R₁₁| ≥ |R₂₂| ≥ …, which shows the rank
    P ᵀ A P = L Lᵀ        A symmetric positive semidefinite, pivoted: the rank is where the pivots end
    A⁺ = V_r Σ_r⁻¹ U_rᵀ   over the r singular values above the tolerance

A pseudo-inverse is not continuous: the rank decision *is* the result, so it is returned with it. Given that decision,
rounding E of A moves A⁺ by at most φ ‖A⁺‖ ‖(A+E)⁺‖ ‖E‖, φ = (1 + √5)/2 (Wedin).

References: Golub & Van Loan (2013), §5.2, §4.2.8, §5.5.2; Higham (2002), Accuracy and Stability of Numerical
Algorithms, §10.3; Wedin (1973), BIT 13, 217-232.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import get_lapack_funcs, qr

from whyfit.errors import ShapeError
from whyfit.linalg.decompose import Singular, check_symmetric, finite_matrix, singular
from whyfit.linalg.rank import EPS, Rank, numerical_rank

_WEDIN = (1 + np.sqrt(5)) / 2


@dataclass(frozen=True, slots=True)
class QR:
    """A[:, order] = QR, k = min(n, p), R with a diagonal ≥ 0; `rank` from that diagonal if pivoted, else None."""

    Q: Float[np.ndarray, "n k"]
    R: Float[np.ndarray, "k p"]
    order: Int[np.ndarray, " p"]
    rank: Rank | None


@dataclass(frozen=True, slots=True)
class Cholesky:
    """A[order][:, order] = LLᵀ to `error` (spectral norm), L (p, r) lower trapezoidal.

    `definite`: r = p. `negative`: how far A has a direction of negative curvature, 0 if it is semidefinite to rounding:
    then LLᵀ is not A, and `error` says by how much.
    """

    L: Float[np.ndarray, "p r"]
    order: Int[np.ndarray, " p"]
    rank: int
    definite: bool
    negative: float
    error: float

    @property
    def root(self) -> Float[np.ndarray, "p r"]:
        """B with BBᵀ = A, in the order of A."""
        B = np.empty_like(self.L)
        B[self.order] = self.L
        return B


@dataclass(frozen=True, slots=True)
class PseudoInverse:
    """A⁺ (p, n), the rank it rests on, and how far rounding may have moved it (spectral norm)."""

    matrix: Float[np.ndarray, "p n"]
    rank: Rank
    error: float
    singular: Singular


def householder(A: Float[np.ndarray, "n p"], *, pivoting: bool = False) -> QR:
    """QR of any dense matrix. Raises NotFiniteError for NaN or infinity, ShapeError if it is no matrix."""
    A = finite_matrix(A)
    n, p = A.shape
    if not A.size:
        k = min(n, p)
        empty = numerical_rank(np.zeros(k), (n, p)) if pivoting else None
        return QR(np.eye(n, k), np.zeros((k, p)), np.arange(p), empty)
    if pivoting:
        Q, R, order = map(np.asarray, qr(A, mode="economic", pivoting=True, check_finite=False))
    else:
        Q, R = np.linalg.qr(A)
        order = np.arange(p)
    sign = np.where(np.diag(R) < 0, -1.0, 1.0)
    Q, R = Q * sign, R * sign[:, None]
    rank = numerical_rank(np.diag(R), (n, p)) if pivoting else None
    return QR(Q, R, np.asarray(order, dtype=np.int64), rank)


def cholesky(A: Float[np.ndarray, "p p"]) -> Cholesky:
    """Pivoted Cholesky of a symmetric matrix; a singular or indefinite one is a result, not an error.

    Raises ShapeError if it is not square or not symmetric, NotFiniteError for NaN or infinity.
    """
    A = finite_matrix(A)
    p = len(A)
    if A.shape != (p, p):
        raise ShapeError(
            f"a matrix of shape {A.shape} has no Cholesky factor; expected a square one."
        )
    if not p:
        return Cholesky(np.zeros((0, 0)), np.arange(0), 0, True, 0.0, 0.0)
    check_symmetric(A)
    A = (A + A.T) / 2
    top = float(np.max(np.diag(A)))
    if top <= 0:
        norm = float(np.linalg.norm(A, 2))
        return Cholesky(np.zeros((p, 0)), np.arange(p), 0, False, norm, norm)
    (pstrf,) = get_lapack_funcs(("pstrf",), (A,))
    C, pivot, r, _ = pstrf(A, tol=p * EPS * top, lower=1)
    order = np.asarray(pivot, dtype=np.int64) - 1
    L = np.tril(C)[:, :r]
    rest = A[np.ix_(order, order)] - L @ L.T
    error = float(np.linalg.norm(rest, 2))
    lowest = float(np.linalg.eigvalsh(rest)[0]) if r < p else 0.0
    slack = 4 * p * EPS * top
    return Cholesky(L, order, int(r), int(r) == p, max(0.0, -lowest - slack), error)


def pseudo_inverse(A: Float[np.ndarray, "n p"], tolerance: float | None = None) -> PseudoInverse:
    """A⁺ at the rank where singular values exceed `tolerance` (default max(n, p) ε σ₁).

    The error is infinite where rounding may have decided the rank. Raises NotFiniteError for NaN or infinity.
    """
    s = singular(A)
    assert s.U is not None
    rank = numerical_rank(s.values, s.shape, tolerance)
    r = rank.value
    matrix = (s.Vt[:r].T / s.values[:r]) @ s.U[:, :r].T
    if r == 0:
        return PseudoInverse(np.zeros(s.shape[::-1]), rank, 0.0, s)
    # what was cut away counts as perturbation too: A⁺ is that of the matrix without it
    cut = float(s.values[r]) if r < s.values.size and tolerance is None else 0.0
    E, last = s.error + cut, float(s.values[r - 1])
    error = _WEDIN * (E / last) / (last - E) if last > E else float("inf")
    return PseudoInverse(matrix, rank, float(error), s)

"""Eigen- and singular-value decompositions that say how exact they are.

    A = V diag(λ) Vᵀ            symmetric A: scatter, covariance, correlation, Hessian
    A = U diag(σ) Vᵀ            any A; with V and σ alone from the triangle R of A = QR, folded over the rows

Both algorithms are backward stable: what they return is exact for A + E with ‖E‖ ≤ c u ‖A‖. Eigenvalues of a symmetric
matrix and singular values of any matrix then move by at most ‖E‖ (Weyl), and a vector turns by at most an angle of
‖E‖/gap (Davis–Kahan), gap the distance to the next value. Through a scatter matrix σ = √λ, so that a σ below
√u σ₁ is lost: σ² drowns in u σ₁². From the triangle it keeps u σ₁. Take moments for the large directions and
`singular_values_of` for the small ones.

References: Golub & Van Loan (2013), Matrix Computations, §8.1 and §8.6; Demmel (1997), Applied Numerical Linear
Algebra, ch. 5; Davis & Kahan (1970), SIAM J. Numer. Anal. 7(1).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh, svd

from whyfit.errors import NotFiniteError, ShapeError
from whyfit.linalg.rank import EPS, EffectiveRank, Rank, effective_rank, numerical_rank
from whyfit.linalg.triangle import Triangle

#: c in ‖E‖ ≤ c √p u ‖A‖. Proofs give a low power of p (Demmel 1997, §5.3); √p with this factor holds in practice, the
#: worst seen over thousands of badly scaled matrices, in exact arithmetic, being a half of it.
BACKWARD = 16.0


@dataclass(frozen=True)
class Spectral:
    """A = V diag(values) Vᵀ, values falling, `vectors[:, j]` orthonormal with their largest entry positive.

    `error` bounds how far rounding may have moved each value.
    """

    values: Float[np.ndarray, " p"]
    vectors: Float[np.ndarray, "p p"]
    error: float

    @cached_property
    def effective_rank(self) -> EffectiveRank:
        return effective_rank(self.values)

    @property
    def rank(self) -> Rank:
        """Of a matrix that is positive semidefinite but for rounding."""
        p = len(self.values)
        return numerical_rank(np.maximum(self.values, 0.0), (p, p))

    @property
    def angle(self) -> Float[np.ndarray, " p"]:
        """sin of the angle by which rounding may have turned each vector; 1 where values coincide."""
        return _angles(self.values, self.error)

    def matrix(self) -> Float[np.ndarray, "p p"]:
        return (self.vectors * self.values) @ self.vectors.T


@dataclass(frozen=True)
class Singular:
    """A = U diag(values) Vt with k = min(n, p) values falling; U is None where only R was known."""

    U: Float[np.ndarray, "n k"] | None
    values: Float[np.ndarray, " k"]
    Vt: Float[np.ndarray, "k p"]
    shape: tuple[int, int]
    error: float

    @property
    def rank(self) -> Rank:
        return numerical_rank(self.values, self.shape)

    @property
    def condition(self) -> float:
        """σ₁/σ_min; infinite for a rank below min(n, p), 1 for an empty matrix."""
        s = self.values
        if not s.size:
            return 1.0
        return float(s[0] / s[-1]) if s[-1] > 0 else float("inf")

    @property
    def angle(self) -> Float[np.ndarray, " k"]:
        """As `Spectral.angle`, of the rows of Vt (and columns of U)."""
        return _angles(self.values, self.error)


def eigen(A: Float[np.ndarray, "p p"]) -> Spectral:
    """Of a matrix that is symmetric but for rounding; its mean with its transpose is looked at.

    Raises
    ------
    ShapeError : not square, or not symmetric. NotFiniteError : NaN or infinity.
    """
    A = finite_matrix(A)
    if A.shape[0] != A.shape[1]:
        raise ShapeError(f"a matrix of shape {A.shape} has no eigenvalues; expected a square one.")
    if not A.size:
        return Spectral(np.zeros(0), np.zeros((0, 0)), 0.0)
    check_symmetric(A)
    # divide and conquer: SciPy's default, of relatively robust representations, was seen to be four times less exact
    values, V = eigh((A + A.T) / 2, driver="evd", check_finite=False)
    V = V[:, ::-1]
    return Spectral(values[::-1].copy(), V * signs(V.T), _error(np.abs(values).max(), len(A)))


def check_symmetric(A: Float[np.ndarray, "p p"]) -> None:
    """ShapeError, with the worst pair, if A differs from its transpose by more than √ε of its largest entry."""
    apart = np.abs(A - A.T)
    if apart.max() > np.sqrt(EPS) * np.abs(A).max():
        i, j = sorted(divmod(int(apart.argmax()), len(A)))
        raise ShapeError(
            f"the matrix is not symmetric: entry ({i}, {j}) is {A[i, j]:g} and ({j}, {i}) is {A[j, i]:g}; expected "
            "them equal: pass (A + A.T) / 2 if they should be, or use `singular`."
        )


def singular(A: Float[np.ndarray, "n p"]) -> Singular:
    """Of any dense matrix. Raises NotFiniteError for NaN or infinity, ShapeError if it is no matrix."""
    A = finite_matrix(A)
    if not A.size:
        k = min(A.shape)
        return Singular(np.zeros((len(A), k)), np.zeros(k), np.zeros((k, A.shape[1])), A.shape, 0.0)
    U, s, Vt = svd(A, full_matrices=False, check_finite=False)
    flip = signs(Vt)
    return Singular(U * flip, s, Vt * flip[:, None], A.shape, _error(s[0], max(A.shape)))


def singular_values_of(triangle: Triangle, n: int) -> Singular:
    """σ and V of the n rows whose triangle is given; a κ of 10¹⁵ is still seen (10⁷·⁵ through a scatter)."""
    found = singular(triangle.R)
    p = triangle.R.shape[1]
    first = found.values[0] if found.values.size else 0.0
    return Singular(None, found.values, found.Vt, (n, p), _error(first, max(n, p)))


def signs(V: Float[np.ndarray, "k p"]) -> Float[np.ndarray, " k"]:
    """+1 or −1 per row, so that its entry of largest size becomes positive: scikit-learn's convention too."""
    if not V.size:
        return np.ones(len(V))
    sign = np.sign(V[np.arange(len(V)), np.abs(V).argmax(axis=1)])
    return np.where(sign == 0, 1.0, sign)


def finite_matrix(A: np.ndarray) -> Float[np.ndarray, "n p"]:
    """A in float64. Raises ShapeError unless it has two axes, NotFiniteError for NaN or infinity."""
    A = np.asarray(A, dtype=np.float64)
    if A.ndim != 2:
        raise ShapeError(f"an array of shape {A.shape} is no matrix; expected (n, p).")
    if not np.isfinite(A).all():
        raise NotFiniteError("the matrix holds NaN or infinity; impute or drop those rows first.")
    return A


def _error(norm: float, size: int) -> float:
    return float(BACKWARD * np.sqrt(size) * EPS / 2 * norm)


def _angles(values: np.ndarray, error: float) -> np.ndarray:
    if values.size < 2:
        return np.zeros(values.size)
    steps = np.abs(np.diff(values))
    gap = np.minimum(np.append(np.inf, steps), np.append(steps, np.inf))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(gap > error, np.minimum(error / gap, 1.0), 1.0)

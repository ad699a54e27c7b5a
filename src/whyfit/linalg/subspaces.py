"""Subspaces: what of a vector lies in one, what does not, and how two of them lie to each other.

    P = QQᵀ              orthogonal projection, Q an orthonormal basis;  x = Px + (I − P)x, the nearest point is Px
    cos θ_k = σ_k(Q_AᵀQ_B)         principal angles θ₁ ≤ θ₂ ≤ … ≤ π/2
    sin θ_k = σ of (I − P_A)Q_B    the same angles

The cosine of an angle below √u rounds to 1; the sine keeps it. So angles up to π/4 are taken from sines, the others
from cosines, and all are right to a few u. (The span itself moves by κ(A)u when the entries of A are rounded.)

References: Björck & Golub (1973), Math. Comp. 27, 579-594; Knyazev & Argentati (2002), SIAM J. Sci. Comput. 23(6),
2009-2041, algorithm 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.linalg import qr, svd

from whyfit.errors import ShapeError
from whyfit.linalg.factors import householder
from whyfit.linalg.norms import power_of_two, real_array, vector_norm

#: cos²(π/4): from here on towards parallel, sines are the more accurate.
HALF = 0.5


def project_on_vector(
    x: Float[np.ndarray, " n"], v: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """(x·v / v·v) v: the multiple of v nearest to x; 0 if v is 0."""
    x, v = real_array(x), real_array(v)
    if x.shape != v.shape or x.ndim != 1:
        raise ShapeError(f"vectors of shapes {x.shape} and {v.shape}; expected one length.")
    v = v * power_of_two(np.abs(v).max(initial=0.0))  # so that v·v neither overflows nor vanishes
    length = float(vector_norm(v))
    unit = v / length if length else v
    return float(unit @ x) * unit


@dataclass(frozen=True, slots=True)
class Subspace:
    """A subspace of Rⁿ by an orthonormal basis Q (n, k); k = 0 is {0}, k = n everything."""

    basis: Float[np.ndarray, "n k"]

    @classmethod
    def spanned_by(cls, A: Float[np.ndarray, "n p"]) -> Subspace:
        """The span of the columns of A, to numerical rank (pivoted Householder).

        Columns are brought to unit length first: a direction does not count less for being written small.
        Raises NotFiniteError for NaN or infinity, ShapeError if A is no matrix.
        """
        A = np.asarray(A, dtype=np.float64)
        if A.ndim != 2:
            raise ShapeError(f"an array of shape {A.shape} has no columns; expected (n, p).")
        length = vector_norm(A, axis=0)
        factors = householder(A / np.where(length > 0, length, 1.0), pivoting=True)
        assert factors.rank is not None
        return cls(factors.Q[:, : factors.rank.value])

    @property
    def dimension(self) -> int:
        return self.basis.shape[1]

    def project(self, x: Float[np.ndarray, "n ..."]) -> Float[np.ndarray, "n ..."]:
        """Px = Q(Qᵀx): the nearest point of the subspace, for a vector or for columns."""
        x = self._checked(x)
        return self.basis @ (self.basis.T @ x)

    def reject(self, x: Float[np.ndarray, "n ..."]) -> Float[np.ndarray, "n ..."]:
        """(I − P)x, projected twice: after one subtraction, rounding may still lie in the subspace."""
        x = self._checked(x)
        left = x - self.project(x)
        return left - self.project(left)

    def distance_of(self, x: Float[np.ndarray, "n ..."]) -> np.ndarray:
        """‖x − Px‖ of a vector or of every column."""
        return vector_norm(self.reject(x), axis=0)

    def complement(self) -> Subspace:
        """All that is orthogonal to it, n − k dimensions. For small n: the basis is n × (n − k)."""
        Q = np.asarray(qr(self.basis, check_finite=False)[0]) if self.dimension else np.eye(self._n)
        return Subspace(np.ascontiguousarray(Q[:, self.dimension :]))

    @property
    def _n(self) -> int:
        return self.basis.shape[0]

    def _checked(self, x: Any) -> np.ndarray:
        x = real_array(x)
        if x.ndim not in (1, 2) or len(x) != self._n:
            raise ShapeError(
                f"got {x.shape}; expected vectors of length {self._n}, as one or as columns."
            )
        return x


@dataclass(frozen=True, slots=True)
class PrincipalAngles:
    """θ₁ ≤ … ≤ θ_k in radians, k the smaller dimension, with the pairs of unit vectors that enclose them.

    left[:, i] lies in the first subspace, right[:, i] in the second; each set is orthonormal.
    """

    angles: Float[np.ndarray, " k"]
    left: Float[np.ndarray, "n k"]
    right: Float[np.ndarray, "n k"]
    same_dimension: bool

    @property
    def gap(self) -> float:
        """‖P_A − P_B‖₂ = sin θ_k; 1 between subspaces of different dimension."""
        return float(np.sin(self.angles).max(initial=0.0)) if self.same_dimension else 1.0

    @property
    def geodesic(self) -> float:
        """‖θ‖₂: length of the shortest rotation of the smaller subspace into (or onto) the other."""
        return float(vector_norm(self.angles))

    @property
    def chordal(self) -> float:
        """‖sin θ‖₂ = ‖P_A − P_B‖_F / √2 for subspaces of one dimension."""
        return float(vector_norm(np.sin(self.angles)))


def principal_angles(
    a: Subspace | Float[np.ndarray, "n p"], b: Subspace | Float[np.ndarray, "n q"]
) -> PrincipalAngles:
    """The angles between two subspaces of one space. Of {0} there are none.

    A matrix stands for the span of its columns.

    Raises
    ------
    ShapeError : subspaces of different spaces.
    """
    a, b = (s if isinstance(s, Subspace) else Subspace.spanned_by(s) for s in (a, b))
    if len(a.basis) != len(b.basis):
        raise ShapeError(
            f"subspaces of {len(a.basis)} and {len(b.basis)} dimensions; expected the same space."
        )
    if a.dimension < b.dimension:
        swapped = principal_angles(b, a)
        return PrincipalAngles(swapped.angles, swapped.right, swapped.left, False)
    same = a.dimension == b.dimension
    if not b.dimension:
        none = np.zeros((len(a.basis), 0))
        return PrincipalAngles(np.zeros(0), none, none, same)
    Y, cosines, Zt = svd(a.basis.T @ b.basis, full_matrices=False, check_finite=False)
    left, right = a.basis @ Y, b.basis @ Zt.T
    angles = np.arccos(np.minimum(cosines, 1.0))
    r = int((cosines**2 >= HALF).sum())
    if r:
        # Among nearly parallel directions the cosines do not tell which is which: turn them by their sines.
        _, sines, Wt = svd(a.reject(right[:, :r]), full_matrices=False, check_finite=False)
        angles[:r] = np.arcsin(np.minimum(sines[::-1], 1.0))
        right[:, :r] = right[:, :r] @ Wt[::-1].T
        left[:, :r] = np.linalg.qr(a.project(right[:, :r]))[0]
        left[:, :r] *= np.sign((left[:, :r] * right[:, :r]).sum(axis=0))
    return PrincipalAngles(angles, left, right, same)

"""Four ways to make columns orthonormal, A = QR, written out so that they can be watched losing orthogonality.

                                        ‖QᵀQ − I‖ grows as
    classical Gram–Schmidt              κ² u      qⱼ = aⱼ − Q(Qᵀaⱼ): all projections from the same aⱼ
    modified Gram–Schmidt               κ u       each projection from what the one before left
    classical Gram–Schmidt, twice       u         what is left is projected again: twice is enough
    Householder                         u         reflections, orthogonal whatever A is

κ is the condition number of A, u the unit roundoff. All four give QR = A to a few u: the product hides the loss. For
use rather than for study there is `factors.householder` (LAPACK).

References: Björck (1967), BIT 7, 1-21; Giraud, Langou, Rozložník & van den Eshof (2005), Numer. Math. 101(1), 87-100;
Parlett (1998), The Symmetric Eigenvalue Problem, § 6.9 ("twice is enough", after Kahan).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.errors import ShapeError
from whyfit.linalg.norms import spectral_norm, vector_norm
from whyfit.linalg.rank import EPS


@dataclass(frozen=True, slots=True)
class Orthonormalised:
    """A = QR; a column of A that depends on those before it has a zero column in Q and a zero on R's diagonal.

    `loss` is ‖QᵀQ − D‖₂ with D = diag(1, …, 0 for a dependent column); `residual` is ‖A − QR‖_F / ‖A‖_F.
    """

    Q: Float[np.ndarray, "n p"]
    R: Float[np.ndarray, "p p"]
    loss: float
    residual: float

    @classmethod
    def of(cls, A: np.ndarray, Q: np.ndarray, R: np.ndarray) -> Orthonormalised:
        D = np.diag(Q.any(axis=0).astype(float))
        size = float(vector_norm(A.ravel()))
        left = float(vector_norm((A - Q @ R).ravel()))
        return cls(Q, R, spectral_norm(Q.T @ Q - D), left / size if size else 0.0)


def classical_gram_schmidt(A: Float[np.ndarray, "n p"]) -> Orthonormalised:
    """rⱼ = Qᵀaⱼ,  qⱼ ∝ aⱼ − Q rⱼ."""
    A = _tall(A)
    Q, R = _empty(A)
    for j, a in enumerate(A.T):
        R[:j, j] = Q[:, :j].T @ a
        R[j, j], Q[:, j] = _split(a - Q[:, :j] @ R[:j, j])
    return Orthonormalised.of(A, Q, R)


def modified_gram_schmidt(A: Float[np.ndarray, "n p"]) -> Orthonormalised:
    """For i < j in turn: r_ij = qᵢ·a,  a ← a − r_ij qᵢ."""
    A = _tall(A)
    Q, R = _empty(A)
    for j, a in enumerate(A.T):
        for i in range(j):
            R[i, j] = Q[:, i] @ a
            a = a - R[i, j] * Q[:, i]
        R[j, j], Q[:, j] = _split(a)
    return Orthonormalised.of(A, Q, R)


def gram_schmidt_twice(A: Float[np.ndarray, "n p"]) -> Orthonormalised:
    """Classical Gram–Schmidt whose remainder is projected once more.

    What is left of a column after both and is no more than n·ε of it is rounding: the column depends on those before.
    """
    A = _tall(A)
    Q, R = _empty(A)
    for j, a in enumerate(A.T):
        r = Q[:, :j].T @ a
        once = a - Q[:, :j] @ r
        correction = Q[:, :j].T @ once
        again = once - Q[:, :j] @ correction
        R[:j, j] = r + correction
        if vector_norm(again) > len(a) * EPS * vector_norm(a):
            R[j, j], Q[:, j] = _split(again)
    return Orthonormalised.of(A, Q, R)


def householder_reflections(A: Float[np.ndarray, "n p"]) -> Orthonormalised:
    """Hⱼ = I − 2vvᵀ/vᵀv with v = x + sign(x₁)‖x‖e₁ sends x to −sign(x₁)‖x‖e₁; R = H_p … H₁A, Q = H₁ … H_p.

    The sign is the one that does not cancel. Columns of Q are flipped so that R has a diagonal ≥ 0.
    """
    A = _tall(A)
    n, p = A.shape
    R, mirrors = A.copy(), []
    for j in range(p):
        v = R[j:, j].copy()
        length = float(vector_norm(v))
        v[0] += np.copysign(length, v[0])
        v /= vector_norm(v) or 1.0
        R[j:, j:] -= 2 * np.outer(v, v @ R[j:, j:])
        mirrors.append(v)
    Q = np.eye(n, p)
    for j in reversed(range(p)):
        v = mirrors[j]
        Q[j:, j:] -= 2 * np.outer(v, v @ Q[j:, j:])
    sign = np.where(np.diag(R) < 0, -1.0, 1.0)
    return Orthonormalised.of(A, Q * sign, np.triu(R[:p]) * sign[:, None])


def _tall(A: np.ndarray) -> Float[np.ndarray, "n p"]:
    A = np.asarray(A, dtype=np.float64)
    if A.ndim != 2 or A.shape[0] < A.shape[1]:
        raise ShapeError(
            f"got a matrix of shape {A.shape}; expected no more columns than rows, of which no more can be orthogonal."
        )
    vector_norm(A.ravel())  # refuses NaN and infinity
    return A


def _empty(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(A.shape), np.zeros((A.shape[1], A.shape[1]))


def _split(a: np.ndarray) -> tuple[float, np.ndarray]:
    """Length and direction; a zero vector has direction zero."""
    length = float(vector_norm(a))
    return length, a / length if length else a

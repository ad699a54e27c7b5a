"""The Lanczos recurrence: an orthonormal basis of a Krylov space in which a symmetric operator is tridiagonal.

    A v_j = β_{j−1} v_{j−1} + α_j v_j + β_j v_{j+1},      every new vector orthogonalised against all before, twice

What is made of it is elsewhere: extreme eigenvalues in `lanczos`, spectral densities in `spectrum`, an error bound in
`randomised`.

Reference: Parlett (1998), The Symmetric Eigenvalue Problem, §6.9 and ch. 13; Lanczos (1950), J. Res. NBS 45(4).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh_tridiagonal

from whyfit.errors import NotFiniteError
from whyfit.linalg.operators import Operator

#: A new direction shorter than this times ‖A‖ is rounding: the Krylov space is exhausted.
EXHAUSTED = 1e-13


class Krylov:
    """The growing basis V and the tridiagonal T; the one Lanczos recurrence of the house."""

    def __init__(self, A: Operator, V: np.ndarray, rng: np.random.Generator) -> None:
        self.A, self.V, self.rng = A, V, rng
        self.alpha: list[float] = []
        self.beta: list[
            float
        ] = []  # beta[i] couples v_i and v_{i+1}; 0 where a fresh start was needed
        self.m = 0  # columns of V that T covers
        self.norm = 0.0
        self.broken = False  # whether a fresh start was needed

    @classmethod
    def start(
        cls,
        A: Operator,
        rng: np.random.Generator,
        most: int,
        v: Float[np.ndarray, " p"] | None = None,
    ) -> Krylov:
        p = A.shape[1]
        V = np.empty((p, min(most, p) + 1), order="F")
        v = rng.standard_normal(p) if v is None else v
        V[:, 0] = v / np.linalg.norm(v)
        return cls(A, V, rng)

    def grow(self) -> None:
        """One product with A: one more row of T, and the next direction."""
        j, p = self.m, len(self.V)
        w = np.array(self.A @ self.V[:, j], dtype=np.float64)
        if not np.isfinite(w).all():
            raise NotFiniteError(
                "a product with the operator is NaN or infinite; expected finite numbers: look at"
                " the matrix, or at the parameters its operator was taken at."
            )
        self.alpha.append(float(self.V[:, j] @ w))
        known = self.V[:, : j + 1]
        before = float(np.linalg.norm(w))
        for _ in range(2):  # "twice is enough" (Parlett 1998, §6.9)
            w -= known @ (known.T @ w)
        beta = float(np.linalg.norm(w))
        self.norm = max(self.norm, before)
        self.m += 1
        if self.m == p:
            self.beta.append(0.0)
            return
        if beta <= EXHAUSTED * self.norm:
            beta, w, self.broken = 0.0, self._fresh(), True
        self.beta.append(beta)
        self.V[:, j + 1] = w / np.linalg.norm(w)

    def _fresh(self) -> Float[np.ndarray, " p"]:
        """A random direction orthogonal to all so far."""
        known, w = self.V[:, : self.m], self.rng.standard_normal(len(self.V))
        for _ in range(2):
            w -= known @ (known.T @ w)
            w /= np.linalg.norm(w)
        return w

    def spectrum(self) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, "m m"]]:
        """Eigenvalues of T, rising, and their eigenvectors."""
        found = eigh_tridiagonal(np.array(self.alpha), np.array(self.beta[: self.m - 1]))
        return np.asarray(found[0]), np.asarray(found[1])

    @property
    def exhausted(self) -> bool:
        return self.m == len(self.V)

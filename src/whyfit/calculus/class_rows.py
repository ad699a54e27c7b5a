"""A loss of C classes over rows, its parameters laid out as one vector, so that every optimizer can walk on it.

    b ∈ R^{cC} stands for the matrix B (c, C), row by row:   L(b) = (1/n) Σ ℓ(Bᵀz_i, y_i) + ½ Σ λ_j b_j²

Adding the same vector to all columns of B changes no probability: H has c flat directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from whyfit.calculus.losses import Multinomial, base
from whyfit.calculus.objective import Plane
from whyfit.errors import ShapeError


@dataclass(frozen=True)
class ClassRows:
    """The multinomial loss over rows Z (n, c); `l2` (cC) weighs the squares of the parameters.

    Raises what `kind.check` raises, and ShapeError where Z and y do not match.
    """

    kind: Multinomial
    Z: Float[np.ndarray, "n c"]
    y: Float[np.ndarray, " n"]
    l2: Float[np.ndarray, " cC"] | None = None

    def __post_init__(self) -> None:
        if self.Z.ndim != 2 or self.y.shape != self.Z.shape[:1]:
            raise ShapeError(
                f"Z has shape {self.Z.shape} and y {self.y.shape}; expected (n, c) and (n,)."
            )
        self.kind.check(self.y)

    @property
    def size(self) -> int:
        return self.Z.shape[1] * self.kind.classes

    @property
    def n(self) -> int:
        return len(self.y)

    def loss(self, w: Float[np.ndarray, " cC"]) -> float:
        penalty = 0.0 if self.l2 is None else 0.5 * float(self.l2 @ (w * w))
        with np.errstate(over="ignore", invalid="ignore"):
            return float(self.kind.value(self.Z @ self._matrix(w), self.y).mean()) + penalty

    def gradient(self, w: Float[np.ndarray, " cC"]) -> Float[np.ndarray, " cC"]:
        with np.errstate(over="ignore", invalid="ignore"):
            g = base.gradient(self.kind, self.Z, self.y, self._matrix(w))
        return self._penalised(g.ravel(), w)

    def batch_gradient(
        self, w: Float[np.ndarray, " cC"], rows: Int[np.ndarray, " b"]
    ) -> Float[np.ndarray, " cC"]:
        """Mean gradient over some rows. Raises ShapeError for an empty batch."""
        if not len(rows):
            raise ShapeError("a batch holds no rows; expected a batch size of at least 1.")
        with np.errstate(over="ignore", invalid="ignore"):
            g = base.gradient(self.kind, self.Z[rows], self.y[rows], self._matrix(w))
        return self._penalised(g.ravel(), w)

    def hessian_vector(
        self, w: Float[np.ndarray, " cC"], v: Float[np.ndarray, " cC"]
    ) -> Float[np.ndarray, " cC"]:
        Hv = base.hessian_vector(self.kind, self.Z, self.y, self._matrix(w), self._matrix(v))
        return self._penalised(Hv.ravel(), v)

    def hessian(self, w: Float[np.ndarray, " cC"]) -> Float[np.ndarray, "cC cC"]:
        """Class pair by class pair: no (n, c, C) array."""
        c, C = self.Z.shape[1], self.kind.classes
        pi = self.kind.mean(self.Z @ self._matrix(w))
        H = np.empty((c, C, c, C))
        for a in range(C):
            for b in range(a + 1):
                k = pi[:, a] * ((a == b) - pi[:, b])
                H[:, a, :, b] = H[:, b, :, a] = (self.Z * k[:, None]).T @ self.Z / self.n
        out = H.reshape(c * C, c * C)
        return out if self.l2 is None else out + np.diag(self.l2)

    def on_plane(self, plane: Plane) -> Float[np.ndarray, "a b"]:
        """Loss at every point of a plane: three passes over the rows, then only η = η₀ + s u₁ + t u₂."""
        eta, u, v = (self.Z @ self._matrix(d) for d in (plane.centre, *plane.directions))
        out = np.empty((plane.first.size, plane.second.size))
        with np.errstate(over="ignore", invalid="ignore"):
            for i, s in enumerate(plane.first):
                for j, t in enumerate(plane.second):
                    out[i, j] = self.kind.value(eta + s * u + t * v, self.y).mean()
        if self.l2 is not None:
            points = plane.points()
            out += 0.5 * np.einsum("ijc,c->ij", points * points, self.l2)
        return out

    def _matrix(self, w: np.ndarray) -> np.ndarray:
        return w.reshape(self.Z.shape[1], self.kind.classes)

    def _penalised(self, g: np.ndarray, w: np.ndarray) -> np.ndarray:
        return g if self.l2 is None else g + self.l2 * w

"""What an optimizer needs of a loss: its value, gradient and Hessian-vector product at parameters b.

`Quadratic` (calculus.descent) answers from moments, in p dimensions whatever n; `RowLoss` from rows, for any loss,
and also on mini-batches,

    L(b) = (1/n) Σ ℓ(z_iᵀb, y_i) + ½ Σ_j λ_j b_j²,      ∇_B L = (1/|B|) Σ_{i ∈ B} ℓ′_i z_i + λ ∘ b
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int

from whyfit.calculus.losses import base
from whyfit.calculus.losses.base import Loss
from whyfit.errors import ShapeError

#: Rows a landscape is drawn from: its contours are off by about 1/√n, half a per cent or one pixel in two hundred.
PLANE_ROWS = 40_000


class Objective(Protocol):
    @property
    def size(self) -> int: ...

    def loss(self, w: Float[np.ndarray, " p"], /) -> float: ...

    def gradient(self, w: Float[np.ndarray, " p"], /) -> Float[np.ndarray, " p"]: ...

    def hessian_vector(
        self, w: Float[np.ndarray, " p"], v: Float[np.ndarray, " p"], /
    ) -> Float[np.ndarray, " p"]: ...

    def on_plane(self, plane: Plane, /) -> Float[np.ndarray, "a b"]: ...


@dataclass(frozen=True, slots=True)
class Plane:
    """The points centre + s d₁ + t d₂ for s in `first` and t in `second`; directions have length 1."""

    centre: Float[np.ndarray, " c"]
    directions: Float[np.ndarray, "2 c"]
    first: Float[np.ndarray, " a"]
    second: Float[np.ndarray, " b"]

    def points(self) -> Float[np.ndarray, "a b c"]:
        one, two = self.directions
        return self.centre + self.first[:, None, None] * one + self.second[:, None] * two


@dataclass(frozen=True)
class RowLoss:
    """The mean of `kind` over rows Z (n, c), which hold a column of ones if an intercept is learned.

    `l2` weighs the squares of the parameters, 0 for the intercept. Parameters are one vector of `size` numbers: for a
    loss of C classes the matrix B (c, C) row by row, where adding the same vector to all columns changes no
    probability, so that H has c flat directions. Raises what `kind.check` raises, and ShapeError where Z and y do
    not match.
    """

    kind: Loss
    Z: Float[np.ndarray, "n c"]
    y: Float[np.ndarray, " n"]
    l2: Float[np.ndarray, " k"] | None = None

    def __post_init__(self) -> None:
        if self.Z.ndim != 2 or self.y.shape != self.Z.shape[:1]:
            raise ShapeError(
                f"Z has shape {self.Z.shape} and y {self.y.shape}; expected (n, c) and (n,)."
            )
        self.kind.check(self.y)

    @property
    def size(self) -> int:
        return self.Z.shape[1] * self.kind.outputs

    @property
    def several(self) -> bool:
        """Whether a row has more than one η; what is known of batches in closed form is for one."""
        return self.kind.outputs > 1

    @property
    def n(self) -> int:
        return len(self.y)

    def shaped(self, w: Float[np.ndarray, " k"]) -> np.ndarray:
        """The parameters as they multiply a row: a column for each η, or w itself."""
        return w.reshape(self.Z.shape[1], self.kind.outputs) if self.several else w

    def loss(self, w: Float[np.ndarray, " k"]) -> float:
        penalty = 0.0 if self.l2 is None else 0.5 * float(self.l2 @ (w * w))
        with np.errstate(over="ignore", invalid="ignore"):
            return float(self.kind.value(self.Z @ self.shaped(w), self.y).mean()) + penalty

    def gradient(self, w: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        return self._gradient(w, self.Z, self.y)

    def batch_gradient(
        self, w: Float[np.ndarray, " k"], rows: Int[np.ndarray, " b"]
    ) -> Float[np.ndarray, " k"]:
        """Mean gradient over some rows. Raises ShapeError for an empty batch."""
        if not len(rows):
            raise ShapeError("a batch holds no rows; expected a batch size of at least 1.")
        return self._gradient(w, self.Z[rows], self.y[rows])

    def _gradient(self, w: np.ndarray, Z: np.ndarray, y: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            return self._penalised(base.gradient(self.kind, Z, y, self.shaped(w)).ravel(), w)

    def hessian_vector(
        self, w: Float[np.ndarray, " k"], v: Float[np.ndarray, " k"]
    ) -> Float[np.ndarray, " k"]:
        Hv = base.hessian_vector(self.kind, self.Z, self.y, self.shaped(w), self.shaped(v))
        return self._penalised(Hv.ravel(), v)

    def hessian(self, w: Float[np.ndarray, " k"]) -> Float[np.ndarray, "k k"]:
        H = base.hessian(self.kind, self.Z, self.y, self.shaped(w))
        return H if self.l2 is None else H + np.diag(self.l2)

    def on_plane(self, plane: Plane) -> Float[np.ndarray, "a b"]:
        """Loss at every point of a plane: three passes over the rows, then only η = η₀ + s u₁ + t u₂.

        Of more than PLANE_ROWS rows every k-th stands for k: the picture is the same to the eye.
        """
        every = slice(None, None, -(-self.n // PLANE_ROWS))
        Z, y = self.Z[every], self.y[every]
        eta, u, v = (Z @ self.shaped(d) for d in (plane.centre, *plane.directions))
        out = np.empty((plane.first.size, plane.second.size))
        with np.errstate(over="ignore", invalid="ignore"):
            for i, s in enumerate(plane.first):
                for j, t in enumerate(plane.second):
                    out[i, j] = self.kind.value(eta + s * u + t * v, y).mean()
        if self.l2 is not None:
            points = plane.points()
            out += 0.5 * np.einsum("ijc,c->ij", points * points, self.l2)
        return out

    def _penalised(self, g: np.ndarray, w: np.ndarray) -> np.ndarray:
        return g if self.l2 is None else g + self.l2 * w

"""What an optimizer needs of a loss: its value, gradient and Hessian-vector product at parameters b.

`Quadratic` (calculus.descent) answers from moments, in p dimensions whatever n; `RowLoss` from rows, for any loss,
and also on mini-batches,

    L(b) = (1/n) Σ ℓ(z_iᵀb, y_i) + ½ Σ_j λ_j b_j²,      ∇_B L = (1/|B|) Σ_{i ∈ B} ℓ′_i z_i + λ ∘ b
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int

from whyfit.calculus.losses import base
from whyfit.calculus.losses.base import Loss
from whyfit.errors import ShapeError


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

    `l2` (c) weighs the squares of the parameters; 0 for the intercept. Raises what `kind.check` raises, and
    ShapeError where Z and y do not match.
    """

    kind: Loss
    Z: Float[np.ndarray, "n c"]
    y: Float[np.ndarray, " n"]
    l2: Float[np.ndarray, " c"] | None = None

    def __post_init__(self) -> None:
        if self.Z.ndim != 2 or self.y.shape != self.Z.shape[:1]:
            raise ShapeError(
                f"Z has shape {self.Z.shape} and y {self.y.shape}; expected (n, c) and (n,)."
            )
        self.kind.check(self.y)

    @property
    def size(self) -> int:
        return self.Z.shape[1]

    @property
    def n(self) -> int:
        return len(self.y)

    def loss(self, w: Float[np.ndarray, " c"]) -> float:
        penalty = 0.0 if self.l2 is None else 0.5 * float(self.l2 @ (w * w))
        with np.errstate(over="ignore", invalid="ignore"):
            return float(self.kind.value(self.Z @ w, self.y).mean()) + penalty

    def gradient(self, w: Float[np.ndarray, " c"]) -> Float[np.ndarray, " c"]:
        with np.errstate(over="ignore", invalid="ignore"):
            return self._penalised(base.gradient(self.kind, self.Z, self.y, w), w)

    def batch_gradient(
        self, w: Float[np.ndarray, " c"], rows: Int[np.ndarray, " b"]
    ) -> Float[np.ndarray, " c"]:
        """Mean gradient over some rows. Raises ShapeError for an empty batch."""
        if not len(rows):
            raise ShapeError("a batch holds no rows; expected a batch size of at least 1.")
        with np.errstate(over="ignore", invalid="ignore"):
            g = base.gradient(self.kind, self.Z[rows], self.y[rows], w)
            return self._penalised(g, w)

    def hessian_vector(
        self, w: Float[np.ndarray, " c"], v: Float[np.ndarray, " c"]
    ) -> Float[np.ndarray, " c"]:
        return self._penalised(base.hessian_vector(self.kind, self.Z, self.y, w, v), v)

    def hessian(self, w: Float[np.ndarray, " c"]) -> Float[np.ndarray, "c c"]:
        H = base.hessian(self.kind, self.Z, self.y, w)
        return H if self.l2 is None else H + np.diag(self.l2)

    @cached_property
    def constant(self) -> float:
        """Loss of the best constant predictor."""
        eta = np.broadcast_to(self.kind.constant(self.y), self.y.shape)
        with np.errstate(invalid="ignore", over="ignore"):
            return float(np.nan_to_num(self.kind.value(eta, self.y), nan=0.0).mean())

    def on_plane(self, plane: Plane) -> Float[np.ndarray, "a b"]:
        """Loss at every point of a plane: three passes over the rows, then only η = η₀ + s u₁ + t u₂."""
        eta, u, v = (self.Z @ d for d in (plane.centre, *plane.directions))
        out = np.empty((plane.first.size, plane.second.size))
        with np.errstate(over="ignore", invalid="ignore"):
            for i, s in enumerate(plane.first):
                for j, t in enumerate(plane.second):
                    out[i, j] = self.kind.value(eta + s * u + t * v, self.y).mean()
        if self.l2 is not None:
            points = plane.points()
            out += 0.5 * np.einsum("ijc,c->ij", points * points, self.l2)
        return out

    def _penalised(self, g: np.ndarray, w: np.ndarray) -> np.ndarray:
        return g if self.l2 is None else g + self.l2 * w

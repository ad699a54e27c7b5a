"""What every loss of a linear predictor has in common.

A model predicts from η_i = β₀ + x_iᵀw; a loss ℓ(η, y) says how bad that is in one row, and the fit minimises

    L(w) = (1/n) Σ_i ℓ(η_i, y_i)

By the chain rule all derivatives in w need only those in η, with x̃ = (1, x):

    ∇L = (1/n) Σ ℓ′(η_i, y_i) x̃_i        H = (1/n) Σ ℓ″(η_i, y_i) x̃_i x̃_iᵀ        Hv = (1/n) Σ ℓ″_i (x̃_iᵀv) x̃_i

Conventions
-----------
eta : (m,) linear predictor, or (m, C) of a loss of C classes.
y : (m,) target: a number, 0/1 of a binary loss, −1/+1 nowhere, the class code 0..C−1 of a multinomial one.
value : (m,) loss of each row; additive constants that do not depend on η are left out, and said so.
slope : of eta's shape, ℓ′ = ∂ℓ/∂η; at a kink the subgradient that is written down in the loss.
curvature : of eta's shape, ℓ″ = ∂²ℓ/∂η² (m, C, C for C classes); 0 where a loss is piecewise linear.
mean : of eta's shape, the inverse link: E[y | η], or what stands for it.

Reference: McCullagh & Nelder (1989), Generalized Linear Models, ch. 2.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from whyfit.errors import NotFiniteError, ShapeError


class Loss(ABC):
    """ℓ(η, y) with its first two derivatives in η. Instances are immutable and hold only their constants.

    `link` names g with g(mean) = η. `curvature_bound` is sup ℓ″ over all η and y: inf where there is none, and
    what a step size may rely on everywhere (η_step < 2 / (curvature_bound · λ_max(X̃ᵀX̃/n))).
    `smooth` tells whether ℓ′ is continuous; `strictly` whether ℓ″ > 0 everywhere;
    `convex` whether ℓ″ ≥ 0 everywhere, so that every minimum is the lowest; where not, the bound is sup |ℓ″|.
    """

    name: ClassVar[str]
    outputs: int = 1  # η of a row: C for a loss of C classes
    link: ClassVar[str] = "identity"
    curvature_bound: ClassVar[float] = np.inf
    smooth: ClassVar[bool] = True
    strictly: ClassVar[bool] = True
    convex: ClassVar[bool] = True

    @abstractmethod
    def value(self, eta: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"]) -> np.ndarray: ...

    @abstractmethod
    def slope(self, eta: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"]) -> np.ndarray: ...

    @abstractmethod
    def curvature(self, eta: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"]) -> np.ndarray: ...

    def mean(self, eta: Float[np.ndarray, " m"]) -> np.ndarray:
        """Identity link unless the loss has another."""
        return eta

    def constant(self, y: Float[np.ndarray, " n"]) -> float | Float[np.ndarray, " C"]:
        """The η of the best constant predictor of y (n ≥ 1)."""
        return float(np.mean(y))

    def check(self, y: Float[np.ndarray, " n"]) -> None:
        """Refuse a target this loss has no meaning for.

        Raises ShapeError for no rows, NotFiniteError for NaN or infinity, TargetError where a loss asks for more.
        """
        if not np.size(y):
            raise ShapeError(f"the {self.name} loss was given no rows; expected at least one.")
        if not np.isfinite(y).all():
            row = int(np.flatnonzero(~np.isfinite(y))[0])
            raise NotFiniteError(
                f"the target is {y[row]} in row {row + 1}; expected finite numbers: impute or drop it."
            )


def gradient(
    loss: Loss, Z: Float[np.ndarray, "m c"], y: Float[np.ndarray, " m"], b: np.ndarray
) -> np.ndarray:
    """∇L of the mean loss at b; Z holds the columns (1, x). For C classes b and the result are (c, C)."""
    return Z.T @ loss.slope(Z @ b, y) / len(y)


def hessian(
    loss: Loss, Z: Float[np.ndarray, "m c"], y: Float[np.ndarray, " m"], b: np.ndarray
) -> np.ndarray:
    """H of the mean loss at b: (c, c), or (cC, cC) in the order of b.ravel() for C classes."""
    K = loss.curvature(Z @ b, y)
    if K.ndim == 1:
        return (Z * K[:, None]).T @ Z / len(y)
    c, C = b.shape
    H = np.empty((c, C, c, C))
    for i in range(C):  # class pair by class pair: no (m, c, C) array
        for j in range(i + 1):
            H[:, i, :, j] = H[:, j, :, i] = (Z * K[:, i, j, None]).T @ Z / len(y)
    return H.reshape(c * C, c * C)


def hessian_vector(
    loss: Loss,
    Z: Float[np.ndarray, "m c"],
    y: Float[np.ndarray, " m"],
    b: np.ndarray,
    v: np.ndarray,
) -> np.ndarray:
    """Hv of the mean loss at b without forming H; v has b's shape."""
    K, u = loss.curvature(Z @ b, y), Z @ v
    return Z.T @ (K * u if K.ndim == 1 else np.einsum("iab,ib->ia", K, u)) / len(y)

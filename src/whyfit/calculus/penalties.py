"""Penalties on the coefficients of unit-variance columns; the intercept is always free.

    ridge  ½λ‖w̃‖²        lasso  λ‖w̃‖₁        elastic net  λ(ρ‖w̃‖₁ + ½(1 − ρ)‖w̃‖²)

One dataclass holds all three: ρ = 0 is ridge, ρ = 1 lasso. What a coordinate or proximal method needs is the
*proximal operator* of the penalty,

    prox_t(v) = argmin_u  ½(u − v)² + t Ω(u) = S(v, tλρ) / (1 + tλ(1 − ρ)),      S(v, a) = sign(v)(|v| − a)₊

Reference: Zou & Hastie (2005), J. R. Statist. Soc. B 67, 301-320; Parikh & Boyd (2014), Proximal Algorithms, §6.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.errors import SpecError


@dataclass(frozen=True, slots=True)
class ElasticNet:
    """Ω(w) = λ(ρ‖w‖₁ + ½(1 − ρ)‖w‖²); `l1_ratio` is ρ.

    Raises SpecError unless λ is finite and ≥ 0 and 0 ≤ ρ ≤ 1.
    """

    penalty: float = 0.0
    l1_ratio: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.penalty < np.inf:
            raise SpecError(f"the penalty is {self.penalty}; expected a finite number ≥ 0.")
        if not 0 <= self.l1_ratio <= 1:
            raise SpecError(f"l1_ratio is {self.l1_ratio}; expected 0 (ridge) to 1 (lasso).")

    @property
    def l1(self) -> float:
        return self.penalty * self.l1_ratio

    @property
    def l2(self) -> float:
        return self.penalty * (1 - self.l1_ratio)

    def value(self, w: Float[np.ndarray, " p"]) -> float:
        return float(self.l1 * np.abs(w).sum() + 0.5 * self.l2 * (w @ w))

    def slope(self, w: Float[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
        """The (sub)gradient of least norm of Ω alone: 0 for a coefficient that is 0."""
        return self.l1 * np.sign(w) + self.l2 * w

    def curvature(self, w: Float[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
        return np.full_like(w, self.l2)

    def prox(self, v: Float[np.ndarray, " p"], step: float = 1.0) -> Float[np.ndarray, " p"]:
        """argmin_u ½(u − v)² + step · Ω(u)."""
        shrunk = np.maximum(np.abs(v) - step * self.l1, 0.0)
        return np.copysign(shrunk, v) / (1 + step * self.l2)

    def least_slope(
        self, w: Float[np.ndarray, " p"], g: Float[np.ndarray, " p"]
    ) -> Float[np.ndarray, " p"]:
        """The element of g + ∂Ω(w) nearest to zero: 0 where w is optimal for a loss of gradient g."""
        moving = g + self.slope(w)
        resting = np.copysign(np.maximum(np.abs(g) - self.l1, 0.0), g)
        return np.where(w == 0, resting, moving)


def ridge(penalty: float) -> ElasticNet:
    """½λ‖w‖²."""
    return ElasticNet(penalty, 0.0)


def lasso(penalty: float) -> ElasticNet:
    """λ‖w‖₁."""
    return ElasticNet(penalty, 1.0)

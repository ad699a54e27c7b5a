"""Quantile (pinball) loss: its best constant is the τ-quantile of y.

    ℓ = τ (y − η)₊ + (1 − τ)(η − y)₊;    ℓ′ = [η > y] − τ, and at the kink η = y the subgradient ½ − τ;    ℓ″ = 0

Reference: Koenker & Bassett (1978), Econometrica 46, 33-50.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whyfit.calculus.losses.base import Loss
from whyfit.errors import SpecError


@dataclass(frozen=True, slots=True)
class Quantile(Loss):
    tau: float = 0.5

    name = "quantile"
    curvature_bound = np.inf  # a kink bends without bound
    smooth = False
    strictly = False

    def __post_init__(self) -> None:
        if not 0 < self.tau < 1:
            raise SpecError(
                f"tau is {self.tau}; expected a level in (0, 1), e.g. 0.5 for the median."
            )

    def value(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        r = y - eta
        return np.where(r >= 0, self.tau * r, (self.tau - 1) * r)

    def slope(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (np.sign(eta - y) + 1) / 2 - self.tau

    def curvature(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        del y  # it bends alike for all targets
        return np.zeros_like(eta)

    def constant(self, y: np.ndarray) -> float:
        return float(np.quantile(y, self.tau, method="inverted_cdf"))

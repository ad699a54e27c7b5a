"""Huber's loss: squared near zero, linear beyond δ, so that one row pulls with a force of at most 2δ.

    ℓ = r² if |r| ≤ δ else 2δ|r| − δ²,   r = η − y;    ℓ′ = 2 clip(r, −δ, δ);    ℓ″ = 2 [|r| ≤ δ]

δ is in units of y. At δ = 1.345 σ the estimate keeps 95 % of the efficiency of least squares under normal errors.

Reference: Huber (1964), Ann. Math. Statist. 35, 73-101; Huber & Ronchetti (2009), Robust Statistics, §7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whyfit.calculus.losses.base import Loss
from whyfit.errors import SpecError

#: δ/σ that keeps 95 % efficiency under normal errors (Huber & Ronchetti 2009, §7.7).
EFFICIENT = 1.345


@dataclass(frozen=True, slots=True)
class Huber(Loss):
    delta: float = EFFICIENT

    name = "huber"
    curvature_bound = 2.0
    strictly = False

    def __post_init__(self) -> None:
        if not 0 < self.delta < np.inf:
            raise SpecError(
                f"delta is {self.delta}; expected a finite number > 0, e.g. {EFFICIENT} σ."
            )

    def value(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        r = np.abs(eta - y)
        return np.where(r <= self.delta, r * r, 2 * self.delta * r - self.delta**2)

    def slope(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 2 * np.clip(eta - y, -self.delta, self.delta)

    def curvature(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.where(np.abs(eta - y) <= self.delta, 2.0, 0.0)

    def constant(self, y: np.ndarray) -> float:
        """Where Σ clip(c − y, −δ, δ) crosses zero: bisection between the extremes of y, to its last digit."""
        low, high = float(np.min(y)), float(np.max(y))
        for _ in range(200):
            middle = low + (high - low) / 2
            if not low < middle < high:
                break
            pull = float(self.slope(np.full(len(y), middle), y).sum())
            low, high = (low, middle) if pull > 0 else (middle, high)
        return low + (high - low) / 2

"""Gamma loss of positive amounts, log link: ℓ = η + y e^−η, ℓ′ = 1 − y e^−η, ℓ″ = y e^−η.

The negative log-likelihood at shape 1, without terms in y alone; the shape scales ℓ and leaves its minimum in place.
Its rows count by their *relative* error: the standard deviation of y is proportional to its mean.

Reference: McCullagh & Nelder (1989), ch. 8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whyfit.calculus.losses.base import Loss
from whyfit.errors import TargetError


@dataclass(frozen=True, slots=True)
class Gamma(Loss):
    name = "gamma"
    link = "log"

    def value(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        return eta + y * np.exp(-eta)

    def slope(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 1 - y * np.exp(-eta)

    def curvature(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        return y * np.exp(-eta)

    def mean(self, eta: np.ndarray) -> np.ndarray:
        return np.exp(eta)

    def constant(self, y: np.ndarray) -> float:
        return float(np.log(np.mean(y)))

    def check(self, y: np.ndarray) -> None:
        Loss.check(self, y)
        if (wrong := np.flatnonzero(y <= 0)).size:
            row = wrong[0]
            raise TargetError(
                f"the target is {y[row]:g} in row {row + 1}; the gamma loss expects amounts > 0."
            )

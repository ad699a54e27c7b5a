"""Poisson loss of counts, log link: ℓ = e^η − yη, ℓ′ = e^η − y, ℓ″ = e^η.

The negative log-likelihood without log y!. The curvature grows without bound: no step size suits every start.

Reference: McCullagh & Nelder (1989), ch. 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whyfit.calculus.losses.base import Loss
from whyfit.errors import TargetError


@dataclass(frozen=True, slots=True)
class Poisson(Loss):
    name = "poisson"
    link = "log"

    def value(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.exp(eta) - y * eta

    def slope(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.exp(eta) - y

    def curvature(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        del y  # it bends alike for all targets
        return np.exp(eta)

    def mean(self, eta: np.ndarray) -> np.ndarray:
        return np.exp(eta)

    def constant(self, y: np.ndarray) -> float:
        """log ȳ; −inf if every count is 0."""
        with np.errstate(divide="ignore"):
            return float(np.log(np.mean(y)))

    def check(self, y: np.ndarray) -> None:
        Loss.check(self, y)
        if (negative := np.flatnonzero(y < 0)).size:
            row = negative[0]
            raise TargetError(
                f"the target is {y[row]:g} in row {row + 1}; the Poisson loss expects counts ≥ 0."
            )

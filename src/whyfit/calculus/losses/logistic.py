"""Binary cross-entropy in its logit: y is 0 or 1.

    ℓ = log(1 + e^η) − yη,   π = 1/(1 + e^−η),   ℓ′ = π − y,   ℓ″ = π(1 − π) ≤ ¼

Written with e^−|η| only, so that nothing overflows and small probabilities keep their digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whyfit.calculus.losses.base import Loss
from whyfit.errors import TargetError


@dataclass(frozen=True, slots=True)
class Logistic(Loss):
    name = "logistic"
    link = "logit"
    curvature_bound = 0.25

    def value(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        # log(1 + e^η) − yη = log(1 + e^−|η|) + (1 − y)η₊ + y(−η)₊, exact for y in [0, 1]: no subtraction
        return (
            np.log1p(np.exp(-np.abs(eta))) + (1 - y) * np.maximum(eta, 0) + y * np.maximum(-eta, 0)
        )

    def slope(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        t = np.exp(-np.abs(eta))
        small = t / (1 + t)  # the smaller of π and 1 − π
        # (1 − y)π − y(1 − π) keeps the digits of a small 1 − π
        pi, rest = np.where(eta >= 0, 1 / (1 + t), small), np.where(eta >= 0, small, 1 / (1 + t))
        return (1 - y) * pi - y * rest

    def curvature(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        del y  # it bends alike for all targets
        t = np.exp(-np.abs(eta))
        return t / (1 + t) ** 2

    def mean(self, eta: np.ndarray) -> np.ndarray:
        t = np.exp(-np.abs(eta))
        return np.where(eta >= 0, 1.0, t) / (1 + t)

    def constant(self, y: np.ndarray) -> float:
        """The logit of the share of ones; ±inf if there is one class only."""
        share = float(np.mean(y))
        with np.errstate(divide="ignore"):
            return float(np.log(share) - np.log1p(-share))

    def check(self, y: np.ndarray) -> None:
        Loss.check(self, y)
        wrong = np.flatnonzero((y != 0) & (y != 1))
        if wrong.size:
            raise TargetError(
                f"the target is {y[wrong[0]]:g} in row {wrong[0] + 1}; the logistic loss expects 0 or 1."
            )

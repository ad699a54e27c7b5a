"""Hinge loss of a classifier, y 0 or 1: ℓ = (1 − sη)₊ with s = 2y − 1.

    ℓ′ = −s where sη < 1, 0 where sη > 1, and at the kink the subgradient −s/2;    ℓ″ = 0

η has no probability: `mean` is the class it votes for, ½ at η = 0.

Reference: Cortes & Vapnik (1995), Machine Learning 20, 273-297.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whyfit.calculus.losses.base import Loss
from whyfit.calculus.losses.logistic import Logistic


@dataclass(frozen=True, slots=True)
class Hinge(Loss):
    name = "hinge"
    smooth = False
    strictly = False

    def value(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.maximum(1 - (2 * y - 1) * eta, 0.0)

    def slope(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        s = 2 * y - 1
        return -s * (np.sign(1 - s * eta) + 1) / 2

    def curvature(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        del y  # it bends alike for all targets
        return np.zeros_like(eta)

    def mean(self, eta: np.ndarray) -> np.ndarray:
        return (np.sign(eta) + 1) / 2

    def constant(self, y: np.ndarray) -> float:
        """+1 or −1, the vote for the larger class; 0 for a tie, where all of [−1, 1] is as good."""
        return float(np.sign(np.mean(y) - 0.5))

    def check(self, y: np.ndarray) -> None:
        Logistic().check(y)

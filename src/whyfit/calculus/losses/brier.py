"""The Brier score as a loss: squared error of a probability, through the logistic function or softmax.

    two classes   ℓ = (π − y)²,   π = 1/(1 + e^−η)
                  ℓ′ = 2(π − y) π(1 − π)
                  ℓ″ = 2π(1 − π) [π(1 − π) + (π − y)(1 − 2π)],      −0.1202 ≤ ℓ″ ≤ 0.1541
    C classes     ℓ = Σ_a r_a²,   r = π − e_y,   π = softmax(η),   q = Σ_a π_a r_a
                  ∂ℓ/∂η_b = 2π_b (r_b − q)

It is a proper score, so that its minimum is a calibrated model like that of the log-loss, but it is *not convex*: where
a row is predicted wrongly with confidence, π(1 − π) makes the slope vanish although the loss there is at its largest. A
descent that starts far out, or is thrown there by one large step, finds a plateau and stays. The log-loss divides this
factor out (Logistic: ℓ′ = π − y) and has no such place.

Two classes written as C = 2 count twice, as in Brier's own definition. Everything is written with e^−|η|, so that tails
keep their digits.

References: Brier (1950), Monthly Weather Review 78, 1-3; Bishop (2006), Pattern Recognition and Machine Learning,
§4.3.2; Solla, Levin & Fleisher (1988), Complex Systems 2, 625-640 (plateaux of squared error, none of the log-loss).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whyfit.calculus.losses.base import Loss
from whyfit.calculus.losses.logistic import Logistic
from whyfit.calculus.losses.multinomial import Multinomial

#: Where the curvature 2π²(1 − π)(2 − 3π) of a row of class 0 is largest: the smaller root of 12π² − 15π + 4 = 0.
_SHARPEST = (15 - np.sqrt(33)) / 24


@dataclass(frozen=True, slots=True)
class Brier(Loss):
    """Of two classes, y 0 or 1."""

    name = "brier"
    link = "logit"
    curvature_bound = float(2 * _SHARPEST**2 * (1 - _SHARPEST) * (2 - 3 * _SHARPEST))
    strictly = False
    convex = False

    def value(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        return _off(eta, y) ** 2

    def slope(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 2 * _off(eta, y) * _bend(eta)

    def curvature(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        bend = _bend(eta)
        return 2 * bend * (bend - _off(eta, y) * np.tanh(eta / 2))  # 1 − 2π = −tanh(η/2)

    def mean(self, eta: np.ndarray) -> np.ndarray:
        return Logistic().mean(eta)

    def constant(self, y: np.ndarray) -> float:
        """The logit of the share of ones; ±inf if there is one class only."""
        return Logistic().constant(y)

    def check(self, y: np.ndarray) -> None:
        Logistic().check(y)


def _off(eta: np.ndarray, y: np.ndarray) -> np.ndarray:
    """π − y, with the digits of a small one kept."""
    return Logistic().slope(eta, y)


def _bend(eta: np.ndarray) -> np.ndarray:
    """π(1 − π)."""
    return Logistic().curvature(eta, eta)


@dataclass(frozen=True, slots=True)
class SoftmaxBrier(Loss):
    """Of C classes, y the code 0..C−1; between 0 and 2. Adding a constant to all η of a row changes nothing."""

    classes: int

    name = "brier"
    link = "log ratio"
    curvature_bound = (
        4 * Brier.curvature_bound
    )  # attained by two classes; 10⁶ random rows of up to 10 met no more
    strictly = False
    convex = False

    def __post_init__(self) -> None:
        _ = Multinomial(self.classes)  # its check

    @property
    def outputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.classes

    def value(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (self._off(eta, y) ** 2).sum(axis=1)

    def slope(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        pi, r = self.mean(eta), self._off(eta, y)
        return 2 * pi * (r - (pi * r).sum(axis=1, keepdims=True))

    def curvature(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """J = diag(π) − ππᵀ;  2J_bc(r_b − q) + 2π_b(J_bc − π_c[r_c + π_c − q − Σπ²]), symmetric in b and c."""
        pi, r = self.mean(eta), self._off(eta, y)
        J = pi[:, :, None] * (np.eye(self.classes) - pi[:, None, :])
        q = (pi * r).sum(axis=1, keepdims=True)
        both = r + pi - q - (pi * pi).sum(axis=1, keepdims=True)  # ∂q/∂η_c = π_c · both_c
        return 2 * (J * (r - q)[:, :, None] + pi[:, :, None] * (J - (pi * both)[:, None, :]))

    def mean(self, eta: np.ndarray) -> np.ndarray:
        return Multinomial(self.classes).mean(eta)

    def constant(self, y: np.ndarray) -> np.ndarray:
        """Log shares of the classes, −inf for one that does not occur."""
        return Multinomial(self.classes).constant(y)

    def check(self, y: np.ndarray) -> None:
        Multinomial(self.classes).check(y)

    def _off(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """π − e_y."""
        return Multinomial(self.classes).slope(eta, y)

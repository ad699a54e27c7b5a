"""Gradient descent, plain, with momentum, and with Nesterov's look-ahead.

    plain      w ← w − ηg
    momentum   v ← βv + g,   w ← w − ηv
    Nesterov   v ← βv + g,   w ← w − η(g + βv)

in the form that deep-learning libraries use (the step size multiplies the velocity, no dampening). Per
eigen-direction, with (w, v) as the pair,

    plain 1 − ηλ        momentum [1 − ηλ, −ηβ; λ, β]        Nesterov [1 − ηλ(1 + β), −ηβ²; λ, β]

whose spectral radius is below one while λ < 2/η, (2 + 2β)/η and (2 + 2β)/((1 + 2β)η).

References: Polyak (1964), USSR Comput. Math. 4, 1-17; Nesterov (1983); Sutskever et al. (2013), ICML;
Cohen et al. (2021), arXiv 2103.00065, app. B for the limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whyfit.calculus.optimizers.base import Rule, check_share


@dataclass(frozen=True, slots=True)
class GradientDescent(Rule):
    """w ← w − ηg. On mini-batches this is SGD."""

    name = "gradient descent"

    def init(self, w: np.ndarray) -> None:
        del w

    def update(
        self, state: None, w: np.ndarray, g: np.ndarray, rate: float
    ) -> tuple[np.ndarray, None]:
        return w - rate * g, state

    def transition(self, curvature: np.ndarray, rate: float) -> np.ndarray:
        return (1 - rate * curvature)[:, None, None]

    def entry(self, rate: float) -> np.ndarray:
        return np.array([-rate])

    def limit(self, rate: float) -> float:
        return 2 / rate


SGD = GradientDescent


@dataclass(frozen=True, slots=True)
class Momentum(Rule):
    """Polyak's heavy ball. Raises SpecError unless 0 ≤ β < 1."""

    beta: float = 0.9

    name = "momentum"

    def __post_init__(self) -> None:
        check_share("momentum", self.beta)

    def init(self, w: np.ndarray) -> np.ndarray:
        return np.zeros_like(w)

    def update(
        self, state: np.ndarray, w: np.ndarray, g: np.ndarray, rate: float
    ) -> tuple[np.ndarray, np.ndarray]:
        v = self.beta * state + g
        return w - rate * v, v

    def transition(self, curvature: np.ndarray, rate: float) -> np.ndarray:
        M = np.empty((curvature.size, 2, 2))
        M[:, 0, 0], M[:, 0, 1] = 1 - rate * curvature, -rate * self.beta
        M[:, 1, 0], M[:, 1, 1] = curvature, self.beta
        return M

    def entry(self, rate: float) -> np.ndarray:
        return np.array([-rate, 1.0])

    def limit(self, rate: float) -> float:
        return (2 + 2 * self.beta) / rate


@dataclass(frozen=True, slots=True)
class Nesterov(Rule):
    """Momentum that looks ahead. Raises SpecError unless 0 ≤ β < 1."""

    beta: float = 0.9

    name = "Nesterov"

    def __post_init__(self) -> None:
        check_share("momentum", self.beta)

    def init(self, w: np.ndarray) -> np.ndarray:
        return np.zeros_like(w)

    def update(
        self, state: np.ndarray, w: np.ndarray, g: np.ndarray, rate: float
    ) -> tuple[np.ndarray, np.ndarray]:
        v = self.beta * state + g
        return w - rate * (g + self.beta * v), v

    def transition(self, curvature: np.ndarray, rate: float) -> np.ndarray:
        M = np.empty((curvature.size, 2, 2))
        M[:, 0, 0] = 1 - rate * curvature * (1 + self.beta)
        M[:, 0, 1] = -rate * self.beta**2
        M[:, 1, 0], M[:, 1, 1] = curvature, self.beta
        return M

    def entry(self, rate: float) -> np.ndarray:
        return np.array([-rate * (1 + self.beta), 1.0])

    def limit(self, rate: float) -> float:
        return (2 + 2 * self.beta) / ((1 + 2 * self.beta) * rate)

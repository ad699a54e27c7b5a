"""RMSProp: each coordinate's gradient divided by the root of its running mean square.

    s ← αs + (1 − α)g²,     w ← w − η g / (√s + ε)

Once s has settled this is gradient descent on D^−½HD^−½ with D = √s + ε, stable while its curvature is below 2/η.
Near the minimum g → 0 and so does D: the preconditioned curvature rises until it reaches the limit. With a constant
step RMSProp therefore ends by bouncing at about η per coordinate; it is the schedule that makes it converge.

Reference: Tieleman & Hinton (2012), Coursera lecture 6.5; Cohen et al. (2022), arXiv 2207.14484.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whyfit.calculus.optimizers.base import Rule, check_share
from whyfit.errors import SpecError


@dataclass(frozen=True, slots=True)
class RMSProp(Rule):
    """Raises SpecError unless 0 ≤ α < 1 and ε > 0."""

    alpha: float = 0.99
    epsilon: float = 1e-8

    name = "RMSProp"
    adaptive = True

    def __post_init__(self) -> None:
        check_share("alpha", self.alpha)
        if not 0 < self.epsilon < np.inf:
            raise SpecError(f"epsilon is {self.epsilon}; expected a small number > 0, e.g. 1e-8.")

    def init(self, w: np.ndarray) -> np.ndarray:
        return np.zeros_like(w)

    def update(
        self, state: np.ndarray, w: np.ndarray, g: np.ndarray, rate: float
    ) -> tuple[np.ndarray, np.ndarray]:
        s = self.alpha * state + (1 - self.alpha) * g * g
        return w - rate * g / (np.sqrt(s) + self.epsilon), s

    def transition(self, curvature: np.ndarray, rate: float) -> np.ndarray:
        return (1 - rate * curvature)[:, None, None]

    def entry(self, rate: float) -> np.ndarray:
        return np.array([-rate])

    def limit(self, rate: float) -> float:
        return 2 / rate

    def preconditioner(self, state: np.ndarray) -> np.ndarray:
        return np.sqrt(state) + self.epsilon

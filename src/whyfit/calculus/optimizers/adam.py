"""Adam: momentum as a running mean, divided by the root of the running mean square; AdamW decays w by itself.

    m ← β₁m + (1 − β₁)g,   s ← β₂s + (1 − β₂)g²,   m̂ = m/(1 − β₁ᵗ),   ŝ = s/(1 − β₂ᵗ)
    w ← w − η m̂/(√ŝ + ε)                                              AdamW first: w ← (1 − ηδ)w

Once the divisor D = √ŝ + ε has settled, this is momentum with the step (1 − β₁)η on D^−½HD^−½ and stable while

    λ_max(D^−½HD^−½) < (2 + 2β₁) / ((1 − β₁)η)

38/η at β₁ = 0.9. As in RMSProp D shrinks with the gradient, so that a constant step ends at that edge.

References: Kingma & Ba (2015), ICLR; Loshchilov & Hutter (2019), ICLR; Cohen et al. (2022), arXiv 2207.14484.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whyfit.calculus.optimizers.base import Rule, check_share
from whyfit.errors import SpecError


@dataclass(frozen=True, slots=True)
class AdamState:
    """Steps taken, running mean of the gradient and of its square."""

    t: int
    m: np.ndarray
    s: np.ndarray


@dataclass(frozen=True, slots=True)
class Adam(Rule):
    """Raises SpecError unless 0 ≤ β₁, β₂ < 1 and ε > 0."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    name = "Adam"
    adaptive = True

    def __post_init__(self) -> None:
        check_share("beta1", self.beta1)
        check_share("beta2", self.beta2)
        if not 0 < self.epsilon < np.inf:
            raise SpecError(f"epsilon is {self.epsilon}; expected a small number > 0, e.g. 1e-8.")

    def init(self, w: np.ndarray) -> AdamState:
        return AdamState(0, np.zeros_like(w), np.zeros_like(w))

    def update(
        self, state: AdamState, w: np.ndarray, g: np.ndarray, rate: float
    ) -> tuple[np.ndarray, AdamState]:
        t = state.t + 1
        m = self.beta1 * state.m + (1 - self.beta1) * g
        s = self.beta2 * state.s + (1 - self.beta2) * g * g
        new = AdamState(t, m, s)
        return w - rate * (m / (1 - self.beta1**t)) / self.preconditioner(new), new

    def transition(self, curvature: np.ndarray, rate: float) -> np.ndarray:
        """Of (w, m) in coordinates in which D = 1."""
        M, keep = np.empty((curvature.size, 2, 2)), 1 - self.beta1
        M[:, 0, 0], M[:, 0, 1] = 1 - rate * keep * curvature, -rate * self.beta1
        M[:, 1, 0], M[:, 1, 1] = keep * curvature, self.beta1
        return M

    def entry(self, rate: float) -> np.ndarray:
        return np.array([-rate * (1 - self.beta1), 1 - self.beta1])

    def limit(self, rate: float) -> float:
        return (2 + 2 * self.beta1) / ((1 - self.beta1) * rate)

    def preconditioner(self, state: AdamState) -> np.ndarray:
        if not state.t:
            return np.full_like(state.s, self.epsilon)
        return np.sqrt(state.s / (1 - self.beta2**state.t)) + self.epsilon


@dataclass(frozen=True, slots=True)
class AdamW(Adam):
    """Adam with decoupled weight decay δ. Raises SpecError unless δ ≥ 0."""

    decay: float = 0.01

    name = "AdamW"

    def __post_init__(self) -> None:
        Adam.__post_init__(self)
        if not 0 <= self.decay < np.inf:
            raise SpecError(f"decay is {self.decay}; expected a finite number ≥ 0, e.g. 0.01.")

    def update(
        self, state: AdamState, w: np.ndarray, g: np.ndarray, rate: float
    ) -> tuple[np.ndarray, AdamState]:
        return Adam.update(self, state, w * (1 - rate * self.decay), g, rate)

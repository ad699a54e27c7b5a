"""What an update rule is, and what theory knows of it near a minimum.

    (w, s) ← update(s, w, ∇L(w), η)         one step; w, s and the gradient are values, nothing is changed in place

Where L is a quadratic with Hessian H, a rule that is linear in the gradient moves every eigen-direction of H by
itself: the pair (w_i − w*_i, s_i) is multiplied by a 2 × 2 matrix that depends on ηλ_i only through

    M(λ, η),       stable  ⇔  spectral radius ρ(M) < 1,       loss falls like ρ²ᵗ

An adaptive rule divides the gradient by a diagonal D first. Once D has settled it is the linear rule on the
preconditioned Hessian D^−½ H D^−½.

Reference: Polyak (1964), USSR Comput. Math. 4, 1-17; Cohen et al. (2021, 2022), arXiv 2103.00065 and 2207.14484.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from whyfit.errors import SpecError


class Rule(ABC):
    """An update rule. Instances are immutable and hold only their constants.

    `adaptive` rules precondition by a diagonal of their own making; of the others `transition` holds exactly.
    """

    name: ClassVar[str]
    adaptive: ClassVar[bool] = False

    @abstractmethod
    def init(self, w: Float[np.ndarray, " p"]) -> Any:
        """The state before the first step."""

    @abstractmethod
    def update(
        self, state: Any, w: Float[np.ndarray, " p"], g: Float[np.ndarray, " p"], rate: float
    ) -> tuple[Float[np.ndarray, " p"], Any]:
        """One step of size `rate` from w, where the gradient is g: (new w, new state)."""

    @abstractmethod
    def transition(
        self, curvature: Float[np.ndarray, " p"], rate: float
    ) -> Float[np.ndarray, "p s s"]:
        """M(λ, η) of every (preconditioned) curvature λ: s = 1 or 2 numbers a direction, the parameter first."""

    @abstractmethod
    def entry(self, rate: float) -> Float[np.ndarray, " s"]:
        """How an error ξ of the gradient enters (parameter, state): by this vector times ξ."""

    @abstractmethod
    def limit(self, rate: float) -> float:
        """The largest (preconditioned) curvature that a step of size η > 0 leaves stable."""

    def largest_rate(self, curvature: float) -> float:
        """The step size at which `curvature` sits on the edge of stability; inf for a flat direction."""
        return self.limit(1.0) / curvature if curvature > 0 else np.inf

    def preconditioner(self, state: Any) -> Float[np.ndarray, " p"] | None:
        """D, by which the gradient is divided in this state; None of a rule that is not adaptive."""
        del state
        return None

    def contraction(
        self, curvature: Float[np.ndarray, " p"], rate: float
    ) -> Float[np.ndarray, " p"]:
        """ρ(M): by how much a direction shrinks (or grows) per step, in the long run."""
        M = self.transition(np.atleast_1d(np.asarray(curvature, dtype=float)), rate)
        return np.abs(np.linalg.eigvals(M)).max(axis=-1)


def check_share(name: str, value: float) -> None:
    """Raises SpecError unless 0 ≤ value < 1."""
    if not 0 <= value < 1:
        raise SpecError(f"{name} is {value}; expected a number in [0, 1), e.g. 0.9.")


def check_rate(rate: float) -> None:
    """Raises SpecError unless the step size is a finite number > 0."""
    if not 0 < rate < np.inf:
        raise SpecError(f"the learning rate is {rate}; expected a finite number > 0, e.g. 0.01.")

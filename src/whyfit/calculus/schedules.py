"""Learning-rate schedules: what the step size is multiplied by at step t = 0, 1, …

    constant  1                      step     γ^⌊t/every⌋
    cosine    f + (1 − f)(1 + cos(πt/T))/2    1/t      1/(1 + t/half)
    warm-up   (t + 1)/w up to step w, then another schedule from its own start
    plateau   γ^(number of times the loss has not improved for `patience` looks)

Each is a pure function of t but the plateau, which carries its state: `(factor, state) = next(state, t, loss)`.

References: Robbins & Monro (1951), Ann. Math. Statist. 22, 400-407 (Σ1/t = ∞, Σ1/t² < ∞); Loshchilov & Hutter (2017),
ICLR (cosine).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from whyfit.errors import SpecError


class Schedule(ABC):
    """A factor for every step; `init` is the state before the first."""

    def init(self) -> Any:
        return None

    def next(self, state: Any, t: int, loss: float | None) -> tuple[float, Any]:
        """Factor of step t and the new state. `loss` is a loss newly looked at, None between looks."""
        del loss
        return self.at(t), state

    @abstractmethod
    def at(self, t: int) -> float:
        """Factor of step t, whatever the losses were."""

    def factors(self, steps: int) -> np.ndarray:
        """Of steps 0 … steps − 1."""
        return np.array([self.at(t) for t in range(steps)])


@dataclass(frozen=True, slots=True)
class Constant(Schedule):
    def at(self, t: int) -> float:
        del t
        return 1.0

    def factors(self, steps: int) -> np.ndarray:
        return np.ones(steps)


@dataclass(frozen=True, slots=True)
class StepDecay(Schedule):
    """γ^⌊t/every⌋."""

    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        _positive("every", self.every)
        _share("factor", self.factor)

    def at(self, t: int) -> float:
        return self.factor ** (t // self.every)


@dataclass(frozen=True, slots=True)
class Cosine(Schedule):
    """From 1 to `floor` in `steps` steps along half a cosine, `floor` afterwards."""

    steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        _positive("steps", self.steps)
        if not 0 <= self.floor <= 1:
            raise SpecError(f"floor is {self.floor}; expected a share in [0, 1].")

    def at(self, t: int) -> float:
        done = min(t / self.steps, 1.0)
        return self.floor + (1 - self.floor) * 0.5 * (1 + float(np.cos(np.pi * done)))


@dataclass(frozen=True, slots=True)
class Harmonic(Schedule):
    """1/(1 + t/half): half the step size after `half` steps, and then like 1/t."""

    half: float

    def __post_init__(self) -> None:
        _positive("half", self.half)

    def at(self, t: int) -> float:
        return 1 / (1 + t / self.half)


@dataclass(frozen=True, slots=True)
class WarmUp(Schedule):
    """(t + 1)/steps up to 1, then `then`, counted from where the warm-up ends."""

    steps: int
    then: Schedule = field(default_factory=Constant)

    def __post_init__(self) -> None:
        _positive("steps", self.steps)

    def init(self) -> Any:
        return self.then.init()

    def next(self, state: Any, t: int, loss: float | None) -> tuple[float, Any]:
        if t < self.steps:
            return (t + 1) / self.steps, state
        return self.then.next(state, t - self.steps, loss)

    def at(self, t: int) -> float:
        return (t + 1) / self.steps if t < self.steps else self.then.at(t - self.steps)


@dataclass(frozen=True, slots=True)
class Plateau(Schedule):
    """Multiply by γ when the loss has not fallen by a share `least` in `patience` looks."""

    patience: int = 10
    factor: float = 0.1
    least: float = 1e-4

    def __post_init__(self) -> None:
        _positive("patience", self.patience)
        _share("factor", self.factor)

    def init(self) -> tuple[float, float, int]:
        """Factor, best loss, looks since."""
        return 1.0, np.inf, 0

    def next(
        self, state: tuple[float, float, int], t: int, loss: float | None
    ) -> tuple[float, tuple[float, float, int]]:
        del t
        factor, best, since = state
        if loss is None:
            return factor, state
        if loss < best - self.least * abs(best) or not np.isfinite(best):
            return factor, (factor, loss, 0)
        if since + 1 >= self.patience:
            return factor * self.factor, (factor * self.factor, best, 0)
        return factor, (factor, best, since + 1)

    def at(self, t: int) -> float:
        """1: without losses nothing is known of a plateau."""
        del t
        return 1.0


def _positive(name: str, value: float) -> None:
    if not 0 < value < np.inf:
        raise SpecError(f"{name} is {value}; expected a number > 0.")


def _share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise SpecError(f"{name} is {value}; expected a factor in (0, 1), e.g. 0.1.")

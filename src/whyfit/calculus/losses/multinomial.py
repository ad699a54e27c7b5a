"""Multinomial cross-entropy of C classes: y is the code 0..C−1 of a row's class, η has a column per class.

    ℓ = log Σ_c e^{η_c} − η_y,   π = softmax(η),   ∂ℓ/∂η_a = π_a − [y = a],   ∂²ℓ/∂η_a∂η_b = π_a([a = b] − π_b)

log Σ e^η is taken about the largest η (log-sum-exp), so that no η overflows. Adding a constant to all η_c of a row
changes nothing: the curvature is singular along (1, …, 1), and its largest eigenvalue is at most ½.

Reference: Böhning (1992), Ann. Inst. Statist. Math. 44, 197-200; Bishop (2006), §4.3.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whyfit.calculus.losses.base import Loss
from whyfit.errors import TargetError


@dataclass(frozen=True, slots=True)
class Multinomial(Loss):
    classes: int

    name = "multinomial"
    link = "log ratio"
    curvature_bound = 0.5
    strictly = False

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise TargetError(
                f"there is {self.classes} class; a multinomial loss needs two or more."
            )

    @property
    def outputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.classes

    def value(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        top = eta.max(axis=1)
        own = np.take_along_axis(eta, y.astype(np.int64)[:, None], axis=1)[:, 0]
        rest = np.exp(eta - top[:, None]).sum(axis=1)
        return np.log(rest) + (top - own)

    def slope(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        out = self.mean(eta)
        code, rows = y.astype(np.int64), np.arange(len(eta))
        # π_y − 1 as minus the sum of the others, which keeps its digits near 1
        out[rows, code] = 0.0
        out[rows, code] = -out.sum(axis=1)
        return out

    def curvature(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        del y  # it bends alike for all targets
        pi = self.mean(eta)
        return pi[:, :, None] * (np.eye(self.classes) - pi[:, None, :])

    def mean(self, eta: np.ndarray) -> np.ndarray:
        out = np.exp(eta - eta.max(axis=1, keepdims=True))
        return out / out.sum(axis=1, keepdims=True)

    def constant(self, y: np.ndarray) -> np.ndarray:
        """Log shares of the classes, −inf for one that does not occur."""
        shares = np.bincount(y.astype(np.int64), minlength=self.classes) / len(y)
        with np.errstate(divide="ignore"):
            return np.log(shares)

    def check(self, y: np.ndarray) -> None:
        Loss.check(self, y)
        wrong = np.flatnonzero((y != np.floor(y)) | (y < 0) | (y >= self.classes))
        if wrong.size:
            raise TargetError(
                f"the target is {y[wrong[0]]:g} in row {wrong[0] + 1}; expected a class code 0 to "
                f"{self.classes - 1}."
            )

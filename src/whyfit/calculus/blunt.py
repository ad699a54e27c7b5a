"""The curvature a loss with kinks has on average over its rows.

The quantile and the hinge loss are piecewise linear: ℓ″ = 0 in every row, and yet their mean over many rows bends,
by the density of rows at the kink. `Blunt` leaves value and slope as they are and spreads each kink of jump J evenly
over a width 2h,

    ℓ″ ≈ J [|distance to the kink| ≤ h] / (2h)

which is the kernel estimate of that density, so that Newton steps, stability and noise floors have an H to work with.

Reference: Powell (1991), in Nonparametric and Semiparametric Methods in Econometrics, 357-384 (its use for quantiles).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whyfit.calculus.losses import Hinge, Loss, Quantile


@dataclass(frozen=True, slots=True)
class Blunt(Loss):
    """`kind` (hinge or quantile) with its kink blunted to a half width in units of η, in ℓ″ only."""

    kind: Hinge | Quantile
    width: float

    name = "blunt"
    smooth = False
    strictly = False

    def value(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.kind.value(eta, y)

    def slope(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.kind.slope(eta, y)

    def curvature(self, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
        away = 1 - (2 * y - 1) * eta if isinstance(self.kind, Hinge) else eta - y
        return np.where(np.abs(away) <= self.width, 0.5 / self.width, 0.0)  # both jump by 1

    def mean(self, eta: np.ndarray) -> np.ndarray:
        return self.kind.mean(eta)

    def constant(self, y: np.ndarray) -> float:
        return self.kind.constant(y)

    def check(self, y: np.ndarray) -> None:
        self.kind.check(y)

"""Variance inflation and how surely it is known.

For the correlation matrix C of m columns in n rows (with a penalty λ on unit-variance columns, C + λ/n I)

    VIF_j = (C⁻¹)_jj = 1/(1 − R_j²) = cosh² z_j,      z_j = atanh R_j  ~  N(atanh ρ_j, 1/(n − m − 2))

with R_j² adjusted for its number of columns, 1 − (1 − R²)(n − 1)/(n − m): in few rows chance alone explains a share
(m − 1)/(n − 1) of every column.

References: Marquardt (1970), Technometrics 12, 591-612; Fisher (1924), Phil. Trans. R. Soc. B 213, 89-142.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import special

from whyfit.linalg.conditioning import Conditioning


@dataclass(frozen=True)
class Inflation:
    """VIFs of the columns of C (penalty included), with their intervals; `inverse` is C⁻¹."""

    C: Float[np.ndarray, "m m"]
    inverse: Float[np.ndarray, "m m"]
    n: int

    @classmethod
    def of(cls, C: Float[np.ndarray, "m m"], n: int, ridge: float = 0.0) -> Inflation:
        """C must be invertible, or `ridge` positive."""
        A = C + ridge / n * np.eye(len(C)) if ridge else C
        return cls(A, np.linalg.inv(A), n)

    @cached_property
    def vif(self) -> Float[np.ndarray, " m"]:
        return np.diag(self.inverse)

    @cached_property
    def conditioning(self) -> Conditioning:
        return Conditioning.of(self.C, self.n)

    def p_values(self, limit: float) -> Float[np.ndarray, " m"]:
        """Of "the VIF in the population is at most `limit`", one per column."""
        return special.ndtr(-(_z(self._unexplained) - _z(1 / limit)) * self._root)

    def interval(self, level: float) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
        """Low and high of each VIF; (1, ∞) without degrees of freedom."""
        half = special.ndtri(0.5 + level / 2) / self._root if self._root else np.inf
        z = _z(self._unexplained)
        with np.errstate(over="ignore"):
            return np.cosh(np.maximum(z - half, 0)) ** 2, np.cosh(z + half) ** 2

    @cached_property
    def _unexplained(self) -> Float[np.ndarray, " m"]:
        """1 − R² adjusted: kept itself, for 1 − (1 − R²) has no digit of a VIF of 10¹⁶."""
        n, m = self.n, len(self.C)
        worse = (n - 1) / (n - m) if n > m else np.inf
        return np.minimum(worse / np.maximum(self.vif, 1.0), 1.0)

    @property
    def _root(self) -> float:
        return float(np.sqrt(max(self.n - len(self.C) - 2, 0)))


def _z(unexplained: Any) -> Any:
    """atanh R = ln((1 + R)/√(1 − R²))."""
    return np.log((1 + np.sqrt(1 - unexplained)) / np.sqrt(unexplained))

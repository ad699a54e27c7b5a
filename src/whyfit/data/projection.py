"""A design seen along a few directions: T = (X − 1μᵀ)W in place of X.

With W = D⁻¹V_k, the k leading eigenvectors of the correlation matrix over standard deviations, these are the principal
components of the unit-variance columns (`Spec.components`). Coefficients a of T are coefficients Wa of X.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Projection:
    """Plain data. `columns` are the c names of X, `mean` (c) what is subtracted, `weights` W by rows (c × k)."""

    columns: tuple[str, ...]
    mean: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        c = len(self.columns)
        if len(self.mean) != c or self.W.ndim != 2 or self.W.shape[0] != c:
            raise ValueError(f"{c} columns, {len(self.mean)} means, weights {self.W.shape}")

    @classmethod
    def of(
        cls, columns: tuple[str, ...], mean: Float[np.ndarray, " c"], W: Float[np.ndarray, "c k"]
    ) -> Projection:
        return cls(columns, tuple(mean.tolist()), tuple(tuple(row) for row in W.tolist()))

    @cached_property
    def W(self) -> Float[np.ndarray, "c k"]:
        return np.array(self.weights, dtype=np.float64)

    @cached_property
    def centre(self) -> Float[np.ndarray, " c"]:
        return np.array(self.mean, dtype=np.float64)

    @property
    def k(self) -> int:
        return self.W.shape[1]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"component {j + 1}" for j in range(self.k))

    def of_rows(self, X: Float[np.ndarray, "m c"]) -> Float[np.ndarray, "m k"]:
        """T by column in memory, as a design is."""
        T = np.empty((self.k, len(X)))
        np.dot(self.W.T, (X - self.centre).T, out=T)
        return T.T

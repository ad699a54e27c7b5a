"""Rows as they lie in memory, standing for the columns Z = [1; (X − centre)ᵀ] of `columns.Tile`.

Turning rows into columns costs more than a product with them: 30 of the 42 ns a row of twenty columns takes in a pass
for a gradient (measured on two cores). The centre is taken off the sums instead,

    Zᵀb = X b₁ + (b₀ − μᵀb₁),    Z r = [Σr; Xᵀr − μ Σr],    Z W Zᵀ from [1 X]ᵀ W [1 X]

which cancels (|μ|/s)² of the digits at most, s the spread about μ; `near` tells where that is little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from whyfit.linalg.columns import Scratch

#: |μ|/s up to which rows are used as they lie: 64 units of rounding at most.
NEAR = 8.0
_LOOK = 64  # rows by which s is judged


def near(X: Float[np.ndarray, "m p"], centre: Float[np.ndarray, " p"]) -> bool:
    """Whether rows lie one after the other in memory and so close to `centre` that it may be taken off their sums."""
    if not X.flags.c_contiguous or not len(X):
        return False
    some = X[:: max(1, len(X) // _LOOK)] - centre
    return bool((centre**2 <= NEAR**2 * np.mean(some * some, axis=0)).all())


@dataclass(frozen=True, slots=True)
class RowTile:
    """Z (c × m) of the rows `X` about `centre`."""

    X: Float[np.ndarray, "m p"]
    centre: Float[np.ndarray, " p"]
    scratch: Scratch

    @property
    def c(self) -> int:
        return self.X.shape[1] + 1

    def times(self, b: Float[np.ndarray, " c"]) -> Float[np.ndarray, " m"]:
        """b Z."""
        eta = self.X @ b[1:]
        eta += b[0] - self.centre @ b[1:]
        return eta

    def back(self, r: Float[np.ndarray, " m"]) -> Float[np.ndarray, " c"]:
        """r Zᵀ."""
        out = np.empty(self.c)
        out[0] = r.sum()
        np.subtract(r @ self.X, out[0] * self.centre, out=out[1:])
        return out

    def add_gram(self, root: Float[np.ndarray, " m"], H: Float[np.ndarray, "c c"]) -> None:
        """H += Z diag(root²) Zᵀ, a symmetric update."""
        m, p = self.X.shape
        V = np.multiply(self.X, root[:, None], out=self.scratch("V", m, p))
        G = np.dot(V.T, V, out=self.scratch("product", p, p))
        mu, across, total = self.centre, root @ V, root @ root
        turn = across - (0.5 * total) * mu
        G -= np.outer(turn, mu)
        G -= np.outer(mu, turn)
        across -= total * mu
        H[0, 0] += total
        H[0, 1:] += across
        H[1:, 0] += across
        H[1:, 1:] += G

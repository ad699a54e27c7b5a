"""Coordinates in which a table is a sphere: what makes float32 sums of products harmless.

With the fit ŷ = ȳ + (x − μ)ᵀŵ, G = TTᵀ the inverse of S_xx and s² = RSS/n, a row (x, y) becomes

    z = √n Tᵀ(x − μ),   v = (y − ŷ)/s        Σ zzᵀ = nI,   Σ zv = 0,   Σ v² = n

and a weighted least-squares fit is that of v on z, a *small* correction ŵ + √n T g s of the fit there is. Sums
of products that are right to 10⁻⁶ then leave coefficients right to about 10⁻⁶ √n of a standard error,
however long, far from zero or nearly dependent the columns are. Dependent columns have no coordinate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.errors import SpecError
from whyfit.fold import Rows
from whyfit.probability.linear import LinearFit
from whyfit.probability.residuals import leverage_factor


@dataclass(frozen=True)
class Coordinates:
    """`K` = √n T; `unit` takes (z, v) back: (x − μ, y − ȳ) = (z, v)ᵀ unit."""

    fit: LinearFit
    K: Float[np.ndarray, "p r"]
    spread: float  # s; 1 if there are no residuals at all
    unit: Float[np.ndarray, "a q"]  # a = r + 1, q = p + 1

    @classmethod
    def of(cls, fit: LinearFit) -> Coordinates:
        """Raises SpecError for a fit with a penalty, whose coefficients are no function of these."""
        if fit.ridge:
            raise SpecError(
                f"the fit has the penalty {fit.ridge:g}; resampling here refits by least squares: fit with ridge=0."
            )
        K = np.sqrt(fit.n) * leverage_factor(fit)
        d = fit.solution.scale
        S = fit.correlation[:-1, :-1] * d * d[:, None]
        s = float(np.sqrt(fit.rss / fit.n)) if fit.rss > 0 else 1.0
        p, r = K.shape
        unit = np.zeros((r + 1, p + 1))
        unit[:r, :p] = np.linalg.solve(K.T @ S @ K, K.T @ S) if r else 0.0
        unit[:r, p] = unit[:r, :p] @ fit.coef
        unit[r, p] = s
        return cls(fit, K, s, unit)

    @property
    def r(self) -> int:
        """Columns that count."""
        return self.K.shape[1]

    def columns(self, rows: Rows) -> Float[np.ndarray, "b m"]:
        """(1, z, v) of every row, a row of the result for each coordinate; b = r + 2."""
        fit, D = self.fit, rows.X - self.fit.mean[:-1]
        out = np.empty((self.r + 2, len(D)))
        out[0] = 1.0
        np.matmul(self.K.T, D.T, out=out[1:-1])
        np.subtract(rows.y - fit.mean[-1], D @ fit.coef, out=out[-1])
        out[-1] /= self.spread
        return out

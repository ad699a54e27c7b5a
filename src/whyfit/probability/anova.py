"""One-way analysis of variance: how much of the variation of y lies between groups.

With n_g rows and mean ȳ_g in each of G groups, ȳ the mean of all n rows,

    between  B = Σ_g n_g (ȳ_g − ȳ)²          G − 1 degrees of freedom
    within   W = Σ_g Σ_{i in g} (y_i − ȳ_g)²     n − G
    F = (B/(G − 1)) / (W/(n − G))       R² = B/(B + W)       residual sd = √(W/(n − G))

Means are carried to twice the digits, and deviations from them are exact to their last: neither B nor W loses
anything to a far-off mean. On the NIST StRD sets what is missing is what rounding the data to float64 took.

Reference: Scheffé (1959), The Analysis of Variance, ch. 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from whyfit.errors import NotFiniteError, ShapeError
from whyfit.exact import centred
from whyfit.probability.distributions import f_upper


@dataclass(frozen=True, slots=True)
class OneWay:
    """Sums of squares between and within groups; NaN where a ratio does not exist."""

    between_ss: float
    between_df: int
    within_ss: float
    within_df: int

    @property
    def residual_sd(self) -> float:
        """√(W/(n − G)); NaN if every group is one row."""
        return float(np.sqrt(self.within_ss / self.within_df)) if self.within_df > 0 else np.nan

    @property
    def r2(self) -> float:
        """Share of the variation that lies between groups; NaN if y is constant."""
        whole = self.between_ss + self.within_ss
        return self.between_ss / whole if whole > 0 else np.nan

    @property
    def f(self) -> float:
        """F; ∞ if groups differ and nothing varies within them, NaN for one group or a constant y."""
        if self.between_df < 1 or self.within_df < 1 or not (self.between_ss or self.within_ss):
            return np.nan
        if not self.within_ss:
            return np.inf
        return self.between_ss / self.between_df / (self.within_ss / self.within_df)

    @property
    def p_value(self) -> float:
        """P(F ≥ f) if all groups have one mean and errors are normal with one variance."""
        if not np.isfinite(self.f):
            return 0.0 if self.f == np.inf else np.nan
        return f_upper(self.f, self.between_df, self.within_df)


def one_way(label: Shaped[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> OneWay:
    """The analysis of y by `label`: any values that can be told apart and sorted.

    Raises ShapeError if they differ in length, NotFiniteError if y holds NaN or infinity.
    """
    label, y = np.asarray(label), np.asarray(y, dtype=np.float64)
    if label.shape != y.shape or y.ndim != 1 or not y.size:
        raise ShapeError(
            f"labels have shape {label.shape} and y {y.shape}; expected two of one length n ≥ 1."
        )
    if not np.isfinite(y).all():
        raise NotFiniteError("y holds NaN or infinity; impute or drop those rows first.")
    code = np.unique(label, return_inverse=True)[1].ravel()
    n = np.bincount(code)
    mean, rest, d = centred(y, code)
    centre, correction, _ = centred(y, np.zeros_like(code))
    apart = (mean - centre) + (rest - correction)
    between, within = float(n @ apart**2), float(d @ d)
    return OneWay(between, n.size - 1, within, y.size - n.size)

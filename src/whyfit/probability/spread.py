"""Is the spread the same at both ends? Two groups of residuals compared by their standard deviations.

For two groups with standard deviations s₁, s₂ around their own local lines,

    ℓ = log(s₂/s₁),   var ℓ ≈ ¼ [ (κ − g₁)/(m₁ − 1) + (κ − g₂)/(m₂ − 1) ],   g = (m − 3)/m

with κ the pooled kurtosis of the residuals in units of their own group's spread (3 for normal errors): heavy tails
make standard deviations less certain. The gate asks whether |ℓ| exceeds log of a practical limit.

`ends` chooses the groups along a direction: its lowest and highest tenth, widened to at least END_ROWS rows but
to no more than a third each (Goldfeld & Quandt compare thirds); for a column that piles up on one value, that value
against the rest.

References: Goldfeld & Quandt (1965), JASA 60, 539-547; Layard (1973), JASA 68, 195-198 and Bonett (2006),
Computational Statistics & Data Analysis 50, 775-782 for the kurtosis; Koenker (1981), J. Econometrics 17, 107-112.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

from whyfit.linalg.solve import solve_gram
from whyfit.probability.distributions import chi2_upper, t_quantile, t_upper

END_SHARE = 0.1
END_ROWS = 30
LARGEST_END = 1 / 3
#: Rows of an end that are used: they give s to 1 %.
_MOST_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Ratio:
    """s₂/s₁ with what is needed for its interval: log scale, standard error, degrees of freedom."""

    log: float
    std_error: float
    df: float
    low_sd: float
    high_sd: float
    low: Bool[np.ndarray, " s"]
    high: Bool[np.ndarray, " s"]

    @property
    def size(self) -> float:
        """The larger over the smaller spread."""
        return float(np.exp(abs(self.log)))

    def interval(self, level: float) -> tuple[float, float]:
        """Of the larger over the smaller spread (its lower end may fall below 1)."""
        half = t_quantile(level, self.df) * self.std_error
        return float(np.exp(abs(self.log) - half)), float(np.exp(abs(self.log) + half))

    def p_above(self, limit: float) -> float:
        """P-value of "neither spread is more than `limit` times the other" (two-sided)."""
        gap = np.log(limit)
        z = (abs(self.log) - gap) / self.std_error
        z2 = (abs(self.log) + gap) / self.std_error
        return float(min(1.0, t_upper(z, self.df) + t_upper(z2, self.df)))

    @property
    def wide(self) -> Bool[np.ndarray, " s"]:
        return self.high if self.log >= 0 else self.low

    @property
    def wide_sd(self) -> float:
        return max(self.low_sd, self.high_sd)


def ends(d: Float[np.ndarray, " s"]) -> tuple[np.ndarray, np.ndarray] | None:
    """Masks of the low and the high end of direction d; None if one of them is too small."""
    n = len(d)
    if n < 2 * END_ROWS:
        return None
    size = int(min(max(END_SHARE * n, END_ROWS), LARGEST_END * n))
    ordered = np.partition(d, [size - 1, n - size])
    a, b = ordered[size - 1], ordered[n - size]
    if a < b:
        low, high = d <= a, d >= b
        if low.sum() > n / 2:  # piled up at one end: those against the others
            high = ~low
        elif high.sum() > n / 2:
            low = ~high
    else:
        below, above = d < a, d > a
        low, high = (below, ~below) if below.sum() > above.sum() else (~above, above)
    least = min(END_ROWS, size)
    return (low, high) if min(low.sum(), high.sum()) >= least else None


def ratio_of(e: Float[np.ndarray, " s"], d: Float[np.ndarray, " s"]) -> Ratio | None:
    """Spread of e at the two ends of d; None where there is nothing to compare."""
    chosen = ends(d)
    if chosen is None:
        return None
    some = [_thinned(np.flatnonzero(m)) for m in chosen]
    parts = [_detrended(e[i], d[i]) for i in some]
    m = np.array([len(r) for r, _ in parts], dtype=float)
    s = np.array([np.sqrt(r @ r / max(len(r) - used, 1)) for r, used in parts])
    if not (s > 0).all():
        return None
    squares = [(r / si) ** 2 for (r, _), si in zip(parts, s, strict=True)]
    fourth = sum(float(q @ q) for q in squares) / m.sum()
    kappa = max(fourth, 1.0 + 1e-3)
    variance = ((kappa - (m - 3) / m) / (m - 1)).sum() / 4
    return Ratio(
        float(np.log(s[1] / s[0])), float(np.sqrt(variance)), float(m.sum() - 2), float(s[0]), float(s[1]),
        chosen[0], chosen[1],
    )  # fmt: skip


def _thinned(rows: np.ndarray) -> np.ndarray:
    return rows[:: -(-len(rows) // _MOST_ROWS)]


def _detrended(e: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, int]:
    """e minus its straight line over d, and the parameters of the line: curvature must not pass for spread."""
    e = e - e.mean()
    x = d - d.mean()
    sxx = float(x @ x)
    if sxx <= 1e-24 * max(float(d @ d), 1e-300):
        return e, 1
    return e - x * (float(x @ e) / sxx), 2


def koenker(e: Float[np.ndarray, " s"], X: Float[np.ndarray, "s p"]) -> tuple[float, float, float]:
    """Studentised Breusch-Pagan: n R² of e² on X, its degrees of freedom, and P(χ² ≥ n R²)."""
    live = X.std(axis=0) > 0
    Z = X[:, live] - X[:, live].mean(axis=0)
    Z /= Z.std(axis=0)
    u = e * e - np.mean(e * e)
    suu = float(u @ u)
    if not live.any() or suu <= 0:
        return 0.0, 0.0, 1.0
    c = Z.T @ u / len(u)
    C = Z.T @ Z / len(u)
    statistic = len(u) * float(c @ solve_gram(C, c)) / (suu / len(u))
    df = float(np.linalg.matrix_rank(C, tol=1e-10, hermitian=True))
    return statistic, df, chi2_upper(max(statistic, 0.0), df)


def normal_coverage_around(half: np.ndarray, mean: np.ndarray, sd: float) -> float:
    """Mean over rows of P(|Z·sd + mean| ≤ half)."""
    return float(np.mean(special.ndtr((half - mean) / sd) - special.ndtr((-half - mean) / sd)))

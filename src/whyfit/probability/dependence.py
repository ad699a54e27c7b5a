"""Errors that depend on each other: how strongly, how surely, and what it makes of a standard error.

Rows that follow each other, residuals e_1 … e_n in order:

    r = Σ e_t e_{t−1} / Σ e_t²,   var r ≈ Σ e_t² e_{t−1}² / (Σ e_t²)²

Rows in G groups of m_g (one-way analysis of variance, mean squares B between and W within, n₀ = (n − Σm_g²/n)/(G − 1)):

    ρ = (B − W) / (B + (n₀ − 1) W),   F = B/W,   F / (1 + n₀ρ/(1 − ρ)) ~ F(G − 1, n − G)

In groups of unequal size the large ones decide, and B has (Σλ_g)²/Σλ_g² of G degrees of freedom, λ_g = 1 − ρ + ρm_g
(Satterthwaite). Residuals of a fit of c coefficients have t = tr(P H) fewer degrees of freedom between groups and c − t
fewer within, H the hat matrix and P the projection on group means.

A coefficient is a weighted sum of errors, β̂_j − β_j = Σ u_i ε_i. Where the correlation of ε_i and ε_k is ρ_ik, its
variance is larger than that of independent errors by

    1 + Σ_{i≠k} u_i u_k ρ_ik / Σ u_i²   =   1 + ρ Σ_g Σ_{i≠k in g} u_i u_k / Σu²       groups (Moulton)
                                        =   1 + 2 Σ_l ρ_l c_l,  c_l = Σ_t u_t u_{t−l} / Σu²    neighbours l apart

which is 1 + (m − 1)ρ for the mean, where u is constant, and about 1 + (m − 1)ρρ_x for a column with an intraclass
correlation ρ_x of its own; of errors AR(1), ρ_l = r^l, it is (1 + r)/(1 − r) and about (1 + rr_x)/(1 − rr_x).

References: Kish (1965), Survey Sampling; Moulton (1986), J. Econometrics 32, 385-397; Donner (1986), International
Statistical Review 54, 67-82 for ρ; Durbin & Watson (1950), Biometrika 37, 409-428 (their d is about 2(1 − r)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from whyfit.probability.distributions import p_above
from whyfit.probability.score_sums import ClusterSums

#: Lags of an AR(1) whose correlation is below this add nothing that is seen.
_NOTHING = 0.01
_MOST_LAGS = 200


@dataclass(frozen=True, slots=True)
class Serial:
    """First autocorrelation r of a series and its standard error; n terms."""

    r: float
    std_error: float
    n: int

    @property
    def durbin_watson(self) -> float:
        """About 2(1 − r): 2 without, 0 with complete dependence on the row before."""
        return 2 * (1 - self.r)

    def p_above(self, limit: float) -> float:
        """P-value of "the autocorrelation is at most `limit`"."""
        return p_above(self.r - limit, self.std_error) if self.std_error else 1.0

    def interval(self, level: float) -> tuple[float, float]:
        half = float(special.ndtri(0.5 + level / 2)) * self.std_error
        return max(self.r - half, -1.0), min(self.r + half, 1.0)


def serial(e: Float[np.ndarray, " n"], joined: np.ndarray | None = None) -> Serial:
    """Of residuals in order; `joined` (n − 1) tells which neighbours do follow each other (None: all)."""
    pairs = e[1:] * e[:-1]
    if joined is not None:
        pairs = pairs[joined]
    whole = float(e @ e)
    if not whole > 0 or pairs.size < 2:
        return Serial(float("nan"), 0.0, pairs.size)
    share = pairs.size / e.size
    r = float(pairs.sum()) / (whole * share)
    robust = float(pairs @ pairs) / (whole * share) ** 2
    return Serial(r, float(np.sqrt(max(robust, max(1 - r * r, 0.0) / pairs.size))), pairs.size)


@dataclass(frozen=True, slots=True, eq=False)
class Intraclass:
    """One-way analysis of residuals by group: F, its degrees of freedom, n₀, the mean square W within groups, and the
    rows of each group.
    """

    f: float
    df1: float
    df2: float
    n0: float
    within: float
    size: Float[np.ndarray, " g"]

    @property
    def rho(self) -> float:
        """The intraclass correlation; may be slightly negative."""
        return self._at(self.f)

    @property
    def variance(self) -> float:
        """Of an error: within groups and between them."""
        return self.within * (1 + (self.f - 1) / self.n0)

    def _at(self, f: float) -> float:
        return (f - 1) / (f + self.n0 - 1) if np.isfinite(f) else 1.0

    def p_above(self, limit: float) -> float:
        """P-value of "the intraclass correlation is at most `limit`"."""
        if not (self.df1 > 0 and self.df2 > 0) or np.isnan(self.f):
            return 1.0
        scale = 1 + self.n0 * limit / (1 - limit) if limit < 1 else np.inf
        spread = 1 - limit + limit * self.size  # of n_g ē_g², but for a factor
        df1 = self.df1 * float(spread.sum()) ** 2 / (self.size.size * float(spread @ spread))
        return float(special.fdtrc(df1, self.df2, self.f / scale))

    def interval(self, level: float) -> tuple[float, float]:
        """Exact for normal errors in groups of one size."""
        tail = (1 - level) / 2
        ends = (
            self.f / float(special.fdtri(self.df1, self.df2, 1 - tail)),
            self.f / float(special.fdtri(self.df1, self.df2, tail)),
        )
        return self._at(ends[0]), self._at(ends[1])


def intraclass(
    label: Int[np.ndarray, " n"],
    e: Float[np.ndarray, " n"],
    used: tuple[float, float] = (1.0, 1.0),
) -> Intraclass:
    """Of residuals by group; `label` are codes ≥ 0 of which some may be absent.

    `used` are (t, c), degrees of freedom that the fit took between groups and in all; 1 of 1 is a mean.
    """
    size = np.bincount(label)
    sums = np.bincount(label, weights=e)[size > 0]
    size = size[size > 0].astype(float)
    n, G = float(e.size), size.size
    df1, df2 = G - used[0], n - G - max(used[1] - used[0], 0.0)
    if G < 2 or df1 <= 0 or df2 <= 0:
        return Intraclass(float("nan"), df1, df2, float("nan"), float("nan"), size)
    mean = float(e.mean())
    between = float(size @ (sums / size - mean) ** 2)
    within = max(float(((e - mean) ** 2).sum()) - between, 0.0)
    n0 = (n - float(size @ size) / n) / (G - 1)
    with np.errstate(divide="ignore"):
        f = float(np.divide(between / df1, within / df2)) if between else 0.0
    return Intraclass(f, df1, df2, n0, within / df2, size)


def shared_in_groups(
    label: Int[np.ndarray, " n"], U: Float[np.ndarray, "n c"], share: float = 1.0
) -> Float[np.ndarray, " c"]:
    """Σ_g Σ_{i≠k in g} u_i u_k / Σu² of every column of U; of a random `share` of the rows, scaled to all of them.

    m − 1 for a column that is constant in groups of m rows; 0 on average for one that knows nothing of them.
    """
    sums = ClusterSums.of(label, U).sums
    own = np.einsum("ij,ij->j", U, U)
    with np.errstate(invalid="ignore", divide="ignore"):
        shared = (np.einsum("ij,ij->j", sums, sums) - own) / own / share
    return np.where(own > 0, shared, 0.0)


def correlations(
    e: Float[np.ndarray, " n"], joined: np.ndarray | None = None
) -> Float[np.ndarray, " l"]:
    """ρ_1, ρ_2, … of residuals in order, as far as the first that two standard errors, 2/√n, explain."""
    rho = lagged(e[:, None], _MOST_LAGS, joined)[:, 0]
    chance = np.flatnonzero(~(rho > 2 / np.sqrt(max(e.size, 1))))
    return rho[: chance[0]] if chance.size else rho


def shared_with_neighbours(
    rho: Float[np.ndarray, " l"], U: Float[np.ndarray, "n c"], joined: np.ndarray | None = None
) -> Float[np.ndarray, " c"]:
    """2 Σ_l ρ_l c_l of every column of U, rows in order; `joined` as in `serial`."""
    c = lagged(U, rho.size, joined)
    return 2 * rho[: len(c)] @ c if len(c) else np.zeros(U.shape[1])


def lagged(
    U: Float[np.ndarray, "n c"], lags: int, joined: np.ndarray | None = None
) -> Float[np.ndarray, "l c"]:
    """c_l = Σ_t u_t u_{t−l} / Σu² of every column, l = 1 … lags; scaled up where some neighbours are not `joined`."""
    own = np.einsum("ij,ij->j", U, U)
    out = np.zeros((max(min(lags, len(U) - 1), 0), U.shape[1]))
    run = joined
    for lag in range(1, len(out) + 1):
        if joined is None or run is None:
            out[lag - 1] = np.einsum("ij,ij->j", U[lag:], U[:-lag])
            continue
        if lag > 1:
            run = run[:-1] & joined[lag - 1 :]
        if not run.any():
            out = out[: lag - 1]
            break
        out[lag - 1] = np.einsum("ij,ij,i->j", U[lag:], U[:-lag], run) * (run.size / run.sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(own > 0, out / own, 0.0)


def lags_of(r: float) -> int:
    """Lags at which r^l is above a hundredth."""
    if not 0 < r < 1:
        return 0 if r <= 0 else _MOST_LAGS
    return min(int(np.log(_NOTHING) / np.log(r)) + 1, _MOST_LAGS)

"""How few rows carry a coefficient: deletion by exact updates, one row after another.

With x̃ = (1, x), V = (X̃ᵀX̃)⁻¹, e = y − X̃β, h_i = x̃_iᵀVx̃_i and v = Vx̃_i/√(1−h_i), leaving out row i gives

    β' = β − Vx̃_i e_i/(1−h_i),   V' = V + vvᵀ,   RSS' = RSS − e_i²/(1−h_i),   t'_j = β'_j / √(RSS'/(df−1) V'_jj)

so the t of every coefficient without every single row costs one product with the rows. The row that moves t
furthest is left out, the formulas are applied again, and so on (greedy; the set found is an upper bound of the
smallest one, its t is exact).

What is few? For a normal column and normal errors the influence a_i e_i of a row is a product of two normals,
whose density is K₀(|x|)/π. Leaving out the share α of rows with the largest influence moves t by √n M(α) with

    α(q) = ∫_q^∞ K₀(x)/π dx,   M(α) = ∫_q^∞ x K₀(x)/π dx = q K₁(q)/π,   M ≤ 1/π

which `rows_expected` inverts.

References: Cook & Weisberg (1982), Residuals and Influence in Regression, ch. 3; Broderick, Giordano & Meager
(2020), arXiv:2011.14999, for the share of rows that overturns a conclusion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from whyfit.probability.distributions import f_upper

_STARTS, _KEPT = 60, 5  # exact fits to start from; those followed to the end
_LEVERAGE_ONE = 1 - 1e-9  # without such a row the coefficients are not determined


@dataclass(frozen=True)
class Fitted:
    """A least-squares fit (intercept first) beside the candidate rows that may be left out."""

    beta: Float[np.ndarray, " c"]
    V: Float[np.ndarray, "c c"]
    rss: float
    df: float
    X: Float[np.ndarray, "s c"]  # candidate rows with their leading 1
    e: Float[np.ndarray, " s"]
    h: Float[np.ndarray, " s"]

    @classmethod
    def of(
        cls,
        beta: Float[np.ndarray, " c"],
        V: Float[np.ndarray, "c c"],
        rss: float,
        df: float,
        X: Float[np.ndarray, "s c"],
        y: Float[np.ndarray, " s"],
    ) -> Fitted:
        h = np.einsum("ij,ij->i", X @ V, X)
        return cls(beta, V, rss, df, X, y - X @ beta, h)

    def t(self, j: int) -> float:
        """β_j/se; ±inf if the rows left are fitted exactly."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(self.beta[j] / np.sqrt(self.rss / self.df * self.V[j, j]))

    def influence(self) -> Float[np.ndarray, "s c"]:
        """Change of every coefficient, in standard errors, owed to each row: (Vx̃_i)_j e_i/((1−h_i) se_j)."""
        usable = self.h < _LEVERAGE_ONE
        u = np.where(usable, self.e, 0.0) / np.where(usable, 1 - self.h, 1.0)
        return (self.X @ self.V) * u[:, None] / np.sqrt(self.rss / self.df * np.diag(self.V))

    def without_each(self, j: int, gone: np.ndarray) -> Float[np.ndarray, " s"]:
        """t_j without each single candidate; NaN for rows in `gone` or with leverage 1."""
        a = self.X @ self.V[:, j]
        usable = (self.h < _LEVERAGE_ONE) & ~gone
        gap = np.where(usable, 1 - self.h, 1.0)
        rss = np.maximum(self.rss - self.e**2 / gap, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (self.beta[j] - a * self.e / gap) / np.sqrt(
                rss / (self.df - 1) * (self.V[j, j] + a * a / gap)
            )
        return np.where(usable, t, np.nan)

    def without(self, i: int) -> Fitted:
        """The fit without candidate i; the candidate itself stays in the list."""
        x, gap = self.X[i], 1 - self.h[i]
        g = self.V @ x
        v = g / np.sqrt(gap)
        along = self.X @ v
        return Fitted(
            self.beta - g * (self.e[i] / gap),
            self.V + np.outer(v, v),
            max(float(self.rss - self.e[i] ** 2 / gap), 0.0),
            self.df - 1,
            self.X,
            self.e + along * (self.e[i] / np.sqrt(gap)),
            self.h + along**2,
        )


@dataclass(frozen=True, slots=True)
class Path:
    """Candidates left out one after another; `t` and `fits` after each."""

    rows: tuple[int, ...]
    t: tuple[float, ...]
    fits: tuple[Fitted, ...]


def deletion_path(fit: Fitted, j: int, limit: int, *, down: bool) -> Path:
    """Leave out up to `limit` rows, each time the one without which t_j is lowest (highest if not `down`)."""
    sign = 1.0 if down else -1.0
    gone = np.zeros(len(fit.e), dtype=bool)
    rows: list[int] = []
    ts: list[float] = []
    fits: list[Fitted] = []
    while len(rows) < limit and fit.df > 2:
        t = sign * fit.without_each(j, gone)
        if not np.isfinite(t).any():
            break
        i = int(np.nanargmin(t))
        fit = fit.without(i)
        gone[i] = True
        rows.append(i)
        ts.append(fit.t(j))
        fits.append(fit)
    return Path(tuple(rows), tuple(ts), tuple(fits))


def outlier_p(before: Fitted, after: Fitted, n: int) -> float:
    """P-value of "the rows left out follow the model of the others", paid for every set of that size.

    F = ((RSS − RSS')/k)/(RSS'/df') of the mean-shift outlier model, times the C(n, k) sets of k rows
    (Bonferroni), valid for normal errors whatever the columns are.
    """
    k = int(before.df - after.df)
    if after.rss <= 0:
        return 0.0
    f = (before.rss - after.rss) / k / (after.rss / after.df)
    sets = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    p = f_upper(f, k, after.df)
    return float(np.exp(min(np.log(p) + sets, 0.0))) if p > 0 else 0.0


def far_rows(
    X: Float[np.ndarray, "n c"], y: Float[np.ndarray, " n"], rng: np.random.Generator
) -> Int[np.ndarray, " k"]:
    """Rows more than 3 robust standard deviations from a least-trimmed-squares fit; none if over a third.

    X has its leading 1. Starts from random exact fits, concentrates on the half of rows with the smallest
    residuals until nothing changes, and refits on the rows within 2.5 deviations (Rousseeuw & Van Driessen 2006).
    """
    n, c = X.shape
    half = (n + c + 1) // 2
    none = np.zeros(0, dtype=np.int64)
    if n < 4 * c:
        return none

    def concentrate(beta, steps):
        for _ in range(steps):
            near = np.argpartition(np.abs(y - X @ beta), half - 1)[:half]
            beta = np.linalg.lstsq(X[near], y[near], rcond=None)[0]
        return beta, float(np.sort((y - X @ beta) ** 2)[:half].sum())

    starts = []
    for _ in range(_STARTS):
        some = rng.choice(n, size=c, replace=False)
        starts.append(concentrate(np.linalg.lstsq(X[some], y[some], rcond=None)[0], 2))
    best = sorted(starts, key=lambda s: s[1])[:_KEPT]
    beta, trimmed = min((concentrate(b, 20) for b, _ in best), key=lambda s: s[1])
    q = special.ndtri(0.5 + half / n / 2)
    share = half / n - 2 * q * np.exp(-q * q / 2) / np.sqrt(
        2 * np.pi
    )  # of the variance in the half
    scale = np.sqrt(trimmed / n / max(share, 1e-12))
    for width in (2.5, 3.0):
        near = np.abs(y - X @ beta) <= width * scale
        if near.sum() <= c + 1 or scale == 0:
            return none
        beta = np.linalg.lstsq(X[near], y[near], rcond=None)[0]
        e = y - X @ beta
        scale = float(np.sqrt((e[near] ** 2).sum() / (near.sum() - c)))
    far = np.flatnonzero(np.abs(y - X @ beta) > 3 * scale)
    return far if 3 * len(far) <= n else none


def rows_expected(shift: float, n: float) -> float:
    """Rows to leave out of n, in a table of normal columns and errors, to move t by `shift`; inf if none do."""
    from scipy.optimize import brentq  # a tenth of a second: only when wanted

    need = shift / np.sqrt(n)
    if need <= 0:
        return 0.0
    if need >= 1 / np.pi:
        return float("inf")
    q = float(brentq(lambda q: q * special.k1(q) / np.pi - need, 1e-8, 700.0))  # pyright: ignore[reportArgumentType]
    share = 0.5 - special.iti0k0(q)[1] / np.pi if q < 30 else special.k1(q) / np.pi
    return float(n * max(share, 0.0))


def group_distance(before: Fitted, after: Fitted) -> float:
    """Cook's distance of a set: (β−β')ᵀX̃ᵀX̃(β−β')/(c σ²)."""
    d = before.beta - after.beta
    live = np.diag(before.V) > 0
    A = before.V[np.ix_(live, live)]
    return float(d[live] @ np.linalg.solve(A, d[live]) / (live.sum() * before.rss / before.df))

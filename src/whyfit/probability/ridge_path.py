"""The ridge path from one eigendecomposition: free coefficients, optimism, and λ chosen in four ways.

With C = V diag(μ) Vᵀ the correlation matrix of the columns, c that of the columns with y, b = Vᵀc,

    df(λ) = Σ μ_j/(μ_j + λ/n)                         coefficients the penalty leaves free
    training MSE(λ) = (S_yy/n)(1 − Σ b_j²(μ_j + 2λ/n)/(μ_j + λ/n)²)
    optimism = 2σ²(df + 1)/n                          expected held-out − training MSE at the same rows of X (Efron)
    GCV(λ) = training MSE/(1 − (df + 1)/n)²
    LOO(λ) = (1/n) Σ (e_i/(1 − h_i))²,  h_i = 1/n + Σ_j (x̃_iᵀv_j)²/(nμ_j + λ),  x̃ columns of unit variance

LOO needs the rows, in one product with V for all λ; cross-validation is exact from fold moments. Each criterion is
minimised over one grid of λ refined around its best point. `one_standard_error` is the largest λ whose cross-validated
error is within one standard error of the least: a convention, not a test.

References: Efron (1986), JASA 81, 461-470; Golub, Heath & Wahba (1979), Technometrics 21, 215-223; Allen (1974),
Technometrics 16, 125-127 (LOO); Breiman, Friedman, Olshen & Stone (1984), CART, § 3.4.3 (one standard error).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.linalg.conditioning import correlation, live_columns
from whyfit.linalg.moments import FoldMoments, Moments
from whyfit.probability.evidence import ridge_by_evidence
from whyfit.probability.validation import PATH, cross_validate_path

#: log₁₀ λ is found to (0.5/5)(2/10)^2: finer than any criterion can tell.
_ZOOMS, _POINTS = 2, 11


@dataclass(frozen=True)
class RidgePath:
    """Moments of all rows in their principal directions.

    Attributes
    ----------
    n, p : rows, columns. mu : (r,) eigenvalues of C of the columns that vary. b : (r,) Vᵀc. variance :
    S_yy/n. directions : (p, r) of the columns scaled to unit variance. mean, scale : (p,) of the columns.
    """

    n: int
    p: int
    mu: Float[np.ndarray, " r"]
    b: Float[np.ndarray, " r"]
    variance: float
    directions: Float[np.ndarray, "p r"]
    mean: Float[np.ndarray, " q"]
    scale: Float[np.ndarray, " p"]

    @classmethod
    def of(cls, moments: Moments) -> RidgePath:
        p, n = moments.mean.size - 1, moments.n
        live = live_columns(moments)
        C = correlation(moments.scatter)
        mu, V = np.linalg.eigh(C[:-1, :-1][np.ix_(live, live)])
        directions = np.zeros((p, len(mu)))
        directions[live] = V
        scale = np.sqrt(np.diag(moments.scatter)[:-1] / n)
        return cls(
            n, p, np.maximum(mu, 0.0), V.T @ C[:-1, -1][live],
            float(moments.scatter[-1, -1] / n), directions, moments.mean, np.where(live, scale, 1.0),
        )  # fmt: skip

    def free(self, ridge: float) -> float:
        """df(λ), the intercept not counted."""
        return float((self.mu / self._denominator(ridge)).sum())

    def trained(self, ridge: float) -> float:
        """Mean squared error on the rows of the fit."""
        d = self._denominator(ridge)
        left = 1 - float((self.b**2 * (self.mu + 2 * ridge / self.n) / d**2).sum())
        return self.variance * max(left, 0.0)

    def optimism(self, ridge: float, sigma2: float) -> float:
        """2σ²(df + 1)/n."""
        return 2 * sigma2 * (self.free(ridge) + 1) / self.n

    def gcv(self, ridge: float) -> float:
        """Generalised cross-validation; infinite where no degree of freedom is left."""
        left = 1 - (self.free(ridge) + 1) / self.n
        return self.trained(ridge) / left**2 if left > 0 else float("inf")

    @property
    def sigma2(self) -> float:
        """Noise variance by the least penalised fit that leaves degrees of freedom; NaN if none does."""
        ridge = 0.0 if self.n - 1 - np.count_nonzero(self.mu > self._least) > 0 else 1e-6 * self.n
        df = self.n - 1 - self.free(ridge)
        return self.trained(ridge) * self.n / df if df > 0 else float("nan")

    def residuals(
        self, X: Float[np.ndarray, "s p"], y: Float[np.ndarray, " s"], ridges: tuple[float, ...]
    ) -> tuple[Float[np.ndarray, "s r"], Float[np.ndarray, "s r"]]:
        """Residuals e and leverages h of some of the rows fitted, for each λ."""
        Z = ((X - self.mean[:-1]) / self.scale) @ self.directions  # (s, r)
        d = np.stack([self._denominator(r) for r in ridges], axis=1)
        e = (y - self.mean[-1])[:, None] - np.sqrt(self.variance) * (Z @ (self.b[:, None] / d))
        return e, 1 / self.n + (Z**2) @ (1 / (self.n * d))

    def left_out(
        self, X: Float[np.ndarray, "s p"], y: Float[np.ndarray, " s"], ridges: tuple[float, ...]
    ) -> Float[np.ndarray, "s r"]:
        """e/(1 − h) of some of the rows fitted: what the fit to all others would leave of each."""
        e, h = self.residuals(X, y, ridges)
        return e / np.maximum(1 - h, 1e-12)

    @property
    def _least(self) -> float:
        return 1e-13 * max(1.0, float(self.mu.max(initial=0.0)))

    def _denominator(self, ridge: float) -> np.ndarray:
        """μ + λ/n; infinite for directions that do not vary, where no λ holds them."""
        d = self.mu + ridge / self.n
        return np.where(self.mu > self._least, d, d if ridge > 0 else np.inf)


@dataclass(frozen=True, slots=True)
class Choice:
    """A penalty and how it was chosen; `free` coefficients; per fold the held-out `error`."""

    by: str
    ridge: float
    free: float
    error: Float[np.ndarray, " k"]


@dataclass(frozen=True, slots=True)
class Choices:
    """Penalties by every criterion, with their errors on the same folds."""

    by: tuple[Choice, ...]
    path: RidgePath

    def __getitem__(self, by: str) -> Choice:
        return next(c for c in self.by if c.by == by)


EVIDENCE, GCV, LOO, CV, ONE_SE = (
    "evidence",
    "GCV",
    "leave-one-out",
    "cross-validation",
    "one-standard-error",
)


def chosen_ridges(
    folds: FoldMoments,
    rows: tuple[Float[np.ndarray, "s p"], Float[np.ndarray, " s"]] | None = None,
    excluded: FoldMoments | None = None,
) -> Choices:
    """λ by evidence, GCV, LOO (with rows of the fit), cross-validation and one standard error."""
    path = RidgePath.of(folds.total)
    n = path.n
    grid = tuple(n * r for r in PATH)

    def validated(ridges: tuple[float, ...]) -> Float[np.ndarray, "r k"]:
        return np.stack([s["mse"] for s in cross_validate_path(folds, ridges, excluded)])

    errors = validated(grid)
    mean = np.nanmean(errors, axis=1)
    best = int(np.nanargmin(mean))
    se = float(np.nanstd(errors[best], ddof=1) / np.sqrt(np.isfinite(errors[best]).sum()))
    within = np.flatnonzero(mean <= mean[best] + se)
    found = {
        EVIDENCE: ridge_by_evidence(folds.total),
        GCV: _least_of(lambda r: [path.gcv(x) for x in r], grid),
    }
    if rows is not None:
        found[LOO] = _least_of(lambda r: (path.left_out(*rows, r) ** 2).mean(axis=0), grid)
    found[CV] = _least_of(lambda r: np.nanmean(validated(r), axis=1), grid, mean)
    found[ONE_SE] = max(float(grid[within.max()]), found[CV])
    errors = validated(tuple(found.values()))
    return Choices(
        tuple(
            Choice(by, ridge, path.free(ridge), e)
            for (by, ridge), e in zip(found.items(), errors, strict=True)
        ),
        path,
    )


def _least_of(
    values: Callable[[tuple[float, ...]], object],
    grid: tuple[float, ...],
    known: np.ndarray | None = None,
) -> float:
    """The λ with the least value, on the grid and then between its neighbours."""
    at = np.asarray(values(grid) if known is None else known, dtype=float)
    for _ in range(_ZOOMS):
        best = int(np.nanargmin(at))
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        grid = tuple(np.geomspace(low, high, _POINTS))
        at = np.asarray(values(grid), dtype=float)
    return float(grid[int(np.nanargmin(at))])

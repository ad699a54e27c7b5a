"""Linear regression from moments: the fit and its law.

    y = β₀ + Xw + ε,  ε ~ (0, σ²)         ŵ = (XᶜᵀXᶜ)⁻¹Xᶜᵀy,  Xᶜ = X − 1μᵀ,  β̂₀ = ȳ − μᵀŵ
    cov(β̂₀, ŵ) = σ²V,  V_ww = (XᶜᵀXᶜ)⁻¹,  V_0w = −V_ww μ,  V_00 = 1/n + μᵀV_wwμ

With a penalty λ on unit-variance columns, RSS + λ‖w_std‖², V_ww is (XᶜᵀXᶜ + λD²/n)⁻¹, D² = diag(XᶜᵀXᶜ):
the posterior covariance under the prior w_std ~ N(0, σ²/λ), and its intervals are credible intervals.

References: Seber & Lee (2003), Linear Regression Analysis, ch. 3; Hoerl & Kennard (1970);
MacKay (1992), Neural Computation 4, 415-447 for the ridge posterior.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from whyfit.data.arrays import ArrayRows
from whyfit.data.folds import fold_count
from whyfit.engines.local import LocalEngine, one_blas_thread
from whyfit.errors import NotFiniteError
from whyfit.fold import Engine, RowSource, fold, joined
from whyfit.linalg.conditioning import Conditioning, correlation
from whyfit.linalg.moments import FoldMoments, Moments, moments_of, streamed
from whyfit.linalg.solve import GAMMA, Solution, U, digits_of, least_squares
from whyfit.linalg.walk import walk_of
from whyfit.probability.distributions import f_upper, t_quantile
from whyfit.probability.inference import Inference, wald
from whyfit.probability.ridge import penalised

#: Bytes of the moments of a block above which all blocks share one set: adding sets would cost more than two
#: threads save.
ONE_SET = 32 << 20
_TINY = 5e-324  # spacing of the smallest float64


@dataclass(frozen=True)
class LinearFit:
    """A least-squares or ridge fit and everything its law needs.

    `coef` (p) and `intercept` predict; `V` (1+p × 1+p, intercept first) times `sigma2` is their covariance,
    NaN rows for dropped columns. `df` = n − (effective) number of coefficients, the intercept counted.
    Without an intercept every moment is about zero: `mean` is 0, `tss` = Σy² (so `r2` is that of statsmodels
    without a constant), `correlation` holds cosines, and the first row and column of `V` are 0.
    """

    names: tuple[str, ...]
    n: int
    mean: Float[np.ndarray, " q"]
    coef: Float[np.ndarray, " p"]
    intercept: float
    V: Float[np.ndarray, "c c"]
    sigma2: float
    df: float
    rss: float
    tss: float
    ridge: float
    solution: Solution
    correlation: Float[np.ndarray, "q q"]
    with_intercept: bool = True

    @property
    def dropped(self) -> Bool[np.ndarray, " p"]:
        return self.solution.dropped

    @property
    def rank(self) -> int:
        return int((~self.dropped).sum())

    @property
    def parameters(self) -> int:
        """Coefficients estimated, the intercept counted."""
        return self.rank + self.with_intercept

    @property
    def base_leverage(self) -> float:
        """Leverage of a row at the centre: 1/n, or 0 through the origin."""
        return 1 / self.n if self.with_intercept else 0.0

    @property
    def r2(self) -> float:
        if not self.tss > 0:
            return float("nan")
        known = self.solution.explained
        return 1 - self.rss / self.tss if known is None else known / self.tss

    @cached_property
    def conditioning(self) -> Conditioning:
        """Of the kept columns."""
        keep = ~self.dropped
        return Conditioning.of(self.correlation[:-1, :-1][np.ix_(keep, keep)], self.n)

    @property
    def vif(self) -> Float[np.ndarray, " p"]:
        """Variance inflation factor of each column; NaN for dropped ones."""
        out = np.full(len(self.dropped), np.nan)
        out[~self.dropped] = (
            np.diag(self.solution.G)[~self.dropped] if not self.ridge else self.conditioning.vif
        )
        return out

    def f_test(self) -> tuple[float, tuple[float, float], float]:
        """Overall F: statistic, degrees of freedom, p-value; NaN without degrees of freedom."""
        k = self.rank
        if self.df <= 0 or k == 0 or self.rss < 0:
            return float("nan"), (float(k), self.df), float("nan")
        with np.errstate(divide="ignore"):
            f = float(np.divide(self.r2 * self.tss / k, self.rss / self.df))
        return f, (float(k), self.df), f_upper(f, k, self.df)

    def inference(
        self,
        level: float = 0.95,
        meat: Float[np.ndarray, "c c"] | None = None,
        kind: str = "classic",
        df: float | Float[np.ndarray, " c"] | None = None,
    ) -> Inference:
        """The table; with the `meat` of a sandwich (intercept first) its robust version, t with `df` if given.

        `df` may be one for each coefficient, the intercept first. There is no row "intercept" if none was fitted.

        Reference: MacKinnon & White (1985), J. Econometrics 29, 305-325.
        """
        names = ("intercept", *self.names)
        V = self.V
        if meat is None:
            std_error = np.sqrt(self.sigma2) * np.sqrt(np.diag(V))  # their product may overflow
        else:
            B = np.nan_to_num(V)
            variance = np.where(np.isnan(np.diag(V)), np.nan, np.einsum("ij,ij->i", B @ meat, B))
            std_error = np.sqrt(variance)
        estimate = np.concatenate([[self.intercept], np.where(self.dropped, np.nan, self.coef)])
        from_ = 0 if self.with_intercept else 1
        table = wald(
            names[from_:],
            estimate[from_:],
            std_error[from_:],
            self.df if df is None else df[from_:] if isinstance(df, np.ndarray) else df,
            level,
            self.digits[from_:],
            kind,
        )
        known = self.std_error_digits[from_:] if meat is None and self.df > 0 else None
        return replace(table, std_error_digits=known)

    @property
    def digits(self) -> Float[np.ndarray, " c"]:
        """Certain digits, intercept first: β₀ = ȳ − Σμ_j w_j loses what its terms cancel."""
        exact = self.solution.uncentred
        if exact is not None:
            return np.append(digits_of(exact.intercept_error), self.solution.digits)
        terms = abs(self.mean[-1]) + np.abs(self.mean[:-1] * self.coef).sum()
        terms += np.sqrt(np.append(self.solution.scale**2, self.tss) / self.n) @ np.abs(
            np.append(self.coef, 1.0)  # a mean near zero is no more exact than the values
        )
        error = self.solution.error_of(self.mean[:-1]) + GAMMA * terms
        first = float(digits_of(error / abs(self.intercept))) if error and self.intercept else 0.0
        return np.append(first, self.solution.digits)

    @property
    def std_error_digits(self) -> Float[np.ndarray, " c"]:
        """Certain digits of the classic standard errors, intercept first; NaN for dropped columns.

        A residual sum of squares that is exactly 0 makes every standard error 0, to all digits.
        """
        s = self.solution
        V = np.diag(self.V)
        if s.uncentred is not None:
            error = s.uncentred.V_error
        elif s.G_error is None:
            error = np.full(V.size, np.inf)
        else:
            first = s.spread_error(self.mean[:-1]) / V[0] if self.with_intercept else 0.0
            error = np.append(first, s.G_error)
        return np.where(np.isnan(V), np.nan, digits_of((error + self._rss_error) / 2 + 4 * U))

    @property
    def _rss_error(self) -> float:
        """Relative; 0 if `rss` is exactly 0."""
        digits = self.solution.rss_digits
        return 10.0**-digits if digits > 0 else np.inf

    @property
    def r2_digits(self) -> float:
        """Certain digits of R² = 1 − RSS/TSS."""
        return float(digits_of(self._r2_error))

    @property
    def _r2_error(self) -> float:
        if not self.tss > 0:
            return np.inf
        if self.solution.explained is not None:
            return self.solution.explained_error + 2 * U + _TINY / self.tss
        left = self.rss / self.tss
        return (self.solution.slip + 2 * U) / (1 - left) if left < 1 else np.inf

    @property
    def f_digits(self) -> float:
        """Certain digits of the F statistic; 0 without degrees of freedom."""
        if self.df <= 0 or self.rank == 0:
            return 0.0
        return float(digits_of(self._r2_error + self._rss_error + 2 * U))

    def predict(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, " m"]:
        return self.mean[-1] + (X - self.mean[:-1]) @ self.coef

    def predict_interval(
        self, X: Float[np.ndarray, "m p"], level: float, kind: str
    ) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
        """Prediction, low, high: of the mean response (`kind="mean"`) or of a new row (`"new"`).

        var = σ²(1/n + dᵀV_ww d), d = x − μ, plus σ² for a new row.
        """
        d = X - self.mean[:-1]
        Vw = np.nan_to_num(self.V[1:, 1:])
        spread = self.base_leverage + np.einsum("ij,ij->i", d @ Vw, d) + (kind == "new")
        half = (t_quantile(level, self.df) if self.df > 0 else np.nan) * np.sqrt(
            self.sigma2 * spread
        )
        centre = self.predict(X)
        return centre, centre - half, centre + half


def fit_moments(
    moments: Moments,
    names: tuple[str, ...],
    ridge: float = 0.0,
    rows: RowSource | None = None,
    engine: Engine | None = None,
    intercept: bool = True,
) -> LinearFit:
    """Fit from moments of [X y]; `rows` are walked again only if the certificate asks for it.

    Without `intercept` the plane passes through the origin, and a penalty sees columns of unit mean square.
    """

    walk = walk_of(rows, engine or LocalEngine(), intercept) if rows is not None else None
    if not intercept:
        moments = about_zero(moments)
    n, mean = moments.n, moments.mean
    C = correlation(moments.scatter)
    solution = least_squares(moments, None if ridge else walk)
    if ridge:
        solution, used = penalised(solution, C, ridge, moments)
    else:
        used = float((~solution.dropped).sum())
    df = n - intercept - used
    sigma2 = solution.rss / df if df > 0 else float("nan")
    exact = solution.uncentred
    V = _law(solution, mean[:-1], n if intercept else 0) if exact is None else exact.V.copy()
    gone = np.flatnonzero(solution.dropped) + 1
    V[gone, :] = V[:, gone] = np.nan
    return LinearFit(
        names,
        n,
        mean,
        solution.w,
        float(mean[-1] - mean[:-1] @ solution.w) if exact is None else exact.intercept,
        V,
        sigma2,
        df,
        solution.rss,
        solution.tss,
        ridge,
        solution,
        C,
        intercept,
    )


def _law(s: Solution, mu: Float[np.ndarray, " p"], n: int) -> Float[np.ndarray, "c c"]:
    """V of the module docstring; no intercept if n is 0."""
    Vw = s.G / s.scale / s.scale[:, None]
    V = np.zeros((mu.size + 1, mu.size + 1))
    V[1:, 1:] = Vw
    V[0, 1:] = V[1:, 0] = -Vw @ mu
    through = s.root.T @ (mu / s.scale)  # not μᵀV_wwμ, which cancels κ²u for near copies
    V[0, 0] = 1 / n + through @ through if n else 0.0
    return V


def about_zero(moments: Moments) -> Moments:
    """The same rows with mean 0 and scatter Σzzᵀ = S + nμμᵀ.

    Raises NotFiniteError if a column is so far from zero that this overflows.
    """
    with np.errstate(over="ignore"):
        scatter = moments.scatter + moments.n * np.outer(moments.mean, moments.mean)
    if not np.isfinite(scatter).all():
        raise NotFiniteError(
            "a column lies so far from zero that its squares overflow; fit an intercept or rescale."
        )
    return Moments(moments.n, np.zeros_like(moments.mean), scatter)


def gather(rows: RowSource, k: int, engine: Engine | None = None) -> FoldMoments:
    """The one pass: moments of [X y] per fold."""
    q = len(rows.names) + 1
    if 8 * k * q * q > ONE_SET:
        with one_blas_thread():
            return streamed(joined(rows.blocks()), k, rows.names)
    return fold(
        joined(rows.blocks()),
        moments_of(k, rows.names),
        FoldMoments.empty(q, k),
        engine or LocalEngine(),
    )


@dataclass(frozen=True)
class ArrayFit:
    """What `fit_arrays` returns: the fit, its table, and ten-fold held-out scores."""

    fit: LinearFit
    inference: Inference
    held_out: dict[str, Float[np.ndarray, " k"]]
    moments: FoldMoments

    @property
    def vif(self) -> Float[np.ndarray, " p"]:
        return self.fit.vif

    @property
    def condition_indices(self) -> Float[np.ndarray, " p"]:
        return self.fit.conditioning.indices


def fit_arrays(
    X: Float[np.ndarray, "n p"],
    y: Float[np.ndarray, " n"],
    *,
    folds: int = 10,
    seed: int = 0,
    ridge: float = 0.0,
    level: float = 0.95,
    names: tuple[str, ...] | None = None,
) -> ArrayFit:
    """Least squares with inference, VIFs, condition indices and k-fold scores from arrays, in one pass."""
    from whyfit.probability.validation import cross_validate

    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    k = fold_count(len(y), folds)
    rows = ArrayRows(X, y, k, seed, names)
    with one_blas_thread():
        moments = gather(rows, k)
        fit = fit_moments(moments.total, rows.names, ridge, rows)
        return ArrayFit(fit, fit.inference(level), cross_validate(moments, ridge), moments)


def held_out_through_origin(folds: FoldMoments, ridge: float = 0.0) -> dict[str, np.ndarray]:
    """Held-out "r2" and "mse" per fold without an intercept; R² about the held-out mean, as ever."""
    from whyfit.probability.validation import cross_validate

    scatter = np.stack([about_zero(folds.fold(j)).scatter for j in range(folds.k)])
    nowhere = np.zeros(scatter.shape[:2])
    moved = FoldMoments(folds.n, nowhere, scatter, nowhere[0])
    mse = cross_validate(moved, ridge)["mse"]
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = 1 - mse * folds.n / folds.scatter[:, -1, -1]
    return {"r2": np.where(np.isfinite(r2), r2, np.nan), "mse": mse}

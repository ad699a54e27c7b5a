"""Regressions with a loss of their own: counts, amounts, and targets with outliers.

    Poisson   y ~ Poisson(e^η)              cov(β̂) = H⁻¹
    gamma     y ~ Γ with mean e^η, constant coefficient of variation √φ       cov = φ (X̃ᵀX̃)⁻¹, φ = χ²_P/(n − p − 1)
    Huber     y = η + σε, ε with heavy tails                                  cov = κ²σ² [Σψ²/(n − p − 1)]/m² (X̃ᵀX̃)⁻¹

H is the Hessian of the negative log-likelihood (for gamma its expectation), χ²_P = Σ(y − μ)²/V(μ) Pearson's statistic,
m the mean of ψ′ and κ = 1 + (p + 1)/n · (1 − m)/m Huber's correction. The Poisson covariance believes that the variance
is the mean: `dispersion` = χ²_P/(n − p − 1) says whether it is, and `inference(robust=True)` does not need it
(HC0: H⁻¹(Σℓ′²x̃x̃ᵀ)H⁻¹).

References: McCullagh & Nelder (1989), Generalized Linear Models, ch. 2, 6, 8; Huber & Ronchetti (2009), §7.6;
White (1982), Econometrica 50, 1-25.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from whyfit.calculus.losses.huber import EFFICIENT
from whyfit.calculus.newton import Optimum, newton, penalty
from whyfit.data.arrays import ArrayRows
from whyfit.data.views import without_columns
from whyfit.engines.local import LocalEngine, one_blas_thread
from whyfit.errors import SpecError, TargetError
from whyfit.fold import Engine, Rows, RowSource, fold
from whyfit.linalg.columns import newton_tiles
from whyfit.probability.distributions import chi2_upper, t_quantile
from whyfit.probability.glm_problem import (
    EXACT,
    NO_SCALE,
    Columns,
    Family,
    TargetSize,
    problem_of,
)
from whyfit.probability.inference import Inference, infer
from whyfit.probability.logistic import certain_digits, unit_inverse


@dataclass(frozen=True)
class GLMFit:
    """Coefficients on the original scale, the intercept apart; matrices are (1+p × 1+p), intercept first.

    `dispersion` is χ²_P/(n − p − 1), or σ̂² of Huber; `deviance` and `null_deviance` are twice what the likelihood
    lacks to the saturated model (NaN for Huber). `outliers`: rows beyond ε σ̂ (Huber), else 0.
    """

    family: Family
    names: tuple[str, ...]
    n: int
    coef: Float[np.ndarray, " p"]
    intercept: float
    covariance: Float[np.ndarray, "c c"]
    robust_covariance: Float[np.ndarray, "c c"]
    dispersion: float
    deviance: float
    null_deviance: float
    ridge: float
    dropped: Bool[np.ndarray, " p"]
    optimum: Optimum
    outliers: int = 0

    @property
    def converged(self) -> bool:
        return self.optimum.converged

    @property
    def rank(self) -> int:
        return int((~self.dropped).sum())

    @property
    def df(self) -> float:
        return float(self.n - 1 - self.rank)

    @property
    def r2(self) -> float:
        """1 − deviance/null deviance; NaN for Huber."""
        return 1 - self.deviance / self.null_deviance if self.null_deviance > 0 else float("nan")

    @property
    def digits(self) -> Float[np.ndarray, " c"]:
        """Certain decimal digits, intercept first; 0 where Newton did not converge."""
        o, out = self.optimum, np.zeros(len(self.dropped) + 1)
        if self.converged:
            c = len(o.centre) + 1
            place = np.concatenate([[True], ~self.dropped])
            H = o.hessian[:c, :c]
            out[place] = certain_digits(H, o.b[None, :c], o.centre, o.decrement, self.n)[0]
        return out

    def likelihood_ratio(self) -> tuple[float, float, float]:
        """Fall of the (scaled) deviance from the constant model, its degrees of freedom, p-value."""
        phi = self.dispersion if self.family == "gamma" else 1.0
        statistic = (self.null_deviance - self.deviance) / phi
        return statistic, float(self.rank), chi2_upper(max(statistic, 0.0), max(self.rank, 1))

    def inference(self, level: float = 0.95, robust: bool = False) -> Inference:
        """The table, with normal quantiles; `robust` needs no variance function."""
        V = self.robust_covariance if robust else self.covariance
        gone = np.concatenate([[False], self.dropped])
        estimate = np.where(gone, np.nan, np.concatenate([[self.intercept], self.coef]))
        kind = "HC0" if robust else "classic"
        names = ("intercept", *self.names)
        return infer(names, estimate, np.diag(V), np.inf, level, self.digits, kind)

    def predict(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, " m"]:
        """The mean (of Huber: the centre) of each row."""
        return self.mean_of(self.eta(X))

    def predict_interval(
        self, X: Float[np.ndarray, "m p"], level: float, robust: bool = False
    ) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
        """Mean, low, high of the mean of such rows, made on the scale of η."""
        V = np.nan_to_num(self.robust_covariance if robust else self.covariance)
        eta = self.eta(X)
        # in (1, x − centre), where nothing cancels
        centre = np.zeros(len(self.dropped))
        centre[~self.dropped] = self.optimum.centre
        J = np.eye(len(V))
        J[0, 1:] = centre
        D = np.column_stack([np.ones(len(X)), X - centre])
        variance = np.einsum("ij,jk,ik->i", D, J @ V @ J.T, D)
        half = t_quantile(level, np.inf) * np.sqrt(np.maximum(variance, 0.0))
        return self.mean_of(eta), self.mean_of(eta - half), self.mean_of(eta + half)

    def eta(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, " m"]:
        """Linear predictor of each row."""
        keep, o = ~self.dropped, self.optimum
        c = len(o.centre) + 1
        return o.b[0] + (X[:, keep] - o.centre) @ o.b[1:c]

    def mean_of(self, eta: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
        """The inverse link."""
        with np.errstate(over="ignore"):
            return eta if self.family == "huber" else np.exp(eta)


@dataclass(frozen=True, slots=True)
class _Sums:
    """What the law needs of one more pass at the optimum."""

    deviance: float
    pearson: float
    inside: float  # rows within ε σ of Huber
    psi2: float  # Σψ²
    information: Float[np.ndarray, "c c"]  # expected Hessian; X̃ᵀX̃ of gamma and Huber
    meat: Float[np.ndarray, "c c"]  # Σ ℓ′² x̃x̃ᵀ

    def __add__(self, o: _Sums) -> _Sums:
        return _Sums(
            self.deviance + o.deviance, self.pearson + o.pearson, self.inside + o.inside,
            self.psi2 + o.psi2, self.information + o.information, self.meat + o.meat,
        )  # fmt: skip


def fit_rows(
    family: Family,
    rows: RowSource,
    columns: Columns,
    ridge: float = 0.0,
    epsilon: float = EFFICIENT,
    engine: Engine | None = None,
) -> GLMFit:
    """Fit over rows, by Newton steps from a warm start.

    Raises
    ------
    TargetError : a count below 0, an amount ≤ 0, a constant target, or an exact fit under Huber. SpecError : ε < 1, at
    which Huber's scale has no meaning, or a negative penalty.
    """
    if not 0 <= ridge < np.inf:
        raise SpecError(f"ridge is {ridge}; expected a finite penalty ≥ 0.")
    if not 1 < epsilon < np.inf:
        raise SpecError(f"epsilon is {epsilon}; expected a number > 1, e.g. {EFFICIENT}.")
    engine, keep = engine or LocalEngine(), ~columns.dropped
    source = without_columns(rows, columns.dropped)
    problem = problem_of(family, source, columns, ridge, epsilon)
    optimum = newton(replace(problem, engine=engine))
    if family == "huber" and not optimum.b[-1] > NO_SCALE * columns.target.spread:
        raise TargetError(EXACT)
    c = int(keep.sum()) + 1
    zero = _Sums(0.0, 0.0, 0.0, 0.0, np.zeros((c, c)), np.zeros((c, c)))
    sums = fold(source.blocks(), _law_sums(family, optimum, epsilon), zero, engine)
    return _fit(family, rows.names, columns, optimum, sums, ridge)


def _law_sums(family: Family, optimum: Optimum, epsilon: float) -> Callable[[Rows], _Sums]:
    centre = optimum.centre
    c = len(centre) + 1
    b = optimum.b[:c]

    def of(rows: Rows) -> _Sums:
        A, M = np.zeros((c, c)), np.zeros((c, c))
        deviance = pearson = inside = psi2 = 0.0
        for part, Z in newton_tiles(rows, centre):
            y, eta = part.y, Z.times(b)
            if family == "huber":
                sigma = float(optimum.b[-1])
                r = (y - eta) / sigma
                psi = np.clip(r, -epsilon, epsilon)
                inside += float((np.abs(r) <= epsilon).sum())
                psi2 += float(psi @ psi)
                Z.add_gram(np.ones(len(y)), A)
                Z.add_gram(np.abs(psi) * sigma, M)
                continue
            mu = np.exp(eta)
            ratio = np.log(np.divide(y, mu, out=np.ones_like(y), where=y > 0))
            if family == "poisson":
                deviance += 2 * float((y * ratio - (y - mu)).sum())
                pearson += float(((y - mu) ** 2 / mu).sum())
                if not optimum.converged:  # otherwise it is the last Hessian
                    Z.add_gram(np.sqrt(mu), A)
                Z.add_gram(np.abs(y - mu), M)
            else:
                relative = (y - mu) / mu
                deviance += 2 * float((relative - ratio).sum())
                pearson += float((relative * relative).sum())
                Z.add_gram(np.ones(len(y)), A)
                Z.add_gram(np.abs(relative), M)
        return _Sums(deviance, pearson, inside, psi2, A, M)

    return of


def _fit(
    family: Family, names: tuple[str, ...], columns: Columns, o: Optimum, sums: _Sums, ridge: float
) -> GLMFit:
    keep, n, c = ~columns.dropped, columns.n, len(o.centre) + 1
    scale = columns.scale[keep]
    diagonal = penalty(o.b[:c], scale, ridge)[2]
    if family == "huber":
        diagonal = diagonal * o.b[-1] / 2  # f is 2/σ times the squared loss near its minimum
    information = sums.information + np.diag(diagonal)
    if family == "poisson" and o.converged:
        information = o.hessian
    inverse = unit_inverse(information)
    df = n - c
    mean = columns.target.mean
    bread = inverse
    if family == "huber":
        m = max(sums.inside, 1.0) / n  # no row inside: the steps did not settle
        kappa = 1 + c / n * (1 - m) / m
        sigma2 = float(o.b[-1]) ** 2
        dispersion = sigma2
        small = inverse * (kappa**2 * sigma2 * sums.psi2 / df / m**2 if df > 0 else np.nan)
        bread = inverse / m
        null = deviance = float("nan")
    else:
        dispersion = sums.pearson / df if df > 0 else float("nan")
        small = inverse * (dispersion if family == "gamma" else 1.0)
        deviance, null = sums.deviance, sums.deviance + 2 * _gain(family, o, diagonal, n, mean)
    robust = bread @ sums.meat @ bread
    J = np.eye(c)
    J[0, 1:] = -o.centre
    place = np.concatenate([[True], keep])
    covariance, robust_covariance = (np.full((place.size, place.size), np.nan) for _ in range(2))
    covariance[np.ix_(place, place)] = J @ small @ J.T
    robust_covariance[np.ix_(place, place)] = J @ robust @ J.T
    coef = np.zeros(len(keep))
    coef[keep] = o.b[1:c]
    intercept = float(o.b[0] - o.centre @ o.b[1:c])
    outliers = n - int(sums.inside) if family == "huber" else 0
    return GLMFit(
        family, tuple(names), n, coef, intercept, covariance, robust_covariance, dispersion, deviance, null,
        ridge, columns.dropped, o, outliers,
    )  # fmt: skip


def _gain(family: str, o: Optimum, diagonal: np.ndarray, n: int, mean: float) -> float:
    """Loss of the constant model less that of the fit, the penalty left out."""
    fitted = o.loss - 0.5 * float(diagonal @ o.b**2)
    constant = n * (mean - mean * np.log(mean)) if family == "poisson" else n * (np.log(mean) + 1)
    return float(constant - fitted)


@dataclass(frozen=True)
class GLMArrayFit:
    fit: GLMFit
    inference: Inference


def columns_of_arrays(
    X: Float[np.ndarray, "n p"], y: Float[np.ndarray, " n"], family: Family = "huber"
) -> Columns:
    """Centre and scale from an even sample of 4,096 rows; constant columns there are looked at in full.

    Medians of y, which only Huber's steps start from, are NaN for other families.
    """
    head = X[:: max(1, len(X) // 4096)]
    scale = head.std(axis=0)
    still = np.flatnonzero(scale == 0)
    dropped = np.zeros(X.shape[1], dtype=bool)
    dropped[still] = [bool((X[:, j] == X[0, j]).all()) for j in still]
    mean = head.mean(axis=0)
    size = TargetSize(float(np.mean(y)), np.nan, np.nan)
    if family == "huber":
        size = TargetSize.of(y)
    return Columns(len(y), mean, np.where(scale > 0, scale, 1.0), dropped, size)


def fit_arrays(
    family: Family,
    X: Float[np.ndarray, "n p"],
    y: Float[np.ndarray, " n"],
    *,
    ridge: float = 0.0,
    level: float = 0.95,
    epsilon: float = EFFICIENT,
) -> GLMArrayFit:
    """A regression of this family with its inference table from arrays."""
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    rows = ArrayRows(X, y, 2)
    with one_blas_thread():
        fit = fit_rows(family, rows, columns_of_arrays(X, y, family), ridge, epsilon)
        return GLMArrayFit(fit, fit.inference(level))

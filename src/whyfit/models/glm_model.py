"""Regressions for counts, amounts and outliers as scikit-learn estimators: shells over `whyfit.probability.glm`.

    PoissonRegression   log E[y] = β₀ + xᵀw,  y a count
    GammaRegression     log E[y] = β₀ + xᵀw,  y > 0 with a constant coefficient of variation
    HuberRegression     y = β₀ + xᵀw + σε, rows beyond ε σ pull with constant force

each plus (λ/2) Σ s_j² w_j², s_j the standard deviation of column j. Newton steps until every coefficient is within
1e-10 standard errors of the optimum; inference tables as in LinearRegression, with normal quantiles.
"""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from whyfit.calculus.losses.huber import EFFICIENT
from whyfit.data.arrays import ArrayRows
from whyfit.errors import SpecError
from whyfit.models.summary import check_confidence, column_names, dropped_words, rows_of
from whyfit.probability.glm import Columns, Family, GLMFit, TargetSize, fit_rows
from whyfit.probability.inference import Inference
from whyfit.probability.linear import fit_moments, gather
from whyfit.probability.predictive import Interval, check_level


class _GLM(RegressorMixin, BaseEstimator):
    """What the three estimators share."""

    family: ClassVar[Family]
    ridge: float
    robust: bool
    confidence: float
    n_features_in_: int
    coef_: Float[np.ndarray, " p"]
    intercept_: float
    std_error_: Float[np.ndarray, " p"]
    digits_: Float[np.ndarray, " p"]
    inference_: Inference
    covariance_: Float[np.ndarray, "c c"]
    dispersion_: float
    dropped_: Bool[np.ndarray, " p"]
    converged_: bool
    n_passes_: float
    why_: str
    _fit: GLMFit

    def _learn(self, X: Any, y: Any, epsilon: float = EFFICIENT) -> None:
        check_confidence(self.confidence)
        if not 0 <= self.ridge < np.inf:
            raise SpecError(f"ridge is {self.ridge}; expected a finite penalty ≥ 0.")
        X, y = validate_data(self, X, y, y_numeric=True, dtype=np.float64)
        y = np.asarray(y, dtype=np.float64)
        rows = ArrayRows(X, y, 2, 0, column_names(self))
        total = gather(rows, 2).total
        linear = fit_moments(total, rows.names, 0.0, rows)
        scale = np.sqrt(np.diag(total.scatter)[:-1] / total.n)
        columns = Columns(
            total.n,
            total.mean[:-1],
            np.where(scale > 0, scale, 1.0),
            linear.dropped,
            TargetSize.of(y),
        )
        fit = fit_rows(self.family, rows, columns, float(self.ridge), epsilon)
        self._fit = fit
        self.inference_ = fit.inference(self.confidence, bool(self.robust))
        self.coef_, self.intercept_ = fit.coef, fit.intercept
        self.std_error_, self.digits_ = self.inference_.std_error[1:], self.inference_.digits[1:]
        self.covariance_ = fit.robust_covariance if self.robust else fit.covariance
        self.dispersion_, self.dropped_ = fit.dispersion, fit.dropped
        self.converged_, self.n_passes_ = bool(fit.converged), float(fit.optimum.passes)
        self.why_ = dropped_words(rows.names, fit.dropped)
        if not fit.converged:
            message = (
                "the steps did not settle: the coefficients and their standard errors are not those of a minimum; "
                "set ridge=1, or look for a column that decides the target in some rows."
            )
            self.why_ = f"{message} {self.why_}".strip()
            warnings.warn(message, ConvergenceWarning, stacklevel=3)

    def predict(self, X: Any, interval: float | None = None) -> Float[np.ndarray, " m"] | Interval:
        """The mean of such rows, (m,); with `interval` (a level in (0, 1)) the ends of its interval too.

        The interval is made on the scale of η, so that means of counts and amounts stay positive. Raises SpecError
        for a level outside (0, 1).
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        if interval is None:
            return self._fit.predict(X)
        return Interval(*self._fit.predict_interval(X, check_level(interval), bool(self.robust)))

    def summary(self) -> dict[str, Any]:
        """The fit in plain values: numbers of the whole, and one dict per coefficient."""
        check_is_fitted(self)
        fit = self._fit
        return {
            "model": fit.family,
            "n": fit.n,
            "df": fit.df,
            "dispersion": fit.dispersion,
            "deviance": fit.deviance,
            "null_deviance": fit.null_deviance,
            "ridge": fit.ridge,
            "outliers": fit.outliers,
            "converged": self.converged_,
            "covariance": self.inference_.covariance,
            "confidence": self.inference_.level,
            "coefficients": rows_of(self.inference_),
            "why": self.why_,
        }


class PoissonRegression(_GLM):
    """Regression of counts, log link, with its inference.

    Parameters
    ----------
    ridge : penalty λ ≥ 0 on the coefficients of unit-variance columns.
    robust : standard errors that do not believe the variance to be the mean (HC0); look at `dispersion_`.
    confidence : level of the intervals in `inference_`.

    Attributes
    ----------
    coef_ : (p,) of log E[y] per unit of the column; 0 for dropped columns. intercept_ : float.
    std_error_, digits_ : (p,). inference_ : Inference, the intercept first. covariance_ : (1+p, 1+p).
    dispersion_ : Pearson's χ²/(n − p − 1); 1 where the variance is the mean, above it over-dispersed.
    converged_ : bool. n_passes_ : passes over the rows. dropped_ : (p,) bool. why_ : what was dropped.

    Raises
    ------
    TargetError : a count below 0, or all of them 0. SpecError : a parameter is out of range.

    References
    ----------
    McCullagh & Nelder (1989), Generalized Linear Models, ch. 6; White (1982), Econometrica 50.
    """

    family = "poisson"

    def __init__(self, ridge: float = 0.0, robust: bool = False, confidence: float = 0.95) -> None:
        self.ridge = ridge
        self.robust = robust
        self.confidence = confidence

    def fit(self, X: Any, y: Any) -> PoissonRegression:
        """Fit X, (n, p), to the counts y, (n,)."""
        self._learn(X, y)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags


class GammaRegression(_GLM):
    """Regression of positive amounts, log link, with its inference: errors are relative ones.

    Parameters, attributes and errors as PoissonRegression; `dispersion_` is the squared coefficient of variation, and
    every amount must be > 0.

    References
    ----------
    McCullagh & Nelder (1989), Generalized Linear Models, ch. 8.
    """

    family = "gamma"

    def __init__(self, ridge: float = 0.0, robust: bool = False, confidence: float = 0.95) -> None:
        self.ridge = ridge
        self.robust = robust
        self.confidence = confidence

    def fit(self, X: Any, y: Any) -> GammaRegression:
        """Fit X, (n, p), to the amounts y, (n,)."""
        self._learn(X, y)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags


class HuberRegression(_GLM):
    """Linear regression in which no row pulls with more than a constant force, with its inference.

    Scale and coefficients are found together (Huber's Proposal 2, n − p − 1 degrees of freedom), as one convex problem.

    Parameters
    ----------
    epsilon : residuals beyond ε σ count linearly; 1.345 keeps 95 % of the efficiency under normal errors.
    ridge, robust, confidence : as in PoissonRegression.

    Attributes
    ----------
    sigma_ : scale of the errors, units of y: their standard deviation if they are normal.
    outliers_ : rows beyond ε σ. Others as PoissonRegression; `dispersion_` is sigma_².

    Raises
    ------
    TargetError : a constant target. SpecError : a parameter is out of range.

    References
    ----------
    Huber & Ronchetti (2009), Robust Statistics, §7.6-7.8.
    """

    family = "huber"

    def __init__(
        self,
        epsilon: float = EFFICIENT,
        ridge: float = 0.0,
        robust: bool = False,
        confidence: float = 0.95,
    ) -> None:
        self.epsilon = epsilon
        self.ridge = ridge
        self.robust = robust
        self.confidence = confidence

    def fit(self, X: Any, y: Any) -> HuberRegression:
        """Fit X, (n, p), to y, (n,)."""
        self._learn(X, y, float(self.epsilon))
        self.sigma_ = float(np.sqrt(self.dispersion_))
        self.outliers_ = self._fit.outliers
        return self

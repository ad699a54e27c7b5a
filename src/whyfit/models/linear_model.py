"""Least squares and ridge as scikit-learn estimators: shells over `whyfit.probability`.

    LinearRegression    min ‖y − β₀ − Xw‖²
    Ridge               min ‖y − β₀ − Xw‖² + α Σ s_j² w_j²,   s_j the standard deviation of column j

Both solve with certified digits (`whyfit.linalg.solve`): columns are scaled first, so that no unit is
too small to count, and a column in the span of those before it gets the coefficient 0 and is named in
`dropped_` and `why_`.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Shaped
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from whyfit.calculus.optimizers import Rule
from whyfit.data.arrays import ArrayRows
from whyfit.data.folds import fold_count
from whyfit.errors import SpecError
from whyfit.linalg.moments import FoldMoments, Moments
from whyfit.models.robust_errors import check_covariance, meat_of
from whyfit.models.summary import check_confidence, column_names, dropped_words, rows_of
from whyfit.models.trace import Trace, check, descend, why
from whyfit.probability.evidence import ridge_by_evidence
from whyfit.probability.inference import Inference, infer, wald
from whyfit.probability.linear import (
    LinearFit,
    about_zero,
    fit_moments,
    gather,
    held_out_through_origin,
)
from whyfit.probability.predictive import Interval, Kind, LinearLaw, check_kind, check_level
from whyfit.probability.validation import cross_validate

FOLDS = 10


class _Linear(RegressorMixin, BaseEstimator):
    """What the two estimators share once the penalty is known."""

    fit_intercept: bool
    confidence: float
    n_features_in_: int
    coef_: Float[np.ndarray, " p"]
    intercept_: float
    std_error_: Float[np.ndarray, " p"]
    inference_: Inference
    covariance_: Float[np.ndarray, "c c"]
    digits_: Float[np.ndarray, " p"]
    dropped_: Bool[np.ndarray, " p"]
    sigma_: float
    df_: float
    r2_: float
    why_: str
    _fit: LinearFit
    _law: LinearLaw
    _moments: FoldMoments

    def _check(self, X: Any, y: Any) -> ArrayRows:
        check_confidence(self.confidence)
        X, y = validate_data(self, X, y, y_numeric=True, dtype=np.float64)
        y = np.asarray(y, dtype=np.float64)
        return ArrayRows(X, y, fold_count(len(y), FOLDS), 0, column_names(self))

    def _learn(
        self,
        rows: ArrayRows,
        moments: FoldMoments,
        ridge: float,
        covariance: str,
        label: Shaped[np.ndarray, " n"] | None = None,
    ) -> None:
        fit = fit_moments(
            moments.total, rows.names, ridge, rows, intercept=bool(self.fit_intercept)
        )
        robust = meat_of(fit, rows, covariance, label)
        meat = None if robust is None else robust.matrix
        self._fit, self._moments, self._law = fit, moments, LinearLaw.of(fit, meat)
        level = self.confidence
        self.inference_ = fit.inference(level) if robust is None else robust.inference(fit, level)
        self.coef_, self.intercept_ = self._law.coef, fit.intercept
        first = 1 if fit.with_intercept else 0
        self.std_error_ = self.inference_.std_error[first:]
        self.digits_ = self.inference_.digits[first:]
        self.covariance_ = _covariance(fit, meat)[1 - first :, 1 - first :]
        self.dropped_ = fit.dropped
        self.sigma_, self.df_, self.r2_ = float(np.sqrt(fit.sigma2)), float(fit.df), fit.r2
        self.why_ = dropped_words(rows.names, fit.dropped)

    def predict(
        self, X: Any, interval: float | None = None, kind: Kind = "new"
    ) -> Float[np.ndarray, " m"] | Interval:
        """ŷ of each row of X, (m, p); with `interval` the ends of its interval too.

        Parameters
        ----------
        X : (m, p) array or data frame.
        interval : level in (0, 1), e.g. 0.95; None for the prediction alone.
        kind : "new": where one new row will lie; "mean": where the mean of such rows lies.

        Returns
        -------
        (m,) array, or Interval(prediction, low, high) of three, in units of y. The ends are NaN
        where no degrees of freedom are left.

        Raises
        ------
        SpecError : interval or kind is none of these.
        """
        check_is_fitted(self)
        check_kind(kind)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        if interval is None:
            return self._law.predict(X)
        return self._law.interval(X, check_level(interval), kind)

    @property
    def vif_(self) -> Float[np.ndarray, " p"]:
        """Variance inflation factors; NaN for dropped columns."""
        check_is_fitted(self)
        return self._fit.vif if self._fit.rank else np.full(self.n_features_in_, np.nan)

    @property
    def condition_indices_(self) -> Float[np.ndarray, " r"]:
        """Condition indices of the kept columns, centred and scaled, rising."""
        check_is_fitted(self)
        return self._fit.conditioning.indices if self._fit.rank else np.zeros(0)

    @property
    def held_out_(self) -> dict[str, Float[np.ndarray, " k"]]:
        """Held-out scores, one value per fold, from the moments of the fit: no row is read again.

        "r2" and "mse" as scikit-learn's on the same folds; with an intercept also "log_score", the
        mean log density of held-out rows.
        """
        check_is_fitted(self)
        if not self._fit.with_intercept:
            return held_out_through_origin(self._moments, self._fit.ridge)
        return cross_validate(self._moments, self._fit.ridge)

    def summary(self) -> dict[str, Any]:
        """The fit in plain values: numbers of the whole, and one dict per coefficient."""
        check_is_fitted(self)
        fit = self._fit
        f, df, p = fit.f_test()
        return {
            "model": "ridge" if fit.ridge else "least squares",
            "n": fit.n,
            "df": self.df_,
            "sigma": self.sigma_,
            "r2": self.r2_,
            "ridge": fit.ridge,
            "f": {"statistic": f, "df": df, "p_value": p},
            "covariance": self.inference_.covariance,
            "confidence": self.inference_.level,
            "coefficients": rows_of(self.inference_),
            "why": self.why_,
        }


def _covariance(fit: LinearFit, meat: np.ndarray | None) -> Float[np.ndarray, "c c"]:
    """Of (β₀, w), NaN for dropped columns."""
    if meat is None:
        return fit.sigma2 * fit.V
    B = np.nan_to_num(fit.V)
    return np.where(np.isnan(fit.V), np.nan, B @ meat @ B)


class LinearRegression(_Linear):
    """Least squares with its inference, in closed form or by a descent that shows its path.

    Parameters
    ----------
    fit_intercept : whether to fit β₀; without it the plane passes through the origin.
    covariance : "classic", or "HC0" to "HC3" for standard errors, and intervals of means, that are
        robust to unequal variances (one or two more passes over the rows). Up to 20,000 rows each
        coefficient has degrees of freedom of its own under HC2 and HC3 (`inference_.dfs`).
    confidence : level of the intervals in `inference_`.
    optimizer : None for the closed form. "gd", "momentum", "nesterov", "rmsprop", "adam", "adamw",
        "newton", "bfgs", "lbfgs" or a `whyfit.calculus.optimizers.Rule`: the coefficients are what
        this descent reaches from 0, on all rows and the columns as they are.
    learning_rate : its step size; None for the one theory recommends (`trace_.rate` says which).
    n_steps : updates, at most.

    Attributes
    ----------
    coef_ : (p,), units of y per unit of the column; 0 for dropped columns. intercept_ : float.
    std_error_ : (p,). digits_ : (p,) decimal digits of coef_ that rounding has left certain.
    inference_ : Inference, the intercept first: estimates, t, p-values, intervals.
    covariance_ : (1+p, 1+p) of (intercept, coef), or (p, p) without an intercept.
    sigma_ : residual standard deviation, units of y; NaN without degrees of freedom (df_ ≤ 0).
    r2_ : training R²; without an intercept about zero, as statsmodels gives it.
    vif_, condition_indices_, held_out_ : worked out when asked for.
    dropped_ : (p,) bool. why_ : which columns were dropped and why, "" if none.
    trace_ : models.trace.Trace with an optimizer: steps, losses, points, rates, and what theory said.
        Where it has not arrived within 0.01 standard errors of least squares, or columns repeat each
        other, so that many planes fit equally well, errors and intervals are NaN and `why_` says so.

    Warns
    -----
    ConvergenceWarning : the optimizer did not arrive.

    Raises
    ------
    SpecError : a parameter is out of range. NotFiniteError : squares of a column overflow.
    ValueError : as scikit-learn's checks of X and y. Several targets at once are not supported.

    References
    ----------
    Seber & Lee (2003), Linear Regression Analysis; MacKinnon & White (1985), J. Econometrics 29.

    Examples
    --------
    >>> import numpy as np
    >>> from whyfit.models import LinearRegression
    >>> x = np.arange(6.0)
    >>> model = LinearRegression().fit(x[:, None], [1.1, 2.9, 5.2, 6.9, 9.1, 10.8])
    >>> model.predict([[6.0]], interval=0.95).low.round(1).tolist()
    [12.3]
    """

    trace_: Trace

    def __init__(
        self,
        fit_intercept: bool = True,
        covariance: Literal["classic", "HC0", "HC1", "HC2", "HC3", "cluster", "HAC"] = "classic",
        confidence: float = 0.95,
        optimizer: str | Rule | None = None,
        learning_rate: float | None = None,
        n_steps: int = 1000,
    ) -> None:
        self.fit_intercept = fit_intercept
        self.covariance = covariance
        self.confidence = confidence
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.n_steps = n_steps

    def fit(self, X: Any, y: Any, groups: Any = None) -> LinearRegression:
        """Fit X, (n, p), to y, (n,); `groups`, (n,) labels, for covariance "cluster".

        Raises SpecError for an unknown covariance, or "cluster" without groups; ShapeError if labels are not n.
        """
        check(self.optimizer, self.learning_rate, self.n_steps)
        rows = self._check(X, y)
        moments = gather(rows, rows.k)
        label = check_covariance(self.covariance, groups, int(moments.n.sum()))
        self._learn(rows, moments, 0.0, self.covariance, label)
        if self.optimizer is not None:
            self._descend(rows.names, self.optimizer)
        elif "trace_" in vars(self):
            del self.trace_
        return self

    def _descend(self, names: tuple[str, ...], optimizer: str | Rule) -> None:
        """Take the coefficients from a descent; the law of least squares is theirs only if it arrived."""
        fit, intercept = self._fit, bool(self.fit_intercept)
        trace = self.trace_ = self._trace(self._moments.total, fit, optimizer)
        self.intercept_, self.coef_ = trace.coefficients(intercept, len(names), names)
        mean = fit.mean[:-1]
        law = replace(self._law, coef=self.coef_, centre=self.intercept_ + float(mean @ self.coef_))
        table, away = (
            self.inference_,
            np.append(self.intercept_, self.coef_) if intercept else self.coef_,
        )
        still = np.array([name not in trace.names for name in names])
        one_plane = bool((fit.dropped == still).all())
        self.why_ = dropped_words(names, still)
        if not trace.arrived or not one_plane:
            none = np.full_like(self.covariance_, np.nan)
            law = replace(law, covariance=np.full_like(law.covariance, np.nan), sigma2=np.nan)
            self.covariance_, self.sigma_ = none, float("nan")
            table = infer(table.names, away, np.full(len(away), np.nan), table.df, table.level,
                          np.zeros(len(away)), table.covariance)  # fmt: skip
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                reached = -np.log10(np.abs(away - table.estimate) / np.abs(table.estimate))
            digits = np.clip(np.nan_to_num(np.minimum(table.digits, reached)), 0.0, None)
            df = table.df if table.dfs is None else table.dfs
            table = wald(
                table.names, away, table.std_error, df, table.level, digits, table.covariance
            )
        self.inference_, self._law, self.dropped_ = table, law, still
        first = 1 if intercept else 0
        self.std_error_, self.digits_ = table.std_error[first:], table.digits[first:]
        if fit.tss > 0:
            self.r2_ = 1 - _loss(self._moments.total, self.intercept_, self.coef_) * fit.n / fit.tss
        if not trace.arrived:
            self.why_ = f"{why(trace)} {self.why_}".strip()
            warnings.warn(why(trace), ConvergenceWarning, stacklevel=3)
        elif not one_plane:
            self.why_ = (
                f"Columns repeat each other: many planes fit equally well, and {trace.optimizer} found one of them; "
                f"its coefficients have no standard errors. {self.why_}"
            ).strip()

    def _trace(self, moments: Moments, fit: LinearFit, optimizer: str | Rule) -> Trace:
        least = np.append(fit.intercept, fit.coef)
        return descend(
            moments, least, fit.sigma2, fit.names, optimizer, self.learning_rate, int(self.n_steps),
            bool(self.fit_intercept),
        )  # fmt: skip

    @property
    def held_out_(self) -> dict[str, Float[np.ndarray, " k"]]:
        """As without an optimizer; with one, "r2" and "mse" of a descent on each training set."""
        check_is_fitted(self)
        if self.optimizer is None:
            return _Linear.held_out_.fget(self)  # pyright: ignore[reportOptionalCall]
        folds, names = self._moments, self._fit.names
        mse, spread = np.full(folds.k, np.nan), folds.scatter[:, -1, -1]
        for j in range(folds.k):
            training = folds.without(j)
            fit = fit_moments(training, names, intercept=bool(self.fit_intercept))
            path = self._trace(training, fit, self.optimizer)
            at = path.coefficients(bool(self.fit_intercept), len(names), names)
            mse[j] = _loss(folds.fold(j), *at)
        with np.errstate(divide="ignore", invalid="ignore"):
            r2 = 1 - mse * folds.n / spread
        return {"r2": np.where(np.isfinite(r2), r2, np.nan), "mse": mse}


def _loss(moments: Moments, intercept: float, coef: Float[np.ndarray, " p"]) -> float:
    """Mean squared residual of the rows of these moments."""
    v = np.append(-coef, 1.0)
    return float(v @ moments.scatter @ v) / moments.n + float(moments.mean @ v - intercept) ** 2


class Ridge(_Linear):
    """Least squares with a penalty on the coefficients of unit-variance columns.

    alpha is scikit-learn's `Ridge(alpha)` on standardised columns: units do not matter, and the
    intercept is free. Standard errors are those of the posterior under the prior
    s_j w_j ~ N(0, σ²/α), and intervals are credible intervals. Without an intercept s_j² is the mean
    square of the column.

    Parameters
    ----------
    alpha : penalty ≥ 0 (0 is least squares), or "evidence" for the one under which the data were
        most probable beforehand.
    fit_intercept, confidence : as in LinearRegression.

    Attributes
    ----------
    alpha_ : the penalty used. The others are those of LinearRegression; `df_` is n minus the
        *effective* number of coefficients. Only constant columns are dropped.

    References
    ----------
    Hoerl & Kennard (1970), Technometrics 12; MacKay (1992), Neural Computation 4, 415-447.
    """

    def __init__(
        self,
        alpha: float | Literal["evidence"] = 1.0,
        fit_intercept: bool = True,
        confidence: float = 0.95,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.confidence = confidence

    def fit(self, X: Any, y: Any) -> Ridge:
        """Fit X, (n, p), to y, (n,)."""
        alpha = self.alpha
        if isinstance(alpha, str):
            if alpha != "evidence":
                raise SpecError(f"alpha is {alpha!r}; expected a penalty ≥ 0 or 'evidence'.")
        elif not 0 <= alpha < np.inf:
            raise SpecError(f"alpha is {alpha}; expected a finite penalty ≥ 0 or 'evidence'.")
        rows = self._check(X, y)
        moments = gather(rows, rows.k)
        total = moments.total
        self.alpha_ = (
            self._by_evidence(total) if isinstance(alpha, str) else float(alpha)
        )  # fmt: skip
        self._learn(rows, moments, self.alpha_, "classic")
        return self

    def _by_evidence(self, total: Moments) -> float:
        if self.fit_intercept:
            return ridge_by_evidence(total)
        # the evidence integrates β₀ out, which costs one row: through the origin none is lost
        origin = about_zero(total)
        n = total.n
        return ridge_by_evidence(Moments(n + 1, origin.mean, origin.scatter)) * n / (n + 1)

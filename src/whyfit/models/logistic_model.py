"""Logistic regression as a scikit-learn estimator, for two classes or more.

    two classes    min Σ log-loss + (λ/2) Σ s_j² w_j²                       s_j: standard deviation of column j
    more           the same over softmax(0, η_1, ..., η_{C−1}), log odds against the first class

A shell over `whyfit.probability.logistic` and `.multinomial`: Newton steps until every coefficient is
within 1e-10 standard errors of the optimum.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from whyfit.data.arrays import ArrayRows
from whyfit.data.folds import fold_count
from whyfit.errors import SpecError, TargetError
from whyfit.models.summary import check_confidence, column_names, dropped_words, rows_of
from whyfit.probability import logistic, logistic_validation, multinomial
from whyfit.probability.inference import Inference
from whyfit.probability.linear import LinearFit, fit_moments, gather
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.multinomial import MultinomialFit
from whyfit.probability.predictive import Interval, LogisticLaw, MultinomialLaw, check_level

FOLDS = 10


class LogisticRegression(ClassifierMixin, BaseEstimator):
    """Logistic regression with its inference.

    Parameters
    ----------
    ridge : penalty λ ≥ 0 on the coefficients of unit-variance columns, 1/C of scikit-learn's
        LogisticRegression on standardised columns; 0 is none. The intercept is free.
    threshold : probability from which a row is called `classes_[1]`; two classes only.
    confidence : level of the intervals in `inference_`.

    Attributes
    ----------
    classes_ : (C,). coef_ : (1, p) log odds of classes_[1] per unit of the column; for C > 2 (C, p)
        log odds against classes_[0], whose own row is 0. intercept_ : (1,) or (C,).
    std_error_, digits_ : as coef_; NaN, and 0 digits, where nothing was estimated.
    inference_ : Inference with normal quantiles, the intercept (of each class) first.
    covariance_ : (1+p, 1+p) of (intercept, coef); for C > 2 of all classes but the first, stacked.
    log_likelihood_, r2_ : at the optimum; McFadden's R², 1 − ℓ/ℓ₀.
    vif_, condition_indices_ : of the columns, as in LinearRegression.
    held_out_ : scores per fold, worked out when asked for. For that the estimator refers to X and
        y until it is pickled; do not change them in place.
    dropped_ : (p,) bool. converged_ : bool. why_ : what was dropped and why the steps did not
        settle, "" if all is well.

    Warns
    -----
    ConvergenceWarning : the likelihood has no maximum (a plane separates the classes) or the steps
        did not settle; the message is in `why_`.

    Raises
    ------
    SpecError : a parameter is out of range. TargetError : y holds one class.
    ValueError : as scikit-learn's checks of X and y.

    References
    ----------
    McCullagh & Nelder (1989), Generalized Linear Models, ch. 4; Albert & Anderson (1984),
    Biometrika 71, 1-10, on separation.
    """

    n_features_in_: int
    inference_: Inference
    dropped_: Bool[np.ndarray, " p"]
    _law: LogisticLaw | MultinomialLaw
    _linear: LinearFit
    _rows: ArrayRows

    def __init__(
        self, ridge: float = 0.0, threshold: float = 0.5, confidence: float = 0.95
    ) -> None:
        self.ridge = ridge
        self.threshold = threshold
        self.confidence = confidence

    def fit(self, X: Any, y: Any) -> LogisticRegression:
        """Fit X, (n, p), to the classes y, (n,)."""
        self._check()
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise TargetError(
                f"y holds one class, '{self.classes_[0]}'; expected at least two classes."
            )
        if len(self.classes_) > 2 and self.threshold != 0.5:
            raise SpecError(
                f"threshold is {self.threshold} with {len(self.classes_)} classes; it is for two "
                "classes only, leave it at 0.5."
            )
        n = len(codes)
        rows = ArrayRows(X, codes.astype(np.float64), fold_count(n, FOLDS), 0, column_names(self))
        total = gather(rows, rows.k).total
        self._linear = fit_moments(total, rows.names, 0.0, rows)
        scale = np.sqrt(np.diag(total.scatter)[:-1] / n)
        at = (rows, n, total.mean[:-1], np.where(scale > 0, scale, 1.0), float(self.ridge))
        if len(self.classes_) == 2:
            self._keep_binary(logistic.fit_rows(*at, self._linear.dropped))
        else:
            labels = tuple(map(str, self.classes_))
            self._keep_many(multinomial.fit_rows(*at, self._linear.dropped, classes=labels))
        self._explain(rows)
        return self

    def _check(self) -> None:
        check_confidence(self.confidence)
        if not 0 <= self.ridge < np.inf:
            raise SpecError(f"ridge is {self.ridge}; expected a finite penalty ≥ 0.")
        if not 0 < self.threshold < 1:
            raise SpecError(
                f"threshold is {self.threshold}; expected a probability in (0, 1), e.g. 0.5."
            )

    def _keep_binary(self, fit: LogisticFit) -> None:
        self._keep(fit, LogisticLaw.of(fit, self.threshold))
        self.coef_, self.intercept_ = fit.coef[None, :], np.array([fit.intercept])
        self.covariance_ = fit.covariance
        self.std_error_ = self.inference_.std_error[None, 1:]
        self.digits_ = self.inference_.digits[None, 1:]

    def _keep_many(self, fit: MultinomialFit) -> None:
        self._keep(fit, MultinomialLaw.of(fit))
        a, p = fit.coef.shape
        self.coef_ = np.vstack([np.zeros(p), fit.coef])
        self.intercept_ = np.concatenate([[0.0], fit.intercept])
        place = np.flatnonzero(np.tile(np.concatenate([[True], ~fit.dropped]), a))
        self.covariance_ = np.full((a * (p + 1), a * (p + 1)), np.nan)
        self.covariance_[np.ix_(place, place)] = fit.covariance
        table = self.inference_
        self.std_error_ = np.vstack([np.full(p, np.nan), table.std_error.reshape(a, -1)[:, 1:]])
        self.digits_ = np.vstack([np.zeros(p), table.digits.reshape(a, -1)[:, 1:]])

    def _keep(self, fit: LogisticFit | MultinomialFit, law: LogisticLaw | MultinomialLaw) -> None:
        self._fit, self._law = fit, law
        self.inference_ = fit.inference(self.confidence)
        self.dropped_, self.converged_ = fit.dropped, bool(fit.converged)
        self.log_likelihood_ = float(fit.log_likelihood)
        self.r2_ = 1 - self.log_likelihood_ / float(fit.null_log_likelihood)

    def _explain(self, rows: ArrayRows) -> None:
        self._rows = rows
        self.why_ = dropped_words(rows.names, self.dropped_)
        if self.converged_:
            return
        right = ((self._law.probability(b.X).argmax(axis=1) == b.y).all() for b in rows.blocks())
        if all(right):  # the plane fitted is one that separates
            why = "a plane separates the classes"
        else:
            why = "the steps did not settle, mostly because a plane separates some of the rows"
        message = (
            f"{why}: the likelihood has no maximum, coefficients grew until the steps were stopped "
            "and their standard errors mean nothing; set ridge=1, or look for a column that gives "
            "the class away."
        )
        self.why_ = f"{message} {self.why_}".strip()
        warnings.warn(message, ConvergenceWarning, stacklevel=3)

    def decision_function(self, X: Any) -> Float[np.ndarray, " m"] | Float[np.ndarray, "m C"]:
        """Log odds of classes_[1], (m,); with more classes, (m, C) log odds against classes_[0]."""
        law, X = self._law_for(X)
        return law.decision(X)

    def predict(self, X: Any) -> np.ndarray:
        """Class of each row of X, (m, p): the most probable, or by `threshold` if there are two."""
        law, X = self._law_for(X)
        return self.classes_[law.codes(X)]

    def predict_proba(
        self, X: Any, interval: float | None = None
    ) -> Float[np.ndarray, "m C"] | Interval:
        """Probability of each class; with `interval` the ends of its interval too.

        Parameters
        ----------
        X : (m, p) array or data frame.
        interval : level in (0, 1), e.g. 0.95, of the interval for the probability (made on the
            logit scale); None for the probability alone.

        Returns
        -------
        (m, C) array in the order of `classes_`, or Interval(prediction, low, high) of three.
        """
        law, X = self._law_for(X)
        if interval is None:
            return law.probability(X)
        return law.interval(X, check_level(interval))

    def _law_for(self, X: Any) -> tuple[LogisticLaw | MultinomialLaw, np.ndarray]:
        check_is_fitted(self)
        checked: Any = validate_data(self, X, reset=False, dtype=np.float64)
        return self._law, checked

    @property
    def vif_(self) -> Float[np.ndarray, " p"]:
        """Variance inflation factors; NaN for dropped columns."""
        check_is_fitted(self)
        return self._linear.vif if self._linear.rank else np.full(self.n_features_in_, np.nan)

    @property
    def condition_indices_(self) -> Float[np.ndarray, " r"]:
        """Condition indices of the kept columns, centred and scaled, rising."""
        check_is_fitted(self)
        return self._linear.conditioning.indices if self._linear.rank else np.zeros(0)

    @property
    def held_out_(self) -> dict[str, Float[np.ndarray, " k"]]:
        """Held-out scores, one value per fold: log_loss, skill, brier, accuracy, ..."""
        check_is_fitted(self)
        if "_rows" not in vars(self):
            raise AttributeError(
                "held-out scores need the training rows, which a pickled estimator does not keep; "
                "fit it again."
            )
        rows = self._rows
        if isinstance(self._fit, LogisticFit):
            return logistic_validation.cross_validate(
                self._fit, rows, rows.k, threshold=self.threshold
            )[0]
        return multinomial.cross_validate(self._fit, rows, rows.k)[0]

    def summary(self) -> dict[str, Any]:
        """The fit in plain values: numbers of the whole, and one dict per coefficient."""
        check_is_fitted(self)
        statistic, df, p = self._fit.likelihood_ratio()
        return {
            "model": "logistic" if len(self.classes_) == 2 else "multinomial logistic",
            "n": self._fit.n,
            "classes": self.classes_.tolist(),
            "log_likelihood": self.log_likelihood_,
            "r2": self.r2_,
            "ridge": self._fit.ridge,
            "likelihood_ratio": {"statistic": statistic, "df": df, "p_value": p},
            "converged": self.converged_,
            "confidence": self.inference_.level,
            "coefficients": rows_of(self.inference_),
            "why": self.why_,
        }

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {k: v for k, v in state.items() if k != "_rows"}  # training rows stay at home

"""Bayesian logistic and Poisson regression as scikit-learn estimators: shells over `whyfit.probability.bayes`."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from whyfit.errors import SpecError, TargetError
from whyfit.models.summary import check_confidence, column_names
from whyfit.probability.bayes.gaussian import Gaussian, laplace, variational
from whyfit.probability.bayes.importance import ImportanceSample, importance_sample
from whyfit.probability.bayes.target import Family, target
from whyfit.probability.predictive import sigmoid

Method = Literal["laplace", "full-rank", "mean-field", "importance"]
METHODS = ("laplace", "full-rank", "mean-field", "importance")


class _Bayesian(BaseEstimator):
    """What the two share: the posterior, by a named method."""

    _family: ClassVar[Family]
    prior_sd: float
    method: Method
    draws: int
    confidence: float
    random_state: int
    n_features_in_: int
    coef_: Float[np.ndarray, " p"]
    intercept_: float

    def _learn(self, X: np.ndarray, y: np.ndarray) -> None:
        check_confidence(self.confidence)
        if self.method not in METHODS:
            raise SpecError(f"method is {self.method!r}; expected one of {', '.join(METHODS)}.")
        aim = target(X, y, self._family, self.prior_sd)
        narrow = self.method == "mean-field"
        normal = laplace(aim) if self.method == "laplace" else variational(aim, mean_field=narrow)
        self.approximation_: Gaussian = normal
        self.sample_: ImportanceSample | None = None
        centre, sds, self.log_evidence_ = normal.coefficients, normal.sds, normal.log_evidence
        tail = (1 - self.confidence) / 2
        low, high = normal.interval(self.confidence).T
        self.why_ = "" if normal.converged else "the steps did not settle; scale the columns."
        if self.method == "importance":
            found = importance_sample(normal, self.draws, self.random_state)
            self.sample_, self.log_evidence_ = found, found.log_evidence
            centre, sds = found.mean, found.sds
            low, high = found.quantile(np.array([tail, 1 - tail]))
            if not found.smoothed.reliable:
                self.why_ = f"{found.smoothed}; use more draws."
        self.intercept_, self.coef_ = float(centre[0]), centre[1:]
        self.std_error_, self._ends = sds[1:], np.column_stack([low, high])
        self._sds, self._names = sds, column_names(self)

    def _theta(self) -> tuple[Float[np.ndarray, "s c"], Float[np.ndarray, " s"]]:
        """Draws of (level, s ∘ w) in the target's coordinates, with their weights."""
        aim, normal = self.approximation_.target, self.approximation_
        if self.sample_ is not None:
            theta = self.sample_.coefficients @ np.linalg.inv(aim.units).T
            return theta, self.sample_.weights
        rng = np.random.default_rng(self.random_state)
        L = np.linalg.cholesky(normal.covariance)
        z = rng.standard_normal((self.draws // 2, len(L)))
        z = np.concatenate([z, -z])  # antithetic: odd moments are exact
        return normal.mean + z @ L.T, np.full(len(z), 1 / len(z))

    def _averaged(self, X: np.ndarray, inverse_link) -> Float[np.ndarray, " m"]:
        """E[mean | x] over the posterior, not the mean at the posterior mean."""
        aim = self.approximation_.target
        theta, weights = self._theta()
        out = np.empty(len(X))
        for a in range(0, len(X), 512):
            Z = (X[a : a + 512] - aim.centre) / aim.scale
            eta = theta[:, :1].T + Z @ theta[:, 1:].T
            with np.errstate(over="ignore"):
                out[a : a + 512] = inverse_link(eta) @ weights
        return out

    def summary(self) -> dict[str, Any]:
        """The posterior in plain values."""
        check_is_fitted(self)
        means = np.append(self.intercept_, self.coef_)
        rows = zip(("intercept", *self._names), means, self._sds, *self._ends.T, strict=True)
        return {
            "model": f"Bayesian {self._family} regression",
            "method": self.method,
            "log_evidence": self.log_evidence_,
            "pareto_k": None if self.sample_ is None else self.sample_.smoothed.k,
            "confidence": self.confidence,
            "coefficients": [
                {"name": n, "mean": float(m), "sd": float(s), "low": float(lo), "high": float(hi)}
                for n, m, s, lo, hi in rows
            ],
            "why": self.why_,
        }


class BayesianLogisticRegression(ClassifierMixin, _Bayesian):
    """Logistic regression of two classes, slopes of unit-variance columns N(0, prior_sd²), the level flat.

    Parameters
    ----------
    prior_sd : of the slopes of unit-variance columns; 2.5 is Gelman et al.'s (2008) scale.
    method : "laplace", "full-rank" or "mean-field" variational, or "importance": sampling from the full-rank law,
        judged by Pareto k̂ (said in `why_` where it fails).
    draws : of importance sampling, and of the average in predict_proba. confidence : of the intervals in `summary()`.

    Attributes
    ----------
    classes_ (2,), coef_ (p,) and intercept_: posterior means, log odds of classes_[1] per unit. std_error_ (p,).
    log_evidence_ : Laplace's approximation, the variational bound, or the importance estimate of log p(y).
    approximation_ : Gaussian. sample_ : ImportanceSample or None. why_ : in words, "" if all is well.

    Probabilities are averaged over the posterior, so they are less extreme than those of the mean coefficients.

    Raises
    ------
    TargetError : y does not hold two classes. SpecError : a parameter out of range.
    """

    _family = "logistic"

    def __init__(
        self,
        prior_sd: float = 2.5,
        method: Method = "importance",
        draws: int = 4000,
        confidence: float = 0.95,
        random_state: int = 0,
    ) -> None:
        self.prior_sd = prior_sd
        self.method = method
        self.draws = draws
        self.confidence = confidence
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def fit(self, X: Any, y: Any) -> BayesianLogisticRegression:
        """Fit X, (n, p), to the two classes y, (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if kind != "binary":
            raise TargetError(
                f"Only binary classification is supported. The type of the target is {kind}; "
                "expected two classes."
            )
        if len(self.classes_) < 2:
            raise TargetError(f"y holds one class, '{self.classes_[0]}'; expected two classes.")
        self._learn(X, codes.astype(np.float64))
        return self

    def predict_proba(self, X: Any) -> Float[np.ndarray, "m 2"]:
        """P(class | x), averaged over the posterior."""
        check_is_fitted(self)
        checked: Any = validate_data(self, X, reset=False, dtype=np.float64)
        one = self._averaged(checked, sigmoid)
        return np.column_stack([1 - one, one])

    def predict(self, X: Any) -> np.ndarray:
        """The more probable class of each row."""
        check_is_fitted(self)
        return self.classes_[(self.predict_proba(X)[:, 1] >= 0.5).astype(int)]


class BayesianPoissonRegression(RegressorMixin, _Bayesian):
    """Poisson regression of counts, log link; parameters and attributes as BayesianLogisticRegression.

    `predict` is the posterior mean of the rate, E[exp(β₀ + xᵀw)].

    Raises
    ------
    TargetError : a count is negative, or all are 0. SpecError : a parameter out of range.
    """

    _family = "poisson"

    def __init__(
        self,
        prior_sd: float = 2.5,
        method: Method = "importance",
        draws: int = 4000,
        confidence: float = 0.95,
        random_state: int = 0,
    ) -> None:
        self.prior_sd = prior_sd
        self.method = method
        self.draws = draws
        self.confidence = confidence
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags

    def fit(self, X: Any, y: Any) -> BayesianPoissonRegression:
        """Fit X, (n, p), to counts y, (n,)."""
        X, y = validate_data(self, X, y, y_numeric=True, dtype=np.float64)
        self._learn(X, np.asarray(y, dtype=np.float64))
        return self

    def predict(self, X: Any) -> Float[np.ndarray, " m"]:
        """Expected count of each row."""
        check_is_fitted(self)
        checked: Any = validate_data(self, X, reset=False, dtype=np.float64)
        return self._averaged(checked, np.exp)

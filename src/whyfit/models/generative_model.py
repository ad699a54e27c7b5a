"""Generative models as scikit-learn estimators: shells over `whyfit.probability.generative`.

    LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis, GaussianNB     normal laws of classes, from moments
    ProbabilisticPCA                                                          hidden coordinates and noise
    GaussianMixture                                                           by EM, with BIC

Each can `sample` new rows.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, ClassifierMixin, DensityMixin, TransformerMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from whyfit.engines.local import one_blas_thread
from whyfit.errors import SpecError, TargetError
from whyfit.linalg.moments import FoldMoments, moments_of_array
from whyfit.models.summary import column_names
from whyfit.probability.generative.classes import (
    GaussianClasses,
    Kind,
    class_moments,
    class_rows,
    gaussian_classes,
)
from whyfit.probability.generative.mixture import Mixture, Shape, fit_mixture
from whyfit.probability.generative.ppca import probabilistic_pca
from whyfit.probability.generative.shrinkage import ledoit_wolf, oas

Shrinkage = float | Literal["ledoit_wolf", "oas"] | None
Random = int | np.random.Generator | None


class _Gaussian(ClassifierMixin, BaseEstimator):
    """What the three classifiers share."""

    _kind: ClassVar[Kind]
    n_features_in_: int
    classes_: np.ndarray
    laws_: GaussianClasses
    moments_: FoldMoments

    def _learn(self, X: Any, y: Any, shrinkage: float | str | None, priors: Any) -> None:
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise TargetError(
                f"y holds one class, '{self.classes_[0]}'; expected at least two classes."
            )
        C = len(self.classes_)
        self.moments_ = class_moments(X, codes, C, column_names(self))
        self.shrinkage_ = self._intensity(shrinkage, X, codes)
        towards = None if self.shrinkage_ is None else self.shrinkage_.tolist()
        each = [self.moments_.fold(k) for k in range(C)]
        with one_blas_thread():
            self.laws_ = gaussian_classes(each, self._kind, towards, priors)
        self.priors_ = np.exp(self.laws_.log_prior)
        self.means_ = self.laws_.means

    def _intensity(
        self, shrinkage: float | str | None, X: np.ndarray, codes: np.ndarray
    ) -> Float[np.ndarray, " C"] | None:
        if shrinkage is None:
            return None
        if shrinkage == "ledoit_wolf":
            return ledoit_wolf(self.moments_, class_rows(X, codes))
        if shrinkage == "oas":
            return oas(self.moments_)
        if isinstance(shrinkage, str) or not 0 <= shrinkage <= 1:
            raise SpecError(
                f"shrinkage is {shrinkage!r}; expected None, a number in [0, 1], 'ledoit_wolf' or 'oas'."
            )
        return np.full(len(self.classes_), float(shrinkage))

    def predict_log_proba(self, X: Any) -> Float[np.ndarray, "m C"]:
        """log P(class | x) in the order of `classes_`."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        with one_blas_thread():
            return self.laws_.log_posterior(X)

    def predict_proba(self, X: Any) -> Float[np.ndarray, "m C"]:
        """P(class | x) in the order of `classes_`."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row."""
        check_is_fitted(self)
        return self.classes_[self.predict_log_proba(X).argmax(axis=1)]

    def log_density(self, X: Any) -> Float[np.ndarray, " m"]:
        """log p(x), classes mixed by their shares: low where a row is like none of them."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        with one_blas_thread():
            return self.laws_.log_density(X)

    def sample(self, n_samples: int = 1, random_state: Random = 0) -> tuple[np.ndarray, np.ndarray]:
        """New rows (n_samples, p) and their classes."""
        check_is_fitted(self)
        X, codes = self.laws_.sample(n_samples, random_state)
        return X, self.classes_[codes]


class LinearDiscriminantAnalysis(_Gaussian):
    """Normal classes with one covariance, so that log odds are linear.

    Parameters
    ----------
    shrinkage : None: pooled covariance, divisor n, as scikit-learn 1.9 (before: n − C). A number s in [0, 1],
        "ledoit_wolf" (scikit-learn's solver "lsqr", shrinkage "auto") or "oas": each class's covariance, moved
        towards its own diagonal, then averaged by the priors.
    priors : (C,) weights; None: shares of the rows.

    Attributes
    ----------
    classes_ (C,), priors_ (C,), means_ (C, p), covariance_ (p, p); shrinkage_ (C,) or None; laws_ : GaussianClasses.
    coef_, intercept_ : of the log odds, (1, p) and (1,) for two classes, else (C, p) and (C,) up to a shared term.

    Raises
    ------
    TargetError : one class. SpecError : a parameter out of range. ValueError : as scikit-learn's checks.

    References
    ----------
    Hastie, Tibshirani & Friedman (2009), The Elements of Statistical Learning, §4.3.
    """

    _kind = "linear"

    def __init__(self, shrinkage: Shrinkage = None, priors: Any = None) -> None:
        self.shrinkage = shrinkage
        self.priors = priors

    def fit(self, X: Any, y: Any) -> LinearDiscriminantAnalysis:
        """Fit X, (n, p), to the classes y, (n,)."""
        self._learn(X, y, self.shrinkage, self.priors)
        self.covariance_ = self.laws_.covariances[0]
        W, _ = self.laws_.white[0]
        self._centre = self.moments_.total.mean
        D = (
            self.means_ - self._centre
        ) @ W  # about the mean of all rows: far-off columns cancel nothing
        coef, at_centre = D @ W.T, self.laws_.log_prior - 0.5 * (D * D).sum(axis=1)
        if len(self.classes_) == 2:
            coef, at_centre = coef[1:] - coef[:1], at_centre[1:] - at_centre[:1]
        self.coef_, self._at_centre = coef, at_centre
        self.intercept_ = at_centre - coef @ self._centre
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Log odds of classes_[1], (m,); with more classes (m, C) linear scores."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        scores = (X - self._centre) @ self.coef_.T + self._at_centre
        return scores[:, 0] if len(self.classes_) == 2 else scores


class QuadraticDiscriminantAnalysis(_Gaussian):
    """Normal classes, each with its own covariance, divisor n_k.

    Parameters
    ----------
    shrinkage : None, a number in [0, 1], "ledoit_wolf" or "oas": towards the diagonal of each class.
    priors : (C,) weights; None: shares of the rows.

    A class that does not vary in a direction gets 1e-9 of the columns' variance there (`classes.SMOOTHING`), so that
    its density is nearly a spike: prefer shrinkage where a class has few rows. Attributes as those of
    LinearDiscriminantAnalysis, with `covariance_` (C, p, p).
    """

    _kind = "quadratic"

    def __init__(self, shrinkage: Shrinkage = None, priors: Any = None) -> None:
        self.shrinkage = shrinkage
        self.priors = priors

    def fit(self, X: Any, y: Any) -> QuadraticDiscriminantAnalysis:
        """Fit X, (n, p), to the classes y, (n,)."""
        self._learn(X, y, self.shrinkage, self.priors)
        self.covariance_ = self.laws_.covariances
        return self


class GaussianNB(_Gaussian):
    """Naive Bayes: columns normal and independent within a class; `var_` (C, p) holds their variances."""

    _kind = "naive"

    def __init__(self, priors: Any = None) -> None:
        self.priors = priors

    def fit(self, X: Any, y: Any) -> GaussianNB:
        """Fit X, (n, p), to the classes y, (n,)."""
        self._learn(X, y, None, self.priors)
        self.var_ = self.laws_.covariances
        return self


class ProbabilisticPCA(DensityMixin, TransformerMixin, BaseEstimator):
    """x = μ + Wt + ε: k hidden coordinates and noise alike in all directions, in closed form from moments.

    Parameters
    ----------
    n_components : k ≥ 0, at most p − 1 for noise to be left.

    Attributes
    ----------
    model_ : probability.generative.ppca.ProbabilisticPCA. mean_ (p,), components_ (k, p), noise_variance_.

    Raises
    ------
    SpecError : k is out of range, or rows do not vary beyond k directions.
    """

    n_features_in_: int

    def __init__(self, n_components: int = 1) -> None:
        self.n_components = n_components

    def fit(self, X: Any, y: Any = None) -> ProbabilisticPCA:
        """Fit X, (n, p); y is not looked at."""
        del y
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        with one_blas_thread():
            self.model_ = probabilistic_pca(
                moments_of_array(X, column_names(self)), self.n_components
            )
        self.mean_, self.components_ = self.model_.mean, self.model_.directions
        self.noise_variance_ = self.model_.noise
        return self

    def transform(self, X: Any) -> Float[np.ndarray, "m k"]:
        """Posterior means of the hidden coordinates."""
        check_is_fitted(self)
        checked: Any = validate_data(self, X, reset=False, dtype=np.float64)
        return self.model_.hidden(checked)

    def score_samples(self, X: Any) -> Float[np.ndarray, " m"]:
        """log p(x) of each row."""
        check_is_fitted(self)
        checked: Any = validate_data(self, X, reset=False, dtype=np.float64)
        return self.model_.log_density(checked)

    def score(self, X: Any, y: Any = None) -> float:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Mean log density of the rows."""
        del y
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1, random_state: Random = 0) -> Float[np.ndarray, "s p"]:
        """New rows."""
        check_is_fitted(self)
        return self.model_.sample(n_samples, random_state)


class GaussianMixture(DensityMixin, BaseEstimator):
    """Mixture of normal laws by EM, k-means++ starts, columns standardised inside.

    Parameters
    ----------
    n_components : laws. covariance_type : "full", "tied" or "diag". n_init : starts, the best end is kept.
    max_iter : steps of each. random_state : of the starts.

    Attributes
    ----------
    model_ : probability.generative.mixture.Mixture with the path of the penalised log-likelihood.
    weights_ (k,), means_ (k, p), covariances_ ; converged_ ; why_ in words, "" if all is well.
    """

    n_features_in_: int
    model_: Mixture

    def __init__(
        self,
        n_components: int = 1,
        covariance_type: Shape = "full",
        n_init: int = 3,
        max_iter: int = 500,
        random_state: Random = 0,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.n_init = n_init
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> GaussianMixture:
        """Fit X, (n, p); y is not looked at."""
        del y
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        shape: Any = self.covariance_type
        self.model_ = fit_mixture(
            X,
            self.n_components,
            shape,
            starts=self.n_init,
            steps=self.max_iter,
            rng=self.random_state,
        )
        laws = self.model_.laws
        self.weights_, self.means_ = np.exp(laws.log_prior), laws.means
        self.covariances_ = laws.covariances
        self.converged_, self.n_iter_ = self.model_.converged, len(self.model_.path)
        self.why_ = "" if self.converged_ else (
            f"EM still gained after {self.n_iter_} steps; raise max_iter."
        )  # fmt: skip
        return self

    def predict_proba(self, X: Any) -> Float[np.ndarray, "m k"]:
        """Probability that each row came from each component."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return np.exp(self.model_.laws.log_posterior(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable component of each row."""
        return self.predict_proba(X).argmax(axis=1)

    def score_samples(self, X: Any) -> Float[np.ndarray, " m"]:
        """log p(x) of each row."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return self.model_.laws.log_density(X)

    def score(self, X: Any, y: Any = None) -> float:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Mean log density of the rows."""
        del y
        return float(self.score_samples(X).mean())

    def bic(self, X: Any = None) -> float:
        """Schwarz's criterion of X, by default of the rows fitted; smaller is better."""
        check_is_fitted(self)
        if X is None:
            return self.model_.bic
        return -2 * self.score(X) * len(X) + self.model_.parameters * float(np.log(len(X)))

    def sample(self, n_samples: int = 1, random_state: Random = 0) -> tuple[np.ndarray, np.ndarray]:
        """New rows and the components they came from."""
        check_is_fitted(self)
        return self.model_.laws.sample(n_samples, random_state)

"""Bayesian regressions as scikit-learn estimators: shells over `whyfit.probability.bayes`."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from whyfit.data.arrays import ArrayRows
from whyfit.engines.local import one_blas_thread
from whyfit.errors import SpecError
from whyfit.models.summary import check_confidence, column_names, dropped_words
from whyfit.probability.bayes import linear, mixture
from whyfit.probability.bayes.evidence import EvidencePrior, evidence_prior
from whyfit.probability.bayes.linear import Draws, Evidence, LinearPosterior, ScalePosterior
from whyfit.probability.bayes.prior import (
    IndependentPrior,
    NormalInverseGamma,
    flat,
    g_prior,
    reference,
    standardised,
)
from whyfit.probability.linear import gather
from whyfit.probability.predictive import Interval, Kind, check_kind, check_level

Named = Literal["reference", "evidence", "g"]


class BayesianLinearRegression(RegressorMixin, BaseEstimator):
    """y = β₀ + Xw + ε, ε ~ N(0, σ²), with the posterior of (β, σ) and of new rows, from one pass over the rows.

    Parameters
    ----------
    prior : what is believed beforehand.
        None: p(β, σ) ∝ 1, flat; posterior Student t with n − c − 1 degrees of freedom, c = p + 1 coefficients.
        "reference": p(β, σ) ∝ 1/σ; n − c degrees of freedom, intervals as of classical least squares.
        "evidence": s_j w_j ~ N(0, σ²/ridge), of the width that makes the data most probable (as BayesianRidge on
        standardised columns), flat on β₀ and log σ.
        "g": Zellner's with g = n, flat on β₀ and log σ; for comparing models by `evidence_`.
        A `NormalInverseGamma` or an `IndependentPrior` of (β₀, w), the intercept first.
    confidence : level of the intervals in `summary()`.

    Attributes
    ----------
    coef_ : (p,) posterior means, units of y per unit of the column; 0 for dropped columns. intercept_ : float.
    std_error_ : (p,) posterior standard deviations of coef_.
    covariance_ : (1+p, 1+p) of (intercept, coef), NaN for dropped columns.
    df_ : degrees of freedom of the Student t laws; NaN for an IndependentPrior, whose laws are mixtures of normals.
    sigma_ : posterior mean of the noise's standard deviation, units of y.
    posterior_ : LinearPosterior (or MixturePosterior): quantiles, draws, laws.
    evidence_ : Evidence, log p(y); comparable among models with the same flat directions only.
    prior_ : the prior used. chosen_ : EvidencePrior of prior="evidence", else None.
    dropped_ : (p,) bool; under a flat prior a column that follows from others. why_ : in words, "" if all is well.

    Raises
    ------
    SpecError : a parameter is none of these, or prior and rows leave a direction undetermined.
    ValueError : as scikit-learn's checks of X and y.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, ch. 14; MacKay (1992), Neural Computation 4, 415-447.

    Examples
    --------
    >>> import numpy as np
    >>> from whyfit.models import BayesianLinearRegression
    >>> x = np.arange(6.0)
    >>> model = BayesianLinearRegression().fit(x[:, None], [1.1, 2.9, 5.2, 6.9, 9.1, 10.8])
    >>> model.df_, model.predict([[6.0]], interval=0.95).low.round(1).tolist()
    (3.0, [12.2])
    """

    n_features_in_: int
    coef_: Float[np.ndarray, " p"]
    intercept_: float
    std_error_: Float[np.ndarray, " p"]
    covariance_: Float[np.ndarray, "c c"]
    dropped_: Bool[np.ndarray, " p"]
    posterior_: LinearPosterior | mixture.MixturePosterior
    evidence_: Evidence
    chosen_: EvidencePrior | None
    _names: tuple[str, ...]

    def __init__(
        self,
        prior: Named | NormalInverseGamma | IndependentPrior | None = None,
        confidence: float = 0.95,
    ) -> None:
        self.prior = prior
        self.confidence = confidence

    def fit(self, X: Any, y: Any) -> BayesianLinearRegression:
        """Update the prior by X, (n, p), and y, (n,)."""
        check_confidence(self.confidence)
        named = ("reference", "evidence", "g")
        known = self.prior is None or isinstance(self.prior, NormalInverseGamma | IndependentPrior)
        if not known and self.prior not in named:
            raise SpecError(
                f"prior is {self.prior!r}; expected None, {', '.join(map(repr, named))}, a NormalInverseGamma "
                "or an IndependentPrior."
            )
        X, y = validate_data(self, X, y, y_numeric=True, dtype=np.float64)
        rows = ArrayRows(X, np.asarray(y, dtype=np.float64), 1, 0, column_names(self))
        moments = gather(rows, 1).total
        self._names = rows.names
        with one_blas_thread():
            if isinstance(self.prior, IndependentPrior):
                self._keep_mixture(self.prior, mixture.posterior(moments, self.prior), len(y))
                return self
            self.chosen_, used, why = self._prior_for(moments)
            self.prior_ = used
            found = linear.posterior(moments, used, rows.names, rows)
        self.posterior_, self.evidence_ = found, found.evidence
        self.coef_, self.intercept_ = found.mean[1:], float(found.mean[0])
        self.covariance_, self.std_error_ = found.covariance, found.sds[1:]
        self.df_, self.sigma_, self.dropped_ = found.df, found.sigma.mean, found.dropped
        short = "" if found.df > 0 else (
            f"{len(y)} rows leave {found.df:g} degrees of freedom: the posterior is improper and intervals are NaN; "
            "give a proper prior."
        )  # fmt: skip
        self.why_ = " ".join(w for w in (why, dropped_words(rows.names, found.dropped), short) if w)
        return self

    def _prior_for(self, moments) -> tuple[EvidencePrior | None, NormalInverseGamma, str]:
        p = moments.mean.size - 1
        if isinstance(self.prior, NormalInverseGamma):
            return None, self.prior, ""
        if self.prior == "reference":
            return None, reference(p), ""
        if self.prior == "g":
            return None, g_prior(moments), ""
        if self.prior == "evidence":
            if moments.scatter[-1, -1] > 0 and np.diag(moments.scatter)[:-1].any():
                chosen = evidence_prior(moments)
                why = f"the evidence has no maximum: {chosen.bounded}." if chosen.bounded else ""
                return chosen, standardised(moments, chosen.ridge), why
            return None, reference(p), "nothing varies, so no prior could be chosen."
        return None, flat(p), ""

    def _keep_mixture(
        self, prior: IndependentPrior, found: mixture.MixturePosterior, n: int
    ) -> None:
        self.posterior_, self.prior_, self.chosen_ = found, prior, None
        flats = int((~prior.precision.any(axis=1)).sum())
        self.evidence_ = Evidence(found.log_evidence, n, flats, prior.log_sigma is not None)
        self.coef_, self.intercept_ = found.mean[1:], float(found.mean[0])
        self.covariance_, self.std_error_ = found.covariance, found.sds[1:]
        self.df_, self.sigma_ = float("nan"), found.sigma_mean
        self.dropped_, self.why_ = np.zeros(len(self.coef_), dtype=bool), ""

    def predict(
        self, X: Any, interval: float | None = None, kind: Kind = "new", return_std: bool = False
    ) -> Float[np.ndarray, " m"] | Interval | tuple[np.ndarray, np.ndarray]:
        """Posterior predictive mean of each row of X, (m, p); with `interval` its ends too.

        Parameters
        ----------
        X : (m, p) array or data frame.
        interval : level in (0, 1), e.g. 0.95, of the central credible interval; None for the mean alone.
        kind : "new": of a new row's target; "mean": of β₀ + xᵀw.
        return_std : (mean, standard deviation of the predictive law), as BayesianRidge; not together with `interval`.

        Raises
        ------
        SpecError : interval or kind is none of these, or both were asked for.
        """
        check_is_fitted(self)
        check_kind(kind)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        post = self.posterior_
        if interval is not None and return_std:
            raise SpecError(
                "interval and return_std are two different answers; ask for one of them."
            )
        if isinstance(post, LinearPosterior):
            if interval is not None:
                return post.law.interval(X, check_level(interval), kind)
            centre = post.law.predict(X)
            if not return_std:
                return centre
            half = post.law.interval(X, 0.5, kind)
            from whyfit.probability.distributions import t_quantile

            unit = t_quantile(0.5, post.df) if post.df > 0 else np.nan
            with np.errstate(invalid="ignore"):
                return centre, (half.high - centre) / unit * np.sqrt(linear.inflation(post.df))
        D = np.column_stack([np.ones(len(X)), X])
        centre = D @ post.mean
        if interval is not None:
            level = check_level(interval)
            low, high = post.quantile_of(
                D, np.array([0.5 - level / 2, 0.5 + level / 2]), kind == "new"
            )
            return Interval(centre, low, high)
        if not return_std:
            return centre
        noise = post.weights @ post.sigma_grid**2 if kind == "new" else 0.0
        return centre, np.sqrt(np.einsum("ij,ij->i", D @ post.covariance, D) + noise)

    def draw(self, size: int = 1000, random_state: int | np.random.Generator | None = 0) -> Draws:
        """Draws of (β, σ) from the posterior; conjugate priors only."""
        check_is_fitted(self)
        if not isinstance(self.posterior_, LinearPosterior):
            raise SpecError(
                "the posterior is a mixture over σ; draws are made under conjugate priors only."
            )
        return self.posterior_.draw(size, random_state)

    def summary(self) -> dict[str, Any]:
        """The posterior in plain values: of the whole, and one dict per coefficient with its credible interval."""
        check_is_fitted(self)
        tail = (1 - self.confidence) / 2
        ends = self.posterior_.quantile(np.array([tail, 1 - tail]))
        sds = np.sqrt(np.diag(self.covariance_))
        sigma = self.posterior_.sigma if isinstance(self.posterior_, LinearPosterior) else None
        return {
            "model": "Bayesian linear regression",
            "df": self.df_,
            "sigma": self.sigma_,
            "sigma_interval": _sigma_ends(sigma, self.posterior_, tail),
            "log_evidence": self.evidence_.log,
            "confidence": self.confidence,
            "coefficients": [
                {
                    "name": name,
                    "mean": float(m),
                    "sd": float(s),
                    "low": float(lo),
                    "high": float(hi),
                }
                for name, m, s, lo, hi in zip(
                    ("intercept", *self._names),
                    np.append(self.intercept_, self.coef_),
                    sds,
                    *ends,
                    strict=True,
                )
            ],
            "why": self.why_,
        }


def _sigma_ends(sigma: ScalePosterior | None, post: Any, tail: float) -> list[float]:
    at = np.array([tail, 1 - tail])
    return (post.sigma_quantile(at) if sigma is None else sigma.quantile(at)).tolist()

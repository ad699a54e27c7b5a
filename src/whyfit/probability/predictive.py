"""Predictive laws: what a fitted model says of rows it has not seen, and how far that may be off.

A law holds only the numbers prediction needs, so it can be saved and read back; `Law.of(fit)` makes it.
All work in d = (1, x − μ), μ the column means (0 without an intercept), so that columns far from zero
cancel nothing; Σ is the covariance of (β₀ + μᵀw, w):

    linear        ŷ ± t_{df} √(dᵀΣd [+ σ²]);   σ² for a new row, not for the mean
    logistic      logit π ± z √(dᵀΣd)
    multinomial   logit π_c ± z √(gᵀΣg),   ∂ logit π_c/∂η_a = [a = c] − [a ≠ c] π_a/(1 − π_c)
    Poisson, gamma, Huber   g⁻¹(η ± z √(dᵀΣd)) for the mean; quantiles of the law of y for a new row

Intervals of probabilities are made on the logit scale, so that they stay within (0, 1).

References: Seber & Lee (2003), Linear Regression Analysis, §5.3; Agresti (2013), Categorical Data
Analysis, §5.5 and, for the delta method, §16.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from whyfit.errors import SpecError
from whyfit.probability import laws
from whyfit.probability.distributions import t_quantile
from whyfit.probability.glm import GLMFit
from whyfit.probability.linear import LinearFit
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.multinomial import MultinomialFit

Kind = Literal["mean", "new"]
_TILE_BYTES = 1 << 22  # of one p-wide temporary


class Interval(NamedTuple):
    """A prediction with the ends of its interval; three arrays of one shape."""

    prediction: np.ndarray
    low: np.ndarray
    high: np.ndarray


def check_level(level: float) -> float:
    """`level`; SpecError unless it lies in (0, 1)."""
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        raise SpecError(f"interval is {level!r}; expected a level in (0, 1), e.g. 0.95.")
    return float(level)


def check_kind(kind: str) -> str:
    """`kind`; SpecError unless it is "mean" or "new"."""
    if kind not in ("mean", "new"):
        raise SpecError(f"kind is {kind!r}; expected 'mean' (of such rows) or 'new' (one new row).")
    return kind


def quadratic(D: Float[np.ndarray, "m c"], S: Float[np.ndarray, "c c"]) -> Float[np.ndarray, " m"]:
    """d_iᵀ S d_i of every row, never below 0."""
    out = np.empty(len(D))
    step = max(64, _TILE_BYTES // (8 * max(D.shape[1], 1)))
    for a in range(0, len(D), step):
        tile = D[a : a + step]
        np.einsum("ij,ij->i", tile @ S, tile, out=out[a : a + step])
    return np.maximum(out, 0.0)


def _shifted(X: Float[np.ndarray, "m p"], mean: np.ndarray) -> Float[np.ndarray, "m c"]:
    """(1, x − μ) of every row."""
    D = np.ones((len(X), len(mean) + 1))
    np.subtract(X, mean, out=D[:, 1:])
    return D


def _mean(centre: np.ndarray, dropped: np.ndarray) -> Float[np.ndarray, " p"]:
    """`centre` of the kept columns among all."""
    mean = np.zeros(len(dropped))
    mean[~dropped] = centre
    return mean


def _scattered(H: np.ndarray, dropped: np.ndarray, classes: int) -> Float[np.ndarray, "ac ac"]:
    """H⁻¹ by way of its unit-diagonal form, with zeros for dropped columns."""
    d = np.sqrt(np.maximum(np.diag(H), np.finfo(float).tiny))
    place = np.flatnonzero(np.tile(np.concatenate([[True], ~dropped]), classes))
    out = np.zeros((classes * (len(dropped) + 1),) * 2)
    out[np.ix_(place, place)] = np.linalg.pinv(H / d / d[:, None], hermitian=True) / d / d[:, None]
    return out


def sigmoid(eta: np.ndarray) -> np.ndarray:
    """1/(1 + e^−η) without overflow."""
    t = np.exp(-np.abs(eta))
    return np.where(eta >= 0, 1.0, t) / (1.0 + t)


@dataclass(frozen=True)
class LinearLaw:
    """ŷ = centre + (x − mean)ᵀw; `covariance` of (centre, w), zeros for dropped columns.

    `log` says that the target's logarithm was fitted: `interval` then speaks of the target itself.
    `df` ≤ 0 leaves every interval NaN.
    """

    mean: Float[np.ndarray, " p"]
    centre: float
    coef: Float[np.ndarray, " p"]
    covariance: Float[np.ndarray, "c c"]
    sigma2: float
    df: float
    log: bool = False

    @classmethod
    def of(
        cls, fit: LinearFit, meat: Float[np.ndarray, "c c"] | None = None, *, log: bool = False
    ) -> LinearLaw:
        """The law of a fit; `meat` (Residuals.meat) makes the covariance of the mean robust."""
        p, mu = len(fit.coef), np.ascontiguousarray(fit.mean[:-1])
        B = np.zeros((p + 1, p + 1))  # of the centred columns: (1/n) ⊕ (XᶜᵀXᶜ)⁻¹
        B[0, 0], B[1:, 1:] = fit.base_leverage, np.nan_to_num(fit.V[1:, 1:])
        if meat is None:
            covariance = fit.sigma2 * B
        else:
            M = meat.copy()  # from (1, x) to (1, x − μ)
            M[1:] -= np.outer(mu, M[0])
            M[:, 1:] -= np.outer(M[:, 0], mu)
            covariance = B @ M @ B
        coef = np.array(fit.coef, dtype=np.float64)
        return cls(mu, float(fit.mean[-1]), coef, covariance, float(fit.sigma2), float(fit.df), log)

    def predict(self, X: Float[np.ndarray, "m p"], kind: Kind = "new") -> Float[np.ndarray, " m"]:
        """ŷ; of a log target the median exp(η), or with kind "mean" the mean exp(η + σ²/2)."""
        eta = self._eta(X)
        if not self.log:
            return eta
        with np.errstate(over="ignore"):
            return np.exp(eta + (self.sigma2 / 2 if kind == "mean" else 0.0))

    def _eta(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, " m"]:
        return self.centre + (X - self.mean) @ self.coef

    def interval(self, X: Float[np.ndarray, "m p"], level: float, kind: Kind = "new") -> Interval:
        """Prediction, low, high for the mean of such rows ("mean") or for one new row ("new").

        For a log target the new row's interval is exp of the ends around its median exp(η); the
        mean is exp(η + σ²/2) with Cox's interval, log-scale variance var(η̂) + σ⁴/(2 df). Both take
        log-scale errors to be normal.

        Reference: Zhou & Gao (1997), Statistics in Medicine 16, 783-790, for Cox's interval.
        """
        eta = self._eta(X)
        variance = quadratic(_shifted(X, self.mean), self.covariance)
        if kind == "new":
            variance += self.sigma2
        elif self.log and self.df > 0:
            eta = eta + self.sigma2 / 2
            variance += self.sigma2**2 / (2 * self.df)
        half = (t_quantile(level, self.df) if self.df > 0 else np.nan) * np.sqrt(variance)
        ends = (eta, eta - half, eta + half)
        with np.errstate(over="ignore"):
            return Interval(*(np.exp(v) for v in ends)) if self.log else Interval(*ends)


@dataclass(frozen=True)
class LogisticLaw:
    """P(second class) = 1/(1 + exp(−η)), η = centre + (x − mean)ᵀw; `covariance` of (centre, w)."""

    mean: Float[np.ndarray, " p"]
    centre: float
    coef: Float[np.ndarray, " p"]
    covariance: Float[np.ndarray, "c c"]
    threshold: float = 0.5

    @classmethod
    def of(cls, fit: LogisticFit, threshold: float = 0.5) -> LogisticLaw:
        o = fit.optimum
        covariance = _scattered(o.hessian, fit.dropped, 1)
        mean = _mean(o.centre, fit.dropped)
        return cls(mean, float(o.b[0]), np.array(fit.coef), covariance, float(threshold))

    def decision(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, " m"]:
        """Log odds of the second class."""
        return self.centre + (X - self.mean) @ self.coef

    def codes(self, X: Float[np.ndarray, "m p"]) -> np.ndarray:
        """Class numbers: 1 where the probability reaches the threshold."""
        limit = np.log(self.threshold / (1 - self.threshold))
        return (self.decision(X) >= limit).astype(np.int64)

    def probability(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, "m 2"]:
        eta = self.decision(X)
        return np.column_stack([sigmoid(-eta), sigmoid(eta)])

    def interval(self, X: Float[np.ndarray, "m p"], level: float) -> Interval:
        """Probabilities (m, 2) with their ends; those of the first class mirror the second's."""
        eta = self.decision(X)
        D = _shifted(X, self.mean)
        half = t_quantile(level, np.inf) * np.sqrt(quadratic(D, self.covariance))
        low, high = eta - half, eta + half
        return Interval(
            np.column_stack([sigmoid(-eta), sigmoid(eta)]),
            np.column_stack([sigmoid(-high), sigmoid(low)]),
            np.column_stack([sigmoid(-low), sigmoid(high)]),
        )


@dataclass(frozen=True)
class MultinomialLaw:
    """Softmax of (0, centre + W(x − mean)); `covariance` of (centre_a, w_a) for a = 1, ..., C − 1."""

    mean: Float[np.ndarray, " p"]
    centre: Float[np.ndarray, " a"]
    coef: Float[np.ndarray, "a p"]
    covariance: Float[np.ndarray, "ac ac"]

    @classmethod
    def of(cls, fit: MultinomialFit) -> MultinomialLaw:
        o = fit.optimum
        covariance = _scattered(o.hessian, fit.dropped, len(o.B))
        mean = _mean(o.centre, fit.dropped)
        return cls(mean, np.array(o.B[:, 0]), np.ascontiguousarray(fit.coef), covariance)

    def decision(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, "m C"]:
        """Log odds against the first class, 0 for itself."""
        return np.column_stack([np.zeros(len(X)), self.centre + (X - self.mean) @ self.coef.T])

    def codes(self, X: Float[np.ndarray, "m p"]) -> np.ndarray:
        """Number of the most probable class."""
        return self.decision(X).argmax(axis=1)

    def probability(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, "m C"]:
        eta = self.decision(X)
        P = np.exp(eta - eta.max(axis=1, keepdims=True))
        return P / P.sum(axis=1, keepdims=True)

    def interval(self, X: Float[np.ndarray, "m p"], level: float) -> Interval:
        """Probabilities (m, C) with their ends, by the delta method on the logit of each."""
        P = self.probability(X)
        a, c = len(self.centre), len(self.mean) + 1
        D = _shifted(X, self.mean)
        blocks = self.covariance.reshape(a, c, a, c)
        # K_i = covariance of η(x_i), (a × a): one quadratic form per pair of classes
        K = np.empty((len(X), a, a))
        for i in range(a):
            for j in range(i, a):
                K[:, i, j] = K[:, j, i] = np.einsum("mi,mi->m", D @ blocks[i, :, j, :], D)
        low, high = np.empty_like(P), np.empty_like(P)
        width = t_quantile(level, np.inf)
        for k in range(a + 1):
            rest = np.delete(P, k, axis=1).sum(axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                g = np.where(rest[:, None] > 0, -P[:, 1:] / rest[:, None], 0.0)
                logit = np.log(P[:, k]) - np.log(rest)
            if k:
                g[:, k - 1] = 1.0
            half = width * np.sqrt(np.maximum(np.einsum("ma,mab,mb->m", g, K, g), 0.0))
            low[:, k], high[:, k] = sigmoid(logit - half), sigmoid(logit + half)
        return Interval(P, low, high)


@dataclass(frozen=True)
class GLMLaw:
    """Mean of a Poisson, gamma or Huber regression: g⁻¹(centre + (x − mean)ᵀw); `covariance` of (centre, w).

    `family` is "poisson", "gamma" or "huber"; `dispersion` φ, or σ² of Huber. `log` says that Huber's fit is one of the
    target's logarithm: predictions are then exp(η), the median of such rows.
    """

    family: str
    mean: Float[np.ndarray, " p"]
    centre: float
    coef: Float[np.ndarray, " p"]
    covariance: Float[np.ndarray, "c c"]
    dispersion: float
    log: bool = False

    @classmethod
    def of(cls, fit: GLMFit, *, robust: bool = False, log: bool = False) -> GLMLaw:
        o, keep = fit.optimum, ~fit.dropped
        mean = _mean(o.centre, fit.dropped)
        J = np.eye(len(mean) + 1)  # from (1, x) to (1, x − μ)
        J[0, 1:] = mean
        place = np.flatnonzero(np.concatenate([[True], keep]))
        V = np.zeros((len(mean) + 1,) * 2)
        whole = fit.robust_covariance if robust else fit.covariance
        V[np.ix_(place, place)] = whole[np.ix_(place, place)]
        coef = np.array(fit.coef, dtype=np.float64)
        return cls(fit.family, mean, float(o.b[0]), coef, J @ V @ J.T, float(fit.dispersion), log)

    def predict(self, X: Float[np.ndarray, "m p"], kind: Kind = "new") -> Float[np.ndarray, " m"]:
        """The mean of such rows, whatever `kind` (Huber: their centre)."""
        del kind
        return self._back(self._eta(X))

    def _eta(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, " m"]:
        return self.centre + (X - self.mean) @ self.coef

    def _back(self, eta: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.exp(eta) if self.family != "huber" or self.log else eta

    def interval(self, X: Float[np.ndarray, "m p"], level: float, kind: Kind = "new") -> Interval:
        """Prediction, low, high for the mean of such rows ("mean") or for one new row ("new").

        The mean's ends are made on the scale of η. A new row's are quantiles of the law (`probability.laws`) at the
        fitted mean, its relative variance φ/μ (counts), φ (amounts) enlarged by that of the mean itself, dᵀΣd; Huber's
        ŷ ± q√(σ² + dᵀΣd), q the quantile of Huber's law.
        """
        eta = self._eta(X)
        variance = quadratic(_shifted(X, self.mean), self.covariance)
        if kind == "mean":
            half = t_quantile(level, np.inf) * np.sqrt(variance)
            return Interval(self._back(eta), self._back(eta - half), self._back(eta + half))
        if self.family == "huber":
            half = laws.huber_quantile(level) * np.sqrt(self.dispersion + variance)
            return Interval(self._back(eta), self._back(eta - half), self._back(eta + half))
        mu, tails = self._back(eta), (0.5 - level / 2, 0.5 + level / 2)
        if self.family == "poisson":
            phi = np.maximum(self.dispersion, 1.0) + mu * variance
            return Interval(mu, *(laws.count_quantile(t, mu, phi) for t in tails))
        phi = self.dispersion + variance
        return Interval(mu, *(laws.gamma_quantile(t, mu, phi) for t in tails))

    def new_row(self) -> str:
        """What the interval of a new row is made of, in words."""
        if self.family == "huber":
            return "Huber's law around the fit, normal in the middle and exponential beyond 1.345 σ"
        if self.family == "gamma":
            return f"the gamma law with coefficient of variation {self.dispersion**0.5:.2g}"
        if self.dispersion > 1:
            return f"the negative binomial law with variance {self.dispersion:.3g} × mean"
        return "the Poisson law"


Law = LinearLaw | LogisticLaw | MultinomialLaw | GLMLaw

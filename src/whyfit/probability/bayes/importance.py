"""Importance sampling with Pareto-smoothed weights: is the approximation good enough, and what is the truth?

Draws θ_s of an approximation q get the weights r_s = p(θ_s, y)/q(θ_s); weighted means over them are posterior means,
whatever q is. It fails where q misses a part of p, and shows it: a generalised Pareto law is fitted to the largest
weights, its shape k̂ tells how many moments they have, and the largest are replaced by its quantiles.

    k̂ < min(1 − 1/log₁₀ S, 0.7)   the estimates can be relied on;   k̂ ≥ 0.7   they cannot;   k̂ ≥ 1   no mean exists

`log_evidence` is log (1/S) Σ r_s. q is drawn with tails: a t law of TAIL_DF degrees of freedom with the approximation's
centre and scale, so that weights of a posterior with normal tails are bounded.

References: Vehtari, Simpson, Gelman, Yao & Gabry (2024), JMLR 25(72); Zhang & Stephens (2009), Technometrics 51.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln

from whyfit.engines.local import one_blas_thread
from whyfit.errors import ShapeError, SpecError
from whyfit.probability.bayes.gaussian import Gaussian

TAIL_DF = 7.0
LIMIT = 0.7  # Vehtari et al. (2024), §3.2.4
_FEWEST = 25  # draws; of fewer no tail can be fitted


@dataclass(frozen=True, eq=False)
class Smoothed:
    """`log_weights` (s,), normalised; `k` the Pareto shape (∞ where no tail can be fitted, −∞ of equal weights)."""

    log_weights: Float[np.ndarray, " s"]
    k: float

    @property
    def limit(self) -> float:
        """The k̂ up to which so many draws can be relied on."""
        return float(min(1 - 1 / np.log10(max(len(self.log_weights), 11)), LIMIT))

    @property
    def reliable(self) -> bool:
        return self.k < self.limit

    @property
    def ess(self) -> float:
        """1/Σ w²: draws of the posterior itself that would tell as much."""
        return float(np.exp(-np.logaddexp.reduce(2 * self.log_weights)))

    def __str__(self) -> str:
        word = "can be relied on" if self.reliable else "cannot be relied on"
        return f"Pareto k̂ {self.k:.2f} (limit {self.limit:.2f}), {self.ess:,.0f} effective draws: {word}"


def smooth(log_ratios: Float[np.ndarray, " s"]) -> Smoothed:
    """Pareto-smooth importance ratios given as logarithms, up to a constant.

    Raises
    ------
    ShapeError : fewer than 25 draws. SpecError : NaN or +∞ among them, or −∞ only.
    """
    log = np.asarray(log_ratios, dtype=np.float64)
    S = log.size
    if log.ndim != 1 or S < _FEWEST:
        raise ShapeError(
            f"the ratios have shape {log.shape}; expected at least {_FEWEST} draws in a row."
        )
    if np.isnan(log).any() or (log == np.inf).any() or not (log > -np.inf).any():
        raise SpecError(
            "an importance ratio is NaN or infinite, or all are 0; expected log ratios < ∞."
        )
    log = log - log.max()
    tail = int(np.ceil(min(0.2 * S, 3 * np.sqrt(S))))
    order = np.argsort(log, kind="stable")
    top, cut = order[-tail:], log[order[-tail - 1]]
    cut = max(float(cut), float(np.log(np.finfo(float).tiny)))
    excess = np.exp(log[top]) - np.exp(cut)
    if log[order[-1]] - log[order[0]] < 1e-12:
        return Smoothed(np.full(S, -np.log(S)), -np.inf)
    if not (excess > 0).all() or excess[-1] <= 0:
        return Smoothed(log - np.logaddexp.reduce(log), np.inf)
    k, sigma = pareto(excess)
    if np.isfinite(k):
        p = (np.arange(tail) + 0.5) / tail
        quantile = sigma * (np.expm1(-k * np.log1p(-p)) / k if abs(k) > 1e-12 else -np.log1p(-p))
        log = log.copy()
        log[top] = np.minimum(np.log(quantile + np.exp(cut)), 0.0)  # none above the largest seen
    return Smoothed(log - np.logaddexp.reduce(log), k)


def pareto(excess: Float[np.ndarray, " t"]) -> tuple[float, float]:
    """Shape k and scale σ of the generalised Pareto law of positive, rising excesses.

    Zhang and Stephens' profile posterior mean, with Vehtari et al.'s weak prior: 10 draws of k = ½.
    """
    x, t = np.sort(excess), len(excess)
    m = 30 + int(np.sqrt(t))
    quarter = x[max(int(t / 4 + 0.5) - 1, 0)]
    b = 1 / x[-1] + (1 - np.sqrt(m / (np.arange(1, m + 1) - 0.5))) / (3 * quarter)
    shape = np.log1p(-b[:, None] * x).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = t * (np.log(-b / shape) - shape - 1)
    log = np.where(np.isnan(log), -np.inf, log)
    weight = np.exp(log - np.logaddexp.reduce(log))
    at = float(weight @ b)
    k = float(np.log1p(-at * x).mean())
    sigma = -k / at
    return (k * t + 5) / (t + 10), sigma


@dataclass(frozen=True, eq=False)
class ImportanceSample:
    """Weighted draws of the posterior.

    Attributes
    ----------
    coefficients : (s, c) draws of (β₀, w) in units of the columns. smoothed : their weights and k̂.
    log_evidence : estimate of log p(y), its standard error `evidence_error`.
    """

    coefficients: Float[np.ndarray, "s c"]
    smoothed: Smoothed
    log_evidence: float
    evidence_error: float

    @property
    def weights(self) -> Float[np.ndarray, " s"]:
        return np.exp(self.smoothed.log_weights)

    @property
    def mean(self) -> Float[np.ndarray, " c"]:
        return self.weights @ self.coefficients

    @property
    def sds(self) -> Float[np.ndarray, " c"]:
        return np.sqrt(self.weights @ (self.coefficients - self.mean) ** 2)

    @property
    def mean_error(self) -> Float[np.ndarray, " c"]:
        """Monte-Carlo standard error of `mean`, √Σ w²(θ − θ̄)²."""
        return np.sqrt(self.weights**2 @ (self.coefficients - self.mean) ** 2)

    def quantile(self, q: float | np.ndarray) -> Float[np.ndarray, ...]:
        """Weighted quantiles: (c,) for one q, (s, c) for several."""
        out = np.empty((np.size(q), self.coefficients.shape[1]))
        for j, column in enumerate(self.coefficients.T):
            order = np.argsort(column)
            w = self.weights[order]
            out[:, j] = np.interp(np.ravel(q), np.cumsum(w) - w / 2, column[order])
        return out.reshape(*np.shape(q), -1)


def importance_sample(
    approximation: Gaussian, draws: int = 4000, rng: np.random.Generator | int | None = 0
) -> ImportanceSample:
    """Correct an approximation by importance sampling from it, and judge it by k̂."""
    if draws < _FEWEST:
        raise SpecError(f"draws is {draws}; expected at least {_FEWEST}, e.g. 4000.")
    rng = np.random.default_rng(rng)
    target, m, C = approximation.target, approximation.mean, approximation.covariance
    c = m.size
    L = np.linalg.cholesky(C)
    z = rng.standard_normal((draws, c))
    radius = rng.chisquare(TAIL_DF, draws) / TAIL_DF
    t = z / np.sqrt(radius)[:, None]
    theta = m + t @ L.T
    log_q = (
        gammaln((TAIL_DF + c) / 2) - gammaln(TAIL_DF / 2) - c / 2 * np.log(TAIL_DF * np.pi)
        - float(np.log(np.diag(L)).sum())
        - (TAIL_DF + c) / 2 * np.log1p((t * t).sum(axis=1) / TAIL_DF)
    )  # fmt: skip
    with one_blas_thread():
        log_p = target.log_density(theta)
    log = log_p - log_q
    relative = np.exp(log - log.max())
    error = float(relative.std() / relative.mean() / np.sqrt(draws))
    return ImportanceSample(
        target.to_units(theta), smooth(log), float(np.logaddexp.reduce(log) - np.log(draws)), error
    )

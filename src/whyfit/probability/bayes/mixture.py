"""Linear regression under a normal prior that does not know σ: exact, by one integral over log σ.

    β ~ N(m₀, P₀⁻¹),  σ ~ p(σ),  y = Zβ + ε:      β | σ, y ~ N(m(σ), (ZᵀZ/σ² + P₀)⁻¹),   p(σ | y) ∝ p(σ) p(y | σ)

ZᵀZ/σ_r² and P₀ are diagonalised together once (σ_r is near the mode); with shares τ_i ∈ [0, 1] of the data and
s = σ_r²/σ² every direction has posterior precision τ_i s + 1 − τ_i, so each σ costs c operations, and

    −2 log p(y | σ) = 2n log σ + Σ log π_i + s RSS/σ_r² + Σ s ĝ_i² (1 − τ_i)/(τ_i π_i) + const,   π_i = τ_i s + 1 − τ_i

a sum of positive terms: nothing cancels. The trapezoidal rule on POINTS values of log σ is accurate to about ten
digits, the integrand being smooth and vanishing at both ends. The posterior of any aᵀβ is a mixture of POINTS normals.

Reference: Gelman et al. (2013), Bayesian Data Analysis, §3.8, 14.8; Trefethen & Weideman (2014), SIAM Review 56.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from scipy.special import ndtr

from whyfit.errors import ShapeError, SpecError
from whyfit.linalg.moments import Moments
from whyfit.linalg.solve import least_squares
from whyfit.probability.bayes.prior import IndependentPrior
from whyfit.probability.linear import about_zero

POINTS = 161
_REACH = 45.0  # log density below its maximum where the integral is cut: e^−45 of it is nothing
_HALVINGS = 60


@dataclass(frozen=True, eq=False)
class MixturePosterior:
    """Posterior of (β, σ) as a mixture over a grid of σ.

    Attributes
    ----------
    mean : (c,) of β, the intercept first where there is one. covariance : (c, c).
    sigma_grid, weights : (g,) values of σ and their posterior weights, which sum to 1.
    log_evidence : log p(y), up to the constant that `log_sigma` leaves out and with flat directions as density 1; of
        a prior that is flat in some directions only, without ½ log|P₀|.
    """

    mean: Float[np.ndarray, " c"]
    covariance: Float[np.ndarray, "c c"]
    sigma_grid: Float[np.ndarray, " g"]
    weights: Float[np.ndarray, " g"]
    log_evidence: float
    _means: Float[np.ndarray, "g c"]
    _root: Float[np.ndarray, "c c"]  # columns: the common directions
    _variances: Float[np.ndarray, "g c"]  # along them

    @property
    def sds(self) -> Float[np.ndarray, " c"]:
        return np.sqrt(np.diag(self.covariance))

    @property
    def sigma_mean(self) -> float:
        return float(self.weights @ self.sigma_grid)

    @property
    def sigma_sd(self) -> float:
        return float(np.sqrt(self.weights @ (self.sigma_grid - self.sigma_mean) ** 2))

    def sigma_quantile(self, q: float | np.ndarray) -> np.ndarray:
        """Quantiles of σ, by interpolation of its distribution function on the grid."""
        from scipy.interpolate import PchipInterpolator

        w = np.concatenate([[0.0], self.weights, [0.0]])
        # trapezia up to each point, with the Euler–Maclaurin term of their open end
        cdf = np.cumsum(self.weights) - self.weights / 2 - (w[2:] - w[:-2]) / 24
        rises = np.concatenate([[True], np.diff(cdf) > 1e-13])
        return np.exp(PchipInterpolator(cdf[rises], np.log(self.sigma_grid[rises]))(np.asarray(q)))

    def quantile(self, q: float | np.ndarray) -> Float[np.ndarray, ...]:
        """Quantiles of β: (c,) for one q, (s, c) for several."""
        return self.quantile_of(np.eye(self.mean.size), q)

    def quantile_of(
        self, A: Float[np.ndarray, "m c"], q: float | np.ndarray, noise: bool = False
    ) -> Float[np.ndarray, ...]:
        """Quantiles of aᵀβ for every row a of A; with `noise` of aᵀβ + ε, the posterior predictive."""
        centre = A @ self._means.T
        variance = (A @ self._root) ** 2 @ self._variances.T
        if noise:
            variance = variance + self.sigma_grid**2
        sd = np.sqrt(np.maximum(variance, np.finfo(float).tiny))
        out = [self._solve(centre, sd, float(level)) for level in np.ravel(q)]
        return np.reshape(out, (*np.shape(q), len(A)))

    def _solve(self, centre: np.ndarray, sd: np.ndarray, q: float) -> Float[np.ndarray, " m"]:
        low, high = (centre - 40 * sd).min(axis=1), (centre + 40 * sd).max(axis=1)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            below = ndtr((middle[:, None] - centre) / sd) @ self.weights < q
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return (low + high) / 2


def posterior(
    moments: Moments, prior: IndependentPrior, *, intercept: bool = True
) -> MixturePosterior:
    """Update `prior` by the rows whose moments of [X y] these are.

    Without `intercept` the prior has one mean and precision a column. Raises ShapeError if it has not, SpecError where
    prior and rows leave a direction undetermined or the law of σ is improper (too few rows for a flat p(σ)).
    """
    p, n = moments.mean.size - 1, moments.n
    if prior.mean.size != p + intercept:
        raise ShapeError(
            f"the prior is of {prior.mean.size} coefficients; expected {p + intercept}."
        )
    if not intercept:
        moments = about_zero(moments)
    G, shift, T = _centred(moments, prior, intercept)
    P0 = T.T @ prior.precision @ T
    rss = least_squares(moments).rss
    scale = max(rss, 1e-14 * float(moments.scatter[-1, -1]), 1e-300) / max(n, 1)
    A = G / scale + P0
    d = np.sqrt(np.maximum(np.diag(A), 0.0))
    if not (d > 0).all():
        raise _undetermined()
    try:
        L = cholesky(A / d / d[:, None], lower=True)
    except LinAlgError:
        raise _undetermined() from None
    B = solve_triangular(
        L, solve_triangular(L, (G / scale) / d / d[:, None], lower=True).T, lower=True
    )
    tau, V = np.linalg.eigh((B + B.T) / 2)
    tau = np.where(P0.any(), np.clip(tau, 0.0, 1.0), 1.0)
    g = V.T @ solve_triangular(L, shift / scale / d, lower=True)
    root = solve_triangular(L, V, lower=True, trans=1) / d[:, None]
    held = tau > 1e-12
    excess = np.where(held, g**2 * (1 - tau) / np.where(held, tau, 1.0), 0.0)

    def log_density(u: np.ndarray) -> np.ndarray:  # of u = log(σ/σ_r)
        s = np.exp(-2 * u)[:, None]
        precision = tau * s + (1 - tau)
        fit = (s * excess / precision).sum(axis=1) + s[:, 0] * rss / scale
        out = -n * u - 0.5 * np.log(precision).sum(axis=1) - 0.5 * fit + u
        if prior.log_sigma is not None:
            out = out + prior.log_sigma(np.sqrt(scale) * np.exp(u))
        return out

    u = _grid(log_density)
    log = log_density(u)
    w = np.exp(log - np.logaddexp.reduce(log))
    s = np.exp(-2 * u)[:, None]
    precision = tau * s + (1 - tau)
    at = (s * g / precision) @ root.T
    m0 = prior.mean.copy()
    if intercept:
        m0[0] += moments.mean[:-1] @ m0[1:]
    means = (m0 + at) @ T.T
    mean = w @ means
    variance = 1 / precision
    root = T @ root
    spread = means - mean
    covariance = (root * (w @ variance)) @ root.T + (w[:, None] * spread).T @ spread
    rank = np.linalg.matrix_rank(P0 / d / d[:, None], tol=1e-12, hermitian=True)
    half = 0.5 * float(np.linalg.slogdet(P0)[1]) if rank == len(P0) else 0.0
    half += (len(P0) - rank) / 2 * np.log(2 * np.pi)
    evidence = (
        float(np.logaddexp.reduce(log)) + float(np.log(u[1] - u[0])) - n / 2 * np.log(2 * np.pi * scale)
        + 0.5 * np.log(scale) + half - float(np.log(np.diag(L)).sum()) - float(np.log(d).sum())
    )  # fmt: skip
    return MixturePosterior(
        mean, covariance, np.sqrt(scale) * np.exp(u), w, float(evidence), means, root, variance
    )


def _centred(moments: Moments, prior: IndependentPrior, intercept: bool):
    """Gram matrix and right-hand side beyond the prior's mean, in (level, w); T leads back to (β₀, w)."""
    S, c = moments.scatter[:-1, :-1], moments.scatter[:-1, -1]
    if not intercept:
        return S, c - S @ prior.mean, np.eye(len(S))
    mu, p = moments.mean[:-1], len(S)
    T = np.eye(p + 1)
    T[0, 1:] = -mu
    G = np.zeros((p + 1, p + 1))
    G[0, 0], G[1:, 1:] = moments.n, S
    level = moments.n * (moments.mean[-1] - prior.mean[0] - mu @ prior.mean[1:])
    return G, np.append(level, c - S @ prior.mean[1:]), T


def _grid(log_density) -> Float[np.ndarray, " g"]:
    """Equally spaced log σ that hold all but e^−45 of the integral."""
    low, high, u = -40.0, 40.0, np.zeros(POINTS)
    for _ in range(60):
        u = np.linspace(low, high, POINTS)
        log = log_density(u)
        log = np.where(np.isnan(log), -np.inf, log)
        top = int(log.argmax())
        inside = np.flatnonzero(log > log[top] - _REACH)
        first, last = max(inside[0] - 1, 0), min(inside[-1] + 1, POINTS - 1)
        if (first == 0 and log[0] > log[top] - _REACH) or (
            last == POINTS - 1 and log[-1] > log[top] - _REACH
        ):
            raise SpecError(
                "the law of σ is improper: give more rows than coefficients, or a proper prior of σ."
            )
        if last - first > 0.6 * POINTS:
            return u
        low, high = u[first], u[last]
    return u


def _undetermined() -> SpecError:
    return SpecError(
        "prior and rows together leave a combination of columns undetermined; "
        "give it a prior precision or leave out a column."
    )

"""The posterior of a linear regression as a density to be sampled: what the closed forms can be checked by.

In coordinates θ = (level, s ∘ w, u), u = log σ, s the standard deviations (divisor n), from moments alone:

    log p(θ | y) = −k u − ½ e^{−2u} (RSS(θ) + 2b₀ + ‖β − m₀‖²_Λ₀) − ½ ‖β − m₀‖²_P₀ + log p(σ) + const

Under `NormalInverseGamma` k = n + rank Λ₀ + 2a₀ and P₀ = 0; under `IndependentPrior` k = n − 1 (σ is a density's σ, u
the coordinate) and Λ₀ = b₀ = 0. RSS(θ) = RSS(θ̂) + (θ − θ̂)ᵀG(θ − θ̂) about least squares, so a million rows cost nothing.

Reference: Gelman et al. (2013), Bayesian Data Analysis, §14.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.errors import ShapeError, SpecError
from whyfit.linalg.moments import Moments
from whyfit.probability.bayes.linear import FLAT
from whyfit.probability.bayes.prior import IndependentPrior, LogDensity, NormalInverseGamma

_STEP = (
    1e-5  # in log σ, of central differences of a prior whose slope nobody stated: error about 1e-10
)


@dataclass(frozen=True, eq=False)
class LinearTarget:
    """log p(θ | y) up to a constant; θ as in the module docstring, (d,) with d = columns + 2.

    `G` and `best` are the data's quadratic form and its minimum, `rss` what is left there; `hard` is Λ₀, divided by σ²,
    and `soft` P₀, both in θ's coordinates about `held`.
    """

    n: int
    G: Float[np.ndarray, "c c"]
    best: Float[np.ndarray, " c"]
    rss: float
    held: Float[np.ndarray, " c"]
    hard: Float[np.ndarray, "c c"]
    soft: Float[np.ndarray, "c c"]
    k: float
    b: float
    log_sigma: LogDensity | None
    centre: Float[np.ndarray, " p"]
    scale: Float[np.ndarray, " p"]

    def log_density(self, theta: Float[np.ndarray, "s d"]) -> Float[np.ndarray, " s"]:
        """Of each row of `theta`."""
        theta = np.atleast_2d(theta)
        u = theta[:, -1]
        from_best, from_held = theta[:, :-1] - self.best, theta[:, :-1] - self.held
        over = self.rss + 2 * self.b + _form(self.G, from_best) + _form(self.hard, from_held)
        out = -self.k * u - 0.5 * np.exp(-2 * u) * over - 0.5 * _form(self.soft, from_held)
        return out if self.log_sigma is None else out + self.log_sigma(np.exp(u))

    def gradient(self, theta: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
        u = theta[-1]
        from_best, from_held = theta[:-1] - self.best, theta[:-1] - self.held
        pulls = self.G @ from_best + self.hard @ from_held
        over = self.rss + 2 * self.b + from_best @ self.G @ from_best
        over += from_held @ self.hard @ from_held
        slope = -self.k + np.exp(-2 * u) * over
        if self.log_sigma is not None:
            around = self.log_sigma(np.exp(u + np.array([-_STEP, _STEP])))
            slope += (around[1] - around[0]) / (2 * _STEP)
        return np.append(-np.exp(-2 * u) * pulls - self.soft @ from_held, slope)

    def to_units(self, theta: Float[np.ndarray, "s d"]) -> Float[np.ndarray, "s d"]:
        """(β₀, w, σ) of each row of θ."""
        theta = np.atleast_2d(theta)
        w = theta[:, 1:-1] / self.scale
        return np.column_stack([theta[:, 0] - w @ self.centre, w, np.exp(theta[:, -1])])

    def normal(self) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, "d d"]]:
        """Where to start and how far it spreads: the normal law of β given a plausible σ, and of u by itself.

        SpecError where prior and rows leave a direction undetermined.
        """
        over = self.rss + 2 * self.b
        sigma2 = over / max(self.k - len(self.best), 1.0)
        if not (sigma2 > 0 and self.k > len(self.best)):
            raise SpecError(
                f"{self.n} rows leave no degrees of freedom for σ, or no residual; expected more rows or a proper "
                "prior of σ."
            )
        A = (self.G + self.hard) / sigma2 + self.soft
        d = np.sqrt(np.diag(A))
        if not d.all() or np.linalg.eigvalsh(A / d / d[:, None])[0] < FLAT:
            raise SpecError(
                "prior and rows together leave a combination of columns undetermined; give it a prior precision or "
                "leave out a column."
            )
        pull = (self.G @ self.best + self.hard @ self.held) / sigma2 + self.soft @ self.held
        c = len(self.best)
        covariance = np.zeros((c + 1, c + 1))
        covariance[:c, :c] = np.linalg.inv(A / d / d[:, None]) / d / d[:, None]
        covariance[c, c] = 0.5 / self.n
        return np.append(covariance[:c, :c] @ pull, 0.5 * np.log(sigma2)), covariance


def linear_target(moments: Moments, prior: NormalInverseGamma | IndependentPrior) -> LinearTarget:
    """The posterior of the rows whose moments of [X y] these are.

    Raises ShapeError where the prior is of another number of columns, or there are no rows.
    """
    n, p = moments.n, moments.mean.size - 1
    if prior.mean.size != p + 1:
        raise ShapeError(
            f"the prior is of {prior.mean.size} coefficients; expected {p + 1}, the intercept first."
        )
    if n < 1:
        raise ShapeError("there are no rows; expected at least one.")
    mu, scatter = moments.mean[:-1], moments.scatter
    scale = np.sqrt(np.diag(scatter)[:-1] / n)
    scale = np.where(scale > 1e-12 * np.abs(mu), scale, 1.0)
    G = np.zeros((p + 1, p + 1))
    G[0, 0], G[1:, 1:] = n, scatter[:-1, :-1] / scale / scale[:, None]
    slopes = np.linalg.lstsq(G[1:, 1:], scatter[:-1, -1] / scale, rcond=None)[0]
    gap = np.append(-slopes / scale, 1.0)
    rss = max(float(gap @ scatter @ gap), 0.0)
    T = np.zeros((p + 1, p + 1))  # (β₀, w) = Tθ
    T[0, 0], T[0, 1:], T[1:, 1:] = 1.0, -mu / scale, np.diag(1 / scale)
    held = np.append(prior.mean[0] + mu @ prior.mean[1:], scale * prior.mean[1:])
    P, none = T.T @ prior.precision @ T, np.zeros((p + 1, p + 1))
    best = np.append(moments.mean[-1], slopes)
    if isinstance(prior, IndependentPrior):
        return LinearTarget(
            n, G, best, rss, held, none, P, n - 1.0, 0.0, prior.log_sigma, mu, scale
        )
    d = np.sqrt(np.diag(P))
    unit = P / np.where(d > 0, d, 1.0) / np.where(d > 0, d, 1.0)[:, None]
    rank = int((np.linalg.eigvalsh(unit) > FLAT).sum())
    k = n + rank + 2 * prior.a
    return LinearTarget(n, G, best, rss, held, P, none, k, prior.b, None, mu, scale)


def _form(A: Float[np.ndarray, "c c"], rows: Float[np.ndarray, "s c"]) -> Float[np.ndarray, " s"]:
    return np.einsum("si,si->s", rows @ A, rows)

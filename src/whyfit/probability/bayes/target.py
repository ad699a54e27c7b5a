"""What is to be sampled or approximated: the posterior of a logistic or Poisson regression.

In coordinates θ = (level, s ∘ w), Z = [1, (X − μ)/s], s the standard deviations (divisor n):

    log p(θ | y) = −Σ_i ℓ(z_iᵀθ, y_i) − ½ Σ_j θ_j²/τ² + const,      θ_j ~ N(0, τ²) for slopes, flat for the level

ℓ the negative log-likelihood of `calculus.losses`. A flat level is proper as soon as y takes two values (a count > 0).

Reference: Gelman et al. (2013), Bayesian Data Analysis, §16.1-16.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln

from whyfit.calculus.losses import Logistic, Loss, Poisson
from whyfit.errors import ShapeError, SpecError, TargetError

Family = Literal["logistic", "poisson"]
LOSSES: dict[str, Loss] = {"logistic": Logistic(), "poisson": Poisson()}
_TILE = 1 << 22  # numbers of one rows × draws temporary


@dataclass(frozen=True, eq=False)
class Target:
    """log p(θ, y) of rows Z (n, c), the column of ones first.

    `precision` is the prior's (c,): 0 for the level, 1/τ² for slopes. `centre` and `scale` lead back to units.
    """

    family: Family
    Z: Float[np.ndarray, "n c"]
    y: Float[np.ndarray, " n"]
    precision: Float[np.ndarray, " c"]
    centre: Float[np.ndarray, " p"]
    scale: Float[np.ndarray, " p"]

    @property
    def loss(self) -> Loss:
        return LOSSES[self.family]

    @property
    def constant(self) -> float:
        """What the losses leave out of log p(y | θ), and log of the prior at θ = 0."""
        held = self.precision[self.precision > 0]
        out = 0.5 * float(np.log(held / (2 * np.pi)).sum())
        return out - float(gammaln(self.y + 1).sum()) if self.family == "poisson" else out

    def log_density(self, theta: Float[np.ndarray, "s c"]) -> Float[np.ndarray, " s"]:
        """log p(y | θ) p(θ) of each row of `theta`, with every constant."""
        theta = np.atleast_2d(theta)
        out = self.constant - 0.5 * (theta**2) @ self.precision
        step = max(1, _TILE // max(len(theta), 1))
        with np.errstate(over="ignore"):
            for a in range(0, len(self.y), step):
                eta = self.Z[a : a + step] @ theta.T
                out -= self.loss.value(eta, self.y[a : a + step, None]).sum(axis=0)
        return out

    def gradient(self, theta: Float[np.ndarray, " c"]) -> Float[np.ndarray, " c"]:
        return -self.Z.T @ self.loss.slope(self.Z @ theta, self.y) - self.precision * theta

    def curvature(self, theta: Float[np.ndarray, " c"]) -> Float[np.ndarray, "c c"]:
        """−∂² log p: positive definite."""
        k = self.loss.curvature(self.Z @ theta, self.y)
        return (self.Z * k[:, None]).T @ self.Z + np.diag(self.precision)

    def to_units(self, theta: Float[np.ndarray, "s c"]) -> Float[np.ndarray, "s c"]:
        """(β₀, w) of each row of θ."""
        theta = np.atleast_2d(theta)
        w = theta[:, 1:] / self.scale
        return np.column_stack([theta[:, 0] - w @ self.centre, w])

    @property
    def units(self) -> Float[np.ndarray, "c c"]:
        """T with (β₀, w) = Tθ."""
        return self.to_units(np.eye(len(self.precision))).T


def target(
    X: Float[np.ndarray, "n p"], y: Float[np.ndarray, " n"], family: Family, prior_sd: float = 2.5
) -> Target:
    """The posterior under w_j s_j ~ N(0, prior_sd²); 2.5 is Gelman et al.'s (2008) scale for unit-variance columns.

    prior_sd = inf is flat. A constant column keeps its prior: nothing is learnt of it.

    Raises
    ------
    SpecError : prior_sd ≤ 0 or an unknown family. ShapeError : sizes. TargetError : y is no 0/1 of both kinds, or no
    counts, or counts of 0 only; a flat prior on separated classes is found by `laplace`.
    """
    if family not in LOSSES:
        raise SpecError(f"family is {family!r}; expected one of {', '.join(LOSSES)}.")
    if not prior_sd > 0:
        raise SpecError(f"prior_sd is {prior_sd}; expected a standard deviation > 0, e.g. 2.5.")
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if X.ndim != 2 or y.shape != X.shape[:1]:
        raise ShapeError(f"X has shape {X.shape} and y {y.shape}; expected (n, p) and (n,).")
    LOSSES[family].check(y)
    if (y == y[0]).all() and (family == "logistic" or y[0] == 0):
        raise TargetError(
            f"every target is {y[0]:g}; the level of a {family} regression has no posterior then: expected "
            f"{'both classes' if family == 'logistic' else 'a count above 0'}."
        )
    centre, scale = X.mean(axis=0), X.std(axis=0)
    scale = np.where(scale > 1e-12 * np.abs(centre), scale, 1.0)
    Z = np.column_stack([np.ones(len(y)), (X - centre) / scale])
    precision = np.append(0.0, np.full(X.shape[1], prior_sd**-2.0))
    return Target(family, Z, y, precision, centre, scale)

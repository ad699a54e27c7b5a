"""Normal approximations of a posterior: Laplace, and the best by Kullback–Leibler divergence, full-rank or mean-field.

*Laplace*: N(θ̂, H⁻¹) at the mode, H = −∂² log p. *Variational*: N(m, C) that maximises the evidence lower bound

    ELBO = E_q log p(y, θ) − E_q log q,    stationary where   E_q ∇log p = 0   and   C⁻¹ = −E_q ∇² log p

(full rank), or c_jj⁻¹ = the j-th diagonal entry of it (mean-field: independent coordinates). For a linear predictor the
expectations are over η_i ~ N(z_iᵀm, z_iᵀC z_i), one-dimensional: in closed form for Poisson, by Gauss–Hermite
quadrature for logistic. So nothing is drawn at random, and Newton steps on m with the C above converge in about ten
passes; a step that lowers the bound is halved. log p(y) ≥ ELBO, with equality only for a normal posterior.

Mean-field understates standard deviations by about √(1 − ρ²) where columns are correlated: the slopes' errors below are
those of a conditional, not of a marginal law. Use it for speed in p only, and check it by `importance`.

References: Tierney & Kadane (1986), JASA 81, 82-86; Opper & Archambeau (2009), Neural Computation 21, 786-792;
Challis & Barber (2013), JMLR 14, 2239-2286.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from whyfit.engines.local import one_blas_thread
from whyfit.errors import SpecError
from whyfit.probability.bayes.target import Target
from whyfit.probability.distributions import t_quantile

NODES = 32  # of Gauss–Hermite: E log(1 + e^η) to 1e-9 for var(η) ≤ 10
TOLERANCE = 1e-9  # of the decrement, in standard errors
MOST_STEPS = 200
#: Standard errors of log odds per deviation of a column that only a likelihood without a maximum leaves: where classes
#: are separated the curvature is that of the last step's decrement, 1/TOLERANCE and more.
FLAT = 1e5


@dataclass(frozen=True, eq=False)
class Gaussian:
    """An approximation N(`mean`, `covariance`) of the posterior of θ, the target's coordinates.

    Attributes
    ----------
    method : "laplace", "full-rank" or "mean-field". log_evidence : the Laplace approximation of log p(y), or the ELBO,
    a lower bound. bounds : the ELBO (or log p at θ) after each step. converged : whether the decrement fell below
    TOLERANCE.
    """

    target: Target
    method: str
    mean: Float[np.ndarray, " c"]
    covariance: Float[np.ndarray, "c c"]
    log_evidence: float
    bounds: tuple[float, ...]
    converged: bool

    @property
    def coefficients(self) -> Float[np.ndarray, " c"]:
        """Posterior means of (β₀, w) in units of the columns."""
        return self.target.to_units(self.mean)[0]

    @property
    def coefficient_covariance(self) -> Float[np.ndarray, "c c"]:
        T = self.target.units
        return T @ self.covariance @ T.T

    @property
    def sds(self) -> Float[np.ndarray, " c"]:
        return np.sqrt(np.diag(self.coefficient_covariance))

    def interval(self, level: float = 0.95) -> Float[np.ndarray, "c 2"]:
        """Central credible intervals of (β₀, w)."""
        half = t_quantile(level, np.inf) * self.sds
        return np.column_stack([self.coefficients - half, self.coefficients + half])


def laplace(target: Target) -> Gaussian:
    """Mode and curvature. SpecError where there is no mode: separated classes under a flat prior."""
    theta = np.zeros(len(target.precision))
    theta[0] = np.ravel(target.loss.constant(target.y))[0]
    value = float(target.log_density(theta)[0])
    path, converged = [value], False
    with one_blas_thread():
        for _ in range(MOST_STEPS):
            g, factor = target.gradient(theta), _factor(target.curvature(theta))
            step = cho_solve(factor, g)
            decrement = float(np.sqrt(max(g @ step, 0.0)))
            if decrement < TOLERANCE:
                converged = True
                break
            size = 1.0
            while True:
                new = float(target.log_density(theta + size * step)[0])
                if new >= value - 1e-12 * abs(value) or size < 1e-10:
                    break
                size /= 2
            theta, value = theta + size * step, new
            path.append(value)
        C = cho_solve(_factor(target.curvature(theta)), np.eye(len(theta)))
    if (target.precision[1:] == 0).any() and np.sqrt(np.diag(C)).max() > FLAT:
        raise _flat()
    log = value + 0.5 * (len(theta) * np.log(2 * np.pi) + np.linalg.slogdet(C)[1])
    return Gaussian(target, "laplace", theta, _symmetric(C), float(log), tuple(path), converged)


def variational(target: Target, *, mean_field: bool = False) -> Gaussian:
    """The normal law closest to the posterior in KL(q ‖ p), started at Laplace's."""
    start = laplace(target)
    m, C = start.mean, start.covariance
    with one_blas_thread():
        if mean_field:
            C = np.diag(1 / np.diag(target.curvature(m)))
        bound, g, H = _bound(target, m, C)
        path, converged = [bound], False
        for _ in range(MOST_STEPS):
            best = np.diag(1 / np.diag(H)) if mean_field else cho_solve(_factor(H), np.eye(len(m)))
            step = cho_solve(_factor(H), g)
            change = np.sqrt(np.diag(best) / np.diag(C)) - 1
            decrement = float(np.sqrt(max(g @ step, 0.0)))
            if decrement < TOLERANCE and np.abs(change).max() < TOLERANCE:
                converged = True
                break
            size = 1.0
            inverse, wanted = _inverse(C), _inverse(best)
            while True:
                mixed = C if size < 1e-10 else _inverse((1 - size) * inverse + size * wanted)
                new, g_new, H_new = _bound(target, m + size * step, mixed)
                if new >= bound - 1e-12 * abs(bound) or size < 1e-10:
                    break
                size /= 2
            m, C, bound, g, H = m + size * step, mixed, new, g_new, H_new
            path.append(bound)
    method = "mean-field" if mean_field else "full-rank"
    return Gaussian(target, method, m, _symmetric(C), float(bound), tuple(path), converged)


def _bound(target: Target, m: np.ndarray, C: np.ndarray):
    """ELBO, its gradient in m, and −E ∇² log p."""
    Z, y = target.Z, target.y
    eta = Z @ m
    v = np.maximum(np.einsum("ij,ij->i", Z @ C, Z), 0.0)
    value, slope, curve = _expected(target, eta, v, y)
    quadratic = target.precision @ (m**2 + np.diag(C))
    entropy = 0.5 * (len(m) * (1 + np.log(2 * np.pi)) + np.linalg.slogdet(C)[1])
    bound = target.constant - value.sum() - 0.5 * quadratic + entropy
    g = -Z.T @ slope - target.precision * m
    H = (Z * curve[:, None]).T @ Z + np.diag(target.precision)
    return (float(bound) if np.isfinite(bound) else -np.inf), g, H


def _expected(target: Target, eta: np.ndarray, v: np.ndarray, y: np.ndarray):
    """E ℓ, E ℓ′ and E ℓ″ under η ~ N(eta, v)."""
    if target.family == "poisson":
        with np.errstate(over="ignore"):
            rate = np.exp(eta + v / 2)
        return rate - y * eta, rate - y, rate
    x, w = np.polynomial.hermite_e.hermegauss(NODES)
    w = w / w.sum()
    sd = np.sqrt(v)
    out = np.zeros((3, len(eta)))
    for node, weight in zip(x, w, strict=True):
        at = eta + node * sd
        out[0] += weight * target.loss.value(at, y)
        out[1] += weight * target.loss.slope(at, y)
        out[2] += weight * target.loss.curvature(at, y)
    return out


def _factor(H: np.ndarray):
    try:
        return cho_factor(H, lower=True)
    except LinAlgError:
        raise _flat() from None


def _flat() -> SpecError:
    return SpecError(
        "the posterior is flat in a direction: columns follow from one another, or the classes are separated, "
        "under a flat prior; give a prior_sd, e.g. 2.5."
    )


def _inverse(A: np.ndarray) -> np.ndarray:
    return _symmetric(cho_solve(_factor(A), np.eye(len(A))))


def _symmetric(A: np.ndarray) -> np.ndarray:
    return (A + A.T) / 2

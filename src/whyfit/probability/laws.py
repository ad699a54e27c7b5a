"""The laws that a regression with a loss of its own believes its rows to follow: densities and quantiles.

    count    mean μ, variance φμ: negative binomial with size μ/(φ − 1) and success 1/φ; Poisson for φ ≤ 1
    gamma    mean μ, variance φμ²: shape 1/φ, scale φμ
    Huber    density e^{−ρ(z)}/C,  ρ = z²/2 | k|z| − k²/2 beyond k:  normal in the middle, exponential in the tails

φ is Pearson's dispersion, so that a quasi-likelihood fit gets the law its own variance function asks for. Huber's is
the least favourable of the laws that are normal but for a few per cent of anything.

References: McCullagh & Nelder (1989), Generalized Linear Models, §6.2.3, 8.2; Huber & Ronchetti (2009), §4.5.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy import special

from whyfit.calculus.losses.huber import EFFICIENT

#: Dispersion above 1 by less than this is Poisson's: sizes beyond 1e8 lose the digits of log Γ.
POISSON = 1e-8


def count_log_density(
    y: Float[np.ndarray, " m"], mu: Float[np.ndarray, " m"], phi: Float[np.ndarray, " m"] | float
) -> Float[np.ndarray, " m"]:
    """log P(Y = y) of the count law; `phi` a number or one per row. NaN where y is no whole number."""
    phi = np.broadcast_to(np.asarray(phi, dtype=float), np.shape(mu))
    with np.errstate(divide="ignore", invalid="ignore"):
        poisson = special.xlogy(y, mu) - mu
        more = np.where(phi > 1 + POISSON, phi, 2.0)
        size = mu / (more - 1)
        wide = special.gammaln(y + size) - special.gammaln(size) - size * np.log(more)
        wide += y * np.log1p(-1 / more)
        out = np.where(phi > 1 + POISSON, wide, poisson) - special.gammaln(y + 1)
        return np.where(y == np.floor(y), out, np.nan)


def count_upper(y: np.ndarray, mu: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """P(Y > y) of the count law, y ≥ −1."""
    y = np.asarray(y, dtype=float)
    wide = phi > 1 + POISSON
    more = np.where(wide, phi, 2.0)
    out = np.where(
        wide,
        special.betainc(np.maximum(y, 0) + 1, mu / (more - 1), 1 - 1 / more),
        special.gammainc(np.maximum(y, 0) + 1, mu),
    )
    return np.where(y < 0, 1.0, out)


WHOLE = 1e12  # counts beyond it are hardly whole in float64


def count_quantile(
    share: float, mu: Float[np.ndarray, " m"], phi: Float[np.ndarray, " m"]
) -> Float[np.ndarray, " m"]:
    """Least count y with P(Y ≤ y) ≥ share; NaN where μ is not finite. Beyond WHOLE, of the normal law."""
    known = np.isfinite(mu) & np.isfinite(phi)
    near = known & (mu < WHOLE) & (phi < WHOLE)
    m, f = np.where(near, mu, 1.0), np.where(near, phi, 1.0)
    low = np.full(m.shape, -1.0)
    high = np.ceil(m + 10 * np.sqrt(np.maximum(f, 1) * m) + 10)
    while (short := count_upper(high, m, f) > 1 - share).any():
        high = np.where(short, 2 * high, high)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        enough = count_upper(middle, m, f) <= 1 - share
        low, high = (
            np.where(enough | (high - low <= 1), low, middle),
            np.where(enough, middle, high),
        )
    out = np.where(near, high, np.nan)
    far = known & ~near
    out[far] = mu[far] + special.ndtri(share) * np.sqrt(phi[far]) * np.sqrt(mu[far])
    return out


def gamma_log_density(
    y: Float[np.ndarray, " m"], mu: Float[np.ndarray, " m"], phi: Float[np.ndarray, " m"] | float
) -> Float[np.ndarray, " m"]:
    """Log density of the gamma law; −∞ where y ≤ 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shape = 1 / np.asarray(phi, dtype=float)
        ratio = shape * y / mu
        out = shape * np.log(ratio) - ratio - np.log(y) - special.gammaln(shape)
    return np.where(y > 0, out, -np.inf)


def gamma_quantile(
    share: float, mu: Float[np.ndarray, " m"], phi: Float[np.ndarray, " m"]
) -> Float[np.ndarray, " m"]:
    return special.gammaincinv(1 / phi, share) * mu * phi


def _huber_mass(k: float) -> tuple[float, float]:
    """∫e^{−ρ} within ±k, and beyond."""
    inside = math.sqrt(2 * math.pi) * math.erf(k / math.sqrt(2))
    return inside, 2 / k * math.exp(-0.5 * k * k)


def huber_log_density(
    e: Float[np.ndarray, " m"], sigma: Float[np.ndarray, " m"] | float, k: float = EFFICIENT
) -> Float[np.ndarray, " m"]:
    """Log density of errors e with scale σ."""
    z = np.abs(e) / sigma
    rho = np.where(z <= k, 0.5 * z * z, k * z - 0.5 * k * k)
    return -rho - np.log(sigma) - math.log(sum(_huber_mass(k)))


def huber_quantile(level: float, k: float = EFFICIENT) -> float:
    """q with P(|Z| ≤ q) = level under Huber's law of scale 1."""
    inside, beyond = _huber_mass(k)
    if level * (inside + beyond) <= inside:
        return float(special.ndtri(0.5 + level * (inside + beyond) / math.sqrt(8 * math.pi)))
    return 0.5 * k - math.log((1 - level) * (inside + beyond) * k / 2) / k

"""Have the chains met, and how much do they tell? Rank-normalised split R̂ and effective sample sizes.

Each of m chains is cut in two; draws are replaced by normal scores of their ranks, z = Φ⁻¹((rank − 3/8)/(S + ¼)), so
that neither tails nor units matter. With W the mean variance within halves and B/N that of their means,

    R̂ = √( ((N − 1)/N W + B/N) / W ),        the larger of it for z and for ranks of |θ − median| (spread, not place)
    ESS = S/τ̂,   τ̂ = 1 + 2 Σ ρ̂_t up to the first pair of autocorrelations whose sum is negative (Geyer)

`ess_bulk` is of z, `ess_tail` the smaller of those of the indicators θ ≤ q₅ and θ ≤ q₉₅. R̂ < 1.01 and ESS > 400 are
what Vehtari et al. ask for. NaN for a quantity that does not vary, or fewer than 4 draws a chain.

References: Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), Bayesian Analysis 16, 667-718; Geyer (1992).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from whyfit.errors import NotFiniteError, ShapeError

R_HAT_LIMIT, ESS_LIMIT = 1.01, 400  # Vehtari et al. (2021), §4


def r_hat(draws: Float[np.ndarray, "m n"]) -> float:
    """Rank-normalised split R̂ of one quantity, m chains of n draws."""
    x = _split(draws)
    if _still(x):
        return float("nan")
    return max(_potential(_scores(x)), _potential(_scores(np.abs(x - np.median(x)))))


def ess_bulk(draws: Float[np.ndarray, "m n"]) -> float:
    """Effective draws for the middle of the law: means, medians."""
    x = _split(draws)
    return float("nan") if _still(x) else _effective(_scores(x))


def ess_tail(draws: Float[np.ndarray, "m n"]) -> float:
    """Effective draws for the 5 % and 95 % quantiles, the smaller of the two."""
    x = _split(draws)
    if _still(x):
        return float("nan")
    return min(_effective((x <= np.quantile(x, q)).astype(float)) for q in (0.05, 0.95))


def ess_mean(draws: Float[np.ndarray, "m n"]) -> float:
    """Effective draws for the mean itself, without ranks."""
    x = _split(draws)
    return float("nan") if _still(x) else _effective(x)


def mcse_mean(draws: Float[np.ndarray, "m n"]) -> float:
    """Monte-Carlo standard error of the mean, sd/√ESS."""
    x = np.asarray(draws, dtype=np.float64)
    return float(x.std(ddof=1) / np.sqrt(ess_mean(x)))


def _split(draws: np.ndarray) -> Float[np.ndarray, "h k"]:
    x = np.asarray(draws, dtype=np.float64)
    x = x[None] if x.ndim == 1 else x
    if x.ndim != 2 or not x.size:
        raise ShapeError(f"the draws have shape {x.shape}; expected (chains, draws).")
    if not np.isfinite(x).all():
        raise NotFiniteError("the draws hold NaN or infinity; expected finite numbers.")
    half = x.shape[1] // 2
    return np.concatenate([x[:, :half], x[:, x.shape[1] - half :]])


def _still(x: np.ndarray) -> bool:
    return x.shape[1] < 2 or bool((x == x.flat[0]).all())


def _scores(x: np.ndarray) -> np.ndarray:
    """Normal scores of the ranks; ties share their mean rank."""
    _, place, count = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    rank = (last - (count - 1) / 2)[place].reshape(x.shape)
    return ndtri((rank - 0.375) / (x.size + 0.25))


def _potential(z: np.ndarray) -> float:
    n = z.shape[1]
    within = float(z.var(axis=1, ddof=1).mean())
    between = float(z.mean(axis=1).var(ddof=1))
    if within == 0:
        return float("inf") if between > 0 else float("nan")
    return float(np.sqrt((n - 1) / n + between / within))


def _effective(z: np.ndarray) -> float:
    m, n = z.shape
    covariance = _autocovariance(z)
    within = float(covariance[:, 0].mean()) * n / (n - 1)
    total = within * (n - 1) / n + (float(z.mean(axis=1).var(ddof=1)) if m > 1 else 0.0)
    if not total > 0:
        return float("nan")
    rho = 1 - (within - covariance.mean(axis=0)) / total
    rho[0] = 1.0
    pairs = rho[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
    end = int(np.argmax(pairs <= 0)) if (pairs <= 0).any() else len(pairs)
    kept = np.minimum.accumulate(pairs[: max(end, 1)])  # Geyer's monotone sequence
    tau = -1 + 2 * float(kept.sum())
    if end < len(pairs):
        tau += max(float(rho[2 * end]), 0.0) if end else 0.0
    tau = max(tau, 1 / np.log10(m * n))  # antithetic chains: no more than S log₁₀ S
    return m * n / tau


def _autocovariance(z: np.ndarray) -> np.ndarray:
    """Of each row, divisor n, by the fast Fourier transform."""
    n = z.shape[1]
    size = 1 << (2 * n - 1).bit_length()
    f = np.fft.rfft(z - z.mean(axis=1, keepdims=True), size, axis=1)
    return np.fft.irfft(f * np.conj(f), size, axis=1)[:, :n] / n

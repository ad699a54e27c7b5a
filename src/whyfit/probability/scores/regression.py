"""Scores of predicted numbers and predicted distributions: R², MAE, RMSE, pinball loss, CRPS.

    R² = 1 − A/B,  A = Σ(y − ŷ)², B = Σ(y − ȳ)²;  log(A/B) has the jackknife's variance, A and B without row i
    pinball at τ:  τ(y − q)₊ + (1 − τ)(q − y)₊
    CRPS(F, y) = E|X − y| − ½E|X − X′|;   of N(μ, σ²):  σ[z(2Φ(z) − 1) + 2φ(z) − 1/√π],  z = (y − μ)/σ

The trivial predictors are mean, median, quantile and distribution of the scored targets.

References: Gneiting & Raftery (2007), JASA 102, 359-378; Ferro (2014), QJRMS 140, 1917-1923 (fair ensembles).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from whyfit.calculus.losses.quantile import Quantile
from whyfit.errors import NotFiniteError, ShapeError, SpecError
from whyfit.probability.distributions import t_quantile
from whyfit.probability.scores.score import Score, check_level, mean_score, vector


def _pair(y: ArrayLike, prediction: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    t = vector(y, "the target")
    return t, vector(prediction, "the predictions", len(t))


def r2(y: ArrayLike, prediction: ArrayLike, level: float = 0.95) -> Score:
    """1 − Σ(y − ŷ)²/Σ(y − ȳ)², the interval on the scale of log(1 − R²); the trivial predictor, ȳ, has 0.

    NaN of a constant target or one row. Perfect predictions: 1, without spread.

    Coverage of 95 % in 4,000 samples: 94.5-94.9 % at n = 30 and 100 for normal errors, 92.9-94.5 % for t₅ errors.
    """
    y, f = _pair(y, prediction)
    n, level = len(y), check_level(level)
    d2, e2 = (y - y.mean()) ** 2, (y - f) ** 2
    A, B = float(e2.sum()), float(d2.sum())
    nan = float("nan")
    if n < 2 or not B > 0:
        return Score("R²", nan, nan, -np.inf, 1.0, n, "higher", 0.0, nan, -np.inf, 1.0, level)
    value = 1 - A / B
    if not A > 0:
        return Score("R²", 1.0, 0.0, 1.0, 1.0, n, "higher", 0.0, 1.0, 1.0, 1.0, level)
    a, b = A - e2, B - n / (n - 1) * d2  # without row i
    if min(a.min(), b.min()) > 1e-12 * min(A, B):
        each = np.log(a / b)
        spread = float(np.sqrt((n - 1) / n * np.sum((each - each.mean()) ** 2)))
    else:
        spread = float(np.sqrt(n / (n - 1) * np.sum((e2 / A - d2 / B) ** 2)))
    half = t_quantile(level, n - 1) * spread
    low, high = (1 - A / B * float(np.exp(h)) for h in (half, -half))
    return Score("R²", value, A / B * spread, low, high, n, "higher", 0.0, value, low, high, level)


def mae(y: ArrayLike, prediction: ArrayLike, level: float = 0.95) -> Score:
    """Mean |y − ŷ| against the median. Coverage of 95 % at n = 30 and 100: 94.6-96.3 %, 93.5-94.5 % for t₅ errors."""
    y, f = _pair(y, prediction)
    return mean_score("mean absolute error", np.abs(y - f), np.abs(y - np.median(y)), level)


def rmse(y: ArrayLike, prediction: ArrayLike, level: float = 0.95) -> Score:
    """√ of the mean squared error; its ends are the roots of those of the mean, the gain by the delta method.

    Coverage of 95 % at n = 30 and 100: 94.5-94.9 % for normal errors, but 90.6-91.7 % for t₅ errors (93.5 % at 1,000).
    """
    y, f = _pair(y, prediction)
    s = mean_score("root mean squared error", (y - f) ** 2, (y - y.mean()) ** 2, level)
    value, trivial = np.sqrt(s.value), np.sqrt(s.trivial)
    e2, d2, n = (y - f) ** 2, (y - y.mean()) ** 2, s.n
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(s.trivial > 0, d2 / (2 * trivial), 0) - np.where(
            s.value > 0, e2 / (2 * value), 0
        )
    half = t_quantile(level, n - 1) * slope.std(ddof=1) / np.sqrt(n) if n > 1 else float("inf")
    se = s.std_error / (2 * value) if value > 0 else 0.0
    gain, half = float(trivial - value), float(half)
    return Score(
        s.name, float(value), float(se), float(np.sqrt(s.low)), float(np.sqrt(s.high)), n, "lower",
        float(trivial), gain, gain - half, gain + half, level,
    )  # fmt: skip


def pinball(y: ArrayLike, quantile: ArrayLike, tau: float, level: float = 0.95) -> Score:
    """Mean pinball loss of predicted τ-quantiles against the τ-quantile of the targets."""
    y, q = _pair(y, quantile)
    loss = Quantile(tau)
    trivial = np.full(len(y), np.quantile(y, tau, method="inverted_cdf"))
    return mean_score(f"pinball loss at {tau:g}", loss.value(q, y), loss.value(trivial, y), level)


def crps_normal_rows(y: np.ndarray, mu: np.ndarray, sigma: np.ndarray) -> Float[np.ndarray, " n"]:
    """CRPS of N(μ, σ²) row by row; σ = 0 is a point forecast, |y − μ|."""
    sure = sigma > 0
    s = np.where(sure, sigma, 1.0)
    z = (y - mu) / s
    phi = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    out = s * (z * (2 * special.ndtr(z) - 1) + 2 * phi - 1 / np.sqrt(np.pi))
    return np.where(sure, out, np.abs(y - mu))


def crps_ensemble_rows(
    y: Float[np.ndarray, " n"], members: Float[np.ndarray, "n m"], *, fair: bool = False
) -> Float[np.ndarray, " n"]:
    """CRPS of the empirical distribution of m members, O(nm log m).

    `fair` divides the spread of the members by m(m − 1) instead of m²: unbiased for the law
    they were drawn from.
    """
    Z = np.sort(members, axis=1)
    m = Z.shape[1]
    # Σ_{k<l} (z_l − z_k) = Σ_k (2k − m + 1) z_k with k from 0
    spread = Z @ (2.0 * np.arange(m) - m + 1)
    pairs = m * (m - 1) if fair else m * m
    near = np.abs(Z - y[:, None]).mean(axis=1)
    return near - spread / max(pairs, 1)


def crps_climate_rows(y: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """CRPS of the empirical distribution of y itself at each of its values, O(n log n)."""
    order = np.argsort(y, kind="stable")
    z = y[order] - y.mean()
    n, below = len(y), np.concatenate([[0.0], np.cumsum(z)])
    k = np.arange(n)
    away = (z * (2 * k + 1 - n) - below[:-1] + below[-1] - below[1:]) / n
    out = np.empty(n)
    out[order] = away - float(z @ (2.0 * k - n + 1)) / n**2
    return out


def crps_normal(y: ArrayLike, mu: ArrayLike, sigma: ArrayLike, level: float = 0.95) -> Score:
    """Mean CRPS of normal forecasts N(μ_i, σ_i²) against the distribution of the targets."""
    y, m = _pair(y, mu)
    s = vector(np.broadcast_to(np.asarray(sigma, dtype=float), y.shape), "sigma", len(y))
    if s.min() < 0:
        raise SpecError(f"sigma is {s.min():g} in a row; a standard deviation is at least 0.")
    return mean_score("CRPS", crps_normal_rows(y, m, s), crps_climate_rows(y), level)


def crps_ensemble(
    y: ArrayLike, members: ArrayLike, level: float = 0.95, *, fair: bool = False
) -> Score:
    """Mean CRPS of ensembles (n, m), e.g. posterior draws per row, against the distribution of the targets."""
    y, M = vector(y, "the target"), np.asarray(members, dtype=np.float64)
    if M.ndim != 2 or len(M) != len(y) or not M.shape[1] or (fair and M.shape[1] < 2):
        raise ShapeError(f"members have shape {M.shape}; expected ({len(y)}, members).")
    if not np.isfinite(M).all():
        raise NotFiniteError("an ensemble member is NaN or infinite; leave such rows out first.")
    return mean_score("CRPS", crps_ensemble_rows(y, M, fair=fair), crps_climate_rows(y), level)

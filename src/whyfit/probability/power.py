"""Power, and how many rows would settle a question.

A test of w_j = 0 whose estimate has mean θ and standard error se has the non-central t of δ = θ/se; a joint test of q
coefficients the non-central F of λ = Σ (non-centrality). Both grow with the rows, se ∝ 1/√n:

    power(n) = P(|T'(δ √(n/n₀), n − c)| > t_{1−α/2}(n − c)),       λ(n) = λ₀ n/n₀

Two questions, two answers: how many rows to *detect* an effect of a size named in advance with 80 or 90 %, and
how many to bring an interval down to a *width*. The observed effect is no size to plan with: it is the one that the
table at hand happened to show (Hoenig & Heisey 2001, The American Statistician 55, 19-24).

Reference: Cohen (1988), Statistical Power Analysis, ch. 9; Johnson, Kotz & Balakrishnan (1995), ch. 30-31.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from whyfit.errors import SpecError
from whyfit.probability.distributions import t_quantile

#: Rows beyond which the answer is "more than anyone has".
MOST_ROWS = 10**15


def power_t(effect: float, std_error: float, df: float, alpha: float = 0.05) -> float:
    """P(two-sided t test rejects) if the true effect is `effect` and its standard error `std_error`.

    df = ∞: normal. An error of 0 gives 1 (alpha if the effect is 0). NaN for df ≤ 0.
    """
    _check_alpha(alpha)
    if not (df > 0 and std_error >= 0 and np.isfinite(effect)):
        return np.nan
    if effect == 0:
        return alpha
    if std_error == 0:
        return 1.0
    delta, q = abs(effect) / std_error, t_quantile(1 - alpha, df)
    if np.isinf(df) or delta > 38:  # beyond, the non-central t underflows: both are 1 then
        return float(special.ndtr(delta - q) + special.ndtr(-delta - q))
    both = special.nctdtr(df, delta, q) - special.nctdtr(df, delta, -q)
    return float(np.clip(1 - both, 0.0, 1.0))


def power_f(noncentrality: float, df1: float, df2: float, alpha: float = 0.05) -> float:
    """P(F test of q = df1 restrictions rejects), λ = dᵀ(RΣRᵀ)⁻¹d with the true d.

    For a whole regression λ = n R²/(1 − R²) with the R² of the population (columns fixed).
    """
    _check_alpha(alpha)
    if not (df1 > 0 and df2 > 0 and noncentrality >= 0):
        return np.nan
    if noncentrality == 0:
        return alpha
    q = float(special.fdtri(df1, df2, 1 - alpha))
    return float(np.clip(1 - special.ncfdtr(df1, df2, noncentrality, q), 0.0, 1.0))


def rows_for_power(
    effect: float,
    std_error: float,
    n: int,
    parameters: int,
    power: float = 0.9,
    alpha: float = 0.05,
) -> int | None:
    """Fewest rows like the `n` at hand with which a t test finds `effect` with probability `power`.

    Parameters
    ----------
    effect : the smallest effect worth finding.
    std_error : of the coefficient, from these n rows (any covariance).
    parameters : coefficients of the model, intercept counted.

    None if no number of rows would do (effect 0, error unknown). At least parameters + 1. Raises SpecError for a
    power or alpha outside (0, 1).
    """
    _check_alpha(alpha)
    if not 0 < power < 1:
        raise SpecError(f"power is {power}; expected a probability between 0 and 1, e.g. 0.9.")
    if not (effect and np.isfinite(effect) and np.isfinite(std_error)):
        return None

    def enough(m: int) -> bool:
        return power_t(effect, std_error * np.sqrt(n / m), m - parameters, alpha) >= power

    return _fewest(enough, parameters + 1)


def rows_for_width(
    half_width: float, std_error: float, n: int, parameters: int, level: float = 0.95
) -> int | None:
    """Fewest rows like the `n` at hand with which the interval is the estimate ± `half_width` or narrower.

    None if the error is unknown. Raises SpecError unless half_width > 0.
    """
    if not half_width > 0:
        raise SpecError(
            f"half_width is {half_width}; expected a positive number, in the unit of the effect."
        )
    if not np.isfinite(std_error):
        return None

    def enough(m: int) -> bool:
        return t_quantile(level, m - parameters) * std_error * np.sqrt(n / m) <= half_width

    return _fewest(enough, parameters + 1)


def _fewest(enough: Callable[[int], bool], first: int) -> int | None:
    """Smallest m ≥ first that is enough; it stays enough from there on."""
    low, high = first - 1, first
    while not enough(high):
        low, high = high, 2 * high
        if high > MOST_ROWS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise SpecError(f"alpha is {alpha}; expected a level between 0 and 1, e.g. 0.05.")

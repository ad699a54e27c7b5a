"""How much signal a test that found none can still have missed.

The overall F of k slopes is noncentral with δ = n ρ²/(1 − ρ²), ρ² the population R² given X; the likelihood
ratio of k parameters is noncentral χ² with δ ≈ 2 n H₀ · skill. The upper limit is the δ at which a statistic as
small as the one seen has probability α. A statistic below its own median under "no signal" is taken for the
median: luck must not make few rows look sharp (a power-constrained limit, never below the nominal level).

Reference: Steiger & Fouladi (1992), Behavior Research Methods 24, 581-582; Steiger (2004), Psychological Methods 9;
Cowan, Cranmer, Gross & Vitells (2011), arXiv:1105.3166.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special


def largest_r2(f: float, df1: float, df2: float, n: int, alpha: float) -> float:
    """Upper limit of the population R² at level 1 − α, from the overall F; NaN without an F."""
    if not (np.isfinite(f) and df1 > 0 and df2 > 0):
        return float("nan")
    f = max(f, float(special.fdtri(df1, df2, 0.5)))
    delta = _largest(lambda d: float(special.ncfdtr(df1, df2, d, f)), n, alpha)
    return delta / (delta + n)


def largest_skill(statistic: float, df: float, n: int, entropy: float, alpha: float) -> float:
    """Upper limit of the population skill (1 − log loss / entropy) from a likelihood ratio."""
    if not (np.isfinite(statistic) and df > 0 and entropy > 0):
        return float("nan")
    statistic = max(statistic, float(special.chdtri(df, 0.5)))
    delta = _largest(lambda d: float(special.chndtr(statistic, df, d)), n, alpha)
    return min(delta / (2 * n * entropy), 1.0)


def _largest(below: Callable[[float], float], n: int, alpha: float) -> float:
    """The δ where P(statistic ≤ seen) falls to α."""
    from scipy.optimize import brentq  # a tenth of a second: only when wanted

    if not below(1e-9) > alpha:
        return 0.0
    high = 1.0
    while below(high) > alpha:
        high *= 2
        if high > 1e4 * n:
            return float("nan")
    root = brentq(lambda d: below(d) - alpha, 1e-9, high, xtol=1e-6)
    return float(root)  # pyright: ignore[reportArgumentType]

"""How strongly two columns go together, beyond what is negligible.

For a correlation r of n pairs, atanh r is nearly normal around atanh ρ with variance 1/(n − 3). The p-value
of the null |ρ| ≤ ρ₀ is its largest probability of an |r| as large as seen, which it takes at |ρ| = ρ₀:

    p = Φ(−(z − z₀)√(n − 3)) + Φ(−(z + z₀)√(n − 3)),   z = atanh |r|,  z₀ = atanh ρ₀

Given c other columns that were swept out of both, n − 3 becomes n − 3 − c.

Reference: Fisher (1921), Metron 1, 3-32; Wellek (2010), Testing Statistical Hypotheses of Equivalence.
"""

from __future__ import annotations

import numpy as np
from scipy import special

#: A correlation up to this is "small" (Cohen 1988, Statistical Power Analysis, §3.2): 1 % of the variance.
SMALL_CORRELATION = 0.1


def correlation_p_value(
    r: float, n: int, limit: float = SMALL_CORRELATION, given: int = 0
) -> float:
    """p-value of "|ρ| ≤ limit"; 1 where r or the degrees of freedom do not exist."""
    free = n - 3 - given
    if not np.isfinite(r) or free <= 0:
        return 1.0
    z, z0 = np.arctanh(min(abs(r), 1 - 1e-15)), np.arctanh(limit)
    root = np.sqrt(free)
    return float(special.ndtr(-(z - z0) * root) + special.ndtr(-(z + z0) * root))


def correlation_interval(r: float, n: int, level: float, given: int = 0) -> tuple[float, float]:
    """Interval of ρ at `level`; NaN without degrees of freedom."""
    free = n - 3 - given
    if not np.isfinite(r) or free <= 0:
        return float("nan"), float("nan")
    z = np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15))
    half = float(special.ndtri(0.5 + level / 2)) / np.sqrt(free)
    return float(np.tanh(z - half)), float(np.tanh(z + half))


def wilson(successes: int, n: int, level: float) -> tuple[float, float]:
    """Wilson's interval of a proportion; (0, 1) for n = 0.

    Reference: Wilson (1927), JASA 22, 209-212; Brown, Cai & DasGupta (2001), Statistical Science 16, 101-133.
    """
    if n <= 0:
        return 0.0, 1.0
    q = float(special.ndtri(0.5 + level / 2))
    share = successes / n
    centre = (share + q * q / (2 * n)) / (1 + q * q / n)
    half = q / (1 + q * q / n) * np.sqrt(share * (1 - share) / n + q * q / (4 * n * n))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))

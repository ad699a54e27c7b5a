"""Tails and quantiles of the four classical distributions, straight from scipy.special.

scipy.stats gives the same numbers but takes most of a second to import, which a command line cannot spend.
"""

from __future__ import annotations

import numpy as np
from scipy import special


def t_two_sided(t, df):
    """P(|T| ≥ |t|) for Student's t with df degrees of freedom (inf: normal)."""
    t = np.abs(np.asarray(t, dtype=float))
    if np.isinf(df):
        return 2 * special.ndtr(-t)
    return 2 * special.stdtr(df, -t)


def t_upper(t, df):
    """P(T ≥ t)."""
    return special.ndtr(-np.asarray(t)) if np.isinf(df) else special.stdtr(df, -np.asarray(t))


def p_above(gap: float, std_error: float, df: float = np.inf) -> float:
    """One-sided p-value of "what was estimated as `gap` is at most 0"; of an estimate without error 0 or 1."""
    if not np.isfinite(std_error) or std_error == 0:
        return 0.0 if gap > 0 and std_error == 0 else 1.0
    return float(t_upper(gap / std_error, df))


def t_quantile(level: float, df: float) -> float:
    """q with P(|T| ≤ q) = level."""
    p = 0.5 + level / 2
    return float(special.ndtri(p) if np.isinf(df) else special.stdtrit(df, p))


def f_upper(f: float, df1: float, df2: float) -> float:
    """P(F ≥ f)."""
    return float(special.fdtrc(df1, df2, f))


def chi2_upper(x: float, df: float) -> float:
    """P(χ² ≥ x)."""
    return float(special.chdtrc(df, x))

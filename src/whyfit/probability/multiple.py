"""Holm's step-down procedure: one family-wise false-alarm budget for all tests of a journey.

Reference: Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float


def holm(p_values: Float[np.ndarray, " m"], alpha: float = 0.05) -> Bool[np.ndarray, " m"]:
    """Which hypotheses are rejected with P(any false rejection) ≤ alpha; NaN is never rejected."""
    return holm_adjust(p_values) <= alpha


def holm_adjust(p_values: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    """Adjusted p-values: reject at family-wise level α where adjusted ≤ α. NaN counts as 1."""
    p = np.nan_to_num(np.asarray(p_values, dtype=float), nan=1.0)
    order = np.argsort(p, kind="stable")
    m = len(p)
    stepped = np.maximum.accumulate((m - np.arange(m)) * p[order])
    out = np.empty(m)
    out[order] = np.minimum(stepped, 1.0)
    return out

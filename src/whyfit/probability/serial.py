"""Autocorrelation: how much a row has in common with the one before it.

    r_k = Σ_{i>k} (y_i − ȳ)(y_{i−k} − ȳ) / Σ_i (y_i − ȳ)²

The mean is carried to twice the digits and deviations from it are exact to their last: a far-off series
(10⁷ ± 0.1) loses nothing but what rounding it to float64 took.

Reference: Box, Jenkins & Reinsel (2008), Time Series Analysis, §2.1.5.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from whyfit.exact import centred


def autocorrelation(y: Float[np.ndarray, " n"], lag: int = 1) -> float:
    """r_lag of a series in its order, lag ≥ 1; NaN for a constant one or one no longer than the lag."""
    y = np.asarray(y, dtype=np.float64)
    if y.size <= lag:
        return np.nan
    d = centred(y, np.zeros(y.size, dtype=np.int64))[2]
    whole = float(d @ d)
    return float(d[lag:] @ d[:-lag]) / whole if whole > 0 else np.nan

"""How much larger the variance of errors may be at rows far out than at all rows.

Errors often grow with the size of what is measured. Let q be the squared distance of a row (a leverage, up to a
factor). If the fifth of the rows with the largest q has more than twice the mean squared residual of all, the
variance is taken to be proportional to q from there on,

    σ²(q)/σ² = (ē²_fifth/ē²) · q/q̄_fifth

which errors with a standard deviation proportional to the distance obey. With equal variances a fifth of 50 rows
exceeds twice the mean with probability 0.03, a fifth of 200 rows with 2·10⁻⁴ (χ²_m/m > 2 for m = 10 and 40).

Reference: Carroll & Ruppert (1988), Transformation and Weighting in Regression, ch. 3 (power-of-x variance).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_FIFTH = 5
_TWICE = 2.0
_FEWEST = 5  # rows of a fifth


def variance_far_out(
    squares: Float[np.ndarray, " n"], distance: Float[np.ndarray, " n"], at: float
) -> float:
    """σ²(q)/σ² at q = `at`, from squared residuals and distances of the other rows; at least 1."""
    m = len(squares) // _FIFTH
    mean = float(squares.mean()) if len(squares) else 0.0
    if m < _FEWEST or not mean > 0:
        return 1.0
    far = np.argsort(distance, kind="stable")[-m:]
    ratio, middle = float(squares[far].mean()) / mean, float(distance[far].mean())
    if ratio <= _TWICE or not middle > 0:
        return 1.0
    return max(1.0, ratio * at / middle)

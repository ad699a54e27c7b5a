"""Which rows a single coefficient is made of.

With x̃ = (1, x) and V = (X̃ᵀX̃)⁻¹ the coefficient of column j is Σ_i a_i y_i, a = X̃V e_j, and a is, up to its length, what
the other columns leave of column j: a = r/‖r‖². The share of row i in what the data say about the coefficient is

    φ_i = r_i²/‖r‖² = a_i²/V_jj,     Σ_i φ_i = 1,     h_i ≥ φ_i

and leaving out a set K of rows widens its variance from σ²V_jj to at least σ²V_jj/(1 − Σ_K φ_i).

Reference: Cook & Weisberg (1982), Residuals and Influence in Regression, §3.2 and app. A.2 (partial leverage).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def partial_leverage(
    X: Float[np.ndarray, "s c"], V: Float[np.ndarray, "c c"]
) -> Float[np.ndarray, "s c"]:
    """φ_i of every coefficient; X has its leading 1. A column that is not determined has zeros."""
    d = np.diag(V)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(d > 0, (X @ V) ** 2 / d, 0.0)


def carriers(
    share: Float[np.ndarray, " s"], limit: float, most: int
) -> tuple[Int[np.ndarray, " k"], float]:
    """Up to `most` rows that hold at least `limit` of a coefficient, strongest first, and what they hold.

    Of the numbers of rows that suffice the one before the largest drop, in proportion, to the next row; no rows if
    none suffices.
    """
    most = min(most, len(share) - 1)
    if most < 1:
        return np.zeros(0, np.int64), 0.0
    top = np.argsort(-share, kind="stable")[: most + 1]
    held, own = np.cumsum(share[top]), share[top]
    enough = np.flatnonzero(held[:most] >= limit)
    if not enough.size:
        return np.zeros(0, np.int64), 0.0
    drop = own[enough] / np.maximum(own[enough + 1], np.finfo(float).tiny)
    k = int(enough[np.argmax(drop)]) + 1
    return top[:k], float(held[k - 1])

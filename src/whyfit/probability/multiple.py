"""Many tests at once: Holm's step-down procedure and Benjamini and Hochberg's step-up procedure.

Holm keeps the chance of *any* false rejection below α, whatever the tests have to do with each other: one
family-wise false-alarm budget for all tests of a journey, shared out by weights. Benjamini–Hochberg keeps the
expected *share* of false ones among the rejections below α (times the share of true hypotheses), for independent or
positively dependent tests: for lists that are looked through, not for conclusions.

References: Holm (1979), Scandinavian Journal of Statistics 6, 65-70; Benjamini & Hochberg (1995), J. R. Stat. Soc. B
57, 289-300; Benjamini & Yekutieli (2001), Annals of Statistics 29, 1165-1188 for the dependence allowed.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float


def holm(
    p_values: Float[np.ndarray, " m"],
    alpha: float = 0.05,
    weights: Float[np.ndarray, " m"] | None = None,
) -> Bool[np.ndarray, " m"]:
    """Which hypotheses are rejected with P(any false rejection) ≤ alpha; NaN is never rejected."""
    return holm_adjust(p_values, weights) <= alpha


def holm_adjust(
    p_values: Float[np.ndarray, " m"], weights: Float[np.ndarray, " m"] | None = None
) -> Float[np.ndarray, " m"]:
    """Adjusted p-values: reject at family-wise level α where adjusted ≤ α. NaN counts as 1.

    With weights w > 0, fixed before the data are seen (1 by default), hypotheses are taken by rising p/w, and each is
    multiplied by the weights not yet taken: p_(i)/w_(i) · Σ_{j ≥ i} w_(j) (Holm 1979, §3).
    """
    p = np.nan_to_num(np.asarray(p_values, dtype=float), nan=1.0)
    w = np.ones(len(p)) if weights is None else np.asarray(weights, dtype=float)
    order = np.argsort(p / w, kind="stable")
    left = np.cumsum(w[order][::-1])[::-1]
    out = np.empty(len(p))
    out[order] = np.minimum(np.maximum.accumulate(left * (p / w)[order]), 1.0)
    return out


def benjamini_hochberg(
    p_values: Float[np.ndarray, " m"], alpha: float = 0.05
) -> Bool[np.ndarray, " m"]:
    """Which hypotheses are rejected with E(false rejections/rejections) ≤ alpha; NaN is never rejected."""
    return benjamini_hochberg_adjust(p_values) <= alpha


def benjamini_hochberg_adjust(p_values: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    """Adjusted p-values (q-values): min over k ≥ rank of m p_(k)/k. NaN counts as 1."""
    p = np.nan_to_num(np.asarray(p_values, dtype=float), nan=1.0)
    order = np.argsort(p, kind="stable")
    m = len(p)
    stepped = np.minimum.accumulate((m / np.arange(1, m + 1) * p[order])[::-1])[::-1]
    out = np.empty(m)
    out[order] = np.minimum(stepped, 1.0)
    return out

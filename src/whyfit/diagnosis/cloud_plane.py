"""Neighbours in a plane, by a k-d tree: n log n where comparing all would take n².

Reference: Bentley (1975), Communications of the ACM 18.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from whyfit.diagnosis.cloud import spectrum_of


def nearest_in_plane(
    at: Float[np.ndarray, "n 2"], points: Int[np.ndarray, " m"], k: int
) -> Int[np.ndarray, "m k"]:
    """The k nearest others of some points among all, nearest first; which of several copies is not determined."""
    from scipy.spatial import KDTree  # 0.15 s

    found = np.asarray(KDTree(at).query(at[points], k + 1)[1])
    own = found == points[:, None]
    own[~own.any(axis=1), k] = (
        True  # among more than k copies of itself: leave out the last instead
    )
    return found[~own].reshape(points.size, k)


def principal_plane(X: Float[np.ndarray, "n p"]) -> Float[np.ndarray, "n 2"]:
    """Scores of the first two principal components; zeros where there is only one."""
    C = X - X.mean(axis=0)
    axes = spectrum_of(C).axes[:, :2]
    at = C @ axes
    return np.hstack([at, np.zeros((len(X), 2 - at.shape[1]))])

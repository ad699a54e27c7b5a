"""Centring a sparse cloud without making it dense: everything from the Gram matrix of the sampled points.

With G = XXᵀ, r = Xμ and c = μᵀμ the products of the centred vectors are

    (x_i − μ)ᵀ(x_j − μ) = G_ij − r_i − r_j + c,

m × m numbers for m points, whatever the number of terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from whyfit.diagnosis.cloud import MeanCosine

#: A squared length below this share of that of the mean is what rounding leaves of a point at the mean.
NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class Centred:
    """Of centred points: their k nearest by cosine, the mean cosine, and their places in the principal plane."""

    neighbours: Int[np.ndarray, "m k"]
    mean_cosine: MeanCosine
    plane: Float[np.ndarray, "m 2"]


def centred(X: Any, k: int) -> Centred:
    """`X` is an (m, p) sparse matrix whose own mean is subtracted; a point at the mean has cosine 0 with all."""
    from scipy.sparse.linalg import eigsh

    m = X.shape[0]
    mean = np.asarray(X.mean(axis=0)).ravel()
    r = np.asarray(X @ mean).ravel()
    G = (X @ X.T).toarray() - r[:, None] - r[None] + mean @ mean
    square = np.diag(G).copy()
    tiny = NOTHING * max(float(mean @ mean), float(square.max(initial=0.0)))
    plane = np.zeros((m, 2))
    if square.max(initial=0.0) > tiny:
        # not from the vector of ones: centred points are orthogonal to it
        values, vectors = eigsh(G, k=2, v0=np.random.default_rng(m).standard_normal(m))
        plane = vectors[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0))
    scale = np.where(square > tiny, 1 / np.sqrt(np.where(square > tiny, square, 1.0)), 0.0)
    C = G * scale[:, None] * scale[None]
    np.fill_diagonal(C, 0.0)
    rows = C.sum(axis=1)
    value = float(rows.sum()) / (m * (m - 1))
    np.fill_diagonal(C, -np.inf)
    near = np.argpartition(-C, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(C, near, 1), axis=1, kind="stable")
    return Centred(
        np.take_along_axis(near, order, 1),
        MeanCosine(value, 2 * (rows - rows.mean()) / (m - 1)),
        plane,
    )

"""How far apart, and how differently directed, vectors are.

    d_p(a, b) = ‖a − b‖_p
    cos(a, b) = a·b / (‖a‖‖b‖)
    θ(a, b)   = 2 atan2(‖â − b̂‖, ‖â + b̂‖),   â = a/‖a‖

arccos of the cosine knows nothing of angles below √u ≈ 10⁻⁸, where the cosine rounds to 1; Kahan's formula keeps the
angle to a few u at both ends. A zero vector has no direction: its cosine with everything is 0, its angle π/2.

All pairs of two sets of rows are had from one matrix product a block (see `cloud.py`), and from the differences where
that would have lost more than `CERTAIN` of the square.

Reference: Kahan (2006), How futile are mindless assessments of roundoff in floating-point computation?, § 12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from whyfit.engines.local import LocalEngine
from whyfit.errors import ShapeError, SpecError
from whyfit.linalg.cloud import Cloud, epsilon
from whyfit.linalg.neighbours import TILE, Metric
from whyfit.linalg.norms import power_of_two, real_array, unit_rows, vector_norm

if TYPE_CHECKING:
    from whyfit.linalg.cloud import Matrix

#: A squared distance that the product of a block cannot guarantee to this relative error is measured by differences.
CERTAIN = 1e-10


def distance(a: Any, b: Any, p: float = 2.0) -> Any:
    """‖a − b‖_p along the last axis; 0 for equal vectors, infinite only if the true distance is."""
    a, b = _pair(a, b)
    scale = power_of_two(max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0)))
    return vector_norm(a * scale - b * scale, p) / scale


def cosine_similarity(a: Any, b: Any) -> Any:
    """cos(a, b) along the last axis, in [−1, 1]; 0 where one of the two is zero."""
    a, b = _pair(a, b)
    return np.clip((_unit(a) * _unit(b)).sum(axis=-1), -1.0, 1.0)


def angle(a: Any, b: Any) -> Any:
    """θ(a, b) in radians along the last axis, from 0 to π; π/2 where one of the two is zero."""
    a, b = _pair(a, b)
    a, b = _unit(a), _unit(b)
    theta = 2 * np.arctan2(vector_norm(a - b), vector_norm(a + b))
    return np.where(a.any(axis=-1) & b.any(axis=-1), theta, np.pi / 2)[()]


def pairwise_distances(
    A: Matrix, B: Matrix, metric: Metric = "euclidean"
) -> Float[np.ndarray, "m n"]:
    """The distance of every row of A to every row of B: ‖a − b‖, or 1 − cos(a, b) for "cosine".

    A relative error of at most `CERTAIN` is guaranteed for ‖a − b‖, however near the rows and far their origin; for a
    cosine, after each unit vector was rounded to u. Equal rows are at exactly 0.
    Rows may be sparse and stay so; the result is dense, 8mn bytes.

    Raises
    ------
    ShapeError : rows of different lengths, or one dense and one sparse.
    NotFiniteError : a NaN or an infinity.
    """
    if metric not in ("euclidean", "cosine"):
        raise SpecError(f"metric is {metric!r}; expected 'euclidean' or 'cosine'.")
    cloud = Cloud.of(A, B, directions=metric == "cosine")
    m, n = cloud.queries.shape[0], cloud.points.shape[0]
    square = np.empty((m, n))
    tiles = [slice(i, min(i + TILE, m)) for i in range(0, m, TILE)]
    eps = epsilon(cloud.queries.shape[1], np.float64)
    for block in cloud.blocks(at_least=1):

        def fill(tile: slice, block: Any = block) -> None:
            rows = cloud.tile(tile)
            S, s = block.bounds(rows, np.float64)
            S += s[:, None]
            doubtful = 2 * eps / CERTAIN * (s[:, None] + block.lengths) > S
            i, j = np.nonzero(doubtful)
            S[i, j] = block.squares(rows, i, j)
            square[tile, block.start : block.start + S.shape[1]] = S

        for _ in LocalEngine().map(fill, tiles):
            pass
    if metric == "cosine":
        square *= 0.5
        return square
    np.sqrt(square, out=square)
    square /= cloud.scale
    return square


def cosine_similarities(A: Matrix, B: Matrix) -> Float[np.ndarray, "m n"]:
    """cos(a, b) of every row of A with every row of B: one product of the rows of unit length."""
    cloud = Cloud.of(A, B, directions=True)
    U, V = unit_rows(cloud.queries), unit_rows(cloud.points)
    product = U @ V.T
    dense = product if isinstance(product, np.ndarray) else product.toarray()
    return np.clip(dense, -1.0, 1.0, out=dense)


def _pair(a: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    a, b = real_array(a), real_array(b)
    if a.shape[-1] != b.shape[-1]:
        raise ShapeError(
            f"vectors of shapes {a.shape} and {b.shape}; expected the same number of entries."
        )
    return a, b


def _unit(a: np.ndarray) -> np.ndarray:
    return unit_rows(a.reshape(-1, a.shape[-1])).reshape(a.shape)

"""How much of the picture to believe: neighbours that are kept, and points that stand in the wrong place.

For point i let T_i be its k nearest neighbours in the full space and P_i those in the plane. Kept is the share
|T_i ∩ P_i| / k; by chance it would be k / (n − 1). A point is misplaced as far as its true neighbours are drawn away
from it: their mean distance from i in the plane, in units of the mean distance of two points there (0: in the same
spot; 1: no nearer than any other).

Reference: Venna & Kaski (2001), ICANN, on the trustworthiness of neighbourhoods in projections.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from whyfit.diagnosis.cloud import CloudCase, K, Metric
from whyfit.diagnosis.cloud_trials import kept_shares
from whyfit.linalg.neighbours import nearest
from whyfit.mapping.plane import Plane

#: Clouds up to this size are measured in full; of a larger one so many points are drawn at random.
ALL, SAMPLED = 5_000, 3_000
#: Points on which the other metric is tried, which nobody asked for.
ASIDE = 1_000
MISPLACED = 8  # points listed


@dataclass(frozen=True, slots=True)
class Kept:
    """Mean share of the k true neighbours that are among the k nearest in the plane, with its interval."""

    metric: Metric
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Trust:
    """What the plane does to neighbourhoods.

    Attributes
    ----------
    points : indices of the points measured (all, or a random sample).
    k : neighbours per point. chance : share kept by points strewn at random.
    true : the k nearest of each measured point in the full space, nearest first.
    kept : by the cloud's metric; also : by the other one, if that is meant too.
    each : share kept of every measured point.
    away : mean distance of its true neighbours in the plane, in units of that of two random points.
    """

    points: Int[np.ndarray, " m"]
    k: int
    chance: float
    true: Int[np.ndarray, "m k"]
    kept: Kept
    also: Kept | None
    each: Float[np.ndarray, " m"]
    away: Float[np.ndarray, " m"]

    def worst(self) -> Int[np.ndarray, " w"]:
        """Positions in `points` of those misplaced most: their true neighbours are furthest away."""
        return np.argsort(-self.away, kind="stable")[:MISPLACED]


def trust_in(case: CloudCase, plane: Plane) -> Trust:
    """Measured on all points, or on a random sample of a large cloud (against all points)."""
    n = case.n
    k = min(K, n - 1)
    points = np.arange(n)
    if n > ALL:
        points = np.sort(case.rng("trust").permutation(n)[:SAMPLED])
    own = True if points.size == n else points
    flat = _in_plane(plane.at, points, k)
    true = nearest(case.X[points], case.X, k, case.metric, exclude_self=own).index
    each = kept_shares(true, flat)
    also = None
    if case.kind == "vectors":
        other: Metric = "euclidean" if case.metric == "cosine" else "cosine"
        few = np.sort(case.rng("aside").permutation(points.size)[:ASIDE])
        at = points[few]
        by_other = nearest(case.X[at], case.X, k, other, exclude_self=at).index
        also = _kept(other, kept_shares(by_other, flat[few]), case.z())
    steps = plane.at[true] - plane.at[points][:, None, :]
    away = np.hypot(steps[..., 0], steps[..., 1]).mean(axis=1)
    away = away / plane.spread if plane.spread > 0 else np.zeros_like(away)
    return Trust(
        points, k, k / (n - 1), true, _kept(case.metric, each, case.z()), also, each, away
    )  # fmt: skip


def _in_plane(
    at: Float[np.ndarray, "n 2"], points: Int[np.ndarray, " m"], k: int
) -> Int[np.ndarray, "m k"]:
    """The k nearest others of some points in the plane, by a k-d tree: n log n where a matrix would take n²."""
    from scipy.spatial import KDTree

    found = np.asarray(KDTree(at).query(at[points], k + 1)[1])
    own = found == points[:, None]
    own[~own.any(axis=1), k] = (
        True  # among more than k copies of itself: leave out the last instead
    )
    return found[~own].reshape(points.size, k)


def _kept(metric: Metric, each: Float[np.ndarray, " m"], quantile: float) -> Kept:
    mean = float(each.mean())
    half = quantile * float(each.std()) / np.sqrt(each.size)
    return Kept(metric, mean, max(mean - half, 0.0), min(mean + half, 1.0))

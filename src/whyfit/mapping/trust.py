"""How much of the picture to believe: neighbours that are kept, and points that stand in the wrong place.

For point i let T_i be its k nearest neighbours in the full space and P_i those in the plane. Kept is the share
|T_i ∩ P_i| / k; by chance it would be k / (n − 1). A point is misplaced as far as its true neighbours are drawn away
from it: their mean distance from i in the plane, in units of the mean distance of two points there (0: in the same
spot; 1: no nearer than any other).

What is kept of neighbouring points is not independent: they share their neighbours, and the standard deviation over
√n would make intervals a quarter too short. So they are jackknifed: points are left out in g groups, from the lists
of all others too, and

    se² = (g − 1)/g Σ_j (mean without group j − their mean)².

References: Venna & Kaski (2001), ICANN, on the trustworthiness of neighbourhoods in projections; Efron & Tibshirani
(1993), An Introduction to the Bootstrap, ch. 11.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from whyfit.diagnosis.cloud import CloudCase, K, Metric
from whyfit.diagnosis.cloud_plane import nearest_in_plane
from whyfit.diagnosis.cloud_trials import kept_shares
from whyfit.linalg.neighbours import nearest
from whyfit.mapping.plane import Plane

Lists = Int[np.ndarray, "m l"]

#: Clouds up to this size are measured in full; of a larger one so many points are drawn at random.
ALL, SAMPLED = 5_000, 3_000
#: Points on which the other metric is tried, which nobody asked for.
ASIDE = 1_000
#: Groups left out in turn, and how much longer than k lists are for that: of k + EXTRA points a group of a twentieth
#: holds more than EXTRA once in a million.
GROUPS, EXTRA = 20, 10
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
    measured : different points among them; copies are counted once, and sought among different points.
    """

    points: Int[np.ndarray, " m"]
    k: int
    chance: float
    true: Int[np.ndarray, "m k"]
    kept: Kept
    also: Kept | None
    each: Float[np.ndarray, " m"]
    away: Float[np.ndarray, " m"]
    measured: int

    def worst(self) -> Int[np.ndarray, " w"]:
        """Positions in `points` of those misplaced most: their true neighbours are furthest away."""
        order = np.argsort(-self.away, kind="stable")
        order = order[self.away[order] > 0]  # the rest stands where its neighbours are
        _, once = np.unique(
            self.true[order], axis=0, return_index=True
        )  # copies have the same neighbours
        return order[np.sort(once)][:MISPLACED]


def trust_in(case: CloudCase, plane: Plane) -> Trust:
    """Measured on all points, or on a random sample of a large cloud (against all points)."""
    points = np.arange(case.n)
    if case.n > ALL:
        points = np.sort(case.rng("trust").permutation(case.n)[:SAMPLED])
    distinct, d = case.distinct, case.distinct.size
    first = case.origin if d < case.n else np.arange(case.n)
    asked, back = np.unique(first[points], return_inverse=True)
    place = np.searchsorted(distinct, asked)  # of the points asked about, among the distinct ones
    at, X = plane.at[distinct], case.X if d == case.n else case.X[distinct]
    k, longer = min(K, d - 1), min(K + EXTRA, d - 1)
    flat = nearest_in_plane(at, place, longer)
    true = nearest(X[place], X, longer, case.metric, exclude_self=place).index
    kept = _kept(case.metric, true, flat, place, case)
    also = None
    if case.kind == "vectors":
        other: Metric = "euclidean" if case.metric == "cosine" else "cosine"
        few = np.sort(case.rng("aside").permutation(place.size)[:ASIDE])
        some = place[few]
        by_other = nearest(X[some], X, longer, other, exclude_self=some).index
        also = _kept(other, by_other, flat[few], some, case)
    true = true[:, :k]
    each = kept_shares(true, flat[:, :k])
    steps = at[true] - at[place][:, None, :]
    away = np.hypot(steps[..., 0], steps[..., 1]).mean(axis=1)
    away = away / plane.spread if plane.spread > 0 else np.zeros_like(away)
    chance = k / (d - 1)
    return Trust(
        points, k, chance, distinct[true][back], kept, also, each[back], away[back], asked.size
    )  # fmt: skip


def _kept(
    metric: Metric, true: Lists, flat: Lists, points: Int[np.ndarray, " m"], case: CloudCase
) -> Kept:
    """Mean share of the first k of `true` among the first k of `flat`, with its jackknife interval.

    The lists are EXTRA longer than k, to be k long still when a group of points is left out.
    """
    n = case.distinct.size
    k = min(K, n - 1)
    i, a, b = np.nonzero(true[:, :, None] == flat[:, None, :])
    g = min(GROUPS, n)
    group = case.rng("groups").permutation(n) % g

    def mean(left_out: int) -> float:
        first_true, first_flat = (_first(group[lists] != left_out, k) for lists in (true, flat))
        rows = group[points] != left_out
        hits = first_true[i, a] & first_flat[i, b] & rows[i]
        return float(np.count_nonzero(hits)) / (k * max(int(rows.sum()), 1))

    value = mean(-1)
    without = np.array([mean(j) for j in range(g)])
    spread = float(np.sqrt((g - 1) / g * np.sum((without - without.mean()) ** 2)))
    half = case.z() * spread
    return Kept(metric, value, max(value - half, 0.0), min(value + half, 1.0))


def _first(there: Bool[np.ndarray, "m l"], k: int) -> Bool[np.ndarray, "m l"]:
    """The first k that are there in every row."""
    return there & (np.cumsum(there, axis=1) <= k)

"""Transformations of a cloud, tried: what each does to cosines, hubs, neighbour lists and the plane.

All are tried on the same sampled points, so differences are paired point by point: the standard error of a
difference of two statistics is that of the mean difference of their influence functions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from whyfit.diagnosis.cloud import CloudCase, Hubness, MeanCosine, mean_cosine
from whyfit.diagnosis.cloud_plane import nearest_in_plane, principal_plane
from whyfit.diagnosis.cloud_sparse import centred
from whyfit.diagnosis.cloud_transforms import TRANSFORMS, Transform, transformed, words
from whyfit.diagnosis.finding import Remedy, Trial

#: What is tried, by what makes points neighbours; distances do not see the mean.
CANDIDATES: dict[str, tuple[Transform, ...]] = {
    "cosine": ("centre", "all-but-the-top", "whiten"),
    "euclidean": ("unit", "all-but-the-top", "whiten"),
}


@dataclass(frozen=True, slots=True)
class Tried:
    """A transformation of the cloud and its effect on the sampled points.

    `unchanged` is the share of the k nearest neighbours that are the same as before, `kept` the share that the plane
    of the transformed points keeps.
    """

    how: Transform
    hubness: Hubness
    mean_cosine: MeanCosine
    neighbours: Int[np.ndarray, "m k"]
    unchanged: float
    kept: float


def attempt(case: CloudCase, how: Transform) -> Tried:
    """`how` tried on the sampled points; tried once per case. Of sparse clouds "none" and "centre" only."""
    if how not in case.tried:
        case.tried[how] = _dense(case, how) if case.dense else _sparse(case, how)
    return case.tried[how]


def _dense(case: CloudCase, how: Transform) -> Tried:
    X = transformed(case, how, np.asarray(case.X[case.sampled]))
    found = case.neighbours(X)
    base = found if how == "none" else attempt(case, "none").neighbours
    return _tried(how, found, base, mean_cosine(X), principal_plane(X))


def _sparse(case: CloudCase, how: Transform) -> Tried:
    X = case.X[case.sampled]
    after = centred(X, case.k)
    if how == "none":
        found = case.neighbours(X)
        return _tried(how, found, found, mean_cosine(X), after.plane)
    base = attempt(case, "none").neighbours
    return _tried(how, after.neighbours, base, after.mean_cosine, after.plane)


def _tried(
    how: Transform,
    found: Int[np.ndarray, "m k"],
    base: Int[np.ndarray, "m k"],
    cosine: MeanCosine,
    plane: Float[np.ndarray, "m 2"],
) -> Tried:
    m, k = found.shape
    flat = nearest_in_plane(plane, np.arange(m), k)
    return Tried(how, Hubness.of(found, m), cosine, found, shared(base, found), shared(found, flat))


def candidates(case: CloudCase) -> tuple[Transform, ...]:
    """What can be tried on this case, gentlest first."""
    if case.dense:
        return CANDIDATES[case.metric]
    return ("centre",) if case.metric == "cosine" else ()


def all_attempts(case: CloudCase) -> tuple[Tried, ...]:
    """The cloud as it is and after every candidate."""
    return tuple(attempt(case, how) for how in ("none", *candidates(case)))


def attempted(case: CloudCase) -> tuple[Tried, ...]:
    """What has been tried on this case so far, in the order of TRANSFORMS."""
    return tuple(case.tried[how] for how in TRANSFORMS if how in case.tried)


def shared(a: Int[np.ndarray, "m k"], b: Int[np.ndarray, "m k"]) -> float:
    """Mean share of each row of `a` that is in the same row of `b`."""
    return float(kept_shares(a, b).mean())


def kept_shares(a: Int[np.ndarray, "m k"], b: Int[np.ndarray, "m l"]) -> Float[np.ndarray, " m"]:
    """For every row, the share of the entries of `a` that are also in `b`."""
    return (a[:, :, None] == b[:, None, :]).any(axis=2).mean(axis=1)


def fewer_hubs(case: CloudCase, limit: float) -> Remedy:
    """The first candidate, gentlest first, that brings hubness within its limit, else the one that leaves least."""
    before = attempt(case, "none").hubness
    tried = [attempt(case, how) for how in candidates(case)]
    best = next((t for t in tried if _hub_skewness(t) <= limit), min(tried, key=_hub_skewness))
    after = best.hubness
    return _remedy(
        case, best, "hub skewness", before.skewness, after.skewness, before.influence - after.influence
    )  # fmt: skip


def smaller_cosine(case: CloudCase, how: Transform) -> Remedy:
    """`how` judged by the size of the mean cosine."""
    before, tried = attempt(case, "none").mean_cosine, attempt(case, how)
    after = tried.mean_cosine
    signs = np.sign(before.value), np.sign(after.value)
    influence = signs[0] * before.influence - signs[1] * after.influence
    return _remedy(
        case, tried, "size of the mean cosine", abs(before.value), abs(after.value), influence
    )


def _hub_skewness(tried: Tried) -> float:
    return tried.hubness.skewness


def _remedy(
    case: CloudCase,
    tried: Tried,
    measure: str,
    before: float,
    after: float,
    influence: Float[np.ndarray, " m"],
) -> Remedy:
    """The trial of a measure that is better when smaller."""
    half = case.z() * float(influence.std() / np.sqrt(influence.size))
    gain = before - after
    trial = Trial(measure, before, after, gain, gain - half, gain + half, gain - half > 0)
    if not case.dense:  # sparse vectors cannot hold a mean, so this is for the user's own index
        return Remedy(f"{words(tried.how, case.p)} before cosines are taken", {}, trial)
    return Remedy(words(tried.how, case.p), {"transform": tried.how}, trial)

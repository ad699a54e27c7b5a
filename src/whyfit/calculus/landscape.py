"""The loss as a landscape: a plane through the minimum, with the path that was taken drawn in.

Two planes are worth looking at. Spanned by the eigenvectors of H for its largest and smallest (live) curvature it shows
the valley: contours are ellipses with axes in the ratio √κ. Spanned by the two principal components of the optimizer's
own path it shows where the path went, and how much of its movement the plane holds.

Reference: Li, Xu, Taylor, Studer & Goldstein (2018), NeurIPS 31 (PCA of trajectories, §7).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.calculus.objective import Objective, Plane
from whyfit.calculus.walk import Walk
from whyfit.errors import ShapeError
from whyfit.linalg.decompose import signs

POINTS = 41  # a side: enough for smooth contours in a figure of a few hundred pixels
_MARGIN = 1.25  # the plane reaches this much further than the path


@dataclass(frozen=True)
class Landscape:
    """Contour-ready: `loss` (a, b) over `plane.first` × `plane.second`, and the path (k, 2) in its coordinates.

    `held` (2) are the shares of the path's movement along each axis (of its sum of squares about the centre);
    `curvatures` are vᵀHv along the axes.
    """

    plane: Plane
    loss: Float[np.ndarray, "a b"]
    path: Float[np.ndarray, "k 2"]
    held: Float[np.ndarray, " 2"]
    curvatures: Float[np.ndarray, " 2"]


def along_curvature(
    objective: Objective, minimum: Float[np.ndarray, " c"], H: Float[np.ndarray, "c c"], walk: Walk
) -> Landscape:
    """The plane of the sharpest and the flattest live direction of H.

    Raises ShapeError with fewer than two parameters.
    """
    if minimum.size < 2:
        raise ShapeError("a landscape needs two parameters or more; the loss of one is a curve.")
    lam, V = np.linalg.eigh(H)
    live = np.flatnonzero(lam > lam[-1] * lam.size * np.finfo(float).eps)
    flattest = live[0] if live.size > 1 else lam.size - 2
    return _landscape(objective, minimum, _signed(V[:, [lam.size - 1, flattest]].T), walk)


def along_path(objective: Objective, minimum: Float[np.ndarray, " c"], walk: Walk) -> Landscape:
    """The plane of the two principal components of the path about the minimum.

    A path that moves along one line gets any direction at right angles as its second axis. Raises ShapeError with
    fewer than two parameters.
    """
    if minimum.size < 2:
        raise ShapeError("a landscape needs two parameters or more; the loss of one is a curve.")
    moved = _finite(walk.points) - minimum
    _, _, Vt = np.linalg.svd(np.vstack([moved, np.zeros((2, minimum.size))]), full_matrices=False)
    return _landscape(objective, minimum, _signed(Vt[:2]), walk)


def _landscape(
    objective: Objective, centre: np.ndarray, directions: Float[np.ndarray, "2 c"], walk: Walk
) -> Landscape:
    moved = _finite(walk.points) - centre
    path = moved @ directions.T
    total = float((moved * moved).sum())
    held = (path * path).sum(axis=0) / total if total > 0 else np.zeros(2)
    bends = np.array([float(d @ objective.hessian_vector(centre, d)) for d in directions])
    reach = np.maximum(np.abs(path).max(axis=0, initial=0.0), np.finfo(float).tiny)
    if (
        reach <= 1e-9 * reach.max()
    ).any():  # nothing moved along one axis: give it the other's height
        ratio = np.sqrt(bends[::-1] / bends) if (bends > 0).all() else np.ones(2)
        reach = np.maximum(reach, reach[::-1] * ratio)
    if not reach.max() > np.finfo(float).tiny * 2:
        reach = np.ones(2)
    sides = [np.linspace(-_MARGIN * r, _MARGIN * r, POINTS) for r in reach]
    plane = Plane(centre, directions, sides[0], sides[1])
    return Landscape(plane, objective.on_plane(plane), path, held, bends)


def _finite(points: Float[np.ndarray, "k c"]) -> Float[np.ndarray, "k c"]:
    return points[np.isfinite(points).all(axis=1)]


def _signed(directions: Float[np.ndarray, "2 c"]) -> Float[np.ndarray, "2 c"]:
    """So that the same data give the same picture."""
    return directions * signs(directions)[:, None]

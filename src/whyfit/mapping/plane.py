"""The plane that keeps most of the variance: principal axes 1 and 2 of a cloud.

Of the variance Σ_k λ_k axis k keeps the share s_k = λ_k / Σλ. Its influence function at a point with score z_k and
squared distance d² from the mean is (z_k² − s_k d²) / Σλ, so

    se(s_k) = sd(z_k² − s_k d²) / (√n Σλ)

whatever the law of the points; no normality is needed. Sparse vectors stay sparse: their axes come from a truncated
singular value decomposition in which the mean is subtracted on the fly.

References: Critchley (1985), Biometrika 72, on the influence functions of eigenvalues; Pearson (1901),
Philosophical Magazine 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from whyfit.diagnosis.cloud import CloudCase


@dataclass(frozen=True, slots=True)
class Share:
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Plane:
    """Where the points are drawn.

    Attributes
    ----------
    at : coordinates of every point, origin at the mean.
    axes : the two unit vectors; mean : what is subtracted before.
    shares : of the variance along axis 1, axis 2 and both.
    spread : mean distance of two points in the plane.
    """

    at: Float[np.ndarray, "n 2"]
    axes: Float[np.ndarray, "p 2"]
    mean: Float[np.ndarray, " p"]
    shares: tuple[Share, Share, Share]
    spread: float

    def place(self, x: Float[np.ndarray, " p"]) -> tuple[float, float]:
        """Where a vector of the full space is drawn."""
        a, b = (x - self.mean) @ self.axes
        return float(a), float(b)


def plane_of(case: CloudCase) -> Plane:
    """The plane of a cloud, dense or sparse."""
    if case.dense:
        axes = case.spectrum.axes[:, :2]
        at = case.centred @ axes
        squares = np.einsum("ij,ij->i", case.centred, case.centred)
    else:
        axes, at, squares = _sparse_plane(case)
    if axes.shape[1] < 2:  # a single coordinate, or a cloud on a line
        missing = 2 - axes.shape[1]
        axes = np.hstack([axes, np.zeros((case.p, missing))])
        at = np.hstack([at, np.zeros((case.n, missing))])
    shares = tuple(
        _share(z2, squares, case.z()) for z2 in (at[:, 0] ** 2, at[:, 1] ** 2, (at**2).sum(axis=1))
    )
    return Plane(at, axes, case.mean, shares, _spread(at, case))  # type: ignore[arg-type]


def _share(z2: Float[np.ndarray, " n"], d2: Float[np.ndarray, " n"], quantile: float) -> Share:
    total = float(d2.mean())
    if not total > 0:
        return Share(0.0, 0.0, 0.0)
    z2, d2 = z2 / total, d2 / total
    s = float(z2.mean())
    half = quantile * float(np.std(z2 - s * d2)) / np.sqrt(d2.size)
    return Share(s, max(s - half, 0.0), min(s + half, 1.0))


def _spread(at: Float[np.ndarray, "n 2"], case: CloudCase) -> float:
    a, b = case.rng("spread").integers(len(at), size=(2, 10_000))
    a, b = a[a != b], b[a != b]
    return float(np.mean(np.hypot(*(at[a] - at[b]).T))) if a.size else 0.0


def _sparse_plane(case: CloudCase) -> tuple[Any, Any, Any]:
    from scipy.sparse.linalg import LinearOperator, svds

    X: Any = case.X
    mean, n, p = case.mean, case.n, case.p
    squares = np.asarray(X.power(2).sum(axis=1)).ravel() - 2 * (X @ mean) + mean @ mean
    k = min(2, n - 1, p - 1)
    if not squares.max() > 1e-12 * float(mean @ mean):  # all vectors are the same
        return np.eye(p, 2), np.zeros((n, 2)), np.zeros(n)
    if k < 1:
        C = X.toarray() - mean
        return np.ones((p, 1)), C[:, :1], squares
    operator: Any = LinearOperator
    centred = operator(
        (n, p),
        matvec=lambda v: X @ v.ravel() - mean @ v.ravel(),
        rmatvec=lambda u: X.T @ u.ravel() - mean * u.sum(),
        dtype=np.float64,
    )
    start = case.rng("plane").standard_normal(min(n, p))
    _, values, Vt = svds(centred, k=k, v0=start)
    axes = np.asarray(Vt)[np.argsort(-values)].T
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], 0)
    axes = axes * np.where(largest < 0, -1.0, 1.0)
    return axes, X @ axes - mean @ axes, np.maximum(squares, 0)

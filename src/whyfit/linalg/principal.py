"""Principal components of an array, by the route its shape and the accuracy wanted ask for.

    moments      one pass for mean and scatter, a p × p eigendecomposition     error of every λ: c u λ₁
    triangle     TSQR over the rows, singular values of R                      error of λ_j: c u √(λ_j λ₁)
    singular     singular values of the centred rows themselves                the same, for more columns than rows
    randomised   products with random vectors                                  λ_j low by e²/(n − 1) at most, e measured

See `linalg.components` for what they mean and `linalg.randomised` for the last route.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from whyfit.linalg.components import principal_components
from whyfit.linalg.decompose import singular, singular_values_of
from whyfit.linalg.moments import Moments, not_finite
from whyfit.linalg.operators import centred
from whyfit.linalg.randomised import randomised_svd
from whyfit.linalg.rank import EPS
from whyfit.linalg.triangle import Triangle

Route = Literal["moments", "triangle", "singular", "randomised"]
_ROWS = 256  # of a wide array, looked at together


@dataclass(frozen=True)
class Principal:
    """Variances λ (r,) falling, directions (r, p) as rows, Σλ over all directions, and how λ was found.

    `error` (r,) bounds how far rounding may have moved each λ; on the randomised route also how much of it was missed,
    except with the probability `randomised.RISK`.
    """

    variances: Float[np.ndarray, " r"]
    directions: Float[np.ndarray, "r p"]
    total: float
    error: Float[np.ndarray, " r"]
    route: Route


def by_moments(moments: Moments) -> Principal:
    """Of the rows behind the moments. ShapeError for none."""
    c = principal_components(moments)
    error = np.full(len(c.variances), c.spectral.error)
    return Principal(c.variances, c.directions, float(c.variances.sum()), error, "moments")


def by_triangle(X: Float[np.ndarray, "n p"], mean: Float[np.ndarray, " p"]) -> Principal:
    """One more pass over n ≥ 2 rows; small variances keep their digits."""
    n, p = X.shape
    step, R = max(4 * p, 4096), Triangle.empty(p)
    for a in range(0, n, step):
        R = R + Triangle.of(X[a : a + step] - mean)
    return _of(singular_values_of(R, n), n, "triangle")


def by_singular_values(X: Float[np.ndarray, "n p"], mean: Float[np.ndarray, " p"]) -> Principal:
    """Of an array that fits into memory twice."""
    return _of(singular(X - mean), len(X), "singular")


def by_products(
    X: Float[np.ndarray, "n p"], mean: Float[np.ndarray, " p"], k: int, rng: np.random.Generator
) -> Principal:
    """The k leading ones only; X is not copied."""
    n = len(X)
    s = randomised_svd(centred(X, mean), k, rng=rng)
    total = float(sum(np.square(X[a : a + _ROWS] - mean).sum() for a in range(0, n, _ROWS)))
    per = max(n - 1, 1)
    error = np.full(k, (s.missed**2 + 32 * X.shape[1] ** 0.5 * EPS * s.values[0] ** 2) / per)
    return Principal(s.values**2 / per, s.Vt, total / per, error, "randomised")


def mean_of_wide(X: Float[np.ndarray, "n p"], names: Sequence[str]) -> Float[np.ndarray, " p"]:
    """Column means of a few long rows; NotFiniteError, naming columns, as `moments_of_array`."""
    with np.errstate(over="ignore", invalid="ignore"):
        shift = np.where(np.isfinite(X[0]), X[0], 0.0).astype(np.float64)
        total, squares = np.zeros(X.shape[1]), np.zeros(X.shape[1])
        for a in range(0, len(X), _ROWS):
            d = X[a : a + _ROWS] - shift
            total += d.sum(axis=0)
            squares += np.einsum("ij,ij->j", d, d)
    if not np.isfinite(squares).all():
        raise not_finite(np.flatnonzero(~np.isfinite(squares)), dict(enumerate(names)))
    return shift + total / len(X)


def _of(s, n: int, route: Route) -> Principal:
    per = max(n - 1, 1)
    lam = s.values**2 / per
    error = (2 * s.values + s.error) * s.error / per
    return Principal(lam, s.Vt, float(lam.sum()), error, route)

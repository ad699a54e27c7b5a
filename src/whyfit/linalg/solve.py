"""Least squares with certified digits.

Columns are centred and scaled to unit length first, so that units do not matter:
minimise ‖c − A z‖ with A = (X − 1μᵀ)D⁻¹, c = (y − ȳ)/d_y, then w = d_y D⁻¹ z. Routes, cheapest first:

    gram   AᵀA z = Aᵀc by Cholesky, from moments alone       error of z_j ≲ γ Σ_k|(AᵀA)⁻¹|_jk (1 + ‖z‖₁)
    qr     R z = Qᵀc, R folded over the blocks               error of z_j ≲ γ(√G_jj (1 + ‖z‖₁) + Σ_k|G_jk| ρ)

with G = (AᵀA)⁻¹, ρ = ‖c − Az‖ and γ = 16u. `gram` is accepted while κ²u leaves DIGITS_WANTED digits and the
subtraction 1 − R² keeps RSS_DIGITS_WANTED; otherwise the rows are asked for once more. A column closer than RANK_TOLERANCE to the span of the
columns before it (all of unit length) is *dropped*: it is listed in `Solution.dropped`, and a rule reports it.

References: Higham (2002), Accuracy and Stability of Numerical Algorithms, ch. 20;
Golub & Van Loan (2013), Matrix Computations, §5.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve, cholesky, solve_triangular

from whyfit.linalg.conditioning import correlation
from whyfit.linalg.moments import Moments
from whyfit.linalg.triangle import Triangle

U = float(np.finfo(np.float64).eps) / 2
GAMMA = 16 * U  # rounding of one blocked, vectorised inner product; measured ≤ 6u in tests
DIGITS_WANTED = 8.0  # whyfit's design: keep the Gram route while κ²u leaves eight digits
RSS_DIGITS_WANTED = (
    9.0  # of 1 − R², which the Gram route gets by subtraction; standard errors need it
)
RANK_TOLERANCE = 65_536 * U  # rows per block × u: what rounding alone may leave of a null column
MAX_DIGITS = -float(np.log10(U))  # 15.95: float64 holds no more

Route = Literal["gram", "qr", "refined"]


@dataclass(frozen=True, slots=True)
class Solution:
    """w and what is needed for its law.

    `G` is the inverse of the correlation matrix of the kept columns, scattered into p × p with zeros for
    dropped ones; (XᵀX)⁻¹ of the centred columns is G_jk/(d_j d_k). `gap` is the smallest distance of a kept
    column to the span of those before it and `lost` the largest of a dropped one (unit lengths).
    """

    w: Float[np.ndarray, " p"]
    G: Float[np.ndarray, "p p"]
    scale: Float[np.ndarray, " p"]  # d_j = √S_jj
    digits: Float[np.ndarray, " p"]  # decimal digits of w certain; 0 for dropped columns
    dropped: Bool[np.ndarray, " p"]
    rss: float
    tss: float
    route: Route
    gap: float
    lost: float
    rss_digits: float


def least_squares(
    moments: Moments, triangle: Callable[[np.ndarray, np.ndarray], Triangle] | None = None
) -> Solution:
    """Solve from moments of [X y]; `triangle(mean, scale)` walks the rows again if it must.

    Without `triangle` the Gram route is taken whatever its certificate says.
    """
    p = moments.mean.size - 1
    d = np.sqrt(np.diag(moments.scatter))
    flat = d <= U * 64 * np.sqrt(max(moments.n, 1)) * np.abs(moments.mean)
    scale = np.where(flat | (d == 0), 1.0, d)
    C = moments.scatter / scale / scale[:, None]
    C[flat, :] = C[:, flat] = 0.0
    tss = float(moments.scatter[-1, -1])
    kept = ~flat[:p]
    try:
        L = cholesky(C[:p, :p][np.ix_(kept, kept)], lower=True, check_finite=False)
        gap = float(np.diag(L).min()) if L.size else 1.0
        inverse = cho_solve((L, True), np.eye(len(L)), check_finite=False)
        loss = np.log10(max(1.0, float(np.abs(inverse).sum(axis=1).max()))) if L.size else 0.0
        good = MAX_DIGITS - loss >= DIGITS_WANTED and gap > np.sqrt(RANK_TOLERANCE)
    except LinAlgError:
        L = inverse = None
        gap, good = 0.0, False
    if L is not None and inverse is not None and (good or triangle is None) and moments.n > p + 1:
        z = cho_solve((L, True), C[:p, -1][kept], check_finite=False)
        reach = np.abs(inverse).sum(axis=1) * (1 + np.abs(z).sum())
        rss_scaled = max(0.0, 1.0 - float(C[:p, -1][kept] @ z))
        rss_error = GAMMA * (1 + np.abs(z).sum()) ** 2
        if triangle is None or rss_error <= 10**-RSS_DIGITS_WANTED * rss_scaled or tss == 0:
            return _solution(
                z, inverse, reach, rss_scaled, rss_error, kept, scale, tss, "gram", gap, 0.0
            )  # fmt: skip
    if triangle is None:
        R = _pseudo_triangle(C)
        return _from_triangle(R, kept, scale, tss, np.sqrt(RANK_TOLERANCE), "gram")
    R = triangle(moments.mean, scale).R[:, 1:]  # first column is the intercept
    full = np.zeros((p + 2, p + 1))
    full[: len(R)] = R
    return _from_triangle(full[1:], kept, scale, tss, RANK_TOLERANCE, "qr")


def _pseudo_triangle(C: Float[np.ndarray, "q q"]) -> Float[np.ndarray, "q q"]:
    """An upper-triangular R with RᵀR ≈ C for a C that may be singular."""
    mu, V = np.linalg.eigh(C)
    return np.linalg.qr((V * np.sqrt(np.maximum(mu, 0.0))).T, mode="r")


def _from_triangle(R, candidates, scale, tss, tolerance, route: Route) -> Solution:
    """Solve from the triangle of [A c], dropping columns that lie in the span of earlier ones."""
    p = R.shape[1] - 1
    work, kept = R.copy(), np.zeros(p, dtype=bool)
    gap, lost, row = 1.0, 0.0, 0
    for j in range(
        p
    ):  # Householder over the columns in order: |pivot| = distance to the span so far
        if not candidates[j]:
            continue
        tail = work[row:, j]
        distance = float(np.linalg.norm(tail))
        if distance <= tolerance or row >= len(work) - 1:
            lost = max(lost, distance)
            continue
        v = tail.copy()
        v[0] += np.copysign(distance, v[0])
        v /= np.linalg.norm(v)
        work[row:, j:] -= np.outer(2 * v, v @ work[row:, j:])
        gap, kept[j], row = min(gap, distance), True, row + 1
    T = np.triu(work[:row][:, :p][:, kept])
    q = work[:row, p]
    z = solve_triangular(T, q, check_finite=False) if row else np.zeros(0)
    Ti = solve_triangular(T, np.eye(row), check_finite=False) if row else np.zeros((0, 0))
    inverse = Ti @ Ti.T
    rho = float(np.linalg.norm(work[row:, p]))
    size = 1 + np.abs(z).sum()
    reach = np.sqrt(np.diag(inverse)) * size + np.abs(inverse).sum(axis=1) * rho
    return _solution(
        z,
        inverse,
        reach,
        rho**2,
        GAMMA * size * rho + (GAMMA * size) ** 2,
        kept,
        scale,
        tss,
        route,
        gap,
        lost,
    )


def _solution(
    z, inverse, reach, rss_scaled, rss_error, kept, scale, tss, route, gap, lost
) -> Solution:
    p = kept.size
    w, digits, G = np.zeros(p), np.zeros(p), np.zeros((p, p))
    w[kept] = z * scale[-1] / scale[:-1][kept]
    G[np.ix_(kept, kept)] = inverse
    with np.errstate(divide="ignore", invalid="ignore"):
        certain = -np.log10(GAMMA * reach / np.abs(z))
        rss_digits = float(-np.log10(rss_error / rss_scaled)) if rss_scaled > 0 else 0.0
    digits[kept] = np.clip(np.nan_to_num(certain, nan=0.0, neginf=0.0), 0.0, MAX_DIGITS)
    return Solution(
        w,
        G,
        scale[:-1],
        digits,
        ~kept,
        rss_scaled * tss,
        tss,
        route,
        gap,
        lost,
        float(np.clip(np.nan_to_num(rss_digits, neginf=0.0), 0.0, MAX_DIGITS)),
    )


def solve_gram(
    C: Float[np.ndarray, "p p"], c: Float[np.ndarray, "p r"], tolerance: float = 1e-13
) -> Float[np.ndarray, "p r"]:
    """C⁻¹c for a scaled Gram matrix; the minimum-norm solution if C is singular to rounding."""
    try:
        factor = cho_factor(C, lower=True, check_finite=False)
        if np.diag(factor[0]).min(initial=1.0) > np.sqrt(tolerance):
            return cho_solve(factor, c, check_finite=False)
    except LinAlgError:
        pass
    mu, V = np.linalg.eigh(C)
    good = mu > tolerance * max(1.0, mu[-1]) if mu.size else np.zeros(0, dtype=bool)
    return V[:, good] @ ((V[:, good].T @ c) / (mu[good][:, None] if c.ndim == 2 else mu[good]))


__all__ = ["MAX_DIGITS", "RANK_TOLERANCE", "Solution", "correlation", "least_squares", "solve_gram"]

"""Least squares with certified digits.

Columns are centred and scaled to unit length first, so that units do not matter:
minimise ‖c − A z‖ with A = (X − 1μᵀ)D⁻¹, c = (y − ȳ)/d_y, then w = d_y D⁻¹ z. Routes, cheapest first:

    gram   AᵀA z = Aᵀc by Cholesky, from moments alone       error of z_j ≲ γ Σ_k|(AᵀA)⁻¹|_jk (1 + ‖z‖₁)
    qr     R z = Qᵀc, R folded over the blocks               error of z_j ≲ γ(√G_jj (1 + ‖z‖₁) + Σ_k|G_jk| ρ)

with G = (AᵀA)⁻¹, ρ = ‖c − Az‖ and γ = 16u. `gram` is accepted while κ²u leaves DIGITS_WANTED digits and the
subtraction 1 − R² keeps RSS_DIGITS_WANTED; otherwise the rows are asked for once more. A column closer than
RANK_TOLERANCE to the span of the columns before it (all of unit length) is *dropped*: it is listed in
`Solution.dropped`, and a rule reports it. Far-off columns carry more rounding than that in the data themselves: a
distance within DATA_ROUNDING Σ_k|c_k| ‖x_k‖/d_k, c the relation to the columns before, says nothing either.

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

from whyfit.linalg.conditioning import correlation, varying
from whyfit.linalg.moments import Moments
from whyfit.linalg.triangle import Triangle

U = float(np.finfo(np.float64).eps) / 2
GAMMA = 16 * U  # rounding of one blocked, vectorised inner product; measured ≤ 6u in tests
DIGITS_WANTED = 8.0  # whyfit's design: keep the Gram route while κ²u leaves eight digits
RSS_DIGITS_WANTED = (
    9.0  # of 1 − R², which the Gram route gets by subtraction; standard errors need it
)
RANK_TOLERANCE = 65_536 * U  # rows per block × u: what rounding alone may leave of a null column
DATA_ROUNDING = 4 * U  # a sum or product stored in float64 is off by about u of its size
MAX_DIGITS = -float(np.log10(U))  # 15.95: float64 holds no more

NO_DIGITS = 0.01  # relative error of an inverse beyond which it says nothing of its own error
_SUSPECT = 1e-3  # distances above are not looked into

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
    root: Float[
        np.ndarray, "p r"
    ]  # G = root rootᵀ, from the triangle itself: leverages need no second factoring
    scale: Float[np.ndarray, " p"]  # d_j = √S_jj
    digits: Float[np.ndarray, " p"]  # decimal digits of w certain; 0 for dropped columns
    dropped: Bool[np.ndarray, " p"]
    rss: float
    tss: float
    route: Route
    gap: float
    lost: float
    rss_digits: float

    def error_of(self, a: Float[np.ndarray, " p"]) -> float:
        """How far rounding of the solution may have moved aᵀw: the bound of the route, with aᵀ for e_jᵀ.

        Errors of near copies cancel in aᵀw as their coefficients do, which Σ|a_j| error_j does not know.
        """
        unit = np.sqrt(self.tss)
        a = a * unit / self.scale
        size = 1 + np.abs(self.w * self.scale).sum() / unit if unit > 0 else 1.0
        spread, through = self.root.T @ a, np.abs(self.root @ (self.root.T @ a)).sum()
        if self.route == "gram":
            row = np.abs(self.G).sum(axis=1)
            doubt = GAMMA * float(row.max(initial=0.0))  # relative, of G itself
            if doubt > NO_DIGITS or self.gap == 0:
                return np.inf
            return float(GAMMA * (through + doubt * (np.abs(a) @ row)) * size)
        rho = np.sqrt(self.rss / self.tss) if self.tss > 0 else 0.0
        return float(GAMMA * (np.linalg.norm(spread) * size + through * rho))


def least_squares(
    moments: Moments, triangle: Callable[[np.ndarray, np.ndarray], Triangle] | None = None
) -> Solution:
    """Solve from moments of [X y]; `triangle(mean, scale)` walks the rows again if it must.

    Without `triangle` the Gram route is taken whatever its certificate says.
    """
    p = moments.mean.size - 1
    d = np.sqrt(np.diag(moments.scatter))
    flat = ~varying(moments)
    scale = np.where(flat | (d == 0), 1.0, d)
    C = moments.scatter / scale / scale[:, None]
    C[flat, :] = C[:, flat] = 0.0
    far = np.sqrt(1 + moments.n * (moments.mean / scale) ** 2)[:p]
    frame = _Frame(~flat[:p], scale, float(moments.scatter[-1, -1]), DATA_ROUNDING * far)
    found = _by_gram(C, frame) if moments.n > p + 1 else None
    if found is not None and (triangle is None or found.good or frame.tss == 0):
        return _solution(found, frame, "gram", frame.kept)
    if triangle is None:
        return _by_triangle(_pseudo_triangle(C), frame, np.sqrt(RANK_TOLERANCE), "gram")
    R = triangle(moments.mean, scale).R[:, 1:]  # first column is the intercept
    full = np.zeros((p + 2, p + 1))
    full[: len(R)] = R
    return _by_triangle(full[1:], frame, RANK_TOLERANCE, "qr")


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is solved for: candidate columns, lengths of [X y], total sum of squares."""

    kept: Bool[np.ndarray, " p"]
    scale: Float[np.ndarray, " q"]
    tss: float
    noise: Float[np.ndarray, " p"]  # rounding of the data, in unit lengths


@dataclass(frozen=True, slots=True)
class _Found:
    """Solution for unit columns: z, G = root rootᵀ, and how far rounding may have moved z and RSS."""

    z: Float[np.ndarray, " r"]
    root: Float[np.ndarray, "r r"]
    reach: Float[np.ndarray, " r"]  # error of z in units of γ
    rss: float
    rss_error: float
    gap: float
    lost: float = 0.0
    good: bool = True


def _by_gram(C: Float[np.ndarray, "q q"], frame: _Frame) -> _Found | None:
    """Cholesky of the kept columns; None if they are not positive definite."""
    kept, noise = frame.kept, frame.noise[frame.kept]
    A, c = C[:-1, :-1][np.ix_(kept, kept)], C[:-1, -1][kept]
    try:
        L = cholesky(A, lower=True, check_finite=False)
    except LinAlgError:
        return None
    root = solve_triangular(L, np.eye(len(L)), lower=True, check_finite=False).T
    widest = np.abs(root @ root.T).sum(axis=1)
    z = cho_solve((L, True), c, check_finite=False)
    size = 1 + np.abs(z).sum()
    gap = float(np.diag(L).min(initial=1.0))
    rss, rss_error = max(0.0, 1.0 - float(c @ z)), GAMMA * size**2
    good = (
        MAX_DIGITS - np.log10(widest.max(initial=1.0)) >= DIGITS_WANTED
        and gap > max(np.sqrt(RANK_TOLERANCE), np.sqrt(len(A)) * noise.max(initial=0.0))
        and rss_error <= 10**-RSS_DIGITS_WANTED * rss
    )
    return _Found(z, root, widest * size, rss, rss_error, gap, 0.0, bool(good))


def _pseudo_triangle(C: Float[np.ndarray, "q q"]) -> Float[np.ndarray, "q q"]:
    """An upper-triangular R with RᵀR ≈ C for a C that may be singular."""
    mu, V = np.linalg.eigh(C)
    return np.asarray(np.linalg.qr((V * np.sqrt(np.maximum(mu, 0.0))).T, mode="r"))


def _by_triangle(
    R: Float[np.ndarray, "q q"], frame: _Frame, tolerance: float, route: Route
) -> Solution:
    """Solve from the triangle of [A c], dropping columns that lie in the span of earlier ones.

    Householder over the columns in order: the pivot is the distance to the span so far.
    """
    p = R.shape[1] - 1
    work, kept = R.copy(), np.zeros(p, dtype=bool)
    gap, lost, row = 1.0, 0.0, 0
    for j in np.flatnonzero(frame.kept):
        v = work[row:, j].copy()
        distance = float(np.linalg.norm(v))
        if distance <= _SUSPECT and row:
            T = np.triu(work[:row][:, :p][:, kept])
            c = solve_triangular(T, work[:row, j], check_finite=False)
            noise = frame.noise[j] + np.abs(c) @ frame.noise[kept]
        else:
            noise = 0.0
        if distance <= max(tolerance, noise) or row >= len(work) - 1:
            lost = max(lost, distance)
            continue
        v[0] += np.copysign(distance, v[0])
        v /= np.linalg.norm(v)
        work[row:, j:] -= np.outer(2 * v, v @ work[row:, j:])
        gap, kept[j], row = min(gap, distance), True, row + 1
    T = np.triu(work[:row][:, :p][:, kept])
    z = solve_triangular(T, work[:row, p], check_finite=False) if row else np.zeros(0)
    root = solve_triangular(T, np.eye(row), check_finite=False) if row else np.zeros((0, 0))
    G = root @ root.T
    rho, size = float(np.linalg.norm(work[row:, p])), 1 + np.abs(z).sum()
    reach = np.sqrt(np.diag(G)) * size + np.abs(G).sum(axis=1) * rho
    error = GAMMA * size * rho + (GAMMA * size) ** 2
    return _solution(_Found(z, root, reach, rho**2, error, gap, lost), frame, route, kept)


def _solution(found: _Found, frame: _Frame, route: Route, kept: Bool[np.ndarray, " p"]) -> Solution:
    """Back to the units of the data, zeros for dropped columns."""
    p, scale = kept.size, frame.scale
    w, digits = np.zeros(p), np.zeros(p)
    root = np.zeros((p, found.root.shape[1]))
    w[kept] = found.z * scale[-1] / scale[:-1][kept]
    root[kept] = found.root
    with np.errstate(divide="ignore", invalid="ignore"):
        certain = -np.log10(GAMMA * found.reach / np.abs(found.z))
        rss_digits = -np.log10(found.rss_error / found.rss) if found.rss > 0 else 0.0
    digits[kept] = np.clip(np.nan_to_num(certain, nan=0.0, neginf=0.0), 0.0, MAX_DIGITS)
    return Solution(
        w, root @ root.T, root, scale[:-1], digits, ~kept, found.rss * frame.tss, frame.tss, route,
        found.gap, found.lost, float(np.clip(np.nan_to_num(rss_digits, neginf=0.0), 0, MAX_DIGITS)),
    )  # fmt: skip


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

"""Least squares with certified digits.

Columns are centred and scaled to unit length first, so that units do not matter:
minimise ‖c − A z‖ with A = (X − 1μᵀ)D⁻¹, c = (y − ȳ)/d_y, then w = d_y D⁻¹ z. Routes, cheapest first:

    gram     AᵀA z = Aᵀc by Cholesky, from moments alone      error of z_j ≲ γ' ‖G_j‖ √(1 + ‖z‖²)
    qr       R z = Qᵀc, R folded over the blocks              error of z_j ≲ γ(√G_jj √(1 + ‖z‖²) + ‖G_j‖ ρ)
    refined  AᵀA summed without rounding (`linalg.refine`)    error of z_j ≲ u|z_j|

with G = (AᵀA)⁻¹, ρ = ‖c − Az‖, γ = 16u and γ' = 96u. Where the rows are few, an exact pass over them costs nothing
that anyone would notice, and `refined` is taken at once. Where they are many, `gram` is accepted while κ²u leaves
DIGITS_WANTED digits and the subtraction 1 − R² keeps RSS_DIGITS_WANTED; otherwise the rows are asked for once more:
exactly, or for `qr` where that is much cheaper and leaves as many digits.

A column closer than RANK_TOLERANCE to the span of the columns before it (all of unit length) is *dropped*: it is
listed in `Solution.dropped`, and a rule reports it. Far-off columns carry more rounding than that in the data
themselves: a distance within DATA_ROUNDING Σ_k|c_k| ‖x_k‖/d_k, c the relation to the columns before, says nothing
either. Only a column that comes with its low-order part, a power say, is known to twice the digits and judged by them.

References: Higham (2002), Accuracy and Stability of Numerical Algorithms, ch. 20;
Golub & Van Loan (2013), Matrix Computations, §5.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve, cholesky, solve_triangular

from whyfit.linalg.conditioning import correlation, varying
from whyfit.linalg.doubled import MORE_SLICES, SLICES, Grid
from whyfit.linalg.moments import Moments
from whyfit.linalg.refine import Noise, Refined, Uncentred, solve_exactly
from whyfit.linalg.walk import Walk

U = float(np.finfo(np.float64).eps) / 2
GAMMA = 16 * U  # rounding of a triangle of unit columns; measured ≤ 7u in tests
GRAM_GAMMA = (
    96 * U
)  # rounding of an inner product in moments; measured 2u, and 70u where values repeat
DIGITS_WANTED = 8.0  # whyfit's design: keep the Gram route while κ²u leaves eight digits
RSS_DIGITS_WANTED = (
    9.0  # of 1 − R², which the Gram route gets by subtraction; standard errors need it
)
CHEAP_VALUES, CHEAP_COLUMNS = 1 << 19, 32  # values of [X y] whose exact pass takes some 20 ms
QR_FIRST = 1e9  # n q² from which exact sums cost several times a triangle
EXACT_COLUMNS = 160  # p × p arithmetic in Python integers takes p³ · 0.2 µs
RANK_TOLERANCE = 65_536 * U  # rows per block × u: what rounding alone may leave of a null column
DATA_ROUNDING = 4 * U  # a sum or product stored in float64 is off by about u of its size
MAX_DIGITS = -float(np.log10(U))  # 15.95: float64 holds no more

NO_DIGITS = 0.01  # relative error of an inverse beyond which it says nothing of its own error
_SUSPECT = 1e-3  # distances above are not looked into
_SMALL = 1e-140  # lengths below square to numbers that float64 holds with fewer digits
_FAR = 8.0  # low-order parts of columns whose mean lies below 8 of their deviations are within γ/2

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
    G_error: Float[np.ndarray, " p"] | None = (
        None  # bound of the relative error of G_jj; None: unknown
    )
    uncentred: Uncentred | None = None  # β₀ and its law, if the route found them without rounding
    gamma: float = GAMMA
    explained: float | None = None  # TSS − RSS where it is known better than by subtraction
    explained_error: float = 0.0  # relative
    slip: float = np.inf  # error of RSS/TSS

    def error_of(self, a: Float[np.ndarray, " p"]) -> float:
        """How far rounding of the solution may have moved aᵀw: the bound of the route, with aᵀ for e_jᵀ.

        Errors of near copies cancel in aᵀw as their coefficients do, which Σ|a_j| error_j does not know.
        """
        if self.route == "refined":
            return float(np.abs(a * self.w) @ 10.0**-self.digits)
        unit = np.sqrt(self.tss)
        a = a * unit / self.scale
        size = float(np.hypot(1, np.linalg.norm(self.w * self.scale) / unit)) if unit > 0 else 1.0
        spread = self.root.T @ a
        through = float(np.linalg.norm(self.root @ spread))
        if self.route == "gram":
            row = np.abs(self.G).sum(axis=1)
            doubt = self.gamma * float(row.max(initial=0.0))  # relative, of G itself
            if doubt > NO_DIGITS or self.gap == 0:
                return np.inf
            return float(self.gamma * (through + doubt * (np.abs(a) @ row)) * size)
        rho = np.sqrt(self.rss / self.tss) if self.tss > 0 else 0.0
        return float(self.gamma * (np.linalg.norm(spread) * size + through * rho))

    def spread_error(self, a: Float[np.ndarray, " p"]) -> float:
        """How far rounding may have moved aᵀ(XᵀX)⁻¹a, X centred: a variance over σ²."""
        b = a / self.scale
        spread = self.root.T @ b
        through = self.root @ spread
        own = self.gamma * float(np.abs(through) @ np.abs(b))  # the lengths d_j are rounded too
        if self.route == "gram":
            return own + self.gamma * float(through @ through)
        return own + 2 * self.gamma * float(np.linalg.norm(spread) * np.linalg.norm(through))


def least_squares(moments: Moments, walk: Walk | None = None) -> Solution:
    """Solve from moments of [X y]; `walk` sees the rows again if it must.

    Without it the Gram route is taken whatever its certificate says.
    """
    p = moments.mean.size - 1
    d = np.sqrt(np.diag(moments.scatter))
    flat = ~varying(moments)
    scale = np.where(
        (flat & (np.arange(p + 1) < p)) | (d == 0), 1.0, d
    )  # a target always has its own
    C = moments.scatter / scale / scale[:, None]
    C[flat, :] = C[:, flat] = 0.0
    far = np.sqrt(1 + moments.n * (moments.mean / scale) ** 2)[:p]
    blunt = far.max(initial=0.0) / _FAR
    blunt = blunt if walk is not None and blunt > 1 and walk.derived() else 1.0
    frame = _Frame(~flat[:p], scale, float(moments.scatter[-1, -1]), DATA_ROUNDING * far, blunt)
    sound = moments.n > p + 1 and d[~flat].min(initial=1.0) > _SMALL
    found = _by_gram(C, frame) if sound else None
    exactly = _exactly(moments, walk, frame)
    cheap = exactly and moments.n * (p + 1) <= CHEAP_VALUES and p < CHEAP_COLUMNS
    if found is not None:
        solution = _solution(found, frame, "gram", frame.kept)
        fine = found.good and not cheap and not (exactly and flat[-1])
        if walk is None or frame.tss == 0 or fine:
            return _doubted(solution, bool(flat[-1]))
    if walk is None:
        return _by_triangle(_pseudo_triangle(C), frame, np.sqrt(RANK_TOLERANCE), "gram")
    refined = None
    dear = moments.n * (p + 1.0) ** 2 > QR_FIRST
    if exactly and (cheap or not dear or found is None or not _triangle_may_do(found)):
        refined, exactly = exactly(), None
    if refined is None:
        R = walk.triangle(moments.mean, scale).R[:, 1:]  # first column is the intercept
        full = np.zeros((p + 2, p + 1))
        full[: len(R)] = R
        solution = _doubted(_by_triangle(full[1:], frame, RANK_TOLERANCE, "qr"), bool(flat[-1]))
        refined = exactly() if exactly and not _enough(solution) else None
        return refined or solution
    return refined


def _triangle_may_do(found: _Found) -> bool:
    """Whether the bound of `qr` at the rough solution of `gram` leaves the digits wanted."""
    G, z = found.root @ found.root.T, found.z
    error = np.sqrt(np.diag(G) * (1 + z @ z)) + np.linalg.norm(G, axis=1) * np.sqrt(found.rss)
    return bool(GAMMA * error.max(initial=0.0) <= 10**-DIGITS_WANTED * np.abs(z).max(initial=0.0))


def _doubted(s: Solution, flat: bool) -> Solution:
    """`s`, without a claim about the target where that was taken for a constant and is not quite one."""
    return replace(s, rss_digits=0.0, slip=np.inf, gamma=1.0) if flat and s.tss > 0 else s


def _enough(s: Solution) -> bool:
    """Whether a triangle has left the digits wanted: of the coefficients together, and of 1 − R²."""
    error = np.abs(s.w * s.scale) * 10.0**-s.digits
    largest = np.abs(s.w * s.scale).max(initial=0.0)
    return bool(
        error.max(initial=0.0) <= 10**-DIGITS_WANTED * largest and s.rss_digits >= RSS_DIGITS_WANTED
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is solved for: candidate columns, lengths of [X y], total sum of squares."""

    kept: Bool[np.ndarray, " p"]
    scale: Float[np.ndarray, " q"]
    tss: float
    noise: Float[np.ndarray, " p"]  # rounding of the data, in unit lengths
    blunt: float  # what unseen low-order parts add to the rounding of the arithmetic


def _exactly(
    moments: Moments, walk: Walk | None, frame: _Frame
) -> Callable[[], Solution | None] | None:
    """The refined route, if it is open to so many columns; it yields None where the rows are not those of `moments`."""
    if walk is None or walk.exact is None or frame.kept.sum() > EXACT_COLUMNS:
        return None
    see, centred = walk.exact, walk.centred

    def solve() -> Solution | None:
        for slices in (SLICES, MORE_SLICES):
            grid = Grid.of(moments, slices, centred)
            gram = see(grid)
            if not gram.fits or gram.n != moments.n:
                return None
            noise = Noise(frame.noise, RANK_TOLERANCE, _SUSPECT)
            found = solve_exactly(gram, grid, frame.kept, noise, centred)
            if found.inexact <= U:
                break
        return _refined(found, frame)

    return solve


def _refined(r: Refined, frame: _Frame) -> Solution:
    scale = np.where(frame.kept, r.scale, frame.scale[:-1])
    return Solution(
        r.w, r.G, r.root, scale, digits_of(r.w_error) * r.kept, ~r.kept, r.rss, r.tss, "refined",
        r.gap, r.lost, float(digits_of(r.rss_error)), r.G_error, r.uncentred,
        explained=r.explained, explained_error=r.explained_error,
    )  # fmt: skip


def digits_of(error: float | Float[np.ndarray, " k"]) -> np.ndarray:
    """Decimal digits that a relative error leaves certain: −log₁₀, at least 0 and no more than float64 holds."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.clip(np.nan_to_num(-np.log10(error), nan=0.0, neginf=0.0), 0.0, MAX_DIGITS)


@dataclass(frozen=True, slots=True)
class _Errors:
    """Bounds: of an inner product of unit columns, of z, of G_jj (relative) and of RSS."""

    gamma: float
    z: Float[np.ndarray, " r"]
    G: Float[np.ndarray, " r"]
    rss: float


@dataclass(frozen=True, slots=True)
class _Found:
    """Solution for unit columns: z, G = root rootᵀ, and how far rounding may have moved them."""

    z: Float[np.ndarray, " r"]
    root: Float[np.ndarray, "r r"]
    errors: _Errors
    rss: float
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
    G = root @ root.T
    row, widest = np.linalg.norm(G, axis=1), float(np.abs(G).sum(axis=1).max(initial=1.0))
    z = cho_solve((L, True), c, check_finite=False)
    size = 1 + float(z @ z)
    gap, gamma = float(np.diag(L).min(initial=1.0)), GRAM_GAMMA * frame.blunt
    rss, rss_error = max(0.0, 1.0 - float(c @ z)), gamma * size
    good = (
        MAX_DIGITS - np.log10(frame.blunt * widest) >= DIGITS_WANTED
        and gap > max(np.sqrt(RANK_TOLERANCE), np.sqrt(len(A)) * noise.max(initial=0.0))
        and rss_error <= 10**-RSS_DIGITS_WANTED * rss
    )
    errors = _Errors(gamma, gamma * row * np.sqrt(size), gamma * row**2 / np.diag(G), rss_error)
    return _Found(z, root, errors, rss, gap, 0.0, bool(good))


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
    rho, size = float(np.linalg.norm(work[row:, p])), float(np.hypot(1, np.linalg.norm(z)))
    spread, reach, gamma = np.sqrt(np.diag(G)), np.linalg.norm(G, axis=1), GAMMA * frame.blunt
    errors = _Errors(
        gamma,
        gamma * (spread * size + reach * rho),
        2 * gamma * reach / spread,
        2 * gamma * size * rho + (gamma * size) ** 2,
    )
    return _solution(_Found(z, root, errors, rho**2, gap, lost), frame, route, kept)


def _solution(found: _Found, frame: _Frame, route: Route, kept: Bool[np.ndarray, " p"]) -> Solution:
    """Back to the units of the data, zeros for dropped columns."""
    p, scale = kept.size, frame.scale
    w, digits, G_error = np.zeros(p), np.zeros(p), np.zeros(p)
    root = np.zeros((p, found.root.shape[1]))
    w[kept] = found.z * scale[-1] / scale[:-1][kept]
    off = found.errors
    root[kept], G_error[kept] = found.root, off.G + GAMMA
    with np.errstate(divide="ignore", invalid="ignore"):
        digits[kept] = digits_of(off.z / np.abs(found.z))
        rss_digits = float(digits_of(GAMMA + np.divide(off.rss, found.rss)))
    return Solution(
        w, root @ root.T, root, scale[:-1], digits, ~kept, found.rss * frame.tss, frame.tss, route,
        found.gap, found.lost, rss_digits, G_error, None, off.gamma, slip=off.rss,
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


__all__ = [
    "MAX_DIGITS", "RANK_TOLERANCE", "Solution", "Walk", "correlation", "digits_of", 
    "least_squares", "solve_gram",
]  # fmt: skip

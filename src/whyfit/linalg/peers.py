"""What common least-squares solvers return on the same data, and how many digits they keep.

Their algorithms are run on the triangle R of the rows, RᵀR = [1 X y]ᵀ[1 X y]: what they do with rounding and with small
singular values σ_k depends on nothing else.

    cut-off     SVD of the centred columns, σ_k ≤ 10⁻⁶ σ₁ taken as zero    scikit-learn LinearRegression
    orthogonal  SVD of [1 X], σ_k ≤ max(n, p + 1) ε σ₁ taken as zero        numpy.linalg.lstsq (statsmodels is near)
    inverse     w = (X₁ᵀX₁)⁻¹X₁ᵀy, X₁ = [1 X]                               the textbook formula

Theory says beforehand, from w, V = (X₁ᵀX₁)⁻¹ and ρ = ‖y − ŷ‖ of an accurate solution: a direction v_k that is cut off
takes σ_k²(v_kᵀw)² from the explained sum of squares; backward-stable orthogonal methods move w_j by at most

    γ σ₁ (√V_jj ‖w‖ + ‖V_j‖ ρ),

and the inverse, in unit lengths of the columns and of y, by γ(p + 1) Σ_k|V_jk| (1 + ‖w‖₁), about κ²u.

References: Björck (1996), Numerical Methods for Least Squares Problems, §1.4, §2.7;
Higham (2002), Accuracy and Stability of Numerical Algorithms, §20.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_triangular

from whyfit.fold import Rows
from whyfit.linalg.moments import Moments
from whyfit.linalg.solve import GAMMA, digits_of
from whyfit.linalg.triangle import Triangle, triangle_of

#: `tol` of scikit-learn's LinearRegression, handed to scipy.linalg.lstsq as `cond`.
CUT_OFF = 1e-6
#: A slope that moves y by less than this share of its spread adds under 10⁻⁸ to R²: it is nil.
NIL = 1e-4
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class FoldTriangles:
    """The triangle of [1, X − μ, y − ȳ] for each fold; `+` folds them over blocks."""

    parts: tuple[Triangle, ...]

    @classmethod
    def empty(cls, p: int, k: int) -> FoldTriangles:
        return cls(tuple(Triangle.empty(p + 2) for _ in range(k)))

    def __add__(self, other: FoldTriangles) -> FoldTriangles:
        return FoldTriangles(tuple(a + b for a, b in zip(self.parts, other.parts, strict=True)))

    def without(self, *out: int) -> Triangle:
        """Of all folds but some."""
        return Triangle.of(np.vstack([t.R for j, t in enumerate(self.parts) if j not in out]))


def triangles_of(mean: Float[np.ndarray, " q"], k: int) -> Callable[[Rows], FoldTriangles]:
    """The function that makes the FoldTriangles of one block, columns less `mean` (X's and y's)."""
    whole = triangle_of(mean, np.ones_like(mean))

    def of(rows: Rows) -> FoldTriangles:
        return FoldTriangles(tuple(whole(rows.take(rows.fold == j)) for j in range(k)))

    return of


@dataclass(frozen=True, slots=True)
class Seen:
    """The data as a solver sees them: R of [1, X − μ, y − ȳ], μ and ȳ in `mean`, first row √n and zeros.

    The columns stand off by μ, in their own units; or they are centred and divided by their standard
    deviations, if `standardised`.
    """

    R: Float[np.ndarray, "r c"]
    mean: Float[np.ndarray, " q"]
    n: int
    standardised: bool = False

    @classmethod
    def of(
        cls, triangle: Triangle, shift: Float[np.ndarray, " q"], *, standardised: bool = False
    ) -> Seen:
        """From the triangle of [1, X − shift, y − shift]: the shift need not be the mean of these rows."""
        R = triangle.R.copy()
        mean, n = shift + R[0, 1:] / R[0, 0], round(float(R[0, 0]) ** 2)
        R[0, 1:] = 0.0
        return cls(R, mean, n, standardised)

    @classmethod
    def from_moments(cls, moments: Moments, *, standardised: bool = False) -> Seen:
        """By Cholesky in unit lengths: good whatever the units, if κ² u of the unit columns is small.

        Where they are not positive definite, only lengths and the largest singular value are good.
        """
        d = _safe(np.sqrt(np.diag(moments.scatter)))
        C, p = moments.scatter / d / d[:, None], d.size - 1
        R = np.zeros((p + 2, p + 2))
        R[0, 0] = np.sqrt(moments.n)
        try:
            L = np.linalg.cholesky(C[:p, :p])
            c = solve_triangular(L, C[:p, p], lower=True, check_finite=False)
            R[1:-1, 1:-1], R[1:-1, -1] = L.T, c
            R[-1, -1] = np.sqrt(max(0.0, 1 - float(c @ c)))
        except np.linalg.LinAlgError:
            mu, Q = np.linalg.eigh(C)
            R[1:, 1:] = (Q * np.sqrt(np.maximum(mu, 0.0))).T
        R[1:, 1:] *= d
        return cls(R, moments.mean, moments.n, standardised)

    @property
    def unit(self) -> Float[np.ndarray, " p"]:
        """What the columns are divided by."""
        if not self.standardised:
            return np.ones(self.R.shape[1] - 2)
        return _lengths(self.R[1:, 1:-1]) / np.sqrt(self.n)

    @property
    def offset(self) -> Float[np.ndarray, " p"]:
        """What centring has not taken away, in the units of the data."""
        return self.mean[:-1] * (not self.standardised)

    @property
    def centred(self) -> tuple[Float[np.ndarray, "s p"], Float[np.ndarray, " s"]]:
        return self.R[1:, 1:-1] / self.unit, self.R[1:, -1]

    @property
    def with_ones(self) -> tuple[Float[np.ndarray, "r c"], Float[np.ndarray, " r"]]:
        one = self.R[:, :1]
        X = (self.R[:, 1:-1] + self.offset * one) / self.unit
        return np.hstack([one, X]), self.R[:, -1] + self.mean[-1] * one[:, 0]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a solver returns, in the units of the data: slopes, directions it left out, R² on the data."""

    w: Float[np.ndarray, " p"]
    left_out: int
    r2: float

    def digits(self, truth: Accurate) -> Float[np.ndarray, " p"]:
        """Correct decimal digits of each slope, beside its `size`."""
        with np.errstate(invalid="ignore"):
            error = np.abs(self.w - truth.w) / truth.size
        return digits_of(np.where(np.isfinite(error), error, 1.0))


Solver = Callable[[Seen], Answer]


def by_cut_off(seen: Seen) -> Answer:
    """scikit-learn's LinearRegression."""
    A, b = seen.centred
    w, lost = _truncated(A, b, CUT_OFF)
    return _answer(seen, w / seen.unit, float(seen.mean[-1]), lost)


def by_svd(seen: Seen) -> Answer:
    """numpy.linalg.lstsq with a column of ones."""
    A, b = seen.with_ones
    w, lost = _truncated(A, b, _EPSILON * max(seen.n, A.shape[1]))
    return _answer(seen, w[1:] / seen.unit, _at_mean(seen, w), lost)


def by_inverse(seen: Seen) -> Answer:
    """The inverse of X₁ᵀX₁ times X₁ᵀy; slopes of NaN if it has none."""
    A, b = seen.with_ones
    try:
        w = np.linalg.inv(A.T @ A) @ (A.T @ b)
    except np.linalg.LinAlgError:
        w = np.full(A.shape[1], np.nan)
    return _answer(seen, w[1:] / seen.unit, _at_mean(seen, w), 0)


def _truncated(A: np.ndarray, b: np.ndarray, cond: float) -> tuple[np.ndarray, int]:
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    keep = s > cond * s[0] if s.size else np.zeros(0, dtype=bool)
    return Vt[keep].T @ (U[:, keep].T @ b / s[keep]), A.shape[1] - int(keep.sum())


def _at_mean(seen: Seen, w: np.ndarray) -> float:
    """The prediction at the columns' means."""
    return float(w[0] + seen.offset / seen.unit @ w[1:])


def _answer(seen: Seen, w: np.ndarray, at_mean: float, lost: int) -> Answer:
    R = seen.R
    left = R[:, -1] - R[:, 1:-1] @ w - (at_mean - seen.mean[-1]) * R[:, 0]
    whole = float(R[1:, -1] @ R[1:, -1])
    with np.errstate(over="ignore", invalid="ignore"):
        r2 = 1 - float(left @ left) / whole if whole > 0 else np.nan
    return Answer(w, lost, r2)


@dataclass(frozen=True, slots=True)
class Accurate:
    """An accurate solution: slopes, standard errors, V = (X₁ᵀX₁)⁻¹ with X₁ = [1 X], intercept, RSS, TSS.

    `length` is that of each column, centred.
    """

    w: Float[np.ndarray, " p"]
    se: Float[np.ndarray, " p"]
    length: Float[np.ndarray, " p"]
    V: Float[np.ndarray, "c c"]
    intercept: float
    rss: float
    tss: float

    @property
    def size(self) -> Float[np.ndarray, " p"]:
        """What an error of a slope is held against: itself, its standard error or NIL, the largest."""
        return np.fmax(np.fmax(np.abs(self.w), self.se), NIL * np.sqrt(self.tss) / self.length)


def accurate(seen: Seen) -> Accurate:
    """By an orthogonal triangularisation of the centred columns in unit lengths."""
    A, b = np.asarray(seen.R[1:, 1:-1]), seen.R[1:, -1]
    d, p = _lengths(A), A.shape[1]
    Q, T = np.linalg.qr(A / d)
    root = solve_triangular(T, np.eye(p), check_finite=False)
    w = root @ (Q.T @ b) / d
    V = np.empty((p + 1, p + 1))
    V[1:, 1:] = root @ root.T / d / d[:, None]
    V[0, 1:] = V[1:, 0] = -V[1:, 1:] @ seen.mean[:-1]
    V[0, 0] = 1 / seen.n - V[0, 1:] @ seen.mean[:-1]
    rss = float(np.sum((b - A @ w) ** 2))
    se = np.sqrt(rss / max(seen.n - p - 1, 1) * np.diag(V)[1:])
    first = float(seen.mean[-1] - seen.mean[:-1] @ w)
    return Accurate(w, se, d, V, first, rss, float(b @ b))


def smallest_share(seen: Seen, truth: Accurate) -> float:
    """σ_p/σ_1 of the centred columns, the smallest from the largest of the inverse."""
    A, _ = seen.centred
    _, V = _as_seen(seen, truth)
    return float(1 / np.linalg.norm(A, 2) / np.sqrt(np.linalg.norm(V[1:, 1:], 2)))


def cut_off_loss(seen: Seen, truth: Accurate) -> tuple[int, float]:
    """Predicted for `by_cut_off`: directions left out and the R² they take along."""
    A, _ = seen.centred
    _, s, Vt = np.linalg.svd(A, full_matrices=False)
    lost = s <= CUT_OFF * s[0]
    share = (s * (Vt @ (truth.w * seen.unit)))[lost]
    return int(lost.sum()), float(share @ share) / truth.tss


def svd_digits(seen: Seen, truth: Accurate) -> np.ndarray:
    """Predicted for `by_svd`: digits that no slope is below."""
    A, _ = seen.with_ones
    w, V = _as_seen(seen, truth)
    first = float(np.linalg.norm(A, 2))
    spread = np.sqrt(np.maximum(np.diag(V), 0.0)) * np.linalg.norm(w)
    bound = GAMMA * first * (spread + np.linalg.norm(V, axis=1) * np.sqrt(max(truth.rss, 0.0)))
    return digits_of(bound[1:] / seen.unit / truth.size)


def inverse_digits(seen: Seen, truth: Accurate) -> np.ndarray:
    """Predicted for `by_inverse`: digits that no slope is below."""
    A, b = seen.with_ones
    w, V = _as_seen(seen, truth)
    length, size = _lengths(A), float(np.linalg.norm(b)) or 1.0
    z = w * length / size
    reach = (np.abs(V) * length).sum(axis=1) * (1 + np.abs(z).sum()) * size
    bound = (
        GAMMA * len(length) * reach
    )  # the inverse takes a sum over columns more than a factorisation
    return digits_of(bound[1:] / seen.unit / truth.size)


def scaled_condition(seen: Seen, truth: Accurate) -> float:
    """κ of [1 X] with columns of unit length."""
    A, _ = seen.with_ones
    length = _lengths(A)
    _, V = _as_seen(seen, truth)
    inverse = np.linalg.norm(V * length * length[:, None], 2)
    return float(np.linalg.norm(A / length, 2) * np.sqrt(inverse))


def _as_seen(seen: Seen, truth: Accurate) -> tuple[np.ndarray, np.ndarray]:
    """[intercept, w] and V for the columns as the solver sees them."""
    taken = seen.mean[:-1] - seen.offset  # what was subtracted moves into the intercept
    T = np.diag(np.append(1.0, seen.unit))
    T[0, 1:] = taken
    return T @ np.append(truth.intercept, truth.w), T @ truth.V @ T.T


def _lengths(A: np.ndarray) -> np.ndarray:
    return _safe(np.linalg.norm(A, axis=0))


def _safe(length: np.ndarray) -> np.ndarray:
    return np.where(length > 0, length, 1.0)

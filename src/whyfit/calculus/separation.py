"""Does a direction separate two classes? Then the likelihood has no maximum.

With s_i = ±1 for the class of row i and x̃ = (1, x), a direction β ≠ 0 *separates* if

    s_i x̃_iᵀβ ≥ 0 for all rows, with > 0 for at least one       (completely, if > 0 for all)

Along such a direction the loss Σ log(1 + e^{−s_i x̃_iᵀβ}) falls for ever. Whether one exists is a linear programme,

    maximise Σ s_i x̃_iᵀβ   subject to  s_i x̃_iᵀβ ≥ 0,  −1 ≤ β ≤ 1,

whose optimum is 0 exactly if none does. Rows are added only as they are violated, so the programme stays small. A
second one, min ‖β‖₁ subject to s_i x̃_iᵀβ ≥ 1 on the rows that can be told apart, gives the direction with few columns.
A single column suffices if the largest value of one class does not exceed the smallest of the other.

References: Albert & Anderson (1984), Biometrika 71, 1-10; Konis (2007), Linear programming algorithms for detecting
separated data in binary logistic regression models, DPhil thesis, Oxford.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from whyfit.fold import Rows

_ROWS = 1_000  # of the first programme: those nearest to the border
_ROUNDS = 12
_SIZES = (1, 2, 3, 4, 6, 8, 12, 16)  # numbers of columns tried
_TOLERANCE = (
    1e-6  # margin, in units of unit-variance columns, below which a row counts as on the border
)


@dataclass(frozen=True, slots=True)
class Extents:
    """Of each class (row 0: others, row 1: the class): number of rows, least and largest value of every column.

    `margin` is the least s_i(b₀ + x_iᵀb) of the coefficients asked about.
    """

    n: Int[np.ndarray, 2]
    least: Float[np.ndarray, "2 p"]
    largest: Float[np.ndarray, "2 p"]
    margin: float

    @classmethod
    def empty(cls, p: int) -> Extents:
        return cls(
            np.zeros(2, dtype=np.int64), np.full((2, p), np.inf), np.full((2, p), -np.inf), np.inf
        )

    def __add__(self, other: Extents) -> Extents:
        return Extents(
            self.n + other.n,
            np.minimum(self.least, other.least),
            np.maximum(self.largest, other.largest),
            min(self.margin, other.margin),
        )


def extents_of(
    label: float, coef: Float[np.ndarray, " p"], intercept: float
) -> Callable[[Rows], Extents]:
    """The function that makes Extents of the class y == label against all others from one block."""

    def of(rows: Rows) -> Extents:
        whole = rows.X
        total = Extents.empty(rows.p)
        mine = rows.y == label
        for c in (0, 1):
            X = whole[mine == c]
            if not len(X):
                continue
            n = np.zeros(2, dtype=np.int64)
            least, largest = total.least.copy(), total.largest.copy()
            n[c], least[c], largest[c] = len(X), X.min(axis=0), X.max(axis=0)
            margin = float(((2 * c - 1) * (intercept + X @ coef)).min())
            total = total + Extents(n, least, largest, margin)
        return total

    return of


def single_columns(e: Extents) -> tuple[Int[np.ndarray, " k"], Bool[np.ndarray, " k"]]:
    """Columns that separate alone, and whether they do so completely."""
    varies = e.least.min(axis=0) < e.largest.max(axis=0)
    up, down = e.largest[0] <= e.least[1], e.largest[1] <= e.least[0]
    complete = (e.largest[0] < e.least[1]) | (e.largest[1] < e.least[0])
    found = np.flatnonzero((up | down) & varies)
    return found, complete[found]


@dataclass(frozen=True, slots=True)
class Direction:
    """Weights (intercept first, unit-variance columns); rows told apart, and rows left on the border."""

    beta: Float[np.ndarray, " c"]
    apart: int
    border: int

    @property
    def complete(self) -> bool:
        return self.border == 0


def separating_direction(
    X: Float[np.ndarray, "s p"],
    s: Float[np.ndarray, " s"],
    eta: Float[np.ndarray, " s"],
    complete: bool = False,
) -> Direction | None:
    """A direction with few columns that separates the rows; None if there is none (or none was found).

    s is ±1; eta the linear predictor of any fit, which says where the border is; `complete` tells that the rows are
    known to be separable without a rest. Columns must vary.
    """
    Z = np.ones((len(s), X.shape[1] + 1))
    np.subtract(X, X.mean(axis=0), out=Z[:, 1:])
    Z[:, 1:] /= Z[:, 1:].std(axis=0)
    Z *= s[:, None]
    start = np.argsort(s * eta, kind="stable")[:_ROWS]
    if complete:
        apart = np.ones(len(s), dtype=bool)
    else:
        beta = _with_violated(Z, start, _widest(Z.sum(axis=0)), np.zeros(len(s)))
        if beta is None:
            return None
        apart = Z @ beta > 10 * _TOLERANCE
        if not apart.any():
            return None
        if _with_violated(Z, start, _fewest, np.ones(len(s))) is not None:
            apart[:] = True  # the optimum above is a corner: rows may touch its border without need
    beta = _with_violated(Z, start, _fewest, apart.astype(float))
    if beta is None:
        return None
    beta = _fewer(Z, start, np.where(np.abs(beta) > 1e-6 * np.abs(beta).max(), beta, 0.0), apart)
    on = int((Z @ beta <= 0.5).sum())
    return Direction(beta, len(s) - on, on)


def _widest(total: Float[np.ndarray, " c"]):
    """Maximise the sum of all margins, `total`ᵀβ, subject to Aβ ≥ 0 and |β| ≤ 1."""
    from scipy.optimize import linprog  # a tenth of a second: only when wanted

    def solve(A, b):
        done = linprog(-total, A_ub=-A, b_ub=-b, bounds=(-1, 1), method="highs")
        return done.x if done.status == 0 and -done.fun > _TOLERANCE * len(A) else None

    return solve


def _fewest(A, b):
    """Minimise ‖β‖₁ (the intercept is free) subject to Aβ ≥ b."""
    from scipy.optimize import linprog

    c = A.shape[1]
    cost = np.ones(2 * c)
    cost[[0, c]] = 0.0
    done = linprog(cost, A_ub=np.hstack([-A, A]), b_ub=-b, bounds=(0, None), method="highs")
    return done.x[:c] - done.x[c:] if done.status == 0 else None


def _fewer(Z, start, beta, apart):
    """The same separation by the columns of largest weight alone, if they suffice."""
    order = np.argsort(-np.abs(beta[1:]), kind="stable") + 1
    for m in _SIZES:
        if m >= np.count_nonzero(beta[1:]):
            return beta
        some = np.concatenate([[0], np.sort(order[:m])])
        part = _with_violated(Z[:, some], start, _fewest, apart.astype(float))
        if part is not None:
            small = np.zeros(len(beta))
            small[some] = part
            return small
    return beta


def _with_violated(Z, start, solve, wanted):
    """solve(A, b) over a growing set of rows until Zβ ≥ wanted holds for all; None if it has no solution."""
    rows = start
    for _ in range(_ROUNDS):
        beta = solve(Z[rows], wanted[rows])
        if beta is None:
            return None
        short = Z @ beta - wanted
        short[rows] = 0.0
        bad = np.flatnonzero(short < -_TOLERANCE)
        if not bad.size:
            return beta
        rows = np.union1d(rows, bad[np.argsort(short[bad])[:_ROWS]])
    return None

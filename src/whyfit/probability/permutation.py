"""Permutation test of one coefficient among others: Freedman and Lane.

Under w_j = 0 the residuals e of y on the *other* columns Z could have come in any order. So permute them, add them to
the fit on Z again, and refit everything:

    y* = ŷ_Z + πe,   t*_j from the fit of y* on [1, Z, x_j],   p = (1 + #{|t*| ≥ |t|})/(B + 1)

ŷ_Z drops out: with u the residual of x_j on [1, Z] and Q a basis of [1, Z], t* needs uᵀπe and ‖πe‖² − ‖Qᵀπe‖²
only. All permutations are one matrix product. Exact where Z is empty and errors are exchangeable, else nearly so;
unequal variances that depend on x_j spoil it (p is then that of the classic t, not of HC).

References: Freedman & Lane (1983), J. Business & Economic Statistics 1, 292-298; Winkler et al. (2014), NeuroImage 92,
381-397; Phipson & Smyth (2010) for the +1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from whyfit.engines.local import one_blas_thread
from whyfit.errors import NotFiniteError, ShapeError, SpecError

PERMUTATIONS = 999
#: Numbers permuted at a time (8 MB).
_HELD = 1 << 20
#: Share of x_j, or of y, that others leave unexplained below which it is rounding.
_NOTHING = 1e-12
#: |t*| within this of |t| is a tie: the same permutation summed in another order.
_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """t as it is, t of each permutation; NaN p-value where t does not exist."""

    t: float
    null: Float[np.ndarray, " B"]

    @property
    def p_value(self) -> float:
        """Two-sided."""
        if np.isnan(self.t):
            return np.nan
        with np.errstate(invalid="ignore"):
            extreme = np.abs(self.null) >= np.abs(self.t) * (1 - _TIE)
        return float((1 + np.count_nonzero(extreme)) / (len(self.null) + 1))


def freedman_lane(
    X: Float[np.ndarray, "n p"],
    y: Float[np.ndarray, " n"],
    j: int,
    B: int = PERMUTATIONS,
    seed: int = 0,
    strata: Shaped[np.ndarray, " n"] | None = None,
) -> PermutationTest:
    """Permutation test of w_j = 0 in y = β₀ + Xw + ε.

    Parameters
    ----------
    B : permutations; the smallest p-value is 1/(B + 1).
    strata : rows are permuted within these labels only (blocks, sites); None: all rows.

    t is NaN if x_j is constant or depends on the other columns, if no degrees of freedom are left, or if the
    other columns fit y exactly.
    Raises ShapeError, NotFiniteError, SpecError for a column that is not there.
    """
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if X.ndim != 2 or y.shape != X.shape[:1]:
        raise ShapeError(f"X has shape {X.shape} and y {y.shape}; expected (n, p) and (n,).")
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        raise NotFiniteError("X or y holds NaN or infinity; impute or drop those rows first.")
    n, p = X.shape
    if not 0 <= j < p or B < 1:
        raise SpecError(
            f"column {j} of {p} and {B} permutations; expected 0 ≤ column < {p}, B ≥ 1."
        )
    label = np.zeros(n) if strata is None else np.asarray(strata)
    if label.shape != (n,):
        raise ShapeError(f"strata have shape {label.shape}; expected ({n},).")
    with one_blas_thread():
        Q, u = _basis(X, j)
        e = y - y.mean()
        whole = float(e @ e)
        e = e - Q @ (Q.T @ e)
        df = n - Q.shape[1] - 1
        if not u.any() or df < 1 or not float(e @ e) > _NOTHING**2 * whole:
            return PermutationTest(np.nan, np.full(B, np.nan))
        rng = np.random.default_rng(seed)
        parts = [np.flatnonzero(label == value) for value in np.unique(label)]
        A = np.column_stack([u, Q]).T
        null, size = np.empty(B), max(1, _HELD // n)
        for start in range(0, B, size):
            k = min(size, B - start)
            E = np.empty((k, n))
            for rows in parts:
                E[:, rows] = rng.permuted(np.tile(e[rows], (k, 1)), axis=1)
            null[start : start + k] = _t(E @ A.T, float(e @ e), df)
        return PermutationTest(float(_t(e[None] @ A.T, float(e @ e), df)[0]), null)


def _basis(X, j) -> tuple[Float[np.ndarray, "n r"], Float[np.ndarray, " n"]]:
    """Orthonormal basis of [1, Z], and what x_j has beside it at unit length (0 if nothing)."""
    n = len(X)
    D = X - X.mean(axis=0)
    length = np.linalg.norm(D, axis=0)
    D = D / np.where(length > 0, length, 1.0)
    Z = np.delete(D, j, axis=1)
    U, s, _ = np.linalg.svd(Z, full_matrices=False)
    Q = np.column_stack(
        [np.full(n, 1 / np.sqrt(n)), U[:, s > 1e-10 * max(1.0, s.max(initial=0.0))]]
    )
    u = D[:, j]
    for _ in range(2):  # twice is enough: Parlett (1980)
        u = u - Q @ (Q.T @ u)
    left = float(np.linalg.norm(u))
    return Q, u / left if left > 1e-10 else np.zeros(n)


def _t(products, total: float, df: int) -> Float[np.ndarray, " k"]:
    along = products[:, 0]
    rest = total - (products * products).sum(axis=1)
    with np.errstate(divide="ignore"):
        return along / np.sqrt(np.maximum(rest, 0.0) / df)

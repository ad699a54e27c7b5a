"""Extreme eigenvalues of a symmetric operator, with intervals that are certain: Lanczos.

From a random unit vector v₁ the products Av build an orthonormal basis V of the Krylov space; in it A is tridiagonal:

    A V_m = V_m T_m + β_m v_{m+1} e_mᵀ,      T_m s = θ s,      ‖A(V_m s) − θ(V_m s)‖ = β_m |s_m|

For symmetric A there is an eigenvalue within the residual ‖r‖ of θ, whatever else is true of A. Every new vector is
orthogonalised against all before, twice: without that rounding brings copies of found eigenvalues back. When the space
is exhausted (β = 0) a fresh random direction continues, until it brings nothing new.

One start sees one vector of each eigenspace (rounding brings others late). So what was found is taken out of A and the
rest is looked at from another random start; a pair found there that belongs among those wanted joins them, and the
rest is looked at again. Eigenvalues come with their multiplicity that way.

What a residual cannot tell is whether an eigenvalue beyond the largest θ was missed, because the start happened to be
orthogonal to it. For a random start that has a known probability: with m steps and λ the largest eigenvalue,

    P[ (λ − θ)/(λ − λ_min) > ε ] ≤ 1.648 √p exp(−(2m − 1) √ε)

which `Ritz.beyond(δ)` turns into a bound that fails with probability δ.

References: Parlett (1998), The Symmetric Eigenvalue Problem, ch. 11 and 13; Kuczyński & Woźniakowski (1992), SIAM J.
Matrix Anal. Appl. 13(4), 1094-1122, Theorem 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from whyfit.engines.local import one_blas_thread
from whyfit.errors import ShapeError
from whyfit.linalg.krylov import Krylov
from whyfit.linalg.operators import Operator, as_operator, symmetric

U = float(np.finfo(np.float64).eps) / 2
#: Residual, relative to ‖A‖, at which an eigenpair counts as found.
TOLERANCE = 1e-8
_CHECK = 5  # steps between two looks at the tridiagonal matrix


@dataclass(frozen=True, slots=True)
class Ritz:
    """Approximate eigenpairs of a symmetric p × p operator, eigenvalues falling.

    Attributes
    ----------
    values : (k,); vectors : (p, k), orthonormal.
    residuals : (k,) ‖Av − θv‖, the rounding of the products included: an eigenvalue lies within it of each value.
    norm : an estimate of ‖A‖ from below; range : smallest and largest Ritz value.
    steps : products with a vector before copies were looked for.
    exhausted : the basis spans everything, nothing can have been missed.
    converged : every residual is at most the tolerance times `norm`.
    """

    values: Float[np.ndarray, " k"]
    vectors: Float[np.ndarray, "p k"]
    residuals: Float[np.ndarray, " k"]
    norm: float
    range: tuple[float, float]
    steps: int
    exhausted: bool
    converged: bool

    @property
    def low(self) -> Float[np.ndarray, " k"]:
        return self.values - self.residuals

    @property
    def high(self) -> Float[np.ndarray, " k"]:
        return self.values + self.residuals

    def beyond(self, risk: float = 0.01) -> tuple[float, float]:
        """(low, high) that hold *all* eigenvalues, either end except with probability `risk`.

        Source: Kuczyński & Woźniakowski (1992); the probability is over the random start.
        """
        low, high = self.range
        if self.exhausted:
            slack = self.vectors.shape[0] * U * self.norm
            return low - slack, high + slack
        p = self.vectors.shape[0]
        e = (np.log(1.648 * np.sqrt(p) / risk) / max(2 * self.steps - 1, 1)) ** 2
        if e >= 0.5:  # too few steps to say anything
            return -np.inf, np.inf
        # with both ends short of the truth by at most e of the true spread, that spread is ≤ (high − low)/(1 − 2e)
        reach = e / (1 - 2 * e) * (high - low)
        return low - reach, high + reach


def extreme_eigenvalues(
    A: Any,
    largest: int = 6,
    smallest: int = 0,
    *,
    tolerance: float = TOLERANCE,
    steps: int | None = None,
    copies: bool = True,
    rng: int | np.random.Generator | None = 0,
) -> Ritz:
    """The `largest` and `smallest` eigenvalues of a symmetric operator by Lanczos.

    Parameters
    ----------
    A : symmetric, anything `as_operator` takes; symmetry is the caller's word.
    largest, smallest : how many from either end.
    tolerance : residual ÷ ‖A‖ at which a pair counts as found.
    steps : at most so many products; default min(p, max(20 k + 100, 300)), k = largest + smallest.
    copies : look for eigenvalues of higher multiplicity, at the price of about as many products again.
    rng : of the starts.

    Returns
    -------
    Ritz. Running out of steps is no error: `converged` is False, and the residuals say how far each pair is.

    Raises
    ------
    ShapeError : A is not square, or fewer than one or more than p eigenvalues are wanted.
    NotFiniteError : a product is NaN or infinite.
    """
    A = as_operator(A)
    p, k = A.shape[1], largest + smallest
    if A.shape[0] != p:
        raise ShapeError(f"the operator has shape {A.shape}; eigenvalues need a square one.")
    if min(largest, smallest) < 0 or not 1 <= k <= p:
        raise ShapeError(f"{k} eigenvalues of a {p} × {p} operator; expected 1 to {p}.")
    most = max(min(p, steps or max(20 * k + 100, 300)), k)
    with one_blas_thread():
        rng = np.random.default_rng(rng)
        basis = Krylov.start(A, rng, most)
        _grow(basis, most, (largest, smallest), tolerance)
        found = _pairs(A, basis, largest, smallest, tolerance)
        if copies:
            for _ in range(k):
                more = _missed(A, found, (largest, smallest), most, rng)
                if more is None:
                    break
                found = more
        return found


def _grow(basis: Krylov, most: int, wanted: tuple[int, int], tolerance: float) -> None:
    """Until what is wanted is found, or `most` steps are done."""
    before: np.ndarray | None = None  # what was wanted when the space was last exhausted
    while basis.m < most:
        basis.grow()
        ended = basis.beta[-1] == 0
        if basis.m < sum(wanted) or not (ended or basis.m % _CHECK == 0):
            continue
        values, good = _look(basis, *wanted, tolerance)
        if ended and before is not None and good:
            if np.abs(values - before).max() <= tolerance * basis.norm:
                return
        elif good and not basis.broken:
            return
        before = values if ended else before


#: Residual ÷ ‖A‖ that tells whether a pair outside those found may belong to them.
_COARSE = 1e-3


def _missed(
    A: Operator, found: Ritz, wanted: tuple[int, int], most: int, rng: np.random.Generator
) -> Ritz | None:
    """`found` with a pair that was missed, or None: the rest of A has none that belongs there."""
    if found.exhausted or not found.converged or found.vectors.shape[1] == len(found.vectors):
        return None
    X, middle = found.vectors, (found.range[0] + found.range[1]) / 2

    def rest(V: np.ndarray) -> np.ndarray:  # A on the complement of X; X itself is out of the way
        inside = X.T @ V
        AV = A @ (V - X @ inside)
        return AV + X @ (middle * inside - X.T @ AV)

    ends = (min(wanted[0], 1), min(wanted[1], 1))
    basis = Krylov.start(symmetric(len(X), rest), rng, most)
    new = None
    for tolerance in (_COARSE, TOLERANCE):
        _grow(basis, most, ends, tolerance)
        new = _pairs(basis.A, basis, *ends, tolerance)
        slack = new.residuals.max() + found.residuals.max()
        above = ends[0] and new.values[0] + slack > found.values[wanted[0] - 1]
        below = ends[1] and new.values[-1] - slack < found.values[wanted[0]]
        if not (above or below):
            return None
    assert new is not None
    real = np.zeros(sum(ends), dtype=bool)
    if ends[0]:
        real[0] = new.values[0] - slack > found.values[wanted[0] - 1]
    if ends[1]:
        real[-1] |= new.values[-1] + slack < found.values[wanted[0]]
    if not real.any() or not new.converged:
        return None
    Q = np.linalg.qr(np.hstack([X, new.vectors[:, real]]))[0]
    theta, S = np.linalg.eigh(Q.T @ (A @ Q))
    Y = Q @ S[:, _wanted(len(theta), *wanted)]
    return _rayleigh(A, Y, found)


def _wanted(m: int, largest: int, smallest: int) -> np.ndarray:
    """Places among m rising values: the largest first, falling."""
    return np.r_[m - 1 - np.arange(largest), smallest - 1 - np.arange(smallest)].astype(int)


def _look(basis: Krylov, largest: int, smallest: int, tolerance: float) -> tuple[np.ndarray, bool]:
    """The wanted Ritz values, and whether their residuals are small enough."""
    theta, S = basis.spectrum()
    which = _wanted(basis.m, largest, smallest)
    norm = max(abs(theta[0]), abs(theta[-1]))
    good = (basis.beta[-1] * np.abs(S[-1, which]) <= 0.5 * tolerance * norm).all()
    return theta[which], bool(good)


def _pairs(A: Operator, basis: Krylov, largest: int, smallest: int, tolerance: float) -> Ritz:
    theta, S = basis.spectrum()
    which = _wanted(basis.m, largest, smallest)
    X = np.asarray(basis.V[:, : basis.m] @ S[:, which])
    norm = float(max(abs(theta[0]), abs(theta[-1])))
    ends = (float(theta[0]), float(theta[-1]))
    frame = Ritz(theta[:0], X[:, :0], theta[:0], norm, ends, basis.m, basis.exhausted, False)
    return _rayleigh(A, X, frame, tolerance)


def _rayleigh(A: Operator, X: np.ndarray, frame: Ritz, tolerance: float = TOLERANCE) -> Ritz:
    """Values and residuals of the vectors X; norm, range and the rest are those of `frame`."""
    X = X / np.linalg.norm(X, axis=0)
    AX = A @ X
    values = np.einsum("ij,ij->j", X, AX)  # Rayleigh quotients: their error is second order
    rounding = np.sqrt(len(X)) * 4 * U * frame.norm
    residuals = np.linalg.norm(AX - X * values, axis=0) + rounding
    order = np.argsort(-values, kind="stable")
    good = bool((residuals <= tolerance * frame.norm + 2 * rounding).all())
    return replace(
        frame, values=values[order], vectors=X[:, order], residuals=residuals[order], converged=good
    )

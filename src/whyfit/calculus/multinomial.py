"""Multinomial cross-entropy by Newton steps over rows.

Class 0 is the reference, β_0 = 0; for classes a = 1..C−1 with η_a = x̃ᵀβ_a and π = softmax(0, η),

    L = Σ_i −log π_{y_i},   ∇_a L = Σ (π_a − [y = a]) x̃,   H_ab = Σ π_a(δ_ab − π_b) x̃x̃ᵀ

computed by log-sum-exp, so that no η overflows. The penalty and the decrement are those of `logistic`.

Reference: Böhning (1992), Ann. Inst. Statist. Math. 44, 197-200.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from whyfit.calculus.newton import CREEP, CREEP_FROM, CREEPS, DECREMENT
from whyfit.fold import Engine, Rows, RowSource, fold, joined
from whyfit.linalg.columns import Tile, tiles

MAX_STEPS = 40
SLOW = 0.3  # a step with an old Hessian that leaves more of the decrement is the last one
_NO_LOSS = 1e-6  # a loss per row below this belongs to classes that are separated


@dataclass(frozen=True, slots=True)
class Sums:
    """Over rows: loss, gradient (C−1 × c) and Hessian ((C−1)c square)."""

    loss: float
    gradient: Float[np.ndarray, "a c"]
    hessian: Float[np.ndarray, "ac ac"]
    counts: Float[np.ndarray, " classes"]

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.loss + other.loss,
            self.gradient + other.gradient,
            self.hessian + other.hessian,
            self.counts + other.counts,
        )

    @classmethod
    def empty(cls, a: int, c: int, hessian: bool = True) -> Sums:
        return cls(0.0, np.zeros((a, c)), _square(a * c if hessian else 0), np.zeros(a + 1))


def _square(size: int) -> Float[np.ndarray, "s s"]:
    return np.zeros((size, size))


def probabilities(B: Float[np.ndarray, "a c"], Z: Tile) -> Float[np.ndarray, "C m"]:
    """Softmax of (0, BZ), classes by row."""
    eta = Z.times(B)
    eta = np.vstack([np.zeros(eta.shape[1]), eta])
    eta -= eta.max(axis=0)
    np.exp(eta, out=eta)
    return eta / eta.sum(axis=0)


def sums_at(
    B: Float[np.ndarray, "a c"],
    centre: Float[np.ndarray, " p"],
    without: int = -1,
    hessian: bool = True,
) -> Callable[[Rows], Sums]:
    """The function that makes Sums at B from one block, leaving out fold `without`.

    The Hessian, which costs (C − 1)/2 · c times as much as the rest, has no entries unless it is asked for.
    """

    def of(rows: Rows) -> Sums:
        a, c = B.shape
        g, H, loss = np.zeros((a, c)), _square(a * c if hessian else 0), 0.0
        counts = np.zeros(a + 1)
        for part, Z in tiles(rows, centre):
            code: Int[np.ndarray, " m"] = part.y.astype(np.int64)
            P = probabilities(B, Z)
            weight = np.ones(len(code)) if without < 0 else (part.fold != without).astype(float)
            own = np.maximum(P[code, np.arange(len(code))], np.finfo(float).tiny)
            loss -= float(weight @ np.log(own))
            counts += np.bincount(code, weights=weight, minlength=a + 1)
            R = P[1:] * weight
            W = R.copy()
            R[code[code > 0] - 1, np.flatnonzero(code > 0)] -= weight[code > 0]
            g += Z.back(R)
            for i in range(a if hessian else 0):
                for j in range(i, a):
                    v = W[i] * ((i == j) - P[1 + j])
                    Z.add_cross(v, H[i * c : (i + 1) * c, j * c : (j + 1) * c])
        for i in range(a if hessian else 0):
            for j in range(i):
                H[i * c : (i + 1) * c, j * c : (j + 1) * c] = H[
                    j * c : (j + 1) * c, i * c : (i + 1) * c
                ].T
        return Sums(loss, g, H, counts)

    return of


@dataclass(frozen=True)
class Optimum:
    """Where Newton stopped, coordinates (1, x − centre)."""

    B: Float[np.ndarray, "a c"]
    centre: Float[np.ndarray, " p"]
    hessian: Float[np.ndarray, "ac ac"]
    loss: float
    counts: Float[np.ndarray, " classes"]
    decrement: float
    converged: bool
    losses: tuple[float, ...]
    runaway: bool = False  # stopped because the steps do not shrink: no maximum in sight


def newton(
    rows: RowSource,
    classes: int,
    centre: Float[np.ndarray, " p"],
    scale: Float[np.ndarray, " p"],
    engine: Engine,
    ridge: float = 0.0,
    start: Float[np.ndarray, "a c"] | None = None,
    without: int = -1,
    tolerance: float = DECREMENT,
    near: Optimum | None = None,
    limit: int = MAX_STEPS,
) -> Optimum:
    """Minimise L (+ (λ/2)Σ‖s ∘ w_a‖²) by damped Newton steps.

    From `near`, the optimum of more rows, steps are taken with its Hessian, which costs no more than a gradient, as
    long as each leaves less than SLOW of the decrement.
    """
    a, c = classes - 1, len(centre) + 1
    B = np.zeros((a, c)) if start is None else start.copy()
    if near is not None:
        B = near.B.copy()
    diagonal = np.tile(np.concatenate([[0.0], ridge * scale**2]), a)
    losses: list[float] = []
    step = np.zeros((a, c))
    old, delta, converged, creeps, runaway = np.inf, np.inf, False, 0, False
    sums, H = Sums.empty(a, c), np.eye(a * c)
    fresh, factor = near is None, None
    if near is not None:
        H = near.hessian
        factor = _factored(H)
        fresh = factor is None
    for _ in range(limit):
        zero = Sums.empty(a, c, fresh)
        sums = fold(joined(rows.blocks()), sums_at(B, centre, without, fresh), zero, engine)
        b = B.ravel()
        loss = sums.loss + 0.5 * float(diagonal @ (b * b))
        if loss > old * (1 + 1e-12) + 1e-9:
            step = step / 2
            B, fresh = B - step, True
            continue
        old = loss
        losses.append(sums.loss)
        if fresh:
            H = sums.hessian + np.diag(diagonal)
            factor = _factored(H)
        if factor is None:
            break
        g = sums.gradient.ravel() + diagonal * b
        lower, d = factor
        step = (-cho_solve(lower, g / d, check_finite=False) / d).reshape(a, c)
        before, delta = delta, float(np.sqrt(max(-g @ step.ravel(), 0.0)))
        if delta < tolerance:
            B, converged = B + step, True
            break
        creeps = creeps + 1 if fresh and CREEP[0] < delta / before < CREEP[1] else 0
        runaway = ridge == 0 and (
            (creeps >= CREEPS and delta < CREEP_FROM) or sums.loss < _NO_LOSS * sums.counts.sum()
        )
        if runaway:  # a class is separated
            break
        B = B + step
        fresh = near is None or not delta < SLOW * before
    return Optimum(B, centre, H, old, sums.counts, delta, converged, tuple(losses), runaway)


def _factored(H: Float[np.ndarray, "ac ac"]) -> tuple[tuple, Float[np.ndarray, " ac"]] | None:
    """Cholesky factor of the unit-diagonal Hessian with its scale; None if it is not positive definite."""
    d = np.sqrt(np.maximum(np.diag(H), np.finfo(float).tiny))
    try:
        return cho_factor(H / d / d[:, None] + 1e-12 * np.eye(len(d)), check_finite=False), d
    except LinAlgError:
        return None

"""Multinomial cross-entropy by Newton steps over rows.

Class 0 is the reference, β_0 = 0; for classes a = 1..C−1 with η_a = x̃ᵀβ_a and π = softmax(0, η),

    L = Σ_i −log π_{y_i},   ∇_a L = Σ (π_a − [y = a]) x̃,   H_ab = Σ π_a(δ_ab − π_b) x̃x̃ᵀ

computed by log-sum-exp, so that no η overflows. Off the diagonal H is −GGᵀ with columns g_i = π_i ⊗ x̃_i: one
symmetric product. The penalty is scikit-learn's, on the coefficients of all C classes with mean zero, so that it does
not matter which class comes first:

    (λ/2) Σ_c ‖s ∘ (β_c − β̄)‖²  =  (λ/2) [Σ_a ‖s ∘ β_a‖² − ‖s ∘ Σ_a β_a‖²/C]

Where a Hessian is expensive, steps are found by conjugate gradients on products Hv, preconditioned by the Hessian at
B = 0, a Kronecker product, and only the last one takes H itself. The decrement is that of `newton`.

References: Böhning (1992), Ann. Inst. Statist. Math. 44, 197-200; Nocedal & Wright (2006), Numerical Optimization,
§7.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from whyfit.calculus.newton import CREEP, CREEP_FROM, CREEPS, DECREMENT
from whyfit.fold import Accumulator, Engine, Rows, RowSource, fold, joined
from whyfit.linalg.columns import Tile, tiles

T = TypeVar("T", bound=Accumulator)
MAX_STEPS = 40
SLOW = 0.3  # a step with an old Hessian that leaves more of the decrement is the last one
LATE = 1e-6  # δ from which one step with an exact Hessian is the last one: it leaves about δ² of it
DEAR = 5e7  # multiplications of a Hessian from which products with it are cheaper
FORCING = 0.1  # residual of a step by conjugate gradients, in the norm of the preconditioner
MOST_PRODUCTS = 20  # ... which take about as long as a Hessian; if they do not suffice, it is taken
KRONECKER_BYTES = 6 << 20  # of products π_i ⊗ x̃_i held together
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
    a, c = B.shape
    flat = not B.any()  # then π is the same in all rows, and H a Kronecker product

    def of(rows: Rows) -> Sums:
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
            R[code[code > 0] - 1, np.flatnonzero(code > 0)] -= weight[code > 0]
            g += Z.back(R)
            if hessian and flat:
                gram = np.zeros((c, c))
                Z.add_cross(weight, gram)
                H += np.kron(np.diag(P[1:, 0]) - np.outer(P[1:, 0], P[1:, 0]), gram)
            elif hessian:
                _add_hessian(Z, P, weight, H)
        return Sums(loss, g, H, counts)

    return of


def _add_hessian(
    Z: Tile,
    P: Float[np.ndarray, "C m"],
    weight: Float[np.ndarray, " m"],
    H: Float[np.ndarray, "ac ac"],
) -> None:
    """H += Σ w_i (diag(π_i) − π_i π_iᵀ) ⊗ x̃_i x̃_iᵀ."""
    a, c = len(P) - 1, Z.c
    if Z.sparse is not None:
        for i in range(a):
            for j in range(i, a):
                block = np.zeros((c, c))
                Z.add_cross(weight * P[1 + i] * ((i == j) - P[1 + j]), block)
                H[i * c : (i + 1) * c, j * c : (j + 1) * c] += block
                if i != j:
                    H[j * c : (j + 1) * c, i * c : (i + 1) * c] += block.T
        return
    D, Q = Z.dense, P[1:]
    own = Q * (1 - Q) * weight
    if not weight.all():
        some = np.flatnonzero(weight)
        D, Q, own = D[:, some], Q[:, some], own[:, some]
    square = np.zeros_like(H)
    step = max(KRONECKER_BYTES // (8 * a * c), 64)
    for start in range(0, D.shape[1], step):
        part = slice(start, start + step)
        G = (Q[:, None, part] * D[:, part]).reshape(a * c, -1)  # weights are 0 or 1
        square += G @ G.T
    for i in range(a):
        place = slice(i * c, (i + 1) * c)
        square[place, place] = 0.0  # π(1 − π) keeps the digits that π − π² loses
        Z_own = D * own[i]
        H[place, place] += Z_own @ D.T
    H -= square


def products_at(
    B: Float[np.ndarray, "a c"],
    V: Float[np.ndarray, "a c"],
    centre: Float[np.ndarray, " p"],
    without: int = -1,
) -> Callable[[Rows], Float[np.ndarray, "a c"]]:
    """The function that makes the product of the Hessian at B with V from one block."""

    def of(rows: Rows) -> Float[np.ndarray, "a c"]:
        out = np.zeros_like(V)
        for part, Z in tiles(rows, centre):
            Q, U = probabilities(B, Z)[1:], Z.times(V)
            if without >= 0:
                U *= part.fold != without
            out += Z.back(Q * (U - (Q * U).sum(axis=0)))
        return out

    return of


def penalty_matrix(
    classes: int, scale: Float[np.ndarray, " p"], ridge: float
) -> Float[np.ndarray, "ac ac"]:
    """λ (I − 11ᵀ/C) ⊗ diag(0, s²): Hessian of the penalty."""
    a = classes - 1
    return np.kron(np.eye(a) - 1 / classes, np.diag(np.concatenate([[0.0], ridge * scale**2])))


def penalised(
    B: Float[np.ndarray, "a c"], scale: Float[np.ndarray, " p"], ridge: float
) -> tuple[float, Float[np.ndarray, "a c"]]:
    """Value and gradient of the penalty."""
    pull = (B - B.sum(axis=0) / (len(B) + 1)) * np.concatenate([[0.0], ridge * scale**2])
    return 0.5 * float((pull * B).sum()), pull


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
    """Minimise L, penalised, by damped Newton steps.

    From `near`, the optimum of more rows, steps are taken with its Hessian, which costs no more than a gradient, as
    long as each leaves less than SLOW of the decrement. The Hessian at the end is exact but for that of `near`.
    """
    a, c = classes - 1, len(centre) + 1
    B = np.zeros((a, c)) if start is None else start.copy()
    losses: list[float] = []
    step = np.zeros((a, c))
    old, delta, converged, creeps, runaway = np.inf, np.inf, False, 0, False
    sums, H, factor = Sums.empty(a, c), np.eye(a * c), None
    if near is not None:
        B, H = near.B.copy(), near.hessian
        factor = _factored(H)
    fresh, dear = factor is None, False
    gather = _folder(rows, engine)
    extra = penalty_matrix(classes, scale, ridge)
    for _ in range(limit):
        zero = Sums.empty(a, c, fresh)
        sums = gather(sums_at(B, centre, without, fresh), zero)
        value, pull = penalised(B, scale, ridge)
        loss = sums.loss + value
        if loss > old * (1 + 1e-12) + 1e-9:
            step = step / 2
            B, fresh = B - step, True
            continue
        old = loss
        losses.append(sums.loss)
        if fresh:
            H = sums.hessian + extra
            factor = _factored(H)
        if factor is None:
            break
        g, true = sums.gradient + pull, fresh
        if fresh or near is not None:
            step = -_solved(factor, g)
        else:

            def times(V: np.ndarray, B: np.ndarray = B) -> np.ndarray:
                product = gather(products_at(B, V, centre, without), np.zeros_like(V))
                return product + penalised(V, scale, ridge)[1]

            step, true = _by_conjugate_gradients(times, factor, -g)
        before, delta = delta, float(np.sqrt(max(-(g * step).sum(), 0.0)))
        if delta < tolerance and (fresh or near is not None):
            B, converged = B + step, True
            break
        if fresh and dear and delta < LATE:
            B, delta, converged = B + step, delta**2, True
            break
        creeps = creeps + 1 if true and CREEP[0] < delta / before < CREEP[1] else 0
        runaway = ridge == 0 and (
            (creeps >= CREEPS and delta < CREEP_FROM) or sums.loss < _NO_LOSS * sums.counts.sum()
        )
        if runaway:  # a class is separated
            break
        B = B + step
        dear = near is None and (a * c) ** 2 * sums.counts.sum() > DEAR
        soon = delta * FORCING < LATE  # δ at the next point
        fresh = (not true or soon) if dear else (near is None or not delta < SLOW * before)
    return Optimum(B, centre, H, old, sums.counts, delta, converged, tuple(losses), runaway)


def _folder(rows: RowSource, engine: Engine) -> Callable[[Callable[[Rows], T], T], T]:
    """The fold over these rows; a single block is not handed to another thread a hundred times."""
    first = list(islice(joined(rows.blocks()), 2))
    if len(first) != 1:
        return lambda of, zero: fold(joined(rows.blocks()), of, zero, engine)
    block = replace(first[0], dense=np.asfortranarray(first[0].dense))  # tiles are columns
    return lambda of, zero: zero + of(block)


def _by_conjugate_gradients(
    times: Callable[[np.ndarray], np.ndarray], factor: tuple, g: Float[np.ndarray, "a c"]
) -> tuple[Float[np.ndarray, "a c"], bool]:
    """Hs = g to FORCING, from products with H; False if MOST_PRODUCTS did not suffice."""
    s, r = np.zeros_like(g), g
    z = _solved(factor, r)
    d, rz = z, float((r * z).sum())
    enough = FORCING**2 * rz
    for _ in range(MOST_PRODUCTS):
        Hd = times(d)
        alpha = rz / float((d * Hd).sum())
        s, r = s + alpha * d, r - alpha * Hd
        z = _solved(factor, r)
        before, rz = rz, float((r * z).sum())
        if rz <= enough:
            return s, True
        d = z + (rz / before) * d
    return s, False


def _solved(factor: tuple, g: Float[np.ndarray, "a c"]) -> Float[np.ndarray, "a c"]:
    lower, d = factor
    return (cho_solve(lower, g.ravel() / d, check_finite=False) / d).reshape(g.shape)


def _factored(H: Float[np.ndarray, "ac ac"]) -> tuple[tuple, Float[np.ndarray, " ac"]] | None:
    """Cholesky factor of the unit-diagonal Hessian with its scale; None if it is not positive definite."""
    d = np.sqrt(np.maximum(np.diag(H), np.finfo(float).tiny))
    try:
        return cho_factor(H / d / d[:, None] + 1e-12 * np.eye(len(d)), check_finite=False), d
    except LinAlgError:
        return None

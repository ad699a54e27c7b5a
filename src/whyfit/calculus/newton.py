"""Newton's method for any loss of a linear predictor, each step a fold of (loss, gradient, Hessian).

    η_i = β₀ + x_iᵀw,    L = Σ ℓ(η_i, y_i) + (λ/2) ‖s ∘ w‖²
    ∇L = Σ ℓ′_i x̃_i,     H = Σ ℓ″_i x̃_i x̃_iᵀ,     step −H⁻¹∇L

s are column standard deviations, so the penalty sees unit-variance columns and spares the intercept. The
decrement δ² = ∇LᵀH⁻¹∇L bounds what is left to gain: L − L* ≈ δ²/2, and of a negative log-likelihood each coefficient
is within δ standard errors of its maximum. Steps begin on a few rows, whose Hessian then serves the first passes over
all; once δ is small the last Hessian is kept. Passes for a gradient alone take less than half as long.

Rows are handled a tile at a time, by row where they lie near their centre, else turned into columns (`linalg.columns`).

Reference: Boyd & Vandenberghe (2004), Convex Optimization, §9.5; McCullagh & Nelder (1989), ch. 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from whyfit.calculus.losses.base import Loss
from whyfit.errors import NotFiniteError
from whyfit.fold import Engine, Rows, fold, joined
from whyfit.linalg.columns import newton_tiles

DECREMENT = 1e-10  # δ in standard errors at which coefficients hold nine digits
CHORD = 3e-3  # relative error of a Hessian that still makes good steps
HESSIAN_ERROR = 1e-9  # ... and of the one that gives the standard errors
HOPED = (
    10 * HESSIAN_ERROR
)  # by δ√(c/n), which is mostly several times the error: worth a try, checked afterwards
MAX_STEPS = 30
#: Where classes are separated, a Newton step multiplies the loss that is left by 1/e and hence δ by e^−½ = 0.61,
#: where other steps square it. So often in a row, with so little left, and the maximum is at infinity.
CREEP, CREEPS, CREEP_FROM = (0.55, 0.67), 3, 1e-2
WARM_ROWS = 0.05  # share of rows of the warm start ...
WARM_PER_COLUMN = 50  # ... but at least this many rows per column
LEND_PER_COLUMN = (
    2_000  # of so many rows a Hessian is known to √(c/rows) = 2 %, and leaves that of δ per step
)
LENT = 0.2  # a step with the Hessian of fewer rows that leaves more of δ is the last one


@dataclass(frozen=True, slots=True)
class NewtonSums:
    """Loss, gradient and Hessian in coordinates (1, x − centre); H is None on gradient-only passes."""

    n: int
    loss: float
    gradient: Float[np.ndarray, " c"]
    hessian: Float[np.ndarray, "c c"] | None
    positives: float = 0.0

    def __add__(self, other: NewtonSums) -> NewtonSums:
        both = self.hessian is not None and other.hessian is not None
        return NewtonSums(
            self.n + other.n,
            self.loss + other.loss,
            self.gradient + other.gradient,
            self.hessian + other.hessian if both else None,  # pyright: ignore[reportOptionalOperand]
            self.positives + other.positives,
        )

    @classmethod
    def empty(cls, c: int, hessian: bool) -> NewtonSums:
        return cls(0, 0.0, np.zeros(c), np.zeros((c, c)) if hessian else None)


#: At coefficients b and whether a Hessian is wanted: the function that makes NewtonSums from one block.
SumsAt = Callable[[Float[np.ndarray, " c"], bool], Callable[[Rows], NewtonSums]]


def loss_sums(loss: Loss, centre: Float[np.ndarray, " p"]) -> SumsAt:
    """NewtonSums of any loss of one η a row, intercept first."""

    def at(b: Float[np.ndarray, " c"], hessian: bool) -> Callable[[Rows], NewtonSums]:
        def of(rows: Rows) -> NewtonSums:
            g, total = np.zeros(len(b)), 0.0
            H = np.zeros((len(b), len(b))) if hessian else None
            with np.errstate(over="ignore", invalid="ignore"):
                for part, Z in newton_tiles(rows, centre):
                    eta = Z.times(b)
                    total += float(loss.value(eta, part.y).sum())
                    g += Z.back(loss.slope(eta, part.y))
                    if H is not None:
                        Z.add_gram(np.sqrt(loss.curvature(eta, part.y)), H)
            return NewtonSums(len(rows.y), total, g, H, float(rows.y.sum()))

        return of

    return at


@dataclass(frozen=True)
class Optimum:
    """Where Newton stopped, in coordinates (1, x − centre).

    `converged` tells whether δ fell below its limit; `losses` and `sizes` (largest |η-scale coefficient| on
    unit-variance columns) follow the path over full passes, which is how separable classes show.
    """

    b: Float[np.ndarray, " c"]
    centre: Float[np.ndarray, " p"]
    hessian: Float[np.ndarray, "c c"]
    loss: float
    decrement: float
    converged: bool
    passes: float
    n: int
    positives: float
    losses: tuple[float, ...] = field(default=())
    sizes: tuple[float, ...] = field(default=())
    runaway: bool = False  # stopped because the steps do not shrink: no maximum in sight


def penalty(b: np.ndarray, scale: np.ndarray, ridge: float) -> tuple[float, np.ndarray, np.ndarray]:
    """Value, gradient and Hessian diagonal of (λ/2)‖s ∘ w‖² (intercept free)."""
    diagonal = np.concatenate([[0.0], ridge * scale**2])
    return 0.5 * float(diagonal @ (b * b)), diagonal * b, diagonal


@dataclass(frozen=True)
class Problem:
    """What Newton's method is to minimise, over rows that `blocks` yields as often as asked.

    `least` is a value the unpenalised loss per row approaches only where it has no minimum (0 of a log-loss), None if
    there is none. `origin` is where to start without a warm start, zeros by default.
    """

    sums_at: SumsAt
    blocks: Callable[[], Iterable[Rows]]
    n: int
    centre: Float[np.ndarray, " p"]
    scale: Float[np.ndarray, " p"]
    engine: Engine
    ridge: float = 0.0
    least: float | None = None
    origin: Float[np.ndarray, " c"] | None = None

    @property
    def start(self) -> Float[np.ndarray, " c"]:
        return np.zeros(len(self.centre) + 1) if self.origin is None else self.origin

    def prefix(self, rows: int) -> Problem:
        """The same of the first rows, the penalty in proportion."""
        return replace(
            self,
            blocks=lambda: _prefix(self.blocks(), rows),
            n=rows,
            ridge=self.ridge * rows / self.n,
        )


def newton(problem: Problem, start: Float[np.ndarray, " c"] | None = None) -> Optimum:
    """Minimise by damped Newton steps; warm start on a prefix of the rows, then full passes.

    Raises NotFiniteError if the loss is not finite at the start.
    """
    b, n = problem.start if start is None else start.copy(), problem.n
    few = int(max(n * WARM_ROWS, WARM_PER_COLUMN * len(b)))
    passes, lent = 0.0, None
    if start is None and few < n // 2:
        first = _descend(problem.prefix(few), b, 1e-2, 12)
        passes = first.passes * few / n
        if first.converged:
            b = first.b
            lent = first.hessian * (n / few) if few >= LEND_PER_COLUMN * len(b) else None
    best = _descend(problem, b, DECREMENT, MAX_STEPS, lent)
    return replace(best, passes=best.passes + passes)


def _prefix(blocks: Iterable[Rows], rows: int) -> Iterable[Rows]:
    for block in blocks:
        size = min(rows, len(block.y))
        yield block.take(slice(size))
        rows -= size
        if rows <= 0:
            return


def _descend(
    problem: Problem,
    b: Float[np.ndarray, " c"],
    tolerance: float,
    limit: int,
    lent: Float[np.ndarray, "c c"] | None = None,
) -> Optimum:
    """Damped Newton from b; a new Hessian only where it changes the outcome.

    `lent` is a Hessian of fewer rows. It is used until δ is so small that a Hessian taken there, of relative error
    δ√(c/n), leads to one that is exact to HESSIAN_ERROR, as long as each step leaves less than LENT of δ.

    At δ standard errors from the optimum H is off by about δ√(c/n), relatively. While that is below CHORD the old
    factor still shrinks δ by as much per step, at less than half the price; the last pass takes a fresh H, so
    that standard errors are exact to HESSIAN_ERROR.
    """
    n, scale, ridge = problem.n, problem.scale, problem.ridge
    drift = np.sqrt(len(b) / max(n, 1))
    H = lent
    factor = None if lent is None else _factor(lent)
    borrowed = factor is not None
    reach = expected = delta = old_loss = np.inf  # reach: δ where H was taken; expected: δ at b
    step = np.zeros(len(b))
    losses: list[float] = []
    sizes: list[float] = []
    sums_loss, converged, used, positives = np.nan, False, 0, 0.0
    creeps, runaway = 0, False
    b_start = b
    crawls = True  # not yet in the region of quadratic convergence
    for _ in range(limit):
        if borrowed:
            fresh = (expected * drift) ** 2 < HOPED
        else:
            fresh = crawls or reach * drift > CHORD or expected * drift < HOPED
        zero = NewtonSums.empty(len(b), fresh)
        sums = fold(joined(problem.blocks()), problem.sums_at(b, fresh), zero, problem.engine)
        used += 1
        value, slope, diagonal = penalty(b, scale, ridge)
        positives = sums.positives
        loss, g = sums.loss + value, sums.gradient + slope
        if not np.isfinite(loss) and not step.any():
            raise NotFiniteError(
                "the loss is not finite at the start; a column holds NaN or infinity, or values so large that "
                "it overflows: impute, drop or rescale."
            )
        slack = 1e-12 * abs(old_loss) + 1e-9
        if not loss <= old_loss + slack and step.any():  # overshot: half way back
            if len(losses) == 1 and (b_start != problem.start).any():
                # the warm start leads astray (levels it saw too little of)
                b, step, old_loss, delta = problem.start, np.zeros(len(b)), np.inf, np.inf
                b_start, crawls, borrowed = b, True, False
                losses.clear()
                sizes.clear()
                continue
            step = step / 2
            b, reach, borrowed = b - step, np.inf, False
            if np.abs(step * np.concatenate([[1.0], scale])).max() < 1e-12:
                break
            continue
        old_loss = sums_loss = loss
        losses.append(sums.loss)
        sizes.append(float(np.abs(b[1:] * scale).max(initial=0.0)))
        if fresh:
            H = sums.hessian + np.diag(diagonal)
            factor = _factor(H)
            if factor is None:
                break
        step, before = -_solve(factor, g), delta
        delta = float(np.sqrt(max(-g @ step, 0.0)))
        if borrowed and not fresh:
            ratio = delta / before if before < np.inf else 0.0
            borrowed, expected = ratio < LENT, delta * max(ratio, drift)
            b = b + step
            continue
        crawls = not delta < 0.1 * before < np.inf
        if fresh:  # δ_next = c δ², with the c just seen or, after steps with a lent Hessian, its order √(c/n)
            reach = delta
            shrinks = delta < 0.5 * before < np.inf
            c_seen = drift if borrowed else delta / before**2
            expected = c_seen * delta**2 if shrinks else delta
        else:
            expected = delta * min(1.0, reach * drift)
        borrowed = False
        converged = min(delta, expected) < tolerance and reach * drift < max(
            HESSIAN_ERROR, tolerance
        )
        if converged:
            b, delta = b + step, min(delta, expected)
            break
        creeps = creeps + 1 if CREEP[0] < delta / before < CREEP[1] else 0
        runaway = ridge == 0 and (  # a penalty, however small, has its maximum
            (creeps >= CREEPS and delta < CREEP_FROM)
            or (problem.least is not None and sums.loss < (problem.least + 1e-9) * n)
        )
        if runaway:
            break
        b = b + step
    assert H is not None
    return Optimum(
        b, problem.centre, H, float(sums_loss), delta, converged, used, n, positives, tuple(losses),
        tuple(sizes), runaway,
    )  # fmt: skip


def _factor(H):
    """Cholesky factor of the unit-diagonal Hessian with its scale; None if it is not positive definite."""
    d = np.sqrt(np.diag(H))
    if not (d > 0).all():
        return None
    try:
        return cho_factor(H / d / d[:, None], lower=True, check_finite=False), d
    except LinAlgError:
        return None


def _solve(factor, g):
    c, d = factor
    return cho_solve(c, g / d, check_finite=False) / d

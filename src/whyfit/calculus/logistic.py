"""Binary cross-entropy and its sums for Newton's method, written for speed.

    η_i = β₀ + x_iᵀw,  π_i = 1/(1 + e^−η_i),  L = Σ [log(1 + e^η_i) − y_i η_i] + (λ/2) ‖s ∘ w‖²
    ∇L = Σ (π_i − y_i) x̃_i,   H = Σ π_i(1 − π_i) x̃_i x̃_iᵀ

One exponential a row serves loss, gradient and Hessian; `newton.loss_sums(Logistic(), …)` is the naive twin.

Reference: McCullagh & Nelder (1989), ch. 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from jaxtyping import Float

from whyfit.calculus.newton import NewtonSums, Optimum, Problem, SumsAt
from whyfit.calculus.newton import newton as minimise
from whyfit.fold import Engine, Rows
from whyfit.linalg.columns import newton_tiles

_OVERFLOWS = 700.0  # e^710 is infinite


def sigmoid_and_loss(eta: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """π(η) and log(1 + e^η) − yη, both without overflow for any η."""
    t = np.exp(-np.abs(eta))
    positive = eta >= 0
    pi = np.where(positive, 1.0, t) / (1.0 + t)
    loss = np.log1p(t) + np.where(positive, eta, 0.0) - y * eta
    return pi, loss


def newton_sums(
    b: Float[np.ndarray, " c"], centre: Float[np.ndarray, " p"], hessian: bool
) -> Callable[[Rows], NewtonSums]:
    """The function that makes NewtonSums at coefficients b (intercept first) from one block."""

    def of(rows: Rows) -> NewtonSums:
        c = len(b)
        g, loss = np.zeros(c), 0.0
        H = np.zeros((c, c)) if hessian else None
        for part, Z in newton_tiles(rows, centre):
            y = part.y
            eta = Z.times(b)
            t = np.negative(eta)
            if t.max(initial=0.0) > _OVERFLOWS:
                residual, value = sigmoid_and_loss(eta, y)
                residual -= y
                loss += float(value.sum())
                np.minimum(t, _OVERFLOWS, out=t)
                np.exp(t, out=t)
                d = t + 1.0
            else:
                np.exp(t, out=t)
                d = t + 1.0
                loss += float(np.log(d).sum() + (1.0 - y) @ eta)
                residual = np.divide(1.0, d)
                residual -= y
            g += Z.back(residual)
            if H is not None:
                np.sqrt(t, out=t)
                t /= d  # √(π(1−π)) = √t/(1+t), t = e^−η
                Z.add_gram(t, H)
        return NewtonSums(len(rows.y), loss, g, H, float(rows.y.sum()))

    return of


def sums_at(centre: Float[np.ndarray, " p"]) -> SumsAt:
    return lambda b, hessian: newton_sums(b, centre, hessian)


def newton(
    blocks: Callable[[], Iterable[Rows]],
    n: int,
    centre: Float[np.ndarray, " p"],
    scale: Float[np.ndarray, " p"],
    engine: Engine,
    ridge: float = 0.0,
    start: Float[np.ndarray, " c"] | None = None,
) -> Optimum:
    """Minimise L over rows with y in {0, 1}, see `newton.newton`."""
    problem = Problem(sums_at(centre), blocks, n, centre, scale, engine, ridge, least=0.0)
    return minimise(problem, start)

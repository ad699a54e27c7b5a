"""Newton's method, BFGS and L-BFGS as walks beside the first-order rules.

    Newton    w ← w − ηH(w)⁻¹∇L(w)          one step on a quadratic; quadratic convergence near any smooth minimum;
                                            |H| in place of H where it is indefinite, so that saddles do not draw it
    BFGS      H⁻¹ built up from gradients, superlinear; L-BFGS from the last m of them   (SciPy's)

Steps count updates, so that a race compares like with like; what an update costs differs (`gradients`).

References: Nocedal & Wright (2006), Numerical Optimization, ch. 6-7; Dauphin et al. (2014), NeurIPS 27 (|H|).
"""

from __future__ import annotations

from contextlib import suppress
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Float

from whyfit.calculus.objective import Objective
from whyfit.calculus.optimizers import GradientDescent
from whyfit.calculus.stability import excess_loss, live_excess
from whyfit.calculus.walk import Outcome, Plan, Walk
from whyfit.errors import NotFiniteError

Method = Literal["Newton", "BFGS", "L-BFGS"]
_SCIPY = {"BFGS": "BFGS", "L-BFGS": "L-BFGS-B"}
_HALVINGS = 40
_INDEFINITE = 1e-9  # of λ_max of the unit-diagonal Hessian, below −which λ_min is no rounding
_DEAD = 1e-13  # of the largest |λ|: a direction without curvature


class Curved(Objective, Protocol):
    """An objective that can write down its Hessian."""

    def hessian(self, w: Float[np.ndarray, " p"], /) -> Float[np.ndarray, "p p"]: ...


def second_order_walk(
    objective: Curved,
    method: Method,
    steps: int,
    until: float = -np.inf,
    start: Float[np.ndarray, " c"] | None = None,
) -> Walk:
    """Descend from `start` (default 0) by at most `steps` updates, until the loss is ≤ `until` or stops falling.

    Raises NotFiniteError if the loss is not finite at the start.
    """
    w = np.zeros(objective.size) if start is None else np.array(start, dtype=np.float64)
    first = objective.loss(w)
    if not np.isfinite(first):
        raise NotFiniteError(
            "the loss is not finite at the start; check the data, or start elsewhere."
        )
    points, losses = [w], [first]
    walk = _newton if method == "Newton" else _quasi_newton
    walk(objective, method, steps, until, points, losses)
    outcome: Outcome = "reached" if losses[-1] <= until else "ran"
    k = len(losses)
    plan = Plan(GradientDescent(), 1.0, max(steps, 1), until=until)
    return Walk(plan, np.arange(k), np.array(losses), np.array(points), np.ones(k), outcome, method)


def _newton(
    objective: Curved, method: str, steps: int, until: float, points: list, losses: list
) -> None:
    """Damped by halving until the loss falls; stops where it cannot fall any more."""
    del method
    for _ in range(steps):
        w = points[-1]
        gain, step = excess_loss(objective.gradient(w), objective.hessian(w))
        if not np.isfinite(gain):
            gain, step = _where_singular(objective.gradient(w), objective.hessian(w))
        if not (np.isfinite(gain) and gain > 0):
            return
        rate = 1.0
        for _ in range(_HALVINGS):
            new = objective.loss(w - rate * step)
            if new < losses[-1]:
                break
            rate /= 2
        else:
            return
        points.append(w - rate * step)
        losses.append(new)
        if new <= until:
            return


def _where_singular(
    g: Float[np.ndarray, " c"], H: Float[np.ndarray, "c c"]
) -> tuple[float, Float[np.ndarray, " c"]]:
    """Of columns that repeat each other a step along the others; of an indefinite H that of |H|."""
    d = np.sqrt(np.abs(np.diag(H)))
    d = np.where(d > 0, d, 1.0)
    if not (np.isfinite(H).all() and np.isfinite(g).all()):
        return live_excess(g, H)
    lam = np.linalg.eigvalsh(H / d / d[:, None])
    if lam[0] >= -_INDEFINITE * max(float(lam[-1]), 0.0):
        return live_excess(g, H)
    step = saddle_free_step(g, H)
    return 0.5 * float(g @ step), step


def saddle_free_step(
    g: Float[np.ndarray, " c"], H: Float[np.ndarray, "c c"]
) -> Float[np.ndarray, " c"]:
    """|H|⁻¹g on the unit-diagonal Hessian; directions without curvature are left alone."""
    d = np.sqrt(np.abs(np.diag(H)))
    d = np.where(d > 0, d, 1.0)
    lam, V = np.linalg.eigh(H / d / d[:, None])
    size = np.abs(lam)
    live = size > _DEAD * size.max(initial=0.0)
    pull = V.T @ (g / d)
    return V @ np.where(live, pull / np.where(live, size, 1.0), 0.0) / d


def _quasi_newton(
    objective: Curved, method: str, steps: int, until: float, points: list, losses: list
) -> None:
    from scipy.optimize import minimize

    class Enough(Exception):
        pass

    def look(w: np.ndarray) -> None:
        points.append(np.array(w))
        losses.append(objective.loss(w))
        if losses[-1] <= until or len(losses) > steps:
            raise Enough

    options = {"maxiter": steps, "gtol": 1e-12}
    if method == "L-BFGS":
        options["ftol"] = 0.0
    with suppress(Enough):
        minimize(objective.loss, points[0], jac=objective.gradient, method=_SCIPY[method],
                 callback=look, options=options)  # fmt: skip

"""What theory says of a descent before it is taken: stable or not, how fast, how far from the minimum.

Stability    a rule at step η holds directions of curvature up to `rule.limit(η)`; the sharpest is λ_max(H), or
             λ_max(D^−½HD^−½) for a rule that divides the gradient by D.
Growth       above it the loss is multiplied by ρ(M)² per step, in the long run.
Contraction  below it by max_i ρ(M(λ_i))²: (κ−1)/(κ+1) squared at the best constant step of gradient descent.
Along the step that was taken, u: L(w − u) − L(w) = −gᵀu + ½uᵀHu, so that the same direction lowers the loss only up to
             the critical multiple 2gᵀu/uᵀHu of u.
Excess       L(w) − L* = ½ gᵀH⁻¹g on a quadratic, and near it on any smooth loss close to its minimum: the Newton
             decrement. For a loss whose third derivative is bounded by its second (self-concordant: logistic,
             Poisson) it is a bound once small.

References: Boyd & Vandenberghe (2004), Convex Optimization, §9.3 and §9.5.1; Cohen et al. (2021), arXiv 2103.00065.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from whyfit.calculus.objective import Objective
from whyfit.calculus.optimizers.base import Rule, check_rate

#: Steps beyond which counting has no meaning.
_FOREVER = 1e18
_FLAT = (
    1e-12  # of the largest eigenvalue of the unit-diagonal Hessian: a direction without curvature
)


@dataclass(frozen=True, slots=True)
class Stability:
    """Of one rule and step on one spectrum.

    curvature : the sharpest (preconditioned) one. limit : the largest the rule holds at this step.
    growth : factor on the distance to the minimum per step in the long run, over all directions: above 1 unstable.
    slowest : curvature of the direction that sets it.
    """

    curvature: float
    limit: float
    growth: float
    slowest: float

    @property
    def stable(self) -> bool:
        return self.growth < 1

    @property
    def excess(self) -> float:
        """Of the limit that the sharpest direction takes up; above 1 the step is too large."""
        return self.curvature / self.limit

    def steps_to(self, epsilon: float) -> float:
        """Steps until the excess loss is about a share ε of its start: ln ε / (2 ln ρ); inf if unstable."""
        if self.growth >= 1:
            return np.inf
        if self.growth <= 0:
            return 1.0
        return min(float(np.log(epsilon) / (2 * np.log(self.growth))), _FOREVER)


def stability(rule: Rule, curvatures: Float[np.ndarray, " p"], rate: float) -> Stability:
    """Of `rule` at step `rate` where H (preconditioned, if the rule divides) has these eigenvalues.

    Flat directions (≤ p·u of the largest) are left out: nothing happens there. Raises SpecError for η ≤ 0.
    """
    check_rate(rate)
    lam = np.asarray(curvatures, dtype=float)
    top = float(lam.max(initial=0.0))
    live = lam[lam > top * lam.size * np.finfo(float).eps]
    if not live.size:
        return Stability(0.0, rule.limit(rate), 0.0, 0.0)
    if not rate * top < _FOREVER:
        return Stability(top, rule.limit(rate), np.inf, top)
    rho = rule.contraction(live, rate)
    worst = int(np.argmax(rho))
    return Stability(top, rule.limit(rate), float(rho[worst]), float(live[worst]))


def preconditioned(
    H: Float[np.ndarray, "p p"], D: Float[np.ndarray, " p"] | None
) -> Float[np.ndarray, " p"]:
    """Eigenvalues, rising, of D^−½HD^−½; of H without D."""
    if D is None:
        return np.linalg.eigvalsh(H)
    root = 1 / np.sqrt(D)
    return np.linalg.eigvalsh(H * root * root[:, None])


def best_rate(rule: Rule, curvatures: Float[np.ndarray, " p"]) -> float:
    """The constant step with the fastest contraction: 2/(λ_max + λ_min) of gradient descent; 0 if all is flat."""
    lam = np.asarray(curvatures, dtype=float)
    top = float(lam.max(initial=0.0))
    live = lam[lam > top * lam.size * np.finfo(float).eps]
    if not live.size:
        return 0.0
    ends = np.array([live.min(), top])
    high = rule.largest_rate(top)
    rates = high * np.geomspace(
        1e-6, 1.0, 400
    )  # ρ is unimodal in the rate: refine the best of a grid
    for _ in range(5):
        speeds = np.array([rule.contraction(ends, r).max() for r in rates])
        i = int(np.argmin(speeds))
        rates = np.linspace(rates[max(i - 1, 0)], rates[min(i + 1, len(rates) - 1)], 60)
    return float(rates[np.argmin([rule.contraction(ends, r).max() for r in rates])])


def critical_step(
    objective: Objective, w: Float[np.ndarray, " p"], update: Float[np.ndarray, " p"]
) -> float:
    """The multiple of `update` (w ← w − update) from which the loss no longer falls: 2gᵀu/uᵀHu.

    Exact on a quadratic, to second order elsewhere. inf along a flat or falling direction, 0 along one that rises.
    """
    g = objective.gradient(w)
    bend = float(update @ objective.hessian_vector(w, update))
    gain = float(g @ update)
    if gain <= 0:
        return 0.0
    return 2 * gain / bend if bend > 0 else np.inf


def excess_loss(
    gradient: Float[np.ndarray, " p"], H: Float[np.ndarray, "p p"]
) -> tuple[float, Float[np.ndarray, " p"]]:
    """½ gᵀH⁻¹g and the step H⁻¹g that would gain it, on unit-diagonal H; (inf, 0) if H is not positive definite."""
    d = np.sqrt(np.maximum(np.diag(H), 0.0))
    if not (d > 0).all():
        return np.inf, np.zeros_like(gradient)
    try:
        factor = cho_factor(H / d / d[:, None], lower=True, check_finite=False)
    except LinAlgError:
        return np.inf, np.zeros_like(gradient)
    step = cho_solve(factor, gradient / d, check_finite=False) / d
    return 0.5 * float(gradient @ step), step


def live_excess(
    g: Float[np.ndarray, " c"], H: Float[np.ndarray, "c c"]
) -> tuple[float, Float[np.ndarray, " c"]]:
    """As `excess_loss`, over the live eigen-directions of the unit-diagonal Hessian only: ½ gᵀH⁺g and H⁺g."""
    d = np.sqrt(np.maximum(np.diag(H), 0.0))
    d = np.where(d > 0, d, 1.0)
    lam, V = np.linalg.eigh(H / d / d[:, None])
    live = lam > _FLAT * max(float(lam[-1]), 0.0)
    pull = V.T @ (g / d)
    step = V @ np.where(live, pull / np.where(live, lam, 1.0), 0.0) / d
    return 0.5 * float(g @ step), step

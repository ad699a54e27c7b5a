"""Where a descent on a loss that is not convex stands still: on a plateau, at a saddle, in a local minimum.

On a convex loss there is no such place. Its tangent lies below it, so that at any w and for any lower w*

    ∇L(w)ᵀ(w − w*) ≥ L(w) − L(w*),

in words: the slope towards a lower point promises at least the whole difference. The *promise* ∇Lᵀ(w − w*)/(L − L*)
does not depend on the units of the parameters. Where it is less than PROMISED the loss is not convex between here and
there, and if besides a unit move along the gradient gains less than FLAT of the difference, `stationary` says by the
extreme eigenvalues of the Hessian what kind of place it is:

    plateau         no curvature changes the loss by more than FLAT of the difference over a unit move
    saddle          λ_min is below zero by more than its error, and the loss was seen to fall along its direction
    local minimum   H is positive definite, and ½gᵀH⁻¹g less than FLAT of the difference

In standardised coordinates a unit move changes η of a typical row by one. A valley that bends upwards across and is
flat along counts as a plateau.

References: Boyd & Vandenberghe (2004), Convex Optimization, §3.1.3; Dauphin et al. (2014), NeurIPS 27.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Float

from whyfit.calculus.stability import excess_loss
from whyfit.calculus.stationary import Smooth, Stationary, stationary

Kind = Literal["plateau", "saddle", "local minimum"]

#: Of the difference to a lower point that the slope towards it promises; 1 or more on a convex loss.
PROMISED = 0.5
#: Share of the difference that a unit move may gain where the loss counts as flat: it is twenty such moves away.
FLAT = 0.05
_HALF = 0.5


class Bending(Smooth, Protocol):
    """A Smooth that can write down its Hessian."""

    def hessian(self, w: Float[np.ndarray, " p"], /) -> Float[np.ndarray, "p p"]: ...


@dataclass(frozen=True)
class Standstill:
    """`promise` as above; `gradient` is ‖∇L‖ and `bend` the largest |λ|, both as shares of the difference.

    `excess` is that difference, L(w) − L(w*).
    """

    kind: Kind
    promise: float
    gradient: float
    bend: float
    excess: float
    point: Stationary


def promise(objective: Smooth, w: Float[np.ndarray, " p"], lower: Float[np.ndarray, " p"]) -> float:
    """∇L(w)ᵀ(w − w*)/(L(w) − L(w*)), at least 1 if L is convex; inf where `lower` is not lower."""
    excess = float(objective.loss(w)) - float(objective.loss(lower))
    return float(objective.gradient(w) @ (w - lower)) / excess if excess > 0 else np.inf


def standstill(
    objective: Bending,
    w: Float[np.ndarray, " p"],
    lower: Sequence[Float[np.ndarray, " p"]],
    seed: int = 0,
) -> Standstill | None:
    """What holds a descent at w (p) although L is less at `lower`; None if nothing does.

    Of the points (p) in `lower` the lowest sets the difference. The promise is the least that is shown towards any of
    those that are half as far down or further.

    Raises NotFiniteError where the loss or a derivative is not finite at w.
    """
    loss, g = float(objective.loss(w)), objective.gradient(w)
    down = [loss - float(objective.loss(v)) for v in lower]
    excess = max(down, default=0.0)
    if not excess > 0:
        return None
    half = [v for v, fall in zip(lower, down, strict=True) if fall >= _HALF * excess]
    told = min(promise(objective, w, v) for v in half)
    if not told < PROMISED:
        return None
    if float(np.linalg.norm(g)) > FLAT * excess:
        return None
    point = stationary(
        objective, w, gradient_noise=FLAT * excess, slack=FLAT * excess / abs(loss), seed=seed
    )
    bend = max(abs(point.smallest[0]), abs(point.largest[1]))
    kind: Kind
    match point.kind:
        case "saddle":
            kind = "saddle"
        case "plateau":
            kind = "plateau"
        case "minimum":
            held = excess_loss(g, objective.hessian(w))[0] < FLAT * excess
            kind = "local minimum" if held else "plateau"
        case _:
            return None
    return Standstill(kind, told, float(np.linalg.norm(g)) / excess, bend / excess, excess, point)

"""The lowest point that can be found of a loss that is not convex: local minima, and the best of them.

Newton's step solves for *any* stationary point and is drawn to saddles. With |H| in place of H it cannot be,

    s = V diag(1/max(|λ_i|, ε)) Vᵀ g,        w ← w − ηs,        gᵀs > 0

and it is Newton's step where H is positive definite, so that it ends as fast. η is halved until the loss falls.

Which of several local minima is the lowest no local method can tell. `lowest` walks from every start that it is given
and keeps the best; the start that matters most is the minimum of a convex stand-in for the loss.

Reference: Dauphin et al. (2014), NeurIPS 27, §4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from jaxtyping import Float

from whyfit.calculus.minimum import Minimum, halved
from whyfit.calculus.second_order import Curved, saddle_free_step

_STEPS = 200
_ENOUGH = 1e-14  # gᵀs relative to the loss, below which a gain is rounding
#: A row's η that still moves by so much where the loss no longer answers: e^−2η tails move by ½ a step for ever, while
#: next to a minimum a step is the square root of rounding.
_RUNNING = 0.1


def lowest(
    objective: Curved,
    starts: Iterable[Float[np.ndarray, " c"]],
    moved: Callable[[Float[np.ndarray, " c"]], float],
    enough: float = _ENOUGH,
) -> Minimum:
    """The lowest of the local minima below `starts`, each followed until gᵀs ≤ `enough` of the loss.

    `moved(s)` says how far a step s moves what the loss looks at, e.g. the largest |xᵀs| of a row: a point where the
    loss has flattened out while a step still moves it by one unit or more is on its way to infinity, and no minimum.
    """
    found = [_local(objective, np.asarray(w, dtype=np.float64), moved, enough) for w in starts]
    return min(found, key=lambda m: m.loss)


def _local(
    objective: Curved, w: np.ndarray, moved: Callable[[np.ndarray], float], enough: float
) -> Minimum:
    loss = objective.loss(w)
    for t in range(_STEPS):
        g = objective.gradient(w)
        step = saddle_free_step(g, objective.hessian(w))
        if not float(g @ step) > enough * max(abs(loss), np.finfo(float).tiny):
            return Minimum(w, loss, moved(step) < _RUNNING, t)
        lower = halved(objective, w, step, loss)
        if lower is None:
            return Minimum(w, loss, moved(step) < _RUNNING, t)
        w, loss = lower
    return Minimum(w, loss, False, _STEPS)

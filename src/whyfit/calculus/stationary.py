"""What kind of point is this? Minimum, saddle, plateau, or no stationary point at all.

Where the gradient g is below its noise floor, the extreme eigenvalues λ of the Hessian H decide, each known to lie
within its Lanczos residual e (or the rounding of a dense eigen-solve, or the noise of the products, whichever is
larger) of the value found:

    saddle     λ_min + e < 0: along its eigenvector v the loss falls by ½|λ_min|s² over a distance s; that is tried
    minimum    λ_min − e > −slack, and something bends: no direction falls by more than `slack` of the loss
    plateau    max |λ| + e is so small that one unit in any direction changes the loss by less than `slack` of it
    unknown    the intervals leave more than one of these open

λ is curvature per unit of the parameters, so that all of this is about moves of a length `reach` (1 by default): pass
the size of a move that matters, or standardise. A direction with λ = 0 is flat to second order only: along it the loss
may fall in the third (the monkey saddle x³ − 3xy² does), so that of what looks like a minimum or plateau several
directions are walked, and one that falls by more than rounding and noise names the point a saddle.

Lanczos from a random start may miss an eigenvalue with a probability that `Ritz.beyond` bounds; RISK of it is taken.

References: Parlett (1998), The Symmetric Eigenvalue Problem, ch. 11 and 13; Dauphin et al. (2014), NeurIPS 27;
Nocedal & Wright (2006), Numerical Optimization, §2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Float

from whyfit.errors import NotFiniteError, SpecError
from whyfit.linalg.lanczos import extreme_eigenvalues
from whyfit.linalg.operators import symmetric

Kind = Literal["minimum", "saddle", "plateau", "not stationary", "unknown"]

DENSE = 300  # parameters up to which H is written down: p products and an eigen-solve
RISK = 0.01  # probability that Lanczos missed an eigenvalue beyond its bound
SLACK = 1e-6  # share of the size of the loss that counts as no change
_STEPS = 60  # Lanczos products
_PROBES = 8  # directions walked where H does not tell
_SIZES = (1.0, 0.1, 0.01)  # of `reach`
_WAY = (0.1, 0.25, 0.5, 0.75)  # of a walk, where another basin would show by the rise before it
_TRUST = 0.5  # of the predicted fall that the loss has to show along the direction of a saddle
_U = float(np.finfo(float).eps)


class Smooth(Protocol):
    """A loss with its gradient and Hessian-vector product, e.g. RowLoss, Quadratic, or a user's own."""

    def loss(self, w: Float[np.ndarray, " p"], /) -> float: ...

    def gradient(self, w: Float[np.ndarray, " p"], /) -> Float[np.ndarray, " p"]: ...

    def hessian_vector(
        self, w: Float[np.ndarray, " p"], v: Float[np.ndarray, " p"], /
    ) -> Float[np.ndarray, " p"]: ...


@dataclass(frozen=True)
class Fall:
    """Along the unit vector `direction`, over `step`: the predicted change of the loss, and the observed."""

    direction: Float[np.ndarray, " p"]
    step: float
    predicted: float
    observed: float


@dataclass(frozen=True)
class Stationary:
    """What `stationary` found.

    gradient, floor : ‖∇L‖, and the size below which it is noise. smallest, largest : intervals that hold λ_min and
    λ_max. fall : the direction in which the loss falls, None at a minimum or plateau. why : in one sentence.
    """

    kind: Kind
    gradient: float
    floor: float
    smallest: tuple[float, float]
    largest: tuple[float, float]
    fall: Fall | None
    why: str


def stationary(
    objective: Smooth,
    w: Float[np.ndarray, " p"],
    *,
    gradient_noise: float = 0.0,
    hessian_noise: float = 0.0,
    loss_noise: float = 0.0,
    reach: float = 1.0,
    slack: float = SLACK,
    seed: int = 0,
) -> Stationary:
    """Tell what kind of point w (p) is.

    Parameters
    ----------
    objective : loss, gradient and hessian_vector.
    gradient_noise : what ‖∇L‖ may be by chance, e.g. √(tr Σ/n) over rows that are a sample; 0: rounding only.
    hessian_noise : largest error ‖(Ĥ − H)v‖ of a product with a unit vector. loss_noise : error of a loss.
    reach : length of a move of the parameters that matters. slack : share of the size of the loss that a move of this
        length may change it by where it counts as flat.

    Raises
    ------
    SpecError : a noise is negative, or the reach or slack is not positive. NotFiniteError : the loss, the gradient or a
    product is not finite at w.
    """
    w = np.asarray(w, dtype=np.float64)
    noises = (gradient_noise, hessian_noise, loss_noise)
    if not (0 < reach < np.inf and 0 < slack < np.inf and min(noises) >= 0):
        raise SpecError("expected a finite reach > 0, a finite slack > 0 and noises ≥ 0.")
    loss, g = float(objective.loss(w)), np.asarray(objective.gradient(w), dtype=np.float64)
    if not (np.isfinite(loss) and np.isfinite(g).all()):
        raise NotFiniteError(
            "the loss or its gradient is not finite at this point; start elsewhere."
        )
    low, high, v = _extremes(objective, w, hessian_noise, seed)
    bend = max(abs(low[0]), abs(high[1]))
    rounding = 8 * _U * abs(loss) + loss_noise
    size = float(np.linalg.norm(g))
    # moves of the rounding of w change the gradient too
    floor = max(gradient_noise, np.sqrt(2 * bend * rounding), bend * _U * float(np.linalg.norm(w)))
    if size > floor:
        d = -g / size
        step = min(reach, size / bend) if bend > 0 else reach
        fall = Fall(d, step, -size * step, float(objective.loss(w + step * d)) - loss)
        why = f"the gradient, {size:.3g}, is above its floor, {floor:.3g}: the loss still falls along it"
        return Stationary("not stationary", size, floor, low, high, fall, why)
    scale = max(abs(loss), _spread(objective, w, loss, reach, seed))
    flat = 2 * max(slack * scale, rounding) / reach**2
    found = {"gradient": size, "floor": floor, "smallest": low, "largest": high}
    if low[1] < -flat:
        fall = _saddle_fall(objective, w, loss, g, v, sum(low) / 2, reach, rounding)
        if fall is not None:
            why = (
                f"λ_min = {sum(low) / 2:.3g} ± {(low[1] - low[0]) / 2:.1g} is below 0: over {fall.step:.2g} along its "
                f"direction the loss falls by {-fall.observed:.3g}, predicted {-fall.predicted:.3g}"
            )
            return Stationary("saddle", **found, fall=fall, why=why)
        why = f"λ_min = {sum(low) / 2:.3g} is negative, but the loss does not fall along it"
        return Stationary("unknown", **found, fall=None, why=why)
    if low[0] > flat:
        why = f"λ_min = {sum(low) / 2:.3g} ± {(low[1] - low[0]) / 2:.1g} is above 0: the loss rises all round"
        return Stationary("minimum", **found, fall=None, why=why)
    fall = _hidden_fall(objective, w, loss, v, reach, rounding + slack * scale, seed)
    if fall is not None:
        why = (
            f"no curvature is negative, yet over {fall.step:.2g} along a direction the loss falls by "
            f"{-fall.observed:.3g}: beyond the second order"
        )
        return Stationary("saddle", **found, fall=fall, why=why)
    if bend <= flat:
        why = f"no curvature is above {bend:.1g}: a move of {reach:.3g} changes the loss by less than {slack:.3g} of it"
        return Stationary("plateau", **found, fall=None, why=why)
    if low[0] >= -flat:
        why = f"λ_min = {sum(low) / 2:.3g} is not below 0 by more than its error, {(low[1] - low[0]) / 2:.1g}"
        return Stationary("minimum", **found, fall=None, why=why)
    why = f"λ_min lies between {low[0]:.3g} and {low[1]:.3g}: too uncertain to tell a minimum from a saddle"
    return Stationary("unknown", **found, fall=None, why=why)


def _extremes(objective: Smooth, w: np.ndarray, noise: float, seed: int):
    """Intervals that hold λ_min and λ_max, and the vector of λ_min."""
    p = len(w)

    def product(V: np.ndarray) -> np.ndarray:
        out = np.column_stack([objective.hessian_vector(w, V[:, j]) for j in range(V.shape[1])])
        if not np.isfinite(out).all():
            raise NotFiniteError("a product with the Hessian is not finite at this point.")
        return out

    if p <= DENSE:
        H = product(np.eye(p))
        lam, Q = np.linalg.eigh((H + H.T) / 2)
        error = (
            p * _U * max(abs(lam[0]), abs(lam[-1]))
            + np.linalg.norm(H - H.T) / 2
            + noise * np.sqrt(p)
        )
        return (lam[0] - error, lam[0] + error), (lam[-1] - error, lam[-1] + error), Q[:, 0]
    ritz = extreme_eigenvalues(symmetric(p, product), 1, 1, steps=_STEPS, copies=False, rng=seed)
    bottom, top = ritz.beyond(RISK)
    low = (min(bottom, ritz.low[-1]) - noise, ritz.high[-1] + noise)
    return low, (ritz.low[0] - noise, max(top, ritz.high[0]) + noise), ritz.vectors[:, -1]


def _saddle_fall(objective, w, loss, g, v, curvature, reach, rounding) -> Fall | None:
    """The longest step, of a few, over which the loss falls by about what the curvature says; None if none does."""
    v = -v if g @ v > 0 else v
    best = None
    for size in np.geomspace(1.0, 1e-6, 13) * reach:
        told = float(g @ v) * size + 0.5 * curvature * size**2
        seen = min((float(objective.loss(w + s * size * v)) - loss, s) for s in (1.0, -1.0))
        if not seen[0] < -rounding:
            continue
        fall = Fall(seen[1] * v, float(size), told, seen[0])
        if abs(seen[0] - told) <= _TRUST * abs(told):
            return fall
        best = best or fall
    return best


def _hidden_fall(objective, w, loss, v, reach, least, seed) -> Fall | None:
    """A direction along which the loss falls, and never rises before, although H does not say so."""
    rng = np.random.default_rng(seed)
    for d in [v, *_units(rng, len(w))]:
        for size in _SIZES:
            for s in (1.0, -1.0):
                seen = float(objective.loss(w + s * size * reach * d)) - loss
                way = (loss - float(objective.loss(w + f * s * size * reach * d)) for f in _WAY)
                if seen < -least and min(way) >= -least:
                    return Fall(s * d, size * reach, 0.0, seen)
    return None


def _spread(objective, w, loss, reach, seed) -> float:
    """How much the loss changes over moves of this reach: its size, where the loss itself is 0."""
    rng = np.random.default_rng(seed + 1)
    changes = [abs(float(objective.loss(w + reach * d)) - loss) for d in _units(rng, len(w))]
    return max((c for c in changes if np.isfinite(c)), default=0.0)


def _units(rng: np.random.Generator, p: int) -> list[np.ndarray]:
    D = rng.standard_normal((_PROBES, p))
    return list(D / np.linalg.norm(D, axis=1)[:, None])

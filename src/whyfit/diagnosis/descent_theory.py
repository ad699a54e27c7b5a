"""What theory says of a DescentCase step by step, and along the last of them.

Exact on a quadratic; elsewhere the quadratic model at the start or at the minimum, where it holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from whyfit.calculus.forecast import Spectrum
from whyfit.calculus.noise import gradient_covariance
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.optimizers import Nesterov
from whyfit.calculus.schedules import Constant, Plateau
from whyfit.calculus.stability import critical_step, live_excess

if TYPE_CHECKING:
    from whyfit.diagnosis.descent import DescentCase

#: Share of the excess loss below which the quadratic model at the minimum, above which the one at the start, is told.
NEAR, LITTLE = 0.1, 0.5
SAFE = 0.75  # of the limit of stability
LAST = 10  # the last looks, of a descent on batches
_SAME = 0.25  # relative change of the sharpest curvature within which a model still holds
_COUNTED, _POINTS = 2_000, 1_001  # steps told one by one; of more so many, and powers between them


def expected(case: DescentCase, rate: float, steps: int) -> Float[np.ndarray, " t"] | None:
    """Share of the excess loss left after 0, 1, … `steps` steps by theory; None but on a quadratic."""
    if not (case.linear and case.problem.quadratic) or isinstance(case.plan.schedule, Plateau):
        return None
    rates = case.rates(rate, steps)
    total = float(case.spectrum.excess.sum())
    if not total > 0:
        return None
    if case.batch is None:
        at = np.arange(steps + 1)
        if isinstance(case.plan.schedule, Constant) and steps > _COUNTED:
            at = np.unique(np.linspace(0, steps, _POINTS).astype(int))
            few = case.spectrum.path(case.plan.rule, rates, at) / total
            with np.errstate(divide="ignore", over="ignore"):
                return np.exp(np.interp(np.arange(steps + 1), at, np.log(few)))
        return case.spectrum.path(case.plan.rule, rates, at) / total
    if case.on_batches is None:
        return None
    return case.on_batches.path(case.problem.begin - case.problem.minimum, rates) / total


def told(case: DescentCase) -> Float[np.ndarray, " t"] | None:
    """Share of the excess loss left that theory gives for every step really planned, NaN where it has no say.

    On a quadratic `expected`. Elsewhere the quadratic model holds near the place it is made at: at the start
    while little has been gained, at the minimum from the first look that is NEAR it. None where batches do not
    settle, and where there is no closed form.
    """
    if case.unsettled or not case.linear or not case.problem.lowest.exists or not case.bowl:
        return None
    if case.problem.quadratic:
        return expected(case, case.rate, case.plan.steps)
    if isinstance(case.plan.schedule, Plateau) or not case.problem.smooth:
        return None
    if case.reading is not None and case.reading.outcome in ("diverged", "bounces"):
        return None  # what is left out of the quadratic holds it
    rates, steps = case.rates(case.rate, case.plan.steps), case.plan.steps
    if case.batch is None and LITTLE <= case.left <= 1 and case.walk.outcome != "diverged":
        w = case.walk.points[0]
        g, H = case.problem.objective.gradient(w), case.problem.objective.hessian(w)
        if not case.problem.kind.convex and np.linalg.eigvalsh(H)[0] <= 0:
            return None
        gain, step = live_excess(g, H)
        model = Spectrum.of(H, w - step, w)
        bent = float(np.linalg.eigvalsh(case.problem.objective.hessian(case.end))[-1])
        if abs(bent / model.top - 1) > _SAME:
            return None  # the curvature at the start says nothing of where it got to
        path = model.path(case.plan.rule, rates, np.arange(steps + 1))
        return (path - gain + case.first) / case.first
    if case.rate > SAFE * case.limit:
        return None  # at the edge what is left out of the quadratic decides
    shares = (case.walk.losses - case.least) / case.first
    near = np.flatnonzero(shares <= case.close / case.first)
    if not near.size or case.walk.at[near[0]] >= case.walk.steps:
        return None
    k = int(near[0])
    t, out = int(case.walk.at[k]), np.full(steps + 1, np.nan)
    if case.batch is not None:
        if case.on_batches is None:
            return None
        path = case.on_batches.path(case.walk.points[k] - case.problem.minimum, rates[t:])
    else:
        start = case.walk.points[k]
        model = Spectrum.of(case.problem.objective.hessian(case.problem.minimum),
                            case.problem.minimum, start)  # fmt: skip
        path = model.path(
            case.plan.rule, rates[t:], np.arange(steps - t + 1), False, _speed(case, k)
        )
    out[t:] = path / case.first
    return out


def _speed(case: DescentCase, k: int) -> Float[np.ndarray, " c"] | None:
    """The velocity of a rule with momentum at look k, from the step that led there."""
    if case.plan.rule.entry(1.0).size == 1 or k == 0 or case.walk.at[k] - case.walk.at[k - 1] != 1:
        return None
    moved = (case.walk.points[k - 1] - case.walk.points[k]) / float(case.walk.rates[k])
    if isinstance(case.plan.rule, Nesterov):  # moved = g + βv, and v itself is what is kept
        g = case.problem.objective.gradient(case.walk.points[k - 1])
        return (moved - g) / case.plan.rule.beta if case.plan.rule.beta else g
    return moved


def critical(case: DescentCase) -> tuple[float, float]:
    """Along the update at the end: the multiple beyond which the loss no longer falls, predicted and found."""
    w, objective, rule = case.end, case.problem.objective, case.plan.rule
    g = objective.gradient(w)
    state = case.walk.state if np.isfinite(case.walk.losses[-1]) else rule.init(w)
    if state is None and case.linear:
        state = rule.init(w)
    rate = float(case.walk.rates[-1]) or case.rate
    new, _ = rule.update(state, w, g, rate)
    step = w - new
    multiple = critical_step(objective, w, step)
    here = objective.loss(w)
    if not 0 < multiple < np.inf:
        return multiple, np.nan
    low, high = multiple / 1e3, multiple
    while objective.loss(w - high * step) < here and high < 1e6 * multiple:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if objective.loss(w - middle * step) < here else (low, middle)
    return multiple, low


def noise(case: DescentCase) -> float:
    """Gradient noise scale tr Σ/‖∇L‖² at the end: rows at which noise and gradient are equally strong."""
    loss = case.problem.objective
    if not isinstance(loss, RowLoss) or loss.several:
        return np.nan
    mean, cov = gradient_covariance(loss, case.end)
    square = float(mean @ mean)
    if case.batch is not None and case.walk.outcome != "diverged":  # of one draw it would be chance
        some = case.walk.points[-LAST:]
        square = float(np.mean([g @ g for g in map(loss.gradient, some)]))
    return float(np.trace(cov)) / square if square > 0 else np.inf

"""A regression with a loss of its own as a problem for Newton's method: what is known of the columns, where to start.

Poisson and gamma start from the constant log ȳ. Huber's scale is a parameter too (`calculus.huber`); its steps start
from the median and the spread around it, which a few wild rows do not move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from whyfit.calculus.huber import huber_sums, normal_share
from whyfit.calculus.losses import Gamma, Loss, Poisson
from whyfit.calculus.newton import Problem, loss_sums
from whyfit.engines.local import LocalEngine
from whyfit.errors import TargetError
from whyfit.fold import Rows, RowSource

#: A scale of the errors below this share of the target's spread is rounding: the fit is exact.
NO_SCALE = 1e-10
EXACT = (
    "most rows are fitted exactly, so that Huber's loss has no scale of errors: they share one value, or a column gives"
    " the target away; use another loss, or leave out columns."
)
Family = Literal["poisson", "gamma", "huber"]


def glm_kind(family: str, ridge: float = 0.0) -> str:
    """ "Poisson, log link", as reports call the model."""
    name = {"poisson": "Poisson, log link", "gamma": "gamma, log link", "huber": "Huber"}[family]
    return f"{name}, ridge" if ridge else name


@dataclass(frozen=True, slots=True)
class TargetSize:
    """Mean of y, and where Huber's steps start from: the median and 1.4826 × the median distance from it, which a few
    wild rows do not move (the standard deviation where more than half of the rows are equal).
    """

    mean: float
    median: float
    spread: float

    @classmethod
    def of(cls, y: Float[np.ndarray, " n"]) -> TargetSize:
        median = float(np.median(y))
        spread = 1.4826 * float(np.median(np.abs(y - median)))
        return cls(float(np.mean(y)), median, spread if spread > 0 else float(np.std(y)))


@dataclass(frozen=True)
class Columns:
    """What a fit needs to know of the columns: centre and scale only condition the steps."""

    n: int
    mean: Float[np.ndarray, " p"]
    scale: Float[np.ndarray, " p"]
    dropped: Bool[np.ndarray, " p"]
    target: TargetSize


_LOSSES: dict[str, Loss] = {"poisson": Poisson(), "gamma": Gamma()}


def problem_of(
    family: Family, source: RowSource, columns: Columns, ridge: float, epsilon: float
) -> Problem:
    keep = ~columns.dropped
    centre, scale = columns.mean[keep], columns.scale[keep]
    mean, n = columns.target.mean, columns.n
    if family == "huber":
        if not columns.target.spread > 0:
            raise TargetError(
                f"the target is constant (n_samples = {n}); Huber's regression has nothing to explain."
            )
        size = columns.target
        origin = np.concatenate([[size.median], np.zeros(len(centre)), [size.spread]])
        share = normal_share(epsilon) * max(n - len(centre) - 1, 1) / n  # as σ̂² of least squares
        sums_at = huber_sums(epsilon, centre, share)
        scale = np.append(scale, 0.0)  # σ is not penalised
        return Problem(
            sums_at, source.blocks, n, centre, scale, LocalEngine(), ridge, origin=origin
        )
    loss = _LOSSES[family]
    if not mean > 0:
        raise TargetError(
            f"the target's mean is {mean:g}; a {family} regression expects a mean > 0."
        )
    origin = np.concatenate([[np.log(mean)], np.zeros(len(centre))])
    return Problem(
        _checked(loss, loss_sums(loss, centre)), source.blocks, n, centre, scale, LocalEngine(), ridge,
        origin=origin,
    )  # fmt: skip


def _checked(loss: Loss, sums_at: Callable) -> Callable:
    """Refuse a target the loss has no meaning for, naming its row."""

    def at(b, hessian):
        of = sums_at(b, hessian)

        def checked(rows: Rows):
            low = float(rows.y.min(initial=np.inf))
            if low < 0 or (low == 0 and loss.name == "gamma"):
                row = int(rows.index[int(np.argmin(rows.y))]) + 1
                want = "counts ≥ 0" if loss.name == "poisson" else "amounts > 0"
                raise TargetError(
                    f"the target is {low:g} in row {row}; a {loss.name} regression expects {want}."
                )
            return of(rows)

        return checked

    return at

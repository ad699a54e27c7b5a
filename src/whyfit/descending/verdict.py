"""What became of the descent in a sentence, and the table of predictions beside observations."""

from __future__ import annotations

import math

import numpy as np

from whyfit.calculus.objective import RowLoss
from whyfit.calculus.reading import DONE
from whyfit.diagnosis.descent import EDGE, DescentCase
from whyfit.diagnosis.descent_theory import LITTLE
from whyfit.diagnosis.descent_trials import (
    DRAWN,
    EXACT,
    ROUGH,
    factors,
    predicted_left,
    share,
)
from whyfit.diagnosis.words import number, plural
from whyfit.report.descend_document import Told

_NEAR = 4.0  # multiples of an update within which a loss is about its second-order model
_AT = {"plateau": "on a plateau", "saddle": "at a saddle", "local minimum": "in a local minimum"}
_LOUD = 1e-12  # share of the excess loss below which the numbers of the end are rounding


def verdict(case: DescentCase) -> str:
    """One sentence, without a full stop."""
    steps, left = plural(case.walk.steps, "step"), share(case.left)
    match case.outcome:
        case "diverged":
            last = case.walk.losses[np.isfinite(case.walk.losses)][-1]
            if not np.isfinite(case.walk.losses[-1]):
                return f"diverged: the loss, {number(case.walk.losses[0])} at the start, overflowed after {steps}"
            if case.left <= 1:
                return f"diverging: the sharpest direction grows, {left} of the excess loss after {steps}"
            return f"diverged: the loss went from {number(case.walk.losses[0])} to {number(last, 3)} in {steps}"
        case "bounces":
            beyond = case.rate > min(case.limit, case.batch_limit or math.inf)
            where = "is beyond its limit" if beyond else "has thrown it into a cycle"
            return f"bounces: the step {where} and the loss stays at {left} of its excess"
        case "noise floor":
            return f"noise floor: batches keep {left} of the excess loss; more steps do not help{_edge(case)}"
        case "done":
            at = _arrival(case)
            when = f" in {at:,} steps" if at is not None else ""
            return f"done: within 1 % of the minimum{when}, {left} of the excess loss left after {steps}{_edge(case)}"
        case "oscillates" if not case.linear:
            return (
                f"oscillates: {case.plan.rule.name} at a constant step hovers at {left} of the excess loss"
                f"{', at its edge of stability' if case.on_edge else ''}"
            )
        case "oscillates":
            return (
                f"oscillates: the step overshoots by nearly as much as it corrects; {left} left after {steps}"
                f"{_edge(case)}"
            )
        case "step too small":
            return f"crawls, step too small: {left} of the excess loss left after {steps}"
        case "ill-conditioned":
            return f"crawls, ill-conditioned: {left} of the excess loss left after {steps}"
        case "plateau" | "saddle" | "local minimum" as place:
            stands = number(case.problem.objective.loss(case.end), 3)
            low = number(case.least, 3)
            return f"stuck {_AT[place]}: the loss stands at {stands} after {steps}, and {low} is within reach"
        case "no minimum":
            separates = "a direction separates the classes, " if case.problem.kind.convex else ""
            return (
                f"no minimum: {separates}the loss falls for ever; {left} of it left after {steps}"
            )
    return f"not arrived: {left} of the excess loss left after {steps}{_edge(case)}"


def _edge(case: DescentCase) -> str:
    """Of a linear rule whose step is just below its limit."""
    if not (case.linear and case.on_edge):
        return ""
    return f"; on the edge: the step is {number(100 * case.of_limit, 3)} % of its limit"


def _arrival(case: DescentCase) -> int | None:
    """First step looked at from which the loss is within 1 %."""
    inside = np.flatnonzero(case.walk.losses - case.least <= DONE * case.first)
    return int(case.walk.at[inside[0]]) if inside.size else None


def _row(
    what: str,
    predicted: float,
    observed: float,
    tolerance: float | None,
    unit: str = "",
    note: str = "",
) -> Told:
    agrees = None
    if tolerance is not None and math.isfinite(predicted) and math.isfinite(observed):
        if tolerance > 1:  # a factor
            low, high = predicted / tolerance, predicted * tolerance
            agrees = min(low, high) <= observed <= max(low, high)
        else:
            agrees = abs(observed - predicted) <= tolerance * abs(predicted) + 1e-12
    return Told(what, _known(predicted), _known(observed), tolerance, agrees, unit, note)


def _known(x: float) -> float | None:
    return None if math.isnan(x) else float(x)


def told(case: DescentCase) -> tuple[Told, ...]:
    """Predictions beside observations, those that exist for this optimizer and loss."""
    if case.stuck is not None:
        return tuple(_held(case))
    if case.method is not None:
        return tuple(_certificate(case))
    rows: list[Told] = []
    exact = case.problem.quadratic and case.batch is None and case.linear
    tolerance = EXACT if exact else ROUGH if case.batch is None else None if case.heavy else DRAWN
    if case.told is not None:
        if case.batch is None:
            predicted, observed = factors(case)
            rows.append(_row("factor of the excess loss per step", predicted, observed, EXACT))
        left = predicted_left(case)
        if max(left, case.left) > _LOUD:
            barely = case.left >= LITTLE and case.batch is None
            rows.append(
                _row(
                    "share of the excess loss left", left, case.left, EXACT if barely else tolerance
                )
            )
    if case.linear and case.problem.lowest.exists:
        seen = _arrival(case)
        steps = _steps_to(case)
        if case.problem.quadratic and not (np.isnan(steps) and seen is None):
            rows.append(
                _row("steps to 1 %", steps, np.nan if seen is None else seen,
                     (max(EXACT, 1.5 / max(seen, 1)) if exact else ROUGH) if seen is not None else None,
                     "steps", "" if seen is not None else f"not within {case.walk.steps:,}")
            )  # fmt: skip
    rows += _limits(case)
    if case.floor is not None:
        rows += _floor(case)
    if (
        case.problem.smooth
        and case.outcome != "diverged"
        and case.certified[1] > _LOUD * case.first
    ):
        multiple, found = case.critical
        if 0 < multiple < np.inf:
            rows.append(
                _row("critical multiple of the last update", multiple, found,
                     EXACT if case.problem.quadratic else ROUGH if multiple < _NEAR else None, "×")
            )  # fmt: skip
    rows += _certificate(case)
    loss = case.problem.objective
    if isinstance(loss, RowLoss) and not loss.several and case.batch:
        rows.append(_row("gradient noise scale at the end", np.nan, case.noise, None, "rows"))
    return tuple(rows)


def _steps_to(case: DescentCase) -> float:
    """Steps to 1 % by theory: along the schedule while it lasts, at a constant step (without noise) beyond."""
    if case.told is not None:
        inside = np.flatnonzero(case.told <= DONE)
        if inside.size:
            return float(inside[0])
    if case.plan.schedule.at(case.plan.steps) != 1.0:
        return np.inf if case.told is not None else np.nan
    if case.batch is not None and case.floor is not None and case.floor > DONE * case.first:
        return np.inf  # never: the noise keeps it above
    if case.batch is not None and (case.told is None or case.floor is None):
        return np.nan
    return case.spectrum.steps_to(case.plan.rule, case.rate, DONE)


def _limits(case: DescentCase) -> list[Told]:
    """The limit of stability beside the step that was used."""
    if not case.problem.lowest.exists and not case.limit < np.inf:
        return []
    rows = []
    if case.plan.rule.adaptive and case.reading is not None:
        seen = case.reading.stability
        if case.walk.outcome != "diverged":
            rows.append(
                Told(
                    "preconditioned curvature, limit and last", _known(seen.limit), seen.curvature,
                    note="at the edge" if case.on_edge else "",
                )
            )  # fmt: skip
        return rows
    rows.append(
        Told("step: limit of stability, and used", _known(case.limit), case.rate,
             note=_side(case.rate / case.limit, "stable"))
    )  # fmt: skip
    if case.batch_limit is not None:
        rows.append(
            Told(f"step: limit with batches of {case.batch:,}, and used", case.batch_limit, case.rate,
                 note=_side(case.rate / case.batch_limit, "settles"))
        )  # fmt: skip
    return rows


def _side(share: float, well: str) -> str:
    return "beyond it" if share > 1 else f"{well}, on the edge" if share > EDGE else well


def _floor(case: DescentCase) -> list[Told]:
    floor = case.floor
    if floor is None or not np.isfinite(floor):
        return []
    settled = case.outcome in ("noise floor", "oscillates")
    constant = case.plan.schedule.at(case.plan.steps) == 1.0
    if not constant:
        return []
    predicted = floor / case.first
    arrived = case.told is not None and case.told[-1] < 1.5 * predicted
    at = case.left if case.young else case.tail
    seen = at if settled or arrived else np.nan
    if case.batch is None and not settled:
        return []  # its bursts are rare: a tail without one says nothing
    what = "noise floor" if case.batch is not None else "level at the edge"
    return [
        _row(f"{what}, share of the excess loss", predicted, seen, None if case.heavy else DRAWN)
    ]


def _held(case: DescentCase) -> list[Told]:
    """Where a descent stands still what theory says of minima has no meaning; what it says of slopes has."""
    stuck = case.stuck
    assert stuck is not None
    rows = [
        Told("slope towards the lowest point, of the difference", 1.0, stuck.promise,
             note="1 or more if it were convex"),
    ]  # fmt: skip
    fall = stuck.point.fall
    if stuck.kind == "saddle" and fall is not None:
        rows.append(_row("change of the loss along λ_min", fall.predicted, fall.observed, ROUGH))
    if case.linear and case.problem.lowest.exists:
        rows += _limits(case)
    return rows


def _certificate(case: DescentCase) -> list[Told]:
    """½gᵀH⁻¹g beside the true excess; where there is no minimum there is nothing true to set it beside."""
    there = case.problem.lowest.exists and case.bowl
    if not there or case.certified[1] < _LOUD * case.first or case.outcome == "diverged":
        return []
    certified, true = case.certified
    if not math.isfinite(certified):
        return []
    exact = case.problem.quadratic
    near = exact or (case.problem.smooth and true < case.close)
    return [
        _row("excess loss at the end, ½gᵀH⁻¹g", certified, true, (EXACT if exact else ROUGH) if near else None,
             note="" if near else "far from the minimum")
    ]  # fmt: skip

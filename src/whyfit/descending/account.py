"""From a descent and what was found in it to the DescendDocument that reports are drawn from."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from whyfit import __version__
from whyfit.calculus.landscape import Landscape, along_curvature, along_path
from whyfit.calculus.optimizers import GradientDescent
from whyfit.calculus.problem import Problem
from whyfit.calculus.walk import Walk
from whyfit.descending.choices import BY_TASK, DescendSpec
from whyfit.descending.race import Entrant
from whyfit.descending.reading_rows import Read
from whyfit.descending.verdict import told, verdict
from whyfit.diagnosis.descent import RELEVANT, DescentCase
from whyfit.diagnosis.descent_escapes import Escape, escapes
from whyfit.diagnosis.finding import Finding
from whyfit.diagnosis.words import number
from whyfit.report.descend_document import (
    Better,
    Contours,
    Curve,
    DescendDocument,
    Run,
    Runner,
)
from whyfit.report.document import Rows, Source
from whyfit.spec import Spec

DRAWN = 300  # points of the loss curve
_LINE = 90
_PATH = 200  # points of the path in a landscape


@dataclass(frozen=True)
class Seen:
    """All that was worked out about one descent; `case` is None of a race alone."""

    made: Read
    spec: Spec
    how: DescendSpec
    case: DescentCase | None
    race: tuple[Entrant, ...]
    findings: tuple[Finding, ...]
    timings: dict[str, float]


def document_of(seen: Seen) -> DescendDocument:
    """Everything a report shows, as plain data."""
    made, how, case = seen.made, seen.how, seen.case
    table, problem = made.case.table, made.problem
    dropped = {k: v for k, v in made.case.design.dropped.items() if v}
    spectrum = case.spectrum if case is not None else None
    left_out: dict[str, list[str]] = {}
    for name, kind, columns, reason in made.case.design.features:
        if not columns:
            left_out.setdefault(reason or kind, []).append(name)
    return DescendDocument(
        source=Source(table.name, table.format, table.bytes, dict(table.details)),
        spec=dataclasses.asdict(seen.spec),
        descent=dataclasses.asdict(how),
        task=made.case.task,
        target=made.case.design.target.name,
        loss=how.loss if how.loss != "auto" else BY_TASK[made.case.task],
        rows=Rows(table.n, made.rows, dropped),
        parameters=problem.objective.size,
        standardised=problem.standardised,
        condition=spectrum.condition if spectrum is not None else None,
        run=_run(seen) if case is not None else None,
        verdict=verdict(case) if case is not None else _race_verdict(seen.race),
        told=told(case) if case is not None else (),
        better=_better(case) if case is not None else (),
        race=tuple(_runner(e) for e in seen.race),
        findings=seen.findings,
        curve=_curve(case) if case is not None else Curve(),
        landscapes=_landscapes(case) if case is not None else (),
        timings={**seen.timings, "total": sum(seen.timings.values())},
        notes=(*made.notes, *_notes(seen)),
        python=python_of(seen),
        whyfit=__version__,
        left_out={why: tuple(names) for why, names in left_out.items()},
    )


def _finite(x: float) -> float | None:
    return float(x) if math.isfinite(x) else None


def _run(seen: Seen) -> Run:
    case, how = seen.case, seen.how
    assert case is not None
    each = 1.0 if case.batch is None else case.batch / case.problem.n
    losses = case.walk.losses
    asked = case.walk.steps if case.method is not None else case.plan.steps
    return Run(
        optimizer=optimizer_name(case),
        rate=None if case.method is not None else case.rate,
        recommended=how.lr is None and case.method is None,
        batch=case.batch,
        steps=case.walk.steps,
        asked=asked,
        epochs=asked * each,
        schedule=how.schedule,
        start_loss=float(losses[0]),
        end_loss=_finite(losses[-1]),
        least_loss=case.least if case.problem.lowest.exists else None,
        left=_finite(case.left),
        outcome=case.outcome,
    )


def optimizer_name(case: DescentCase) -> str:
    if case.method is not None:
        return case.method
    if case.batch is not None and isinstance(case.plan.rule, GradientDescent):
        return "SGD"
    return case.plan.rule.name


def _race_verdict(race: tuple[Entrant, ...]) -> str:
    first = next((e for e in race if e.steps is not None), None)
    if first is None or first.steps is None:
        return "no optimizer arrived within its budget"
    return f"{first.name} is first: {number(first.epochs, 3)} epochs to 1 % of the excess loss"


def _runner(e: Entrant) -> Runner:
    predicted = None if e.predicted is None or not math.isfinite(e.predicted) else e.predicted
    return Runner(e.name, e.rate, e.batch, e.steps, e.epochs, e.left, e.budget, predicted, e.curve)


def _better(case: DescentCase) -> tuple[Better, ...]:
    """The step it should have used, and standardised columns, predicted and run."""
    if case.stuck is not None:
        return tuple(_way_out(e) for e in escapes(case))
    if case.method is not None or not case.problem.lowest.exists:
        return ()
    out = []
    gains = case.left_of(case.better) * RELEVANT < case.left
    if gains and not 1 / RELEVANT < case.best / case.rate < RELEVANT:
        out.append(_tried(case, "the step it should have used", case.best, case.better))
    if not case.problem.standardised:
        other = case.other
        out.append(_tried(other, "standardised columns", other.rate, other.walk))
    return tuple(out)


def _way_out(e: Escape) -> Better:
    return Better(e.what, e.rate, None, _finite(e.predicted), e.left, e.taken.steps)


def _tried(case: DescentCase, what: str, rate: float, taken: Walk) -> Better:
    expected = case.expected(rate, case.plan.steps)
    predicted = None if expected is None else _finite(float(expected[-1]))
    observed = math.inf if taken.outcome == "diverged" else case.left_of(taken)
    limit = (
        None if case.plan.rule.adaptive else _finite(min(case.limit, case.batch_limit or math.inf))
    )
    return Better(what, rate, limit, predicted, observed, taken.steps, case.spectrum.condition)


def _curve(case: DescentCase) -> Curve:
    at = case.walk.at
    pick = np.unique(np.linspace(0, len(at) - 1, DRAWN).astype(int))
    seen = (case.walk.losses[pick] - case.least) / case.first
    told = case.told
    return Curve(
        tuple(int(t) for t in at[pick]),
        tuple(_finite(float(x)) for x in seen),
        () if told is None else tuple(_finite(float(told[t])) for t in at[pick]),
        None if case.floor is None else _finite(case.floor / case.first),
    )


def _landscapes(case: DescentCase) -> tuple[Contours, ...]:
    problem = case.problem
    if not problem.lowest.exists or problem.objective.size < 2:
        return ()
    inside = np.flatnonzero(case.walk.losses <= case.walk.losses[0] * 4 + np.finfo(float).tiny)
    last = inside[-1] + 1 if case.outcome == "diverged" and inside.size else len(case.walk.at)
    points = case.walk.points[: max(int(last), 2)]
    pick = np.unique(np.linspace(0, len(points) - 1, _PATH).astype(int))
    short = dataclasses.replace(
        case.walk, points=points[pick], at=case.walk.at[: len(points)][pick],
        losses=case.walk.losses[: len(points)][pick], rates=case.walk.rates[: len(points)][pick],
    )  # fmt: skip
    objective, minimum = problem.objective, problem.minimum
    both = (
        ("sharpest and flattest direction",
         along_curvature(objective, minimum, objective.hessian(minimum), short)),
        ("the two directions of the path", along_path(objective, minimum, short)),
    )  # fmt: skip
    return tuple(_contours(name, made, case) for name, made in both)


def _contours(name: str, made: Landscape, case: DescentCase) -> Contours:
    excess = np.maximum(made.loss - case.least, 0.0) / case.first
    return Contours(
        name,
        tuple(map(float, made.plane.first)),
        tuple(map(float, made.plane.second)),
        tuple(tuple(map(float, row)) for row in excess),
        tuple((float(a), float(b)) for a, b in made.path),
        (float(made.held[0]), float(made.held[1])),
        (float(made.curvatures[0]), float(made.curvatures[1])),
    )


def _notes(seen: Seen) -> tuple[str, ...]:
    notes, how, case = [], seen.how, seen.case
    problem = seen.made.problem
    if case is not None and case.method is None:
        if how.lr is None and case.stuck is not None:
            notes.append(
                f"no --lr given: of the steps tried {number(case.rate)} leaves least; none gets away."
            )
        elif how.lr is None:
            notes.append(f"no --lr given: {number(case.rate)} is what theory recommends here.")
        if how.optimizer == "sgd" and how.batch is None and case.batch:
            notes.append(f"no --batch given: {case.batch} rows a step.")
        if how.epochs is None and how.steps is None and case.batch:
            epochs = case.plan.steps * case.batch / problem.n
            notes.append(f"no --epochs given: {number(epochs, 3)} epochs.")
    if not problem.kind.convex:
        notes.append(_of_no_convex(problem))
    if not problem.lowest.exists and problem.kind.convex:
        notes.append(
            "the classes are separable: shares are of the loss above 0, and theory has no minimum to predict; "
            "--ridge 1 gives one. `whyfit fit` names the columns (CA205)."
        )
    if not problem.smooth:
        notes.append(
            "the loss has kinks: its curvature is that of the density of rows at them, and predictions are rough."
        )
    if how.optimizer == "adamw":
        notes.append(
            "AdamW decays the parameters as well; it ends a little off the minimum of the loss."
        )
    return tuple(notes)


def _of_no_convex(problem: Problem) -> str:
    """How far the level that shares are counted from can be trusted."""
    low = number(problem.least, 3)
    if not problem.lowest.exists:
        return (
            f"the {problem.kind.name} loss is not convex, and along some direction it falls for ever: shares are of "
            f"what is above {low}, the lowest it was seen to fall to; --ridge 1 gives it a minimum."
        )
    return (
        f"the {problem.kind.name} loss is not convex: shares are of the loss above {low}, the lowest point found from "
        "the minimum of the log-loss, from the best constant and from where the descent ended."
    )


def python_of(seen: Seen) -> str:
    """Python that takes the same descent."""
    table = seen.made.case.table
    parts = [
        repr(table.name) if table.bytes is not None else "data",
        f"target={seen.spec.target!r}",
    ]
    for f in dataclasses.fields(DescendSpec):
        value = getattr(seen.how, f.name)
        if value != f.default:
            parts.append(f"{f.name}={value!r}")
    changed = [
        f"{f.name}={getattr(seen.spec, f.name)!r}"
        for f in dataclasses.fields(Spec)
        if f.name != "target" and getattr(seen.spec, f.name) != getattr(Spec(), f.name)
    ]
    head = ["import whyfit"]
    if changed:
        head.append("from whyfit.spec import Spec" + (", Term" if seen.spec.terms else ""))
        parts.append(f"spec=Spec({', '.join(changed)})")
    line = f"result = whyfit.descend({', '.join(parts)})"
    if len(line) > _LINE:
        line = "\n".join(["result = whyfit.descend(", *(f"    {part}," for part in parts), ")"])
    return "\n".join([*head, "", line])

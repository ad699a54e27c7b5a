"""The road of a descent: table ─► Problem ─► Walk ─► DescentCase ─► findings ─► race ─► DescendResult."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from whyfit.calculus.objective import RowLoss
from whyfit.calculus.problem import Problem
from whyfit.calculus.second_order import second_order_walk
from whyfit.calculus.walk import Plan, walk
from whyfit.data.table import read_table
from whyfit.descending.account import Seen, document_of
from whyfit.descending.choices import TASKS, DescendSpec
from whyfit.descending.race import Entrant, race
from whyfit.descending.reading_rows import Read, read_problem
from whyfit.diagnosis.descent import DescentCase
from whyfit.diagnosis.descent_trials import rounded
from whyfit.diagnosis.diagnose import diagnose
from whyfit.diagnosis.finding import SEVERITIES, Finding, Severity
from whyfit.diagnosis.registry import chosen, rules_on_descents
from whyfit.engines.local import one_blas_thread
from whyfit.errors import SpecError, TargetError
from whyfit.report.descend_document import DescendDocument
from whyfit.spec import Spec

#: Losses looked at on the way, where each is a pass over the rows: so many, or as many as read LOOK_VALUES numbers, for
#: the sixteen trials of another step look as often. A million rows of ten columns take a second a hundred looks.
_LOOKS, _FEWEST_LOOKS, LOOK_VALUES = 400, 60, 5e8
_QUASI_STEPS = 300
_NO_STEP = 1e-300


@dataclass(frozen=True)
class DescendResult:
    """A descent that was taken, and why it went as it did.

    Attributes
    ----------
    findings : most severe first.
    outcome : "done", "diverged", "bounces", "noise floor", "oscillates", "step too small", "ill-conditioned",
        "not arrived", "no minimum", "plateau", "saddle", "local minimum"; "" of a race alone.
    race : the optimizers, fastest first.
    document : everything a report shows, as plain data.
    """

    seen: Seen

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.seen.findings

    @property
    def outcome(self) -> str:
        return self.seen.case.outcome if self.seen.case is not None else ""

    @property
    def race(self) -> tuple[Entrant, ...]:
        return self.seen.race

    @property
    def worst(self) -> Severity | None:
        """The most severe severity among the findings."""
        found = {f.severity for f in self.findings}
        return next((s for s in SEVERITIES if s in found), None)

    @cached_property
    def document(self) -> DescendDocument:
        with one_blas_thread(), np.errstate(all="ignore"):
            return document_of(self.seen)

    def _repr_html_(self) -> str:
        from whyfit.report import descend_page

        return descend_page.notebook(self.document)

    def to_dict(self) -> dict[str, Any]:
        from whyfit.report import descend_json

        return descend_json.to_dict(self.document)

    def to_json(self) -> bytes:
        from whyfit.report import descend_json

        return descend_json.to_json(self.document)

    def show(self) -> None:
        """Print the account to the terminal."""
        from whyfit.report import descend_text, stream

        stream.write(
            descend_text.render(
                self.document, stream.width(), stream.colour_wanted(), encoding=stream.encoding()
            )
        )

    def save(self, path: str | Path) -> Path:
        """Write the account as .html or .json, whole or not at all."""
        from whyfit.report import descend_json, descend_page
        from whyfit.report.files import write_whole

        path = Path(path)
        match path.suffix.lower():
            case ".html":
                data = descend_page.render(self.document).encode()
            case ".json":
                data = descend_json.to_json(self.document)
            case other:
                raise SpecError(
                    f"'{other or path.name}' is no form of a descent; expected a name ending in .html or .json."
                )
        write_whole(path, data)
        return path


def descend(
    source: Any,
    spec: Spec,
    how: DescendSpec,
    *,
    select: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
) -> DescendResult:
    """Walk the road once.

    Parameters
    ----------
    source : path of a table, a data frame, or (X, y).
    spec : every choice about the table. how : every choice about the descent.
    select, ignore : rules by code, prefix or name; default all.

    Raises
    ------
    InputError
        The source or the choices cannot be used; the message says what to try.
    """
    rules = chosen(tuple(select), tuple(ignore), rules_on_descents())
    if how.loss in TASKS and spec.task == "auto":
        spec = dataclasses.replace(spec, task=TASKS[how.loss])
    start = time.perf_counter()
    with read_table(source, spec) as table, one_blas_thread(), np.errstate(all="ignore"):
        made = read_problem(table, spec, how)
        ready = time.perf_counter()
        case = None if how.optimizer == "all" else _case(made, how)
        if case is not None:
            made = dataclasses.replace(made, problem=case.problem)
        taken = time.perf_counter()
        findings = diagnose(case, rules) if case is not None else ()
        told = time.perf_counter()
        runners = _race(made, how)
        seen = Seen(made, spec, how, case, runners, findings, {})
    timings = {
        "read": ready - start,
        "descent": taken - ready,
        "findings": told - taken,
        "race": time.perf_counter() - told,
    }
    return DescendResult(dataclasses.replace(seen, timings=timings))


def _race(made: Read, how: DescendSpec) -> tuple[Entrant, ...]:
    if not how.race or not made.problem.lowest.exists:
        if how.optimizer == "all":
            raise TargetError(
                "the loss has no minimum to race to: a direction separates the classes; add --ridge 1."
            )
        return ()
    return race(made.problem, how.rows_per_step, made.case.spec.seed)


def _case(made: Read, how: DescendSpec) -> DescentCase:
    """The descent as it was asked for, taken."""
    problem = made.problem
    batch, n = how.rows_per_step, problem.n
    if batch is not None and batch > n:
        if how.batch is not None:
            raise SpecError(
                f"the batch size is {batch:,} and there are {n:,} rows; expected at most {n:,}, or full."
            )
        batch = None
    steps, each = how.steps_of(problem.n)
    names = made.names
    if how.method is not None:
        steps = how.steps or how.epochs or _QUASI_STEPS
        taken = second_order_walk(problem.objective, how.method, steps, start=problem.begin)
        problem = problem.knowing(taken.points[-1])
        return DescentCase(problem, taken.plan, taken, names, how.schedule_of, how.method)
    look = 1
    if isinstance(problem.objective, RowLoss):
        looks = LOOK_VALUES / problem.objective.Z.size
        look = max(1, -(-steps // int(np.clip(looks, _FEWEST_LOOKS, _LOOKS))))
    if how.schedule == "plateau":  # its patience counts passes over the rows
        look = each
    plan = Plan(
        how.rule, 1.0, steps, how.schedule_of(steps), batch, made.case.spec.seed, look
    )  # fmt: skip
    memory: dict = {}
    rate = how.lr if how.lr is not None else _recommended(problem, plan, names, how, memory)
    plan = dataclasses.replace(plan, rate=rate)
    taken = walk(problem.objective, plan, problem.begin)
    known = problem
    if np.isfinite(taken.losses[-1]):
        problem = problem.knowing(taken.points[-1])
    if problem is not known:
        memory = {}
    return DescentCase(problem, plan, taken, names, how.schedule_of, memory=memory)


def _recommended(
    problem: Problem, plan: Plan, names: tuple[str, ...], how: DescendSpec, memory: dict
) -> float:
    """The step found best, to two digits: what one would type. `memory` keeps the descents that were tried."""
    still = walk(
        problem.objective, dataclasses.replace(plan, steps=1, rate=_NO_STEP), problem.begin
    )
    return rounded(DescentCase(problem, plan, still, names, how.schedule_of, memory=memory).best)

"""From a table to the Problem that is descended on: moments where they suffice, rows in memory otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whyfit.calculus.problem import Problem
from whyfit.data.sample import Sample, sample_of
from whyfit.data.table import Table
from whyfit.descending.choices import BY_TASK, DescendSpec, loss_of
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.words import plural
from whyfit.engines.local import LocalEngine
from whyfit.errors import NotFiniteError, SchemaError, SpecError, TargetError
from whyfit.fold import fold
from whyfit.spec import Spec

#: Bytes of the rows, raw and standardised, that are kept; beyond it a random sample stands for all.
MOST_BYTES = 512 << 20
#: Numbers in the rows of a loss that every step on all rows reads: some ten milliseconds.
MOST_VALUES = 2_000_000
#: Fourth powers of larger numbers, which the noise of batches is made of, overflow once they are added up.
LARGEST = 1e70
#: Share of the loss that a descent must have to gain, above rounding.
_GAIN = 1e-10
#: Parameters beyond which a spectrum (p³) takes minutes.
MOST_PARAMETERS = 2_000


@dataclass(frozen=True)
class Read:
    """`case` is the table; `sampled` the number of rows kept if not all."""

    case: Case
    problem: Problem
    names: tuple[str, ...]
    rows: int
    sampled: int | None
    notes: tuple[str, ...]


def read_problem(table: Table, spec: Spec, how: DescendSpec) -> Read:
    """The problem of a table.

    Raises SchemaError without columns, TargetError where the target does not suit the loss, SpecError for more
    parameters than MOST_PARAMETERS.
    """
    case = Case.of(table, spec, LocalEngine())
    task, classes = case.task, case.design.classes
    size = (case.p + 1) * (len(classes) if task == "multiclass" else 1)
    if not case.p:
        raise SchemaError("no column is left to descend on; see --drop and --role.")
    if size > MOST_PARAMETERS:
        raise SpecError(
            f"there are {size:,} parameters; a descent is explained for at most {MOST_PARAMETERS:,}: drop "
            "columns, or reduce texts and categories (--text-components, --max-levels)."
        )
    loss = how.loss if how.loss != "auto" else BY_TASK[task]
    _check_suits(case, loss)
    notes: list[str] = []
    squared = loss == "squared"
    if squared and not how.rows_per_step and not how.method and how.optimizer != "all":
        problem = Problem.of_moments(case.moments.total, spec.ridge, spec.standardise)
        problem = _started(case, problem, how)
        return Read(case, problem, _names(case, problem), case.n, None, tuple(notes))
    wanted = max(MOST_BYTES // (16 * (case.p + 1)), 1)
    if (
        not squared and not how.rows_per_step
    ):  # each of hundreds of steps reads them all, and trials do it again
        wanted = min(wanted, max(MOST_VALUES // (case.p + 1), 1))
    of, share = sample_of(case.table.n, spec.seed, wanted)
    kept = fold(case.rows.blocks(), of, Sample.empty(case.p, share), LocalEngine())
    n = len(kept.y)
    if not n:
        raise TargetError("no row has a usable target; nothing to descend on.")
    largest = np.abs(kept.X).max(axis=0)
    if (far := np.flatnonzero(largest > LARGEST)).size:
        raise NotFiniteError(
            f"column '{case.names[far[0]]}' holds values up to {largest[far[0]]:.2g}, whose fourth powers overflow; "
            "rescale or drop it."
        )
    sampled = n if share < 1 else None
    if sampled is not None:
        notes.append(f"{plural(n, 'row')} chosen at random stand for {case.table.n:,}.")
    kind = loss_of(how, task, len(classes), _scale(kept) if loss == "huber" else 1.0)
    penalty = spec.ridge * (n / max(case.table.n, 1) if sampled else 1.0)
    try:
        kind.check(kept.y)
    except TargetError as error:
        said = str(error).removeprefix("the target")
        raise TargetError(f"the target '{case.design.target.name}'{said}") from None
    problem = Problem.of_rows(kind, kept.X, kept.y, penalty, spec.standardise)
    problem = _started(case, problem, how)
    return Read(case, problem, _names(case, problem), n, sampled, tuple(notes))


def _started(case: Case, problem: Problem, how: DescendSpec) -> Problem:
    """`problem` with its start; refuses one where the loss is not finite, or least already."""
    given = how.start_of(problem.objective.size, case.spec.seed)
    if not np.isfinite(problem.start_loss):
        raise NotFiniteError(
            "the loss is not finite at the start; rescale the target or the columns."
        )
    if given is not None:
        problem = problem.starting(given)
    start = problem.start_loss
    if not np.isfinite(start):
        raise NotFiniteError(
            "the loss is not finite at the start that was chosen; start nearer to zero, or standardise."
        )
    if start - problem.least <= _GAIN * abs(start):
        where, why = ("with all parameters 0", "; the columns say nothing of it.")
        if given is not None:
            where, why = ("at the start that was chosen", ".")
        raise TargetError(
            f"there is nothing to descend: {where} the loss of '{case.design.target.name}' is least already{why}"
        )
    return problem


def _names(case: Case, problem: Problem) -> tuple[str, ...]:
    return tuple(case.names[j] for j in problem.live)


def _check_suits(case: Case, loss: str) -> None:
    """The target's classes against the loss."""
    target, task = case.design.target.name, case.task
    if loss in ("logistic", "hinge") and task != "binary":
        raise TargetError(
            f"the {loss} loss needs two classes and '{target}' has {len(case.design.classes) or 'many values'}"
            f"; try --loss {BY_TASK[task]}."
        )
    if loss == "brier" and task == "regression":
        raise TargetError(
            f"the brier loss needs classes and '{target}' holds numbers; try --loss squared, or --task multiclass "
            "if they are classes."
        )
    if loss in ("squared", "huber", "quantile", "poisson", "gamma") and task == "multiclass":
        raise TargetError(
            f"the {loss} loss needs numbers and '{target}' has {len(case.design.classes)} classes; try "
            "--loss multinomial."
        )


def _scale(kept: Sample) -> float:
    """Robust standard deviation of the residuals of least squares."""
    sd = kept.X.std(axis=0)
    Z = np.column_stack(
        [np.ones(len(kept.y)), (kept.X - kept.X.mean(axis=0)) / np.where(sd > 0, sd, 1.0)]
    )
    r = kept.y - Z @ np.linalg.lstsq(Z, kept.y, rcond=None)[0]
    mad = float(np.median(np.abs(r - np.median(r)))) / 0.6745
    return mad or float(r.std()) or 1.0

"""Remarks that are not findings: what was done to rows, folds and levels that a reader may not expect."""

from __future__ import annotations

import numpy as np

from whyfit.account.notes_on_calls import notes_on_calls
from whyfit.data.coding import RARE, LevelCoding
from whyfit.data.folds import fold_count, most_folds
from whyfit.data.grouping import labels_of
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.registry import all_rules
from whyfit.diagnosis.words import listed, percent, plural
from whyfit.probability.glm import GLMFit
from whyfit.probability.linear import LinearFit


def notes_of(case: Case) -> tuple[str, ...]:
    notes = []
    notes += _notes_on_folds(case)
    if case.spec.exclude_rows:
        notes.append(
            f"{plural(len(case.spec.exclude_rows), 'row')} kept out of the fit but scored (exclude_rows)."
        )
    notes += _notes_on_errors(case) + _notes_on_freedom(case)
    notes += _notes_on_levels(case) + notes_on_calls(case)
    if isinstance(case.fit, GLMFit):
        notes += _notes_on_loss(case)
    if case.k < case.spec.folds:
        notes.append(f"{case.k} folds instead of {case.spec.folds}: {_why_few_folds(case)}.")
    return tuple(notes)


def _why_few_folds(case: Case) -> str:
    k, spec = case.k, case.spec
    if k == most_folds(case.p):
        return f"the moments of {case.p:,} columns take the memory of more"
    if k == fold_count(case.design.n_used, spec.folds):
        return "a fold needs about ten rows for its own R²"
    if spec.groups is not None:
        return f"{spec.groups} has {plural(k, 'group')}"
    if spec.blocked:
        return f"many rows share one value of {spec.order}"
    return "rows that differ are few"


def _notes_on_folds(case: Case) -> list[str]:
    """Which rows are held out together, where they are not drawn one by one."""
    spec, assignment = case.spec, case.design.assignment
    if assignment is None:
        return []
    copies = " and of those that share equal features (group_copies)" if spec.group_copies else ""
    if spec.groups is not None:
        label = labels_of(case.table, spec.groups)[assignment.index]
        size = np.bincount(label)
        size = size[size > 0]
        return [
            f"rows of one {spec.groups}{copies} held out together: {plural(size.size, 'group')} of"
            f" {_sizes(size)}."
        ]
    if spec.blocked:
        what = f"in order of {spec.order}" if spec.order else "in the order of the file"
        return [f"{case.k} blocks of rows that follow each other {what} held out in turn."]
    n = plural(len(assignment.index), "row")
    return [f"{n} with equal features held out together (group_copies)."]


def _sizes(size: np.ndarray) -> str:
    low, high = int(size.min()), int(size.max())
    return plural(low, "row") if low == high else f"{low:,} to {plural(high, 'row')}"


def _notes_on_levels(case: Case) -> list[str]:
    """Levels that have rows enough for a column of their own, but of which `max_levels` keeps no more."""
    notes = []
    for coding in case.design.codings:
        if not isinstance(coding, LevelCoding) or not coding.levels.rare:
            continue
        column = case.schema[coding.name]
        kept = {coding.levels.reference, *coding.levels.kept}
        levels = zip(column.levels, column.counts, strict=True)
        gone = [n for t, n in levels if t not in kept and n >= case.spec.rare_level]
        if gone:
            notes.append(
                f"{len(gone):,} of {plural(len(column.levels), 'level')} of {coding.name}, "
                f"{percent(sum(gone) / sum(column.counts))} of the rows, are merged into {RARE}: max_levels is "
                f"{case.spec.max_levels}."
            )
    return notes


def _notes_on_loss(case: Case) -> list[str]:
    """What is different under this loss: rules that do not apply, and the robust errors there are."""
    skipped = [r for r in all_rules() if case.task in r.tasks and not r.speaks_under(case)]
    return [
        f"not looked for under the {case.loss} loss, as they judge the errors of least squares:"
        f" {', '.join(f'{r.code} {r.slug}' for r in skipped)}."
    ]


#: Degrees of freedom from which t is the normal law to 1 %, and not worth a remark.
_MANY = 100


def _notes_on_freedom(case: Case) -> list[str]:
    """How uncertain robust standard errors are, where that widens intervals, or unknown: `Inference.dfs`."""
    table = case.standard_errors.table
    if (dfs := table.dfs) is None:
        return []
    alone = [
        name
        for name, estimate, df in zip(table.names, table.estimate, dfs, strict=True)
        if np.isfinite(estimate) and np.isnan(df)
    ]
    untold = [
        f"no {table.covariance} standard error of {listed(alone)}: rows or groups that alone tell of it leave no"
        " residual."
    ] * bool(alone)
    if not (known := dfs[dfs > 0]).size or known.min() >= _MANY:
        return untold
    low, high = (f"{v:,.3g}" for v in (known.min(), known.max()))
    own = f"{low} to {high} degrees of freedom, each coefficient its own" if low != high else (
        f"{low} degrees of freedom"
    )  # fmt: skip
    return [
        f"p-values and intervals allow for how uncertain these standard errors are themselves: {own}.",
        *untold,
    ]


def _notes_on_errors(case: Case) -> list[str]:
    """What robust standard errors allow for, where their name alone does not say it."""
    spec, errors = case.spec, case.standard_errors
    name = errors.table.covariance
    if errors.clusters is not None:
        groups = plural(errors.clusters, "group")
        return [f"standard errors allow for dependence within {groups} of {spec.groups} ({name})."]
    if spec.covariance == "HAC" and name != "classic":
        what = f"in order of {spec.order}" if spec.order else "in the order of the file"
        return [f"standard errors allow for dependence between neighbours {what} ({name})."]
    leverage = spec.covariance in ("HC1", "HC2", "HC3") and not isinstance(case.fit, LinearFit)
    return [
        f"standard errors are HC0, not {spec.covariance}: the corrections for leverage are those of least squares."
    ] * leverage

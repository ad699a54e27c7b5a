"""Remarks that are not findings: what was done to rows, folds and levels that a reader may not expect."""

from __future__ import annotations

from whyfit.data.coding import RARE, LevelCoding
from whyfit.data.folds import most_folds
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.registry import all_rules
from whyfit.diagnosis.words import percent, plural
from whyfit.probability.glm import GLMFit


def notes_of(case: Case) -> tuple[str, ...]:
    notes = []
    if case.design.together is not None:
        copies = len(case.design.together.index)
        notes.append(
            f"{plural(copies, 'row')} with equal features held out together (group_copies)."
        )
    if case.spec.exclude_rows:
        notes.append(
            f"{plural(len(case.spec.exclude_rows), 'row')} kept out of the fit but scored (exclude_rows)."
        )
    notes += _notes_on_levels(case)
    if isinstance(case.fit, GLMFit):
        notes += _notes_on_loss(case)
    if case.k < case.spec.folds:
        wide = case.k == most_folds(case.p)
        why = (
            f"the moments of {case.p:,} columns take the memory of more"
            if wide
            else "a fold needs about ten rows for its own R²"
        )
        notes.append(f"{case.k} folds instead of {case.spec.folds}: {why}.")
    return tuple(notes)


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
    notes = [
        f"not looked for under the {case.loss} loss, as they judge the errors of least squares:"
        f" {', '.join(f'{r.code} {r.slug}' for r in skipped)}."
    ]
    if case.spec.covariance not in ("classic", "HC0"):
        notes.append(
            f"standard errors are HC0, not {case.spec.covariance}: the corrections for leverage are those of least"
            " squares."
        )
    return notes

"""Remarks on what is done with probabilities before they are told, and from which on a row is called."""

from __future__ import annotations

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.words import number
from whyfit.probability.recalibration import WORDS


def notes_on_calls(case: Case) -> list[str]:
    """One line for a recalibration, one for costs or a threshold."""
    spec, notes = case.spec, []
    if case.recalibration is not None:
        notes.append(
            f"probabilities go through {WORDS[spec.recalibrate]} learned from out-of-fold predictions; coefficients and"
            " training scores are those before it (recalibrate)."
        )
    if case.task != "binary" or (spec.costs is None and spec.threshold is None):
        return notes
    said = (
        f"rows are called “{case.design.classes[1]}” from probability {number(spec.called_from)} on"
    )
    if spec.costs is None:
        return [*notes, f"{said} (threshold)."]
    fp, fn = map(number, spec.costs)
    if spec.threshold is None:
        return [*notes, f"{said}, as costs of {fp} and {fn} ask (costs)."]
    best = spec.costs[0] / sum(spec.costs)
    return [*notes, f"{said} (threshold), though costs of {fp} and {fn} ask for {number(best)}."]

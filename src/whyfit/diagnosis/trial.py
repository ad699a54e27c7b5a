"""Trying a remedy: the journey again with the edit, against the control on the same folds.

For fold j let d_j = after_j − before_j, oriented so that positive is better. The interval of its mean is the
corrected one of Nadeau & Bengio (see `probability.validation.over_folds`); the remedy *helped* only if that
interval excludes no gain, and no guarded measure fell by a relevant amount.
"""

from __future__ import annotations

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Trial
from whyfit.diagnosis.measures import Measure
from whyfit.probability.validation import over_folds

#: A remedy may cost this much of a guarded score (R², skill) before it counts as harm: one per cent of the
#: variance, the size commonly called negligible (Cohen 1988, f² = 0.02 is "small").
RELEVANT_LOSS = 0.01
#: Gains below rounding are no gains.
_NOTHING = 1e-9


def paired(before: np.ndarray, after: np.ndarray, measure: Measure, level: float) -> Trial:
    """The Trial of one measure from its values per fold."""
    sign = 1.0 if measure.better == "higher" else -1.0
    usable = np.isfinite(before) & np.isfinite(after)
    if measure.scale == "ratio":
        usable &= (before > 0) & (after > 0)
        b, a = before[usable], after[usable]
        change = over_folds(sign * np.log(a / b), level)
        centre = (
            (float(np.exp(np.log(b).mean())), float(np.exp(np.log(a).mean())))
            if b.size
            else (np.nan,) * 2
        )
    else:
        b, a = before[usable], after[usable]
        change = over_folds(sign * (a - b), level)
        centre = (float(b.mean()), float(a.mean())) if b.size else (np.nan,) * 2
    helped = bool(np.isfinite(change.low) and change.low > _NOTHING)
    return Trial(measure.name, centre[0], centre[1], change.value, change.low, change.high, helped)


def compare(control: Case, treated: Case, measure: Measure, guard: Measure | None = None) -> Trial:
    """Measure the treated case against the control."""
    level = control.spec.confidence
    trial = paired(measure.of(control), measure.of(treated), measure, level)
    if guard is None or not trial.helped:
        return trial
    harm = paired(guard.of(control), guard.of(treated), guard, level)
    spared = harm.low > -RELEVANT_LOSS
    return Trial(
        trial.measure, trial.before, trial.after, trial.difference, trial.low, trial.high,
        trial.helped and spared,
    )  # fmt: skip

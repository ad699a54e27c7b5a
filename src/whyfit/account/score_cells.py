"""What panels of scores have in common: scores as cells, curves thinned, remarks on where numbers come from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.words import number, plural
from whyfit.probability.recalibration import WORDS
from whyfit.probability.scores.confusion import Share
from whyfit.probability.scores.score import Mean, Score
from whyfit.probability.validation import over_folds
from whyfit.report.numbers import plus_minus
from whyfit.report.panel import Grid, Interval

#: Points of a curve: more than a page of 1,200 pixels can tell apart from a line.
POINTS = 160


def cell(x: Score | Share | Mean) -> Interval:
    return Interval(float(x.value), float(x.low), float(x.high))


def score_grid(scores: Sequence[Score], rows: str) -> Grid:
    """One row per score: the model's, that of the predictor that knows nothing, and the gain over it."""
    return Grid(
        f"Scores of {rows}, with the {round(100 * scores[0].level)} % interval of each.",
        ("score", "model", "knowing nothing", "gain"),
        tuple(
            (s.name, cell(s), float(s.trivial), Interval(s.gain, s.gain_low, s.gain_high)) for s in scores
        ),
    )  # fmt: skip


def rows_scored(case: Case) -> str:
    """ "1,000 held-out rows", or that they are a random part of all."""
    s = case.sample
    if s.share < 1:
        return f"a random {len(s.y):,} of {case.n:,} held-out rows"
    return f"{len(s.y):,} held-out rows"


def saved_by(loss: Score, nothing: str) -> str:
    """How much of the log loss of knowing nothing the probabilities save, or how much more they cost."""
    if loss.gain < 0:
        more = plus_minus(-loss.gain, -loss.gain_high, -loss.gain_low)
        return (
            f"Held out, the probabilities cost {more} nats per row more than the {number(loss.trivial)} of {nothing}"
            " (log loss)"
        )
    saved = plus_minus(loss.gain, loss.gain_low, loss.gain_high)
    of = f"{number(loss.trivial)} nats per row of {nothing}"
    return f"Held out, the probabilities save {saved} of the {of} (log loss)"


def thinned(*columns: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """At most POINTS places of curves of one length, evenly along the first two, the ends among them."""
    n = len(columns[0])
    steps = [np.abs(np.diff(c)) / max(float(np.ptp(c)), 1e-300) for c in columns[:2]]
    along = np.append(0.0, np.cumsum(np.sum(steps, axis=0)))
    at = np.arange(n)
    if n > POINTS:
        at = np.searchsorted(along, np.linspace(0, along[-1], POINTS - 1))
        at = np.unique(np.append(at, n - 1))
    return tuple(tuple(map(float, c[at])) for c in columns)


def over_the_folds(case: Case, named: Sequence[tuple[str, str, float]]) -> str:
    """ "R² 0.64 here, 0.638 over folds": (name, key in `Case.scores`, pooled value) of each."""
    said = []
    for name, key, pooled in named:
        value = over_folds(case.scores[key], case.spec.confidence).value
        if np.isfinite(value) and np.isfinite(pooled):
            said.append(f"{name} {number(pooled)} here, {number(value)} there")
    if not said:
        return ""
    return (
        "Here all rows count together, and intervals are those of other rows under the same models. The scores of the"
        f" summary are means over {plural(case.k, 'fold')}, with the intervals of other training sets too:"
        f" {'; '.join(said)}."
    )


def on_recalibration(case: Case, before: Score, after: Score) -> str:
    """What the map in place has done to a loss; "" without one."""
    if case.recalibration is None:
        return ""
    return (
        f"Probabilities have gone through {WORDS[case.spec.recalibrate]}, each row's through a map learned on the"
        f" other folds: {after.name} {number(before.value)} before, {number(after.value)} after."
    )


def filled(*remarks: str) -> tuple[str, ...]:
    return tuple(r for r in remarks if r)

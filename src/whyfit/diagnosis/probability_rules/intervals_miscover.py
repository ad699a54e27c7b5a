"""Prediction intervals do not hold as many rows as they say.

What it says

Rows that were held out lie in their prediction intervals clearly less often, or clearly more often, than the level of
the intervals promises: of all rows, or of those in one range of a column.

The mathematics

Every held-out row gets the interval that the model of its fold's training rows would have given it. The share covered
has Wilson's binomial interval. With α = 1 − level two nulls are tested:

    all rows     |coverage − level| ≤ α/2:   95 % intervals fail no more than half as often again, and no less than half
    one slice    coverage ≥ level − α:       nowhere do they fail more than twice as often as they say

Intervals of counts end at whole numbers, and hold more than the level for that reason alone: 98 % of all rows where the
mean is 2. They are called long only if the rows strictly inside, those that a count less at either end would hold, are
more than that.

For the second, columns and the prediction are cut into fifths, and the slice with the lowest coverage is looked for in
the even folds only. Its coverage in the odd folds, which had no say in the choice, is what is tested and reported, so
that looking at many slices costs nothing and flatters nothing. What the first half says is the prediction.

Reference: Wilson (1927), JASA 22, 209-212; Cauchois, Gupta & Duchi (2021), JMLR 22(81), for worst slices.

Why it hurts

An interval is a promise about the next row. One that is kept for 95 % of all houses and for 80 % of the expensive ones
is broken exactly where it is needed; one that always holds is longer than it need be.

What to do

Conformal intervals (tried; measured by the held-out interval score, a proper score of length and misses) take their
ends from the errors of held-out rows and hold whatever the law of the errors. Where the spread depends on the columns
they are made in units of the predicted spread, which repairs slices too. They promise coverage on average over rows;
no method can promise it in every slice.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
from scipy import special

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.diagnose import FAMILY_WISE
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.held_out_intervals import (
    INTERVAL_SCORE,
    PREDICTION,
    HeldOutIntervals,
    interval_scale,
    intervals_of,
    slicing_columns,
)
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import number, percent
from whyfit.probability.association import wilson
from whyfit.probability.coverage import FEWEST, Slice, slices, too_few

#: Failures beyond α that are tolerated: half as many again of all rows, as many again in a slice.
OF_ALL, OF_A_SLICE = 0.5, 1.0
#: Rows below which coverage is not judged: 95 % of 100 have a standard error of 2 %.
FEWEST_ROWS = 100


def check(case: Case) -> Iterable[Suspicion]:
    made = intervals_of(case)
    if made is None or len(made.y) < FEWEST_ROWS:
        return []
    hit = made.covered
    p_all = _off(int(hit.sum()), _needless(case, made), len(hit), made.level)
    out = [Suspicion(partial(_of_all, case, made), p_all)]
    found = _worst(case, made)
    if found is not None:
        worst, inside, rows = found
        limit = made.level - OF_A_SLICE * (1 - made.level)
        p = too_few(inside, rows, limit)
        speak = partial(_of_slice, case, made, worst, (inside, rows))
        out.append(Suspicion(speak if p_all > FAMILY_WISE else lambda: None, p))
    return out


def _needless(case: Case, made: HeldOutIntervals) -> int:
    """Rows that shorter intervals would hold too: of counts those strictly inside, of other targets all covered."""
    if interval_scale(case) != "counts":
        return int(made.covered.sum())
    return int(((made.low < made.y) & (made.y < made.high)).sum())


def _off(hits: int, needless: int, rows: int, level: float) -> float:
    """P-value of "coverage is within α/2 of the level", two-sided."""
    margin = OF_ALL * (1 - level)
    short = too_few(hits, rows, level - margin)
    over = float(special.bdtrc(needless - 1, rows, level + margin)) if needless else 1.0
    return min(1.0, 2 * min(short, over))


def _worst(case: Case, made: HeldOutIntervals) -> tuple[Slice, int, int] | None:
    """The slice of lowest coverage in even folds; rows covered, and rows, of it in odd folds."""
    learn = made.fold % 2 == 0
    columns, names = slicing_columns(case, made, learn)
    found = slices(made.covered[learn], made.level, columns[learn], names)
    if not found:
        return None
    worst = found[0]
    x = columns[:, names.index(worst.name)]
    mine = ~learn & (worst.low <= x) & (x <= worst.high)
    rows = int(mine.sum())
    return (worst, int(made.covered[mine].sum()), rows) if rows >= FEWEST else None


def _of_all(case: Case, made: HeldOutIntervals) -> Confirmed | None:
    hit, level, n = made.covered, made.level, len(made.y)
    seen = float(hit.mean())
    low, high = wilson(int(hit.sum()), n, level)
    folds = np.array([hit[made.fold == j].mean() for j in np.unique(made.fold)])
    kind, target = _kind(case), case.spec.target
    short = seen < level
    learn = made.fold % 2 == 0
    expected, other = float(hit[learn].mean()), float(hit[~learn].mean())
    if (other < level) != short:
        return None
    margin = OF_ALL * (1 - level)
    message = (
        f"{kind}{percent(level)} intervals of {target} hold {percent(seen)} of held-out rows"
        f" [{100 * low:.3g}, {100 * high:.3g}]: {'they promise too much' if short else 'longer than they need be'}"
    )
    evidence = (
        Evidence(
            "held-out coverage", seen, limit=level - margin if short else level + margin, predicted=level, low=low,
            high=high, formula=rf"\frac{{{int(hit.sum())}}}{{{n}}} = {seen:.3f}",
        ),
        Evidence("coverage of the worst fold", float(folds.min())),
        Evidence("mean length of an interval", float(made.width.mean())),
    )  # fmt: skip
    a, b = wilson(int(hit[~learn].sum()), int((~learn).sum()), level)
    prediction = (
        f"predicted {percent(expected)} covered, from the even folds"
        f"   observed {percent(other)} [{100 * a:.3g}, {100 * b:.3g}] in the odd ones"
    )
    return Confirmed(
        RULE.finding(
            "warning" if short else "note", (target,), message, evidence=evidence, prediction=prediction
        ),
        _proposals(case),
    )  # fmt: skip


def _of_slice(
    case: Case, made: HeldOutIntervals, worst: Slice, counts: tuple[int, int]
) -> Confirmed | None:
    level, (inside, rows), target = made.level, counts, case.spec.target
    low, high = wilson(inside, rows, level)
    limit = level - OF_A_SLICE * (1 - level)
    place = where(worst, target)
    message = (
        f"{_kind(case)}{percent(level)} intervals of {target} hold {percent(inside / rows)} of held-out rows where"
        f" {place} [{100 * low:.0f}, {100 * high:.0f}] (limit {percent(limit)})"
    )
    evidence = (
        Evidence(
            f"held-out coverage where {place}", inside / rows, limit=limit, predicted=worst.covered, low=low, high=high,
            formula=rf"\frac{{{inside}}}{{{rows}}} = {inside / rows:.3f}",
        ),
        Evidence("held-out coverage of all rows", float(made.covered.mean()), predicted=level),
    )  # fmt: skip
    prediction = (
        f"predicted {percent(worst.covered)} covered there, from the even folds"
        f"   observed {percent(inside / rows)} [{100 * low:.0f}, {100 * high:.0f}] in the odd ones"
    )
    subject = (target,)
    if worst.name in case.names:
        subject = (case.design.origin[case.names.index(worst.name)], target)
    return Confirmed(
        RULE.finding("warning", subject, message, evidence=evidence, prediction=prediction),
        _proposals(case),
    )


def where(piece: Slice, target: str) -> str:
    """ "income is 2.5 to 4.1", "kind=oak"; the slice named "prediction" is one of the predicted target."""
    name = f"the predicted {target}" if piece.name == PREDICTION else piece.name
    if "=" in name and piece.low == piece.high and piece.low in (0, 1):  # a level of a category
        return name if piece.low else f"not {name}"
    if piece.low == piece.high:
        return f"{name} is {number(piece.low, 3)}"
    return f"{name} is {number(piece.low, 3)} to {number(piece.high, 3)}"


def _kind(case: Case) -> str:
    return "conformal " if case.spec.intervals == "conformal" else ""


def _proposals(case: Case) -> tuple[Proposal, ...]:
    if case.spec.intervals == "conformal":
        return ()
    return (Proposal("conformal intervals", {"intervals": "conformal"}, INTERVAL_SCORE),)


RULE = Rule(
    "PR312", "intervals-miscover", "probability", "warning", check, __doc__ or "",
    reference="Cauchois, Gupta & Duchi (2021), JMLR 22(81)",
    tasks=("regression",),
)  # fmt: skip

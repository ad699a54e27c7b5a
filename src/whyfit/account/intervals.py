"""The panel of prediction intervals: are they kept, of all rows and where they are kept worst?

Both kinds of interval are made for held-out rows (`diagnosis.held_out_intervals`), whichever the fit is asked for.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from whyfit.account.prediction_sets import sets_panel
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.held_out_intervals import (
    PREDICTION,
    HeldOutIntervals,
    conformal_of,
    errors_of,
    intervals_of,
    slicing_columns,
)
from whyfit.diagnosis.words import number, percent, plural
from whyfit.probability.association import wilson
from whyfit.probability.conformal_scores import LeaveOneOut, rows_needed
from whyfit.probability.coverage import Slice, slices
from whyfit.report.panel import Cell, Chart, Grid, Interval, Panel, Series

KINDS = ("normal", "conformal")
#: Failures may differ from α by half of it, as for the rule intervals-miscover.
OF_ALL = 0.5
#: Fewer rows say nothing of a level such as 95 %.
FEWEST = 20
#: Parts of equal size that rows are cut into by their prediction; fewer where a part would have less than 20 rows.
PARTS = 10
#: Slices shown for each kind.
WORST = 3
#: Rows that are cut into slices: a fifth of them gives coverage to half a per cent.
_SLICED_ROWS = 10_000


def intervals_panel(case: Case) -> Panel | None:
    """None where there is no law: an exact fit, no degrees of freedom, too few rows. Of a classifier, its sets."""
    if case.task != "regression":
        return sets_panel(case)
    made = {kind: m for kind in KINDS if (m := intervals_of(case, kind)) is not None}
    used = made.get(case.spec.intervals)
    if used is None or len(used.y) < FEWEST:
        return _too_few(case)
    target, level = case.design.target.name, case.spec.confidence
    low, high = wilson(int(used.covered.sum()), len(used.y), level)
    seen = float(used.covered.mean())
    near = abs(seen - level) <= OF_ALL * (1 - level)
    kept = (
        "as promised" if low <= level <= high else "near the promise" if near else "not as promised"
    )
    kind = "conformal " if case.spec.intervals == "conformal" else ""
    pieces = {kind: _worst(case, m) for kind, m in made.items()}
    lead = (
        f"Held out, {kind}{percent(level)} intervals of {target} held {100 * seen:.3g} % of"
        f" {plural(len(used.y), 'row')} [{100 * low:.3g}, {100 * high:.3g}], {kept}"
        f"{_exception(pieces[case.spec.intervals], target, level)}."
    )
    return Panel(
        "intervals",
        "Are the prediction intervals kept?",
        lead,
        (_whole(case, made), *_slices(pieces, target, level)),
        (_chart(made, target, level),),
        _formulas(case),
        _remarks(case, made),
    )


def _too_few(case: Case) -> Panel | None:
    """What to say if conformal intervals were asked for and there is none."""
    if case.spec.intervals != "conformal":
        return None
    lead = (
        f"There are {plural(case.n, 'row')}; conformal intervals of {percent(case.spec.confidence)} need"
        f" {rows_needed(case.spec.confidence)} held out in other folds."
    )
    return Panel("intervals", "Are the prediction intervals kept?", lead)


def _whole(case: Case, made: dict[str, HeldOutIntervals]) -> Grid:
    rows: list[tuple[Cell | Interval, ...]] = []
    for kind, m in made.items():
        share = float(m.covered.mean())
        below, above = (float(v.mean()) for v in (m.y < m.low, m.y > m.high))
        ends = wilson(int(m.covered.sum()), len(m.y), m.level)
        name = f"{kind} (in use)" if kind == case.spec.intervals else kind
        rows.append(
            (
                name, Interval(100 * share, *(100 * v for v in ends)), 100 * below, 100 * above,
                float(m.width.mean()), float(m.score.mean()),
            )
        )  # fmt: skip
    head = ("intervals", "covered, %", "below, %", "above, %", "mean length", "interval score")
    caption = (
        "Held-out rows within their interval, below and above it; length and score in units of "
    )
    caption += case.design.target.name
    return Grid(caption, head, tuple(rows))


def _worst(case: Case, made: HeldOutIntervals) -> tuple[Slice, ...]:
    columns, names = slicing_columns(case, made)
    step = -(-len(made.y) // _SLICED_ROWS)
    found = slices(made.covered[::step], made.level, columns[::step], names, made.level)
    each: dict[str, Slice] = {}
    for piece in found:
        each.setdefault(piece.name, piece)
    return tuple(each.values())[:WORST]


def _exception(found: tuple[Slice, ...], target: str, level: float) -> str:
    """The worst slice, if it fails twice as often as it should for certain."""
    if not found or found[0].covered_high >= 2 * level - 1:
        return ""
    name = f"the predicted {target}" if found[0].name == PREDICTION else found[0].name
    return f", but only {100 * found[0].covered:.3g} % where {name} is {_range(found[0])}"


def _slices(pieces: dict[str, tuple[Slice, ...]], target: str, level: float) -> tuple[Grid, ...]:
    if not any(pieces.values()):
        return ()
    rows = [
        (
            kind, f"predicted {target}" if s.name == PREDICTION else s.name, _range(s), s.rows,
            Interval(100 * s.covered, 100 * s.covered_low, 100 * s.covered_high),
        )
        for kind, found in pieces.items()
        for s in found
    ]  # fmt: skip
    caption = (
        f"Where they are kept worst: of every column the fifth with the lowest coverage; {percent(level)} intervals"
        " that allow for having looked at all"
    )
    return (Grid(caption, ("intervals", "where", "is", "rows", "covered, %"), tuple(rows)),)


def _range(s: Slice) -> str:
    if s.low == s.high:
        return number(s.low, 3)
    return f"{number(s.low, 3)} to {number(s.high, 3)}"


def _chart(made: dict[str, HeldOutIntervals], target: str, level: float) -> Chart:
    series = []
    for kind, m in made.items():
        part = _parts(m)
        middle, share, low, high = [], [], [], []
        for j in range(part.max() + 1):
            mine = part == j
            hits, rows = int(m.covered[mine].sum()), int(mine.sum())
            ends = wilson(hits, rows, level)
            middle.append(float(np.median(m.prediction[mine])))
            share.append(hits / rows)
            low.append(ends[0])
            high.append(ends[1])
        parts = (tuple(v) for v in (middle, share, low, high))
        series.append(Series(kind, "points", *parts))
    return Chart(
        "Coverage by predicted value",
        "Points on the dashed line keep their promise; bars are the binomial interval of a point.",
        f"The share of held-out rows within their interval, against the predicted {target}, for normal and conformal"
        f" intervals; the promise is a dashed line at {percent(level)}.",
        f"predicted {target}",
        "share covered",
        tuple(series),
        level=level,
    )  # fmt: skip


def _parts(m: HeldOutIntervals) -> Int[np.ndarray, " s"]:
    """Part of every row by the order of its prediction; equal predictions may be split."""
    n = len(m.y)
    parts = max(1, min(PARTS, n // FEWEST))
    out = np.empty(n, dtype=np.int64)
    out[np.argsort(m.prediction, kind="stable")] = np.arange(n) * parts // n
    return out


def _formulas(case: Case) -> tuple[str, ...]:
    q = case.spec.confidence
    return (
        r"\text{normal: } \hat y \pm t_{\nu}\,\hat\sigma\sqrt{1 + \tilde x^\top V \tilde x}",
        rf"\text{{score: }} (u - l) + \tfrac{{2}}{{{1 - q:.3g}}}\left[(l - y)_+ + (y - u)_+\right]",
    )


def _remarks(case: Case, made: dict[str, HeldOutIntervals]) -> tuple[str, ...]:
    out = []
    if "conformal" in made:
        how = conformal_of(case)
        said = "Conformal intervals take their ends from the errors that held-out rows had"
        if isinstance(how, LeaveOneOut):
            said += (
                "; those of saved models leave one row out at a time (jackknife+), here whole folds"
            )
        elif errors_of(case).model is not None:
            said += ", in units of a spread that is predicted from the columns, as errors are not alike everywhere"
        out.append(f"{said}.")
        if case.spec.intervals == "normal":
            out.append("With --intervals conformal they are those of whyfit predict --interval.")
    out.append(
        "Of two kinds the one with the smaller interval score is better: it is proper for both length and misses."
    )
    return tuple(out)

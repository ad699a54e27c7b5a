"""The panel of shift: are new rows like the training rows, column by column, and what does the model lose on them?"""

from __future__ import annotations

import numpy as np

from whyfit.account.score_cells import cell
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.shift import LEVEL, LIMIT, Losses, Shift, by_target, losses_of, shift_of
from whyfit.diagnosis.shift_words import cost_of, how_of, unit_of
from whyfit.diagnosis.words import fixed, number, plural
from whyfit.probability.scores.score import Mean
from whyfit.probability.two_samples import kl_of
from whyfit.report.panel import Chart, Grid, Interval, Panel, Series

#: A column of fewer values makes steps, no curve, of its quantiles.
FEW_VALUES = 6
#: Shares of the rows at which the laws of a column are set side by side.
_QUANTILES = np.linspace(0.01, 0.99, 99)


def shift_panel(case: Case) -> Panel | None:
    """None unless new rows were given, or later rows of the table differ from earlier ones."""
    shift = shift_of(case)
    if shift is None or not (shift.new or (shift.p_value < LEVEL and not by_target(case, shift))):
        return None
    losses = losses_of(case)
    grids = [_columns(case, shift)]
    if shift.cells:
        grids.append(_cells(shift))
    if losses is not None:
        grids.append(_losses(case, losses))
    what = "Are new rows like the training rows?" if shift.new else "Do later rows differ?"
    formulas = [r"\mathrm{AUC} = P(w^\top z_{new} > w^\top z_{training})"]
    if shift.together is not None:
        formulas[0] += f" = {shift.together.value:.3f}"
    if losses is not None:
        formulas.append(
            rf"\frac{{\sum_i w_i\,\mathrm{{loss}}_i}}{{\sum_i w_i}} = {losses.predicted.value:.4g},\quad"
            rf" \frac{{(\sum_i w_i)^2}}{{\sum_i w_i^2}} = {losses.like:.0f}"
        )
    return Panel(
        "shift", what, _lead(case, shift, losses), tuple(grids), _charts(case, shift), tuple(formulas),
        _remarks(shift, losses),
    )  # fmt: skip


def _lead(case: Case, shift: Shift, losses: Losses | None) -> str:
    now = f"{plural(case.new.n, 'new row')}" if case.new is not None else "Later rows"
    auc = fixed(shift.together.value, 2) if shift.together is not None else "–"
    if shift.p_value >= LEVEL:
        seen = f"{now} cannot be told from the training rows for certain (AUC {auc}, limit {fixed(LIMIT, 2)})"
    else:
        others = "the training rows" if shift.new else "earlier ones"
        seen = f"{now} are told from {others} with AUC {auc}: {how_of(case, shift)}"
    return seen + (cost_of(case, losses) if losses is not None else "") + "."


def _columns(case: Case, shift: Shift) -> Grid:
    then, now = ("training", "new") if shift.new else ("earlier", "later")
    rows, sure = [], {j for j, _ in shift.standing()[0]}
    for j, m in zip(shift.compared, shift.moves, strict=True):
        a, b = shift.A[:, j], shift.B[:, j]
        rows.append((
            case.names[j], float(a.mean()), float(b.mean()), cell(m.auc), m.wasserstein, m.js, kl_of(a, b), m.psi,
            "yes" if j in sure else "–",
        ))  # fmt: skip
    rows.sort(key=lambda r: -abs(r[3].value - 0.5))
    head = (
        "column",
        f"mean, {then}",
        f"mean, {now}",
        "AUC",
        "moved by, sd",
        "JS",
        "KL",
        "PSI",
        "differs",
    )
    return Grid("Columns that differ most", head, tuple(rows))


def _cells(shift: Shift) -> Grid:
    rows = [
        (
            c.feature,
            "missing" if c.what == "missing" else "level not seen in training",
            c.before,
            c.now,
        )
        for c in sorted(shift.cells, key=lambda c: c.before - c.now)
    ]
    return Grid("Cells, shares of the rows", ("column", "what", "training", "new"), tuple(rows[:8]))


def _losses(case: Case, losses: Losses) -> Grid:
    root = np.sqrt if case.task == "regression" else np.asarray

    def per_row(m: Mean) -> Interval:
        return Interval(*(float(root(max(v, 0.0))) for v in (m.value, m.low, m.high)))

    names = (
        "training rows, held out",
        "new rows, predicted by importance weights",
        "new rows, observed",
    )
    if case.new is None:
        names = (
            "later rows, all rows taking turns", "the same by a fit on the earlier ones, predicted",
            "the same, observed",
        )  # fmt: skip
    rows = [(names[0], per_row(losses.before))]
    if losses.told:
        rows.append((names[1], per_row(losses.predicted)))
    if losses.observed is not None:
        rows.append((names[2], per_row(losses.observed)))
    return Grid("What the model loses", ("rows", unit_of(case)), tuple(rows))


def _charts(case: Case, shift: Shift) -> tuple[Chart, ...]:
    """Quantiles of the numeric column that moved most, new against training; not of one with few values."""
    moved = {j for j, _ in shift.standing()[0]}
    best = [
        (abs(m.auc.value - 0.5), j)
        for j, m in zip(shift.compared, shift.moves, strict=True)
        if (j in moved or not moved) and len(np.unique(shift.A[:, j])) > FEW_VALUES
    ]
    if not best:
        return ()
    j = max(best)[1]
    a, b = (np.quantile(X[:, j], _QUANTILES) for X in (shift.A, shift.B))
    then, now = ("training rows", "new rows") if shift.new else ("earlier rows", "later rows")
    name = case.names[j]
    chart = Chart(
        f"{name}: {now} against {then}",
        "Points on the dashed line: the same law. Above it, values have become larger; a slope other than 1, a wider or"
        " narrower spread.",
        f"The 1st to 99th percentile of {name} among {now} over that among {then}.",
        f"{name}, {then}",
        f"{name}, {now}",
        (Series("percentiles", "points", tuple(map(float, a)), tuple(map(float, b))),),
        diagonal=True,
    )
    return (chart,)


def _remarks(shift: Shift, losses: Losses | None) -> tuple[str, ...]:
    out = []
    if shift.together is not None:
        out.append(
            f"Half of the rows promised AUC {fixed(shift.together.told, 2)} for the other half; observed"
            f" {fixed(shift.together.value, 2)}."
        )
    if losses is not None and not losses.told:
        out.append(
            f"Only as many as {number(losses.like, 2)} training rows are like the new ones: what the model loses there"
            " cannot be predicted."
        )
    elif losses is not None and shift.new and not losses.explained:
        out.append(
            "The loss is not what the columns explain: the target depends on them in another way now."
        )
    out.append(
        "JS, KL and PSI are less their bias, over the tenths of the first sample; “differs” is by Holm's procedure."
    )
    return tuple(out)

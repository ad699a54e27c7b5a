"""What the calls of two classes cost per row, with a price on each kind of mistake, and at which threshold least.

With costs c₊ of a false positive and c₋ of a false negative a row is called from t = c₊/(c₊ + c₋) on. Its cost per row
is set beside that of ½ as threshold, of calling every row and of calling none, paired row by row on the same held-out
rows. The threshold that would have been cheapest is chosen on nine tenths of the rows and costed on the rest: if it is
cheaper than t beyond its interval the probabilities mislead.

Reference: Elkan (2001), IJCAI, 973-978; Vickers & Elkin (2006), Medical Decision Making 26, 565-574.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from whyfit.account.score_cells import cell
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.words import number
from whyfit.probability.scores import (
    CostThreshold,
    Curve,
    decision_curve,
    mean_of,
    threshold_by_cost,
)
from whyfit.report.panel import Chart, Grid, Series

#: Thresholds of the charts.
_STEPS = np.arange(1, 100) / 100
#: A net benefit of always calling below minus this share of the best is off the chart.
_FLOOR = 0.25


def _cost(
    y: Float[np.ndarray, " s"], called: Bool[np.ndarray, " s"], costs: tuple[float, float]
) -> Float[np.ndarray, " s"]:
    """Of each row."""
    return np.where(y == 1, costs[1] * ~called, costs[0] * called)


def cost_grid(case: Case) -> Grid:
    """Cost per row of each way to call, and what it costs more than the way chosen."""
    y, p, level, t = case.sample.y, case.held_out, case.spec.confidence, case.spec.called_from
    costs = case.spec.costs or (1.0, 1.0)
    no, yes = case.design.classes
    best = costs[0] / sum(costs)
    mine = _cost(y, p >= t, costs)
    ways = [(f"{yes} from {number(t)} on", p >= t)]
    if case.spec.threshold is not None and best != t:
        ways.append((f"{yes} from {number(best)} on, by the costs", p >= best))
    if t != 0.5 and best != 0.5:
        ways.append((f"{yes} from 0.5 on", p >= 0.5))
    all_rows = np.ones(len(y), dtype=bool)
    ways += [(f"always {yes}", all_rows), (f"always {no}", ~all_rows)]
    rows = []
    for i, (name, called) in enumerate(ways):
        each = _cost(y, called, costs)
        more = cell(mean_of(each - mine, level)) if i else None
        rows.append((name, float(called.mean()), cell(mean_of(each, level)), more))
    return Grid(
        f"Cost per row at {number(costs[0])} for a false positive and {number(costs[1])} for a false negative.",
        ("called", "share called", "cost per row", "more than the first"),
        tuple(rows),
    )


def _empirical(case: Case) -> CostThreshold:
    c = case.spec.costs or (1.0, 1.0)
    y, p, rng = case.sample.y, case.held_out, case.rng("costs")
    return threshold_by_cost(y, p, *c, level=case.spec.confidence, rng=rng)


def cost_remark(case: Case) -> str:
    """Where the threshold comes from, and whether another would be cheaper."""
    spec, yes = case.spec, case.design.classes[1]
    if spec.costs is None:
        return ""
    found, (fp, fn) = _empirical(case), spec.costs
    said = (
        "Probabilities that mean what they say ask for"
        f" t = {number(fp)}/({number(fp)} + {number(fn)}) = {number(found.theory)}"
    )
    if spec.threshold is not None:
        said += f"; the threshold {number(spec.threshold)} that was given is used all the same"
    best = (
        f"calling “{yes}” never" if not np.isfinite(found.best) else f"{number(found.best)}, cheapest on these rows,"
    )  # fmt: skip
    saving = found.saving
    if not saving.low > 0:
        return f"{said}. Choosing the threshold by the rows themselves is no cheaper on rows that did not choose."
    return (
        f"{said}, but {best} saves {number(saving.value, 2)}"
        f" [{number(saving.low, 2)}, {number(saving.high, 2)}] per row on rows that did not choose it:"
        " the probabilities mislead, recalibrate them."
    )


def cost_chart(case: Case) -> Chart:
    """Expected cost per row by threshold."""
    costs, t = case.spec.costs or (1.0, 1.0), case.spec.called_from
    y, p = case.sample.y, case.held_out
    n, base = len(y), float(y.mean())
    curve = Curve.of(y, p)
    steps = np.unique(np.append(_STEPS, t))
    at = np.searchsorted(-curve.thresholds, -steps, side="right") - 1
    tp, fp = curve.true_positives[at] / n, curve.false_positives[at] / n
    cost = costs[1] * (base - tp) + costs[0] * fp
    here = float(cost[np.searchsorted(steps, t)])
    x = tuple(map(float, steps))
    no, yes = case.design.classes
    flat = {f"always {yes}": costs[0] * (1 - base), f"always {no}": costs[1] * base}
    return Chart(
        "Cost by threshold",
        "The lower the better; the dot is the threshold in use.",
        f"Cost per row over the thresholds from 0.01 to 0.99; {here:.3g} at {t:.3g}.",
        f"threshold for “{yes}”",
        "cost per row",
        (
            Series("model", "line", x, tuple(map(float, cost))),
            *(Series(name, "line", (x[0], x[-1]), (v, v)) for name, v in flat.items()),
            Series("in use", "points", (float(t),), (here,)),
        ),
    )


def benefit_chart(case: Case) -> Chart:
    """The decision curve: net benefit by the threshold that a price asks for."""
    y, p = case.sample.y, case.held_out
    d = decision_curve(y, p, _STEPS, case.spec.confidence)
    floor = -_FLOOR * max(float(y.mean()), 1e-9)
    shown, all_shown = d.low >= floor, d.always >= floor
    no, yes = case.design.classes
    x = tuple(map(float, d.thresholds[shown]))
    return Chart(
        "Decision curve",
        "Where the model lies above both others it is worth using at that price; a threshold t weighs a false"
        " positive t/(1 − t) as much as a hit.",
        f"Net benefit of acting on the model, on every row and on none, from {d.model[0]:.3g} hits per row at"
        " threshold 0.01 downwards.",
        f"threshold for “{yes}”",
        "net benefit, hits per row",
        (
            Series(
                "model", "band", x, tuple(map(float, d.model[shown])),
                tuple(map(float, d.low[shown])), tuple(map(float, d.high[shown])),
            ),
            Series(
                f"always {yes}", "line", tuple(map(float, d.thresholds[all_shown])),
                tuple(map(float, d.always[all_shown])),
            ),
            Series(f"always {no}", "line", (0.01, 0.99), (0.0, 0.0)),
        ),
    )  # fmt: skip

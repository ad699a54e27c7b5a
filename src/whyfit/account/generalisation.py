"""The panel of generalisation: what more rows would bring, what freedom costs, which penalty, how sure the score is.

Errors are shown as scores, 1 − error/error of the constant predictor on all rows, so that the unit of the target does
not matter: R² of a regression, skill of a classification, the share of deviance explained of counts and amounts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.learning import (
    LEFT_OUT_CELLS,
    base_loss,
    curve_of,
    nested_of,
    ridges_of,
    some_rows,
)
from whyfit.diagnosis.words import fixed, latex, number, percent, plural
from whyfit.probability.learning_curve import LearningCurve
from whyfit.probability.learning_law import PowerLaw, Predicted
from whyfit.probability.nested_cv import NestedError
from whyfit.probability.ridge_path import CV, ONE_SE, Choices
from whyfit.probability.validation import PATH, over_folds
from whyfit.report.panel import Chart, Grid, Interval, Panel, Series

#: Rows of the table of a curve, beside the present number and its double.
_SHOWN = 5
#: Shares of the free coefficients at which the ridge path is shown.
_FREEDOM = (1.0, 0.75, 0.5, 0.25)
#: Points of the law in the chart.
_DRAWN = 40


def generalisation_panel(case: Case) -> Panel | None:
    """None where nothing is known: several classes, wide tables, few rows."""
    curve, ridges, nested = curve_of(case), ridges_of(case), nested_of(case)
    if curve is None and ridges is None and nested is None:
        return None
    base = base_loss(case)
    scaled = bool(np.isfinite(base) and base > 0)
    grids, charts = [], []
    if curve is not None:
        grids.append(_curve_grid(case, curve, base if scaled else None))
        charts.append(_chart(case, curve, base if scaled else None))
    if nested is not None and scaled:
        grids.append(_interval_grid(case, nested, base))
    if ridges is not None and scaled:
        grids += [_optimism_grid(case, ridges, base), _choice_grid(case, ridges, base)]
    law = None if curve is None else curve.law
    return Panel(
        "generalisation",
        "Does it generalise?",
        _lead(case, curve, nested, base),
        tuple(grids),
        tuple(charts),
        tuple(_formulas(case, law, ridges, base)),
        tuple(_remarks(case, curve, ridges, nested, base if scaled else None)),
    )


def score_name(case: Case) -> str:
    """What 1 − error/error of the constant predictor is called."""
    if case.task != "regression":
        return "skill"
    return "share of deviance" if case.loss in ("poisson", "gamma") else "R²"


def _score(error: float, base: float | None) -> float:
    return error if base is None else 1 - error / base


def _interval(p: Predicted, base: float | None) -> Interval:
    if base is None:
        return Interval(p.value, p.low, p.high)
    return Interval(1 - p.value / base, 1 - p.high / base, 1 - p.low / base)


def _lead(case: Case, curve: LearningCurve | None, nested: NestedError | None, base: float) -> str:
    parts = []
    if nested is not None:
        e = nested.nested
        parts.append(
            f"held-out R² {fixed(1 - e.value / base, 3)}"
            f" [{fixed(1 - e.high / base, 3)}, {fixed(min(1 - e.low / base, 1.0), 3)}] by nested cross-validation"
        )
    if curve is not None and curve.law is not None:
        g = curve.law.gain(case.n, level=case.spec.confidence)
        parts.append(
            f"twice the {plural(case.n, 'row')} would lower the {_error(case)} by {percent(max(g.value, 0.0))}"
            f" [{number(100 * max(g.low, 0.0), 2)}, {number(100 * min(max(g.high, 0.0), 1.0), 2)}]"
        )
    if not parts:
        return "The rows are too few to say what more of them would bring."
    text = "; ".join(parts)
    return text[0].upper() + text[1:] + "."


def _error(case: Case) -> str:
    names = {"squared": "squared error", "log-loss": "log loss", "huber": "Huber loss"}
    return names.get(case.loss, "deviance")


def _curve_grid(case: Case, curve: LearningCurve, base: float | None) -> Grid:
    of = score_name(case) if base is not None else _error(case)
    known = np.isfinite(curve.expected).any()
    pick = np.unique(np.linspace(0, len(curve.sizes) - 1, _SHOWN).round().astype(int))
    law, level = curve.law, case.spec.confidence
    rows = []
    for i in pick:
        m = float(curve.sizes[i])
        row = [round(m), _score(float(curve.trained[i]), base), _score(float(curve.error[i]), base)]
        row.append(_score(law.at(m), base) if law is not None else None)
        rows.append((*row, _score(float(curve.expected[i]), base)) if known else tuple(row))
    if law is not None:
        for m in (case.n, 2 * case.n):
            row = [m, None, None, _interval(law.predict(m, level), base)]
            rows.append((*row, None) if known else tuple(row))
    head = ("rows", f"training {of}", f"held-out {of}", "by the law")
    caption = (
        f"Learning curve: {of} by the rows trained on; the last two rows are the law's prediction"
    )
    return Grid(caption, (*head, "theory") if known else head, tuple(rows))


def _chart(case: Case, curve: LearningCurve, base: float | None) -> Chart:
    of = score_name(case) if base is not None else _error(case)
    sizes = tuple(map(float, curve.sizes))

    def values(errors: np.ndarray) -> tuple[float, ...]:
        return tuple(_score(float(e), base) for e in errors)

    series = []
    law = curve.law
    if law is not None:
        x = np.geomspace(curve.sizes[0], 2 * case.n, _DRAWN)
        bands = [_interval(law.predict(float(m), case.spec.confidence), base) for m in x]
        series.append(
            Series(
                "law, to twice the rows", "band", tuple(map(float, x)), tuple(b.value for b in bands),
                tuple(b.low for b in bands), tuple(b.high for b in bands),
            )
        )  # fmt: skip
    series += [
        Series("held out", "points", sizes, values(curve.error)),
        Series("training", "points", sizes, values(curve.trained)),
    ]
    if np.isfinite(curve.expected).any():
        series.append(Series("theory", "line", sizes, values(curve.expected)))
    return Chart(
        "Learning curve",
        "Where the held-out points still climb towards the training points, more rows help; where both are level,"
        " only other features or another model can.",
        f"Training and held-out {of} by the number of rows trained on, with the fitted law and its band.",
        "rows trained on",
        of,
        tuple(series),
        log_x=True,
    )


def _interval_grid(case: Case, nested: NestedError, base: float) -> Grid:
    folds = over_folds(case.scores["mse"], case.spec.confidence)

    def row(name: str, low: float, value: float, high: float) -> tuple[str | Interval | float, ...]:
        return (
            name,
            Interval(1 - value / base, 1 - high / base, 1 - low / base),
            (high - low) / (nested.naive.high - nested.naive.low),
        )

    e, n = nested.naive, nested.nested
    return Grid(
        f"Held-out R² of this model with its {percent(case.spec.confidence)} interval, in three ways",
        ("interval", "R²", "width"),
        (
            row("as if errors were independent", e.low, e.value, e.high),
            row("over folds (Nadeau–Bengio)", folds.low, folds.value, folds.high),
            row("nested cross-validation", n.low, n.value, n.high),
        ),
    )


def _optimism_grid(case: Case, choices: Choices, base: float) -> Grid:
    """Along the path: what theory says freedom costs, and what leaving out each row finds."""
    path, n = choices.path, case.n
    grid = np.array([n * r for r in PATH])
    free = np.array([path.free(r) for r in grid])
    most = path.free(case.spec.ridge)
    picked = [case.spec.ridge]
    picked += [float(grid[np.abs(free - share * most).argmin()]) for share in _FREEDOM[1:]]
    ridges = tuple(dict.fromkeys(picked))
    X, y, label = some_rows(case, LEFT_OUT_CELLS // case.p)
    e, h = path.residuals(X, y, ridges)
    left_out = (e / np.maximum(1 - h, 1e-12)) ** 2
    counts = np.maximum(np.bincount(label, minlength=case.k), 1)
    rows = []
    for i, ridge in enumerate(ridges):
        gaps = np.bincount(label, left_out[:, i] - e[:, i] ** 2, case.k) / counts
        gap = over_folds(gaps / base, case.spec.confidence)
        trained = 1 - path.trained(ridge) / base
        rows.append(
            (
                ridge, path.free(ridge), trained, trained - gap.value, path.optimism(ridge, path.sigma2) / base,
                Interval(gap.value, gap.low, gap.high),
            )
        )  # fmt: skip
    return Grid(
        "What freedom costs: the gap between training and left-out R² that theory predicts, 2σ²(df + 1)/n, and the"
        " gap observed when each row is left out",
        ("λ", "free", "training R²", "left-out R²", "predicted gap", "observed gap"),
        tuple(rows),
    )


def _choice_grid(case: Case, choices: Choices, base: float) -> Grid:
    rows = []
    for c in choices.by:
        e = over_folds(c.error / base, case.spec.confidence)
        rows.append(
            (c.by, float(f"{c.ridge:.3g}"), c.free, Interval(1 - e.value, 1 - e.high, 1 - e.low))
        )
    return Grid(
        f"Which penalty: λ on unit-variance columns by each criterion (fitted here with λ = {number(case.spec.ridge)})",
        ("chosen by", "λ", "free coefficients", "held-out R²"),
        tuple(rows),
    )


def _formulas(
    case: Case, law: PowerLaw | None, choices: Choices | None, base: float
) -> Iterator[str]:
    if law is not None:
        origin = f" - {law.origin:.0f}" if law.origin else ""
        b = law.scale * law.unit**law.exponent
        yield (
            rf"\mathrm{{err}}(n) = a + b\,(n{origin})^{{-c}} = {latex(law.floor)} + {latex(b)}\,(n{origin})"
            rf"^{{-{law.exponent:.2g}}}"
        )
    if choices is not None and np.isfinite(choices.path.sigma2):
        path, ridge = choices.path, case.spec.ridge
        gap = path.optimism(ridge, path.sigma2) / base
        yield (
            r"\frac{2\sigma^2(\mathrm{df}+1)}{n\,\mathrm{var}(y)} = \frac{2 \cdot "
            rf"{latex(path.sigma2)} \cdot {path.free(ridge) + 1:.4g}}}{{{case.n} \cdot {latex(base)}}} = {latex(gap)}"
        )


def _remarks(
    case: Case,
    curve: LearningCurve | None,
    choices: Choices | None,
    nested: NestedError | None,
    base: float | None,
) -> Iterator[str]:
    of = score_name(case) if base is not None else _error(case)
    if curve is not None and curve.held_back is not None:
        h = curve.held_back
        p = _interval(h.predicted, base)
        seen = _score(h.observed, base)
        digits = max(3, min(6, 1 - int(np.floor(np.log10(max(p.high - p.low, 1e-6))))))
        said = (
            f"{of} {fixed(p.value, digits)} [{fixed(p.low, digits)}, {fixed(p.high, digits)}]"
            f" for {round(h.size):,} rows, and {fixed(seen, digits)} was observed"
        )
        verdict = (
            "the law passes its test"
            if h.kept
            else "the law fails its test, and is a guess beyond the rows"
        )
        yield f"Without the largest size the law predicts {said}: {verdict}."
    if curve is not None and curve.law is not None:
        low, high = curve.law.exponent_interval
        c = curve.law.exponent
        yield f"The exponent c is {c:.2f} [{low:.2f}, {high:.2f}]; theory says 1 for any fixed number of coefficients."
    if nested is not None:
        yield (
            f"The interval of nested cross-validation is {fixed(nested.inflation, 2)} times as wide as if the errors"
            f" were independent ({plural(nested.divisions, 'division')} of the rows)."
        )
    if choices is not None:
        yield _agreement(choices)


def _agreement(choices: Choices) -> str:
    """How far the criteria that look for the least error agree."""
    direct = [c for c in choices.by if c.by != ONE_SE]
    errors = np.array([float(np.nanmean(c.error)) for c in direct])
    free = [c.free for c in direct]
    worst = direct[int(errors.argmax())]
    best = choices[CV]
    apart = float(errors.max() / max(float(np.nanmean(best.error)), 1e-300) - 1)
    if apart < 0.005:
        return (
            f"The criteria agree: {min(free):.1f} to {max(free):.1f} free coefficients, held-out errors within"
            f" {percent(max(apart, 1e-4))} of each other."
        )
    return f"The criteria disagree: λ by {worst.by} costs {percent(apart)} more held-out error than by {CV}."

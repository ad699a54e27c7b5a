"""Figures of a report as Vega-Lite specs: plain dicts without colours, for any renderer.

Each figure comes with a title, a sentence on how to read it and a description for those who cannot
see it. Names of columns are only ever *data*, never field names or expressions.

Reference: Satyanarayan et al. (2017), Vega-Lite: a grammar of interactive graphics, IEEE TVCG 23.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from whyfit.diagnosis.words import number, plural
from whyfit.report.document import Coefficient, Document
from whyfit.report.numbers import interval
from whyfit.report.strings import visible

#: Condition index from which collinearity harms: Belsley, Kuh & Welsch (1980), ch. 3.
HARMFUL_INDEX = 30.0
FOREST_ROWS = 40  # coefficients in the forest plot; the table has them all
_HEIGHT = 260
_FLOOR = 1e-17  # smallest singular value, relative to the largest, that a log axis shows


@dataclass(frozen=True, slots=True)
class Figure:
    """`key` is an identifier of letters and hyphens, safe in HTML."""

    key: str
    title: str
    reading: str  # how to read it, one sentence
    description: str  # what is drawn, in words and numbers
    spec: dict[str, Any]


def figures(document: Document) -> tuple[Figure, ...]:
    """The figures this document has points for."""
    makers = (_residuals, _predicted, _forest, _spectrum, _ridge)
    return tuple(f for make in makers if (f := make(document)) is not None)


def vega(data: list[dict[str, Any]], height: int = _HEIGHT, **rest: Any) -> dict[str, Any]:
    return {
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": data},
        **rest,
    }


def axis(field: str, title: str | None, **more: Any) -> dict[str, Any]:
    scale = {"nice": True, **more.pop("scale", {})}
    if scale.get("type") != "log":  # a log axis has no zero to include
        scale.setdefault("zero", False)
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, **more}


def _finite(*columns: Iterable[float]) -> Iterator[tuple[float, ...]]:
    for values in zip(*columns, strict=False):
        if all(math.isfinite(v) for v in values):
            yield values


def _span(values: Iterable[float]) -> str:
    held = list(values)
    return f"{number(min(held), 3)} to {number(max(held), 3)}"


_CLOUD = {"type": "circle", "size": 18, "opacity": 0.4}
_CURVE = {"type": "line", "point": {"filled": True, "size": 40, "opacity": 1}}
GUIDE = {"type": "rule", "strokeDash": [4, 3], "strokeWidth": 1.2}


def guide(datum: float, channel: str, like: dict[str, Any] | None = None) -> dict[str, Any]:
    """A dashed line across the figure; `like` is the encoding whose axis it shares."""
    shared = {k: v for k, v in (like or {"type": "quantitative"}).items() if k != "field"}
    return {
        "data": {"values": [{}]},
        "mark": GUIDE,
        "encoding": {channel: {"datum": datum, **shared}},
    }


def _residuals(document: Document) -> Figure | None:
    points = [
        {"fitted": f, "residual": r}
        for f, r in _finite(document.figures.fitted, document.figures.residual)
    ]
    if not points or document.task != "regression":  # of classes it is one line for each
        return None
    fitted = f"predicted {visible(document.model.target)}"
    marks = {
        "mark": _CLOUD,
        "encoding": {"x": axis("fitted", fitted), "y": axis("residual", "observed − predicted")},
    }
    return Figure(
        "residuals",
        "Residuals against predictions",
        "Where the model's form and its constant spread hold, a band of even width around zero.",
        f"Scatter of {plural(len(points), 'held-out row')}: residuals from "
        f"{_span(p['residual'] for p in points)}, predictions from "
        f"{_span(p['fitted'] for p in points)}.",
        vega(points, layer=[guide(0.0, "y"), marks]),
    )


def _predicted(document: Document) -> Figure | None:
    pairs = list(_finite(document.figures.fitted, document.figures.observed))
    if not pairs:
        return None
    if document.task == "regression":
        return _observed_against_predicted(document, pairs)
    if document.task == "multiclass":
        return _probability_of_truth(pairs)
    return _probabilities(document, pairs)


_BINS = {"step": 0.05, "extent": [0, 1]}
_ROW_COUNT = {
    "aggregate": "count",
    "type": "quantitative",
    "title": "rows",
    "stack": None,
    "axis": {"tickMinStep": 1},
}


def _probability_axis(title: str) -> dict[str, Any]:
    return {"field": "fitted", "type": "quantitative", "bin": _BINS, "title": title}


def _probability_of_truth(pairs: list[tuple[float, ...]]) -> Figure:
    """For several classes the points hold the probability given to the class that came true."""
    points = [{"fitted": f} for f, _ in pairs]
    encoding = {"x": _probability_axis("probability of the class that came true"), "y": _ROW_COUNT}
    sure = sum(p["fitted"] >= 0.5 for p in points)
    return Figure(
        "probability",
        "Probability given to the class that came true",
        "The further to the right, the better the model tells the classes apart.",
        f"Histogram over {plural(len(points), 'held-out row')}; for {sure:,} of them the class that "
        "came true was given at least one half.",
        vega(points, mark={"type": "bar"}, encoding=encoding),
    )


def _observed_against_predicted(document: Document, pairs: list[tuple[float, ...]]) -> Figure:
    target = visible(document.model.target)
    points = [{"fitted": f, "observed": y} for f, y in pairs]
    low, high = (pick(v for pair in pairs for v in pair) for pick in (min, max))
    diagonal = {
        "data": {"values": [{"low": low, "high": high}]},
        "mark": GUIDE,
        "encoding": {
            "x": axis("low", None),
            "y": axis("low", None),
            "x2": {"field": "high"},
            "y2": {"field": "high"},
        },
    }
    marks = {
        "mark": _CLOUD,
        "encoding": {
            "x": axis("fitted", f"predicted {target}"),
            "y": axis("observed", f"observed {target}"),
        },
    }
    return Figure(
        "observed",
        "Observed against predicted",
        "On the dashed line the prediction is exact.",
        f"Scatter of {plural(len(points), 'held-out row')}: observed values from "
        f"{_span(y for _, y in pairs)}, predictions from {_span(f for f, _ in pairs)}.",
        vega(points, layer=[diagonal, marks]),
    )


def _probabilities(document: Document, pairs: list[tuple[float, ...]]) -> Figure:
    names = [visible(c) for c in document.model.classes] or ["0", "1"]

    def name(y: float) -> str:
        k = int(y)
        return names[k] if k == y and 0 <= k < len(names) else number(y)

    points = [{"fitted": f, "class": name(y)} for f, y in pairs]
    positive = names[-1]
    encoding = {
        "x": _probability_axis(f"predicted probability of {positive}"),
        "y": _ROW_COUNT,
        "color": {"field": "class", "type": "nominal", "title": "observed"},
    }
    return Figure(
        "probability",
        "Predicted probability by observed class",
        "The further apart the two shapes, the better the model tells the classes apart.",
        f"Histogram of predicted probabilities of {plural(len(points), 'held-out row')}, "
        f"one shape per observed class ({', '.join(sorted({p['class'] for p in points}))}).",
        vega(points, mark={"type": "bar", "opacity": 0.55}, encoding=encoding),
    )


def _forest(document: Document) -> Figure | None:
    shown = [c for c in document.model.coefficients if _drawable(c)]
    shown = [c for c in shown if c.name.strip("()").lower() not in {"intercept", "constant"}]
    if not shown:
        return None
    shown.sort(key=lambda c: -abs(c.estimate / c.std_error))
    total, shown = len(shown), shown[:FOREST_ROWS]
    rows = [
        {
            "name": visible(c.name),
            "t": c.estimate / c.std_error,
            "low": c.low / c.std_error,
            "high": c.high / c.std_error,
            "opacity": 1.0 if c.low > 0 or c.high < 0 else 0.45,  # faint: its sign is open
            "estimate": number(c.estimate),
            "interval": interval(c.low, c.high),
        }
        for c in shown
    ]
    y = {
        "field": "name",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"labelLimit": 190, "ticks": False, "domain": False},
    }
    ticks = _signed_ticks(rows)
    x = axis(
        "t",
        "estimate ÷ standard error",
        scale={"type": "symlog", "constant": 3, "zero": True, "nice": False},
        # Vega thins even explicit values to tickCount
        axis={"values": ticks, "tickCount": len(ticks), "grid": True, "labelOverlap": False},
    )
    opacity = {"field": "opacity", "type": "quantitative", "scale": None, "legend": None}
    tooltip = [
        {"field": "name", "title": "column", "type": "nominal"},
        {"field": "estimate", "type": "nominal"},
        {"field": "interval", "type": "nominal"},
    ]
    bars = {
        "mark": {"type": "bar", "height": 2},
        "encoding": {
            "x": {**x, "field": "low"},
            "x2": {"field": "high"},
            "y": y,
            "opacity": opacity,
        },
    }
    dots = {
        "mark": {"type": "point", "filled": True, "size": 42},
        "encoding": {"x": x, "y": y, "opacity": opacity, "tooltip": tooltip},
    }
    first = rows[0]
    what = f"the {FOREST_ROWS} clearest of {total:,}" if total > FOREST_ROWS else f"{total:,}"
    return Figure(
        "coefficients",
        "Coefficients in units of their standard errors",
        "A bar that crosses the dashed line leaves the sign of the coefficient open.",
        f"Intervals of {what} coefficients, clearest first; {first['name']} is "
        f"{first['estimate']} {first['interval']}. The table of coefficients has every number.",
        vega(rows, height=22 * len(rows) + 10, layer=[guide(0.0, "x", x), bars, dots]),
    )


def _drawable(c: Coefficient) -> bool:
    values = (c.estimate, c.std_error, c.low, c.high)
    return all(math.isfinite(v) for v in values) and c.std_error > 0


def _signed_ticks(rows: list[dict[str, Any]]) -> list[float]:
    """0, ±2, ±5, ±10, ±20, ±50 ... as far as the rows reach, every other one if they are many."""
    low, high = min(r["low"] for r in rows), max(r["high"] for r in rows)
    reach = max(-low, high, 2.0)
    steps = [m * 10.0**k for k in range(0, 16) for m in (2, 5, 10) if m * 10.0**k <= 1.3 * reach]
    steps = steps[:: 1 if len(steps) <= 4 else 2 if len(steps) <= 8 else 3]
    return sorted(
        [0.0] + [s for s in steps if s <= 1.3 * high] + [-s for s in steps if s <= -1.3 * low]
    )


def _spectrum(document: Document) -> Figure | None:
    values = [s for s in document.figures.singular_values if math.isfinite(s)]
    if len(values) < 2 or not values[0] > 0:
        return None
    largest = values[0]
    points = [
        {"k": i + 1, "value": s, "index": number(largest / s, 3)}
        for i, s in enumerate(values)
        if s > _FLOOR * largest
    ]
    lost = len(values) - len(points)
    encoding = {
        "x": axis("k", "direction", axis={"tickMinStep": 1, "format": "d"}),
        "y": axis("value", "singular value", scale={"type": "log", "nice": False, "padding": 8}),
        "tooltip": [
            {"field": "k", "title": "direction", "type": "quantitative"},
            {"field": "value", "title": "singular value", "type": "quantitative", "format": ".3~g"},
            {"field": "index", "title": "condition index", "type": "nominal"},
        ],
    }
    layers: list[dict[str, Any]] = [{"mark": _CURVE, "encoding": encoding}]
    ratio = largest / points[-1]["value"]
    if ratio > HARMFUL_INDEX / 4:  # else the limit would only stretch the axis
        layers.insert(0, guide(largest / HARMFUL_INDEX, "y"))
    zero = f" {plural(lost, 'value')} numerically zero, not drawn." if lost else ""
    reading = (
        "Below the dashed line (condition index 30) a direction is so thin that the data hardly "
        "tell its columns apart."
        if len(layers) > 1
        else f"Every direction is well covered: the longest is {number(ratio, 2)} × the shortest."
    )
    return Figure(
        "spectrum",
        "Spectrum of the design",
        reading + zero,
        f"{plural(len(points), 'singular value')} of the centred, unit-scaled columns, from "
        f"{number(largest, 3)} down to {number(points[-1]['value'], 3)}; the largest condition "
        f"index is {number(ratio, 3)}.{zero}",
        vega(points, layer=layers),
    )


def _ridge(document: Document) -> Figure | None:
    path = (
        [(lam, score) for lam, score in _finite(*zip(*document.figures.ridge_path, strict=True))]
        if document.figures.ridge_path
        else []
    )
    points = [{"lambda": lam, "score": score} for lam, score in path if lam > 0]
    if len(points) < 2:
        return None
    name = "held-out R²" if document.task == "regression" else "held-out score"
    encoding = {
        "x": axis("lambda", "penalty λ", scale={"type": "log", "nice": False},
                   axis={"format": ",~g", "tickCount": 6}),
        "y": axis("score", name),
    }  # fmt: skip
    unpenalised = [score for lam, score in path if lam == 0]
    layers = [guide(s, "y") for s in unpenalised[:1]] + [{"mark": _CURVE, "encoding": encoding}]
    best = max(points, key=lambda p: p["score"])
    without = f"; without a penalty it is {number(unpenalised[0])}" if unpenalised else ""
    return Figure(
        "ridge",
        "Ridge path",
        "Where the curve rises above the dashed line (no penalty), shrinking helps."
        if unpenalised
        else "The higher, the better; to the right the coefficients shrink.",
        f"{name} at {plural(len(points), 'penalty value')}: at most {number(best['score'])} at "
        f"λ = {number(best['lambda'], 3)}{without}.",
        vega(points, layer=layers),
    )

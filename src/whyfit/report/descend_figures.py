"""Figures of a descent as Vega-Lite specs: the loss curve, the landscape with the path, the race.

Names are only ever *data*, never field names or expressions.
"""

from __future__ import annotations

import math
from typing import Any

from whyfit.diagnosis.words import number, plural
from whyfit.report.contours import contour
from whyfit.report.descend_document import Contours, DescendDocument
from whyfit.report.descend_words import share
from whyfit.report.figures import Figure
from whyfit.report.map_figure import PALETTE
from whyfit.report.numbers import percent
from whyfit.report.strings import visible

_HEIGHT, _TALL = 300, 380
_LOW, _HIGH = 1e-12, 1e9  # shares of the excess loss that a log axis shows
_LINES = 12  # contours, evenly spaced in the distance from the minimum
_DONE = 0.01
_DIGITS = 6  # of a coordinate that is drawn
_LONG = 1e4  # a coordinate that is written with a prefix, 20k; below 1 prefixes puzzle ("200m")
_FORMATS = (",~r", "~s")
_NAMED = 10  # entrants of the race in the figure; the table has them all


def figures(document: DescendDocument) -> tuple[Figure, ...]:
    """The figures this document has points for."""
    made = [_curve(document)]
    made += [_landscape(c, i) for i, c in enumerate(document.landscapes)]
    made.append(_race(document))
    return tuple(f for f in made if f is not None)


def _spec(data: list[dict[str, Any]], height: int, **rest: Any) -> dict[str, Any]:
    return {
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": data},
        **rest,
    }


def _drawn(x: float | None) -> bool:
    return x is not None and math.isfinite(x) and _LOW <= x <= _HIGH


def _share_axis(values: list[float]) -> dict[str, Any]:
    low, high = min(values), max(values)
    return {
        "field": "share",
        "type": "quantitative",
        "title": "share of the excess loss",
        "scale": {"type": "log", "domain": [low / 1.5, max(high, 1.0) * 1.5], "nice": False},
        "axis": {"format": "~g", "tickCount": 6},
    }


def _rule(at: float, axis: dict[str, Any]) -> dict[str, Any]:
    shared = {k: v for k, v in axis.items() if k != "field"}
    return {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "strokeDash": [4, 3], "strokeWidth": 1.2},
        "encoding": {"y": {"datum": at, **shared}},
    }


def _curve(document: DescendDocument) -> Figure | None:
    curve = document.curve
    points = [
        {"step": t, "share": y, "what": what}
        for what, ys in (("observed", curve.observed), ("predicted", curve.predicted))
        for t, y in zip(curve.steps, ys, strict=False)
        if _drawn(y)
    ]
    if len(points) < 2:
        return None
    values = [p["share"] for p in points]
    # 1 % always in sight, so that a loss that stands far above it looks it
    y = _share_axis(
        [*values, _DONE, *([curve.floor] if _drawn(curve.floor) and curve.floor else [])]
    )
    told = any(p["what"] == "predicted" for p in points)
    order = ["observed", "predicted"] if told else ["observed"]
    lines = {
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {
            "x": {"field": "step", "type": "quantitative", "title": "step",
                  "scale": {"nice": False}, "axis": {"tickMinStep": 1, "format": ",d"}},
            "y": y,
            "color": {"field": "what", "type": "nominal", "title": None,
                      "scale": {"domain": order, "range": ["var(--accent)", "var(--second)"][: len(order)]}},
            "strokeDash": {"field": "what", "type": "nominal", "legend": None,
                           "scale": {"domain": order, "range": [[1, 0], [5, 4]][: len(order)]}},
        },
    }  # fmt: skip
    layers = [_rule(_DONE, y), lines]
    floor = ""
    if curve.floor is not None and _drawn(curve.floor):
        layers.insert(0, _rule(curve.floor, y))
        floor = f" The noise floor of these batches is predicted at {share(curve.floor)}."
    last = next((v for v in reversed(curve.observed) if v is not None), None)
    return Figure(
        "curve",
        "Loss along the steps",
        "What is left of the loss above its minimum; the dashed line is 1 %."
        + (" The two curves should lie on each other." if told else "")
        + floor,
        f"Share of the excess loss over {plural(curve.steps[-1], 'step')}; {share(last)} at the end.",
        _spec(points, _HEIGHT, layer=layers),
    )


def _landscape(c: Contours, which: int) -> Figure | None:
    top = max((h for row in c.excess for h in row if math.isfinite(h)), default=0.0)
    if not 0 < top < math.inf:
        return None
    reach = min(top, 4.0)  # of the loss at the start; what is far above it is not where the path is
    lines = []
    for k in range(1, _LINES + 1):
        level = reach * (k / _LINES) ** 2
        lines += _segments(c, level, {"level": share(level), "kind": "loss"})
    lines += _segments(c, _DONE, {"level": "1 %", "kind": "1 % of the excess loss"})
    path = [
        {"x": _short(a), "y": _short(b), "order": i}
        for i, (a, b) in enumerate(c.path)
        if c.first[0] <= a <= c.first[-1] and c.second[0] <= b <= c.second[-1]
    ]
    axes = _axes(c, which)
    ends = [
        {"x": 0.0, "y": 0.0, "what": "minimum"},
        *([{**path[0], "what": "start"}, {**path[-1], "what": "end"}] if path else []),
    ]
    kinds = ["loss", "1 % of the excess loss"]
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": lines},
            "mark": {"type": "rule", "strokeWidth": 1.1},
            "encoding": {
                **axes, "x2": {"field": "x2"}, "y2": {"field": "y2"},
                "color": {"field": "kind", "type": "nominal", "legend": None,
                          "scale": {"domain": kinds, "range": ["var(--muted)", "var(--good)"]}},
                "opacity": {"condition": {"test": "datum.kind == 'loss'", "value": 0.45}, "value": 1},
                "tooltip": {"field": "level", "type": "nominal", "title": "excess loss"},
            },
        },
        {
            "mark": {"type": "line", "strokeWidth": 1.6, "color": "var(--accent)",
                     "point": {"filled": True, "size": 14, "color": "var(--accent)"}},
            "encoding": {**axes, "order": {"field": "order", "type": "quantitative"}},
        },
        {
            "data": {"values": ends},
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
            "encoding": {
                **axes,
                "shape": {"field": "what", "type": "nominal", "title": None,
                          "scale": {"domain": ["start", "end", "minimum"],
                                    "range": ["circle", "square", "cross"]}},
                "color": {"value": "var(--second)"},
            },
        },
    ]  # fmt: skip
    held = percent(round(min(sum(c.held), 1.0), 3))
    return Figure(
        f"landscape-{which + 1}",
        f"Landscape: {c.name}",
        f"Lines of equal loss, evenly spaced in the distance from the minimum; green is 1 %. The plane holds {held} "
        "of the path's movement.",
        f"Contours of the loss over the plane of {c.name}, with the path of {len(path):,} points; curvatures "
        f"{number(c.curvatures[0], 3)} and {number(c.curvatures[1], 3)}.",
        _spec(path, _TALL, layer=layers),
    )


def _segments(c: Contours, level: float, more: dict[str, str]) -> list[dict[str, Any]]:
    # straight in √excess: an ellipse whose lines are evenly spaced
    roots = [[math.sqrt(h) if h >= 0 else math.nan for h in row] for row in c.excess]
    return [
        {"x": _short(x), "y": _short(y), "x2": _short(x2), "y2": _short(y2), **more}
        for x, y, x2, y2 in contour(c.first, c.second, roots, math.sqrt(level))
    ]


def _axes(c: Contours, which: int) -> dict[str, Any]:
    names = ("sharpest direction", "flattest direction") if which == 0 else (
        "first direction of the path", "second direction")  # fmt: skip
    out = {}
    for axis, name, values, bend in zip(
        "xy", names, (c.first, c.second), c.curvatures, strict=True
    ):
        out[axis] = {
            "field": axis,
            "type": "quantitative",
            "title": f"{name} (curvature {number(bend, 2)})",
            "scale": {"domain": [values[0], values[-1]], "nice": False, "zero": False},
            "axis": {"grid": False, "format": _FORMATS[abs(values[-1]) >= _LONG], "tickCount": 5},
        }
    return out


def _short(x: float) -> float:
    return float(f"{x:.{_DIGITS}g}")


def _race(document: DescendDocument) -> Figure | None:
    runners = [r for r in document.race if len(r.curve) > 1][:_NAMED]
    points = [
        {"epoch": e, "share": max(y, _DONE / 10), "name": visible(r.name)}
        for r in runners
        for e, y in r.curve
        if e > 0 and _drawn(max(y, _LOW))
    ]
    if not points:
        return None
    order = [visible(r.name) for r in runners]
    y = _share_axis([p["share"] for p in points])
    y["scale"]["domain"][1] = 3.0
    ends = [
        {"epoch": r.epochs, "share": max(r.left, _DONE / 10), "name": visible(r.name)}
        for r in runners
        if r.epochs
    ]
    colour = {"field": "name", "type": "nominal", "title": None, "sort": order,
              "legend": {"columns": 4, "symbolType": "stroke", "symbolStrokeWidth": 2.5},
              "scale": {"domain": order, "range": list(PALETTE[: len(order)])}}  # fmt: skip
    encoding = {
        "x": {"field": "epoch", "type": "quantitative", "title": "epochs (passes over all rows)",
              "scale": {"type": "log", "nice": False}, "axis": {"format": "~g", "tickCount": 6}},
        "y": {**y, "title": "share of the excess loss"},
        "color": colour,
    }  # fmt: skip
    layers = [
        _rule(_DONE, y),
        {"mark": {"type": "line", "strokeWidth": 2, "clip": True}, "encoding": encoding},
        {"data": {"values": ends}, "mark": {"type": "circle", "size": 70, "opacity": 1},
         "encoding": {**encoding, "tooltip": {"field": "name", "type": "nominal"}}},
    ]  # fmt: skip
    arrived = [r for r in document.race if r.epochs is not None]
    first = f"; {arrived[0].name} is first" if arrived else ""
    return Figure(
        "race",
        "Race on the same loss",
        "Each with the step that theory recommends; a dot where it is within 1 %. Below a whole epoch only batches can "
        "arrive.",
        f"Share of the excess loss over epochs for {plural(len(runners), 'optimizer')}{first}.",
        _spec(points, _TALL, layer=layers),
    )

"""The charts of a panel as Vega-Lite figures: any Chart, by its marks and its two axes."""

from __future__ import annotations

import math
from typing import Any

from whyfit.report.figures import GUIDE, Figure, axis, guide, vega
from whyfit.report.panel import Chart, Panel, Series
from whyfit.report.strings import visible


def panel_figures(panel: Panel) -> tuple[Figure, ...]:
    """One figure per chart, with keys "scores", "scores-2", ..."""
    return tuple(
        Figure(
            panel.key if i == 0 else f"{panel.key}-{i + 1}",
            chart.title,
            chart.reading,
            chart.description,
            vega([], layer=_layers(chart)),
        )
        for i, chart in enumerate(panel.charts)
        if any(s.x for s in chart.series)
    )


def _layers(chart: Chart) -> list[dict[str, Any]]:
    x = _axis("x", chart.x, chart.log_x)
    y = _axis("y", chart.y, chart.log_y)
    layers = []
    if chart.level is not None:
        layers.append(guide(chart.level, "y", y))
    if chart.diagonal:
        layers.append(_diagonal(chart, x, y))
    for series in chart.series:
        layers += _drawn(series, chart, x, y)
    return layers


def _axis(field: str, title: str, log: bool) -> dict[str, Any]:
    title = visible(title)
    if log:
        return axis(field, title, scale={"type": "log", "nice": False, "padding": 8},
                    axis={"format": ",~g", "tickCount": 6})  # fmt: skip
    return axis(field, title)


def _drawn(
    series: Series, chart: Chart, x: dict[str, Any], y: dict[str, Any]
) -> list[dict[str, Any]]:
    columns = {"x": series.x, "y": series.y, "low": series.low, "high": series.high}
    columns = {k: v for k, v in columns.items() if v}
    positive = {"x": chart.log_x} | dict.fromkeys(("y", "low", "high"), chart.log_y)
    values = [
        {"series": visible(series.name), **dict(zip(columns, row, strict=True))}
        for row in zip(*columns.values(), strict=True)
        if all(
            math.isfinite(v) and (v > 0 or not positive[k])
            for k, v in zip(columns, row, strict=True)
        )
    ]
    names = list(dict.fromkeys(visible(s.name) for s in chart.series))
    colour = {
        "field": "series",
        "type": "nominal",
        "title": None,
        "scale": {"domain": names},
        # two to a line: four names are wider than a phone
        "legend": {"columns": 2} if len(names) > 1 else None,
    }
    data, out = {"values": values}, []
    edges = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour}
    if series.mark == "band":
        out.append({"data": data, "mark": {"type": "area", "opacity": 0.18}, "encoding": edges})
    elif series.low:
        out.append({"data": data, "mark": {"type": "rule"}, "encoding": edges})
    if series.y:
        order = {"field": "x", "type": "quantitative"} if series.mark != "points" else None
        encoding = {"x": x, "y": y, "color": colour} | ({"order": order} if order else {})
        out.append({"data": data, "mark": _MARKS[series.mark], "encoding": encoding})
    return out


_MARKS: dict[str, dict[str, Any]] = {
    "line": {"type": "line"},
    "band": {"type": "line"},
    "points": {"type": "point", "filled": True, "size": 42, "opacity": 1},
    "steps": {"type": "line", "interpolate": "step-after"},
    "bars": {"type": "bar", "opacity": 0.7},
}


def _diagonal(chart: Chart, x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    every = [v for s in chart.series for v in (*s.x, *s.y) if math.isfinite(v)]
    ends = [{"x": v, "y": v} for v in (min(every, default=0.0), max(every, default=1.0))]
    mark = {**GUIDE, "type": "line", "color": "var(--muted)"}
    return {"data": {"values": ends}, "mark": mark, "encoding": {"x": x, "y": y}}

"""The map as a Vega-Lite spec: points to hover over, zoom into and search, names that do not touch.

Labels are only ever *data*, never field names or expressions. Zoom with the wheel, pan by dragging, double click to
return.
"""

from __future__ import annotations

from typing import Any

from whyfit.report import map_words
from whyfit.report.figures import Figure
from whyfit.report.map_document import MapDocument, Point
from whyfit.report.map_labels import Frame, Name, frame_of, names_in
from whyfit.report.strings import visible

WIDTH, HEIGHTS = 1000.0, (400.0, 720.0)
NARROW = 560  # pixels of a figure below which only names that were asked for are shown
#: Ten colours that can be told apart on white and on black.
PALETTE = (
    "#4477aa", "#e0803a", "#4c9f5a", "#d1596a", "#8a6cc0", "#a98a4a", "#cf78b2", "#7f8790", "#9aa83a",
    "#3aa3a0",
)  # fmt: skip
#: Low to high; neither end vanishes on white or on black.
RAMP = ("#3b6fb5", "#7f8fa3", "#d9772f")
_MATCH = "find == '' || indexof(datum.search, lower(find)) >= 0"


def figure(document: MapDocument) -> Figure:
    """The drawn points with what there is to know about each."""
    frame = frame_of(document, WIDTH, HEIGHTS)
    names = names_in(document, frame)
    layers = [_points(document, frame), *_rings(document, frame), *_sums(document, frame)]
    layers += [_texts(part, document, frame) for part in _by_place(names)]
    spec = {
        "width": "container",
        "height": round(frame.height),
        "autosize": {"type": "fit-x", "contains": "padding"},
        "params": [
            {"name": "find", "value": "",
             "bind": {"input": "search", "name": "Find ", "placeholder": "part of a label"}},
        ],
        "data": {"values": [_datum(p, document) for p in document.drawn]},
        "layer": layers,
    }  # fmt: skip
    picture = document.picture
    return Figure(
        "map",
        "Map",
        "Hover over a point for its name and its true neighbours; zoom with the wheel, drag to move, double click "
        "to return. Points near each other here need not be neighbours.",
        f"Scatter of {len(document.drawn):,} points in the plane of the first two principal axes, which keeps "
        f"{map_words.share(picture.both)} of the variance.",
        spec,
    )


def _datum(p: Point, document: MapDocument) -> dict[str, Any]:
    label = visible(p.label)
    datum: dict[str, Any] = {
        "x": p.x,
        "y": p.y,
        "label": label,
        "search": f"{label} {p.text}".lower(),
        "neighbours": visible(", ".join(p.neighbours)),
        "kept": "" if p.kept is None else f"{round(p.kept * document.picture.k)} of {document.picture.k}",
    }  # fmt: skip
    if document.colour:
        datum["colour"] = visible(p.colour) if isinstance(p.colour, str) else p.colour
    if p.text:
        datum["text"] = visible(p.text)
    return datum


def _places(document: MapDocument, frame: Frame) -> dict[str, Any]:
    """The encoding of x and y, the same in every layer."""
    out = {}
    for axis, (field, domain) in enumerate((("x", frame.x), ("y", frame.y)), start=1):
        scale = {"domain": list(domain), "nice": False, "zero": False}
        title = map_words.axis_title(document, axis)
        out[field] = {"field": field, "type": "quantitative", "title": title, "scale": scale}
    return out


def _points(document: MapDocument, frame: Frame) -> dict[str, Any]:
    tooltip = [{"field": "label", "type": "nominal", "title": " "}]
    if any(p.text for p in document.drawn):
        tooltip.append({"field": "text", "type": "nominal", "title": "begins"})
    tooltip += [
        {"field": "neighbours", "type": "nominal", "title": "true neighbours"},
        {"field": "kept", "type": "nominal", "title": "near it here"},
    ]
    encoding: dict[str, Any] = {
        **_places(document, frame),
        "opacity": {"condition": {"test": _MATCH, "value": 0.6}, "value": 0.06},
        "size": {"condition": {"test": f"find != '' && ({_MATCH})", "value": 70}, "value": 24},
        "tooltip": tooltip,
    }
    if document.colour:
        encoding["color"] = _colour(document)
        tooltip.insert(
            1,
            {
                "field": "colour",
                "type": encoding["color"]["type"],
                "title": visible(document.colour),
            },
        )
    return {
        "mark": {"type": "circle"},
        "params": [{"name": "view", "select": "interval", "bind": "scales"}],
        "encoding": encoding,
    }


def _colour(document: MapDocument) -> dict[str, Any]:
    base = {"field": "colour", "title": visible(document.colour)}
    words = [visible(p.colour) for p in document.drawn if isinstance(p.colour, str)]
    if not words:
        return base | {
            "type": "quantitative",
            "scale": {"range": list(RAMP), "interpolate": "rgb", "zero": False},
        }
    order = sorted_words(words)
    return base | {
        "type": "nominal",
        "scale": {"domain": order, "range": list(PALETTE[: len(order)])},
    }


def sorted_words(words: list[str]) -> list[str]:
    """Numbers by size, words by the alphabet, "(other)" and "(missing)" last."""

    def key(word: str) -> tuple[int, float, str]:
        if word.startswith("("):
            return 2, 0.0, word
        try:
            return 0, float(word), word
        except ValueError:
            return 1, 0.0, word

    return sorted(set(words), key=key)


def _rings(document: MapDocument, frame: Frame) -> list[dict[str, Any]]:
    """The points asked about and those found."""
    asked = {label for a in document.answers for _, label in a.terms}
    found = {n.row for a in document.answers for n in a.found}
    ring = [
        {"x": p.x, "y": p.y, "size": 130 if p.label in asked else 60}
        for p in document.drawn
        if p.label in asked or p.row in found
    ]
    if not ring:
        return []
    return [{
        "data": {"values": ring},
        "mark": {"type": "point", "filled": False, "strokeWidth": 2, "color": "var(--second)"},
        "encoding": {
            **_places(document, frame),
            "size": {"field": "size", "type": "quantitative", "scale": None, "legend": None},
        },
    }]  # fmt: skip


def _sums(document: MapDocument, frame: Frame) -> list[dict[str, Any]]:
    """Where the results of --project are drawn."""
    sums = [{"x": a.x, "y": a.y} for a in document.answers if len(a.terms) > 1]
    if not sums:
        return []
    return [{
        "data": {"values": sums},
        "mark": {"type": "point", "shape": "cross", "filled": True, "size": 150, "opacity": 1,
                 "color": "var(--second)"},
        "encoding": _places(document, frame),
    }]  # fmt: skip


def _by_place(names: tuple[Name, ...]) -> list[list[Name]]:
    groups: dict[tuple[str, float, bool], list[Name]] = {}
    for n in names:
        groups.setdefault((n.anchor, n.up, bool(n.why)), []).append(n)
    return list(groups.values())


def _texts(names: list[Name], document: MapDocument, frame: Frame) -> dict[str, Any]:
    first = names[0]
    align = {"start": "left", "end": "right", "middle": "center"}[first.anchor]
    mark = {
        "type": "text",
        "align": align,
        "baseline": "middle",
        "dx": {"left": 7, "right": -7, "center": 0}[align],
        "dy": -first.up,
        "fontSize": 12,
        "fontWeight": 600 if first.why else 400,
        "color": "var(--second)" if first.why else "var(--ink)",
        "stroke": "var(--surface)",
        "strokeWidth": 3,
        "strokeJoin": "round",
    }
    shown: list[dict[str, Any]] = [{"test": _MATCH, "value": 1}]
    if not first.why:  # names were placed for WIDTH; on a phone they would cover each other
        shown.insert(0, {"test": f"width < {NARROW}", "value": 0})
    values = [{"x": n.x, "y": n.y, "label": n.text, "search": n.text.lower()} for n in names]
    encoding = {
        **_places(document, frame),
        "text": {"field": "label", "type": "nominal"},
        "opacity": {"condition": shown, "value": 0.15},
    }
    halo = {"data": {"values": values}, "mark": mark, "encoding": encoding}
    plain = {k: v for k, v in mark.items() if not k.startswith("stroke")}
    return {"layer": [halo, {"data": {"values": values}, "mark": plain, "encoding": encoding}]}

"""The computational graph as one static SVG: values flow right in blue, adjoints flow back in orange.

Nodes stand in columns by their longest path from an input. An edge that skips columns gets a place of its own in
each, so that it runs between the boxes; places are ordered by where their neighbours stand (two barycentre sweeps).

Reference: Sugiyama, Tagawa & Toda (1981), IEEE Trans. Syst. Man Cybern. 11, 109-125.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import pairwise

from whyfit.calculus.graph import Graph, Node
from whyfit.calculus.graph.node import formula, local, short
from whyfit.report.strings import visible

_CHAR, _BOX, _GAP_X, _GAP_Y, _LANE, _EDGE = 7.2, 66.0, 150.0, 22.0, 22.0, 28.0
_LONGEST, _LABEL = 30, 20  # characters of a line in a box, and of a local derivative beside an edge
_PORT = 24.0  # between edges that arrive at one box
_STYLE = """
.whyfit-graph text { font: 12px ui-monospace, "SF Mono", Menlo, Consolas, monospace; fill: #1f1f1e; }
.whyfit-graph .paper { fill: #ffffff; }
.whyfit-graph .box { fill: #f6f4ef; stroke: #cfcac0; }
.whyfit-graph .result { stroke: #2f5d9e; stroke-width: 2; }
.whyfit-graph .forward { fill: #2f5d9e; }
.whyfit-graph .back { fill: #a85a24; }
.whyfit-graph .edge { fill: none; stroke: #a9a59c; }
.whyfit-graph .local { font-size: 11px; fill: #65635e; paint-order: stroke; stroke: #ffffff; stroke-width: 4; }
@media (prefers-color-scheme: dark) {
  .whyfit-graph text { fill: #e8e6e1; }
  .whyfit-graph .paper { fill: #1f2023; }
  .whyfit-graph .box { fill: #2a2b2f; stroke: #4a4b50; }
  .whyfit-graph .result { stroke: #8db7f0; }
  .whyfit-graph .forward { fill: #8db7f0; }
  .whyfit-graph .back { fill: #e5a274; }
  .whyfit-graph .local { fill: #a5a29b; stroke: #1f2023; }
}
"""


@dataclass(slots=True)
class _Place:
    """A box or a lane of a skipping edge; `behind` are places one column to the left."""

    node: int | None
    column: int
    behind: list[_Place]
    x: float = 0.0
    y: float = 0.0  # of its middle

    @property
    def height(self) -> float:
        return _BOX if self.node is not None else _LANE


def render(graph: Graph) -> str:
    """The picture as an SVG document; numbers that stand in a formula as themselves have no box."""
    shown = [v for v in graph.nodes if v.name != short(v.value)]
    lines = {v.index: _lines(v, graph.nodes) for v in shown}
    columns, edges = _places(shown)
    _order(columns)
    width, height = _settle(columns, lines)
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" class="whyfit-graph" role="img" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}">',
        f"<title>{_said('the chain rule, node by node')}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>',
    ]
    names = {p.node: p for column in columns for p in column if p.node is not None}
    labels = []
    for v in shown:
        ports = _ports([edges[v.index, k] for k in range(len(v.operands)) if (v.index, k) in edges])
        for k, operand in enumerate(v.operands):
            if (v.index, k) not in edges:
                continue
            path = edges[v.index, k]
            y = ports[id(path)]
            parts.append(f'<path class="edge" d="{_curve(path, y, lines)}"/>')
            if graph.nodes[operand.node].operation != "constant":
                what = f"×{local(v, operand, graph.nodes)}"
                labels.append(
                    f'<text class="local" text-anchor="end" x="{path[-1].x - 6:.1f}" y="{y - 4:.1f}">'
                    f"{_said(what, _LABEL)}</text>"
                )
    parts += labels
    parts += [_box(names[v.index], lines[v.index], v.index == graph.result) for v in shown]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _lines(v: Node, nodes: tuple[Node, ...]) -> tuple[str, str, str]:
    made = v.operation in ("input", "constant")
    first = f"{v.name} ({v.operation})" if made else f"{v.name} = {formula(v, nodes)}"
    back = "" if v.operation == "constant" else f"← {short(v.adjoint)}"
    return first, f"→ {short(v.value)}", back


def _places(shown: list[Node]) -> tuple[list[list[_Place]], dict[tuple[int, int], list[_Place]]]:
    """Columns of places, and the places that every operand's edge runs through, from it to its node."""
    at: dict[int, _Place] = {}
    columns: list[list[_Place]] = []
    edges: dict[tuple[int, int], list[_Place]] = {}

    def put(place: _Place) -> _Place:
        while len(columns) <= place.column:
            columns.append([])
        columns[place.column].append(place)
        return place

    for v in shown:  # in the order of calculation: operands come first
        column = max((at[o.node].column + 1 for o in v.operands if o.node in at), default=0)
        here = at[v.index] = put(_Place(v.index, column, []))
        for k, operand in enumerate(v.operands):
            if operand.node not in at:
                continue
            path = [at[operand.node]]
            for lane in range(path[0].column + 1, column):
                path.append(put(_Place(None, lane, [path[-1]])))
            here.behind.append(path[-1])
            edges[v.index, k] = [*path, here]
    return columns, edges


def _order(columns: list[list[_Place]]) -> None:
    """Two sweeps: each column sorted by the mean position of its neighbours to the left, then to the right."""
    for _ in range(2):
        for before, column in pairwise(columns):
            rank = {id(p): i for i, p in enumerate(before)}
            column.sort(key=lambda p: _mean([rank[id(q)] for q in p.behind]))
        for column, after in zip(columns[-2::-1], columns[:0:-1], strict=True):
            reached: dict[int, list[int]] = {}
            for i, p in enumerate(after):
                for q in p.behind:
                    reached.setdefault(id(q), []).append(i)
            column.sort(key=lambda p: _mean(reached.get(id(p), [])))


def _mean(ranks: list[int]) -> float:
    return sum(ranks) / len(ranks) if ranks else 0.0


def _settle(
    columns: list[list[_Place]], lines: dict[int, tuple[str, str, str]]
) -> tuple[float, float]:
    """Coordinates of every place; width and height of the picture."""
    tall = [sum(p.height for p in c) + _GAP_Y * (len(c) - 1) for c in columns]
    height = max(tall, default=0.0) + 2 * _EDGE
    x = _EDGE
    for column, own in zip(columns, tall, strict=True):
        y = (height - own) / 2
        for p in column:
            p.x, p.y = x, y + p.height / 2
            y += p.height + _GAP_Y
        x += max((_width(lines[p.node]) for p in column if p.node is not None), default=0.0)
        x += _GAP_X
    return x - _GAP_X + _EDGE if columns else 2 * _EDGE, height


def _width(text: tuple[str, str, str]) -> float:
    return 20 + _CHAR * max(len(_cut(t)) for t in text)


def _ports(paths: list[list[_Place]]) -> dict[int, float]:
    """Where on the left side of its box each edge arrives, in the order in which they come."""
    coming = sorted(paths, key=lambda path: path[-2].y)
    middle = (len(paths) - 1) / 2
    return {id(path): path[-1].y + _PORT * (i - middle) for i, path in enumerate(coming)}


def _curve(path: list[_Place], port: float, lines: dict[int, tuple[str, str, str]]) -> str:
    first = path[0]
    assert first.node is not None
    x, y = first.x + _width(lines[first.node]), first.y
    d = f"M{x:.1f} {y:.1f}"
    for p in path[1:]:
        middle, end = (x + p.x) / 2, port if p is path[-1] else p.y
        d += f" C{middle:.1f} {y:.1f} {middle:.1f} {end:.1f} {p.x:.1f} {end:.1f}"
        x, y = p.x, end
        if p.node is None:  # along its lane, past the boxes of that column
            x = p.x + _lane(p, path)
            d += f" H{x:.1f}"
    return d


def _lane(p: _Place, path: list[_Place]) -> float:
    """How far the lane runs: to where the gap before the next column begins."""
    after = path[path.index(p) + 1]
    return max(after.x - _GAP_X - p.x, 0.0)


def _box(p: _Place, text: tuple[str, str, str], result: bool) -> str:
    top, width = p.y - _BOX / 2, _width(text)
    rows = [
        f'<rect class="box{" result" * result}" rx="6" x="{p.x:.1f}" y="{top:.1f}" width="{width:.1f}" '
        f'height="{_BOX:.0f}"/>'
    ]
    for i, (kind, line) in enumerate(zip(("", "forward", "back"), text, strict=True)):
        rows.append(
            f'<text class="{kind}" x="{p.x + 10:.1f}" y="{top + 20 + 18 * i:.1f}">{_said(line)}</text>'
        )
    return "\n".join(rows)


def _cut(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _said(text: str, most: int = _LONGEST) -> str:
    return escape(visible(_cut(text, most)))

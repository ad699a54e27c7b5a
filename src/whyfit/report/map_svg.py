"""The map as one static SVG file: no script, no request; light and dark follow the reader's setting.

Every point has a <title>, so that a browser shows its name and its true neighbours on hovering.
"""

from __future__ import annotations

from html import escape

from whyfit.report import map_words
from whyfit.report.map_document import MapDocument, Point
from whyfit.report.map_figure import PALETTE, RAMP, sorted_words
from whyfit.report.map_labels import Frame, Name, frame_of, names_in
from whyfit.report.strings import visible

WIDTH, HEIGHTS = 960.0, (360.0, 900.0)
_LEFT, _TOP, _BOTTOM, _RIGHT = 40.0, 64.0, 40.0, 24.0
_LEGEND = 24.0  # height of the legend's line
_STYLE = """
.whyfit-map text { font: 12px ui-sans-serif, system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
.whyfit-map text { fill: #1f1f1e; }
.whyfit-map .paper { fill: #ffffff; }
.whyfit-map .frame { fill: none; stroke: #e4e1da; }
.whyfit-map .zero { stroke: #e4e1da; }
.whyfit-map .title { font-size: 16px; font-weight: 600; }
.whyfit-map .small { fill: #65635e; }
.whyfit-map .point { fill: #2f5d9e; fill-opacity: 0.55; }
.whyfit-map .ring { fill: none; stroke: #b3632b; stroke-width: 2; }
.whyfit-map .sum { stroke: #b3632b; stroke-width: 3; }
.whyfit-map .name { paint-order: stroke; stroke: #ffffff; stroke-width: 3; stroke-linejoin: round; }
.whyfit-map .asked { fill: #a85a24; font-weight: 600; }
@media (prefers-color-scheme: dark) {
  .whyfit-map text { fill: #e8e6e1; }
  .whyfit-map .paper { fill: #1f2023; }
  .whyfit-map .frame, .whyfit-map .zero { stroke: #36373b; }
  .whyfit-map .small { fill: #a5a29b; }
  .whyfit-map .point { fill: #8db7f0; }
  .whyfit-map .ring, .whyfit-map .sum { stroke: #e5a274; }
  .whyfit-map .name { stroke: #1f2023; }
  .whyfit-map .asked { fill: #e5a274; }
}
"""


def render(document: MapDocument) -> str:
    """The picture as an SVG document."""
    frame = frame_of(document, WIDTH - _LEFT - _RIGHT, HEIGHTS)
    legend = _legend(document, _TOP + 4)
    top = _TOP + (_LEGEND if legend else 0.0)
    height = top + frame.height + _BOTTOM
    title = f"{document.source.name}: {map_words.size(document)}"
    what = "; ".join(map_words.headline(document))
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" class="whyfit-map" role="img" '
        f'viewBox="0 0 {WIDTH:g} {height:.0f}" width="{WIDTH:g}" height="{height:.0f}">',
        f"<title>{_said(title)}</title>",
        f"<desc>{_said(what)}</desc>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{WIDTH:g}" height="{height:.0f}"/>',
        f'<text class="title" x="{_LEFT:g}" y="28">{_said(title)}</text>',
        f'<text class="small" x="{_LEFT:g}" y="46">{_said(what)}</text>',
        *legend,
        f'<g transform="translate({_LEFT:g} {top:g})">',
        *_zero(frame),
        f'<rect class="frame" width="{frame.width:g}" height="{frame.height:.1f}"/>',
        *_points(document, frame),
        *_marks(document, frame),
        *(_name(n, frame) for n in names_in(document, frame)),
        f'<text class="small" x="{frame.width:g}" y="{frame.height + 24:.1f}" text-anchor="end">'
        f"{_said(map_words.axis_title(document, 1))} →</text>",
        f'<text class="small" transform="translate(-14 0) rotate(-90)" text-anchor="end">'
        f"{_said(map_words.axis_title(document, 2))} →</text>",
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _said(text: str) -> str:
    return escape(visible(text), quote=True)


def _zero(frame: Frame) -> list[str]:
    """The lines through the mean of the cloud."""
    x, y = frame.at(0.0, 0.0)
    return [
        f'<line class="zero" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{frame.height:.1f}"/>',
        f'<line class="zero" y1="{y:.1f}" y2="{y:.1f}" x1="0" x2="{frame.width:g}"/>',
    ]


def _shades(document: MapDocument) -> dict[str, str]:
    words = [visible(p.colour) for p in document.drawn if isinstance(p.colour, str)]
    return dict(zip(sorted_words(words), PALETTE, strict=False))


def _range(document: MapDocument) -> tuple[float, float]:
    numbers = [p.colour for p in document.drawn if isinstance(p.colour, float)]
    return (min(numbers), max(numbers)) if numbers else (0.0, 0.0)


def mixed(low: str, high: str, share: float) -> str:
    """The colour between two hexadecimal ones."""
    ends = [(int(low[i : i + 2], 16), int(high[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in ends)


def ramp(share: float) -> str:
    """A colour of RAMP, 0 to 1."""
    place = min(max(share, 0.0), 1.0) * (len(RAMP) - 1)
    i = min(int(place), len(RAMP) - 2)
    return mixed(RAMP[i], RAMP[i + 1], place - i)


def _points(document: MapDocument, frame: Frame) -> list[str]:
    shades, (low, high) = _shades(document), _range(document)
    out = []
    for p in document.drawn:
        x, y = frame.at(p.x, p.y)
        style = ""
        if isinstance(p.colour, str):
            style = f' style="fill:{shades.get(visible(p.colour), PALETTE[7])}"'
        elif p.colour is not None:
            style = f' style="fill:{ramp((p.colour - low) / (high - low) if high > low else 0.5)}"'
        out.append(
            f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="2.6"{style}><title>{_said(_hover(p))}</title></circle>'
        )
    return out


def _hover(p: Point) -> str:
    near = f": {', '.join(p.neighbours)}" if p.neighbours else ""
    return f"{p.label}{near}"


def _marks(document: MapDocument, frame: Frame) -> list[str]:
    asked = {label for a in document.answers for _, label in a.terms}
    found = {n.row for a in document.answers for n in a.found}
    out = []
    for p in document.drawn:
        if p.label in asked or p.row in found:
            x, y = frame.at(p.x, p.y)
            r = 6 if p.label in asked else 4.5
            out.append(f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="{r}"/>')
    for a in document.answers:
        if len(a.terms) > 1:
            x, y = frame.at(a.x, a.y)
            out.append(f'<path class="sum" d="M{x - 6:.1f} {y:.1f}h12M{x:.1f} {y - 6:.1f}v12"/>')
    return out


def _name(n: Name, frame: Frame) -> str:
    x, y = frame.at(n.x, n.y)
    dx = {"start": 7.0, "end": -7.0, "middle": 0.0}[n.anchor]
    kind = "name asked" if n.why else "name"
    place = f'x="{x + dx:.1f}" y="{y - n.up + 4:.1f}" text-anchor="{n.anchor}"'
    return f'<text class="{kind}" {place}>{_said(n.text)}</text>'


def _legend(document: MapDocument, y: float) -> list[str]:
    if not document.colour:
        return []
    shades = _shades(document)
    out = [f'<text class="small" x="{_LEFT:g}" y="{y + 4:g}">{_said(document.colour)}</text>']
    x = _LEFT + 7.0 * len(visible(document.colour)) + 14
    if not shades:
        low, high = _range(document)
        stops = [(low, 0.0), ((low + high) / 2, 0.5), (high, 1.0)]
        items = [(f"{value:.4g}", ramp(share)) for value, share in stops]
    else:
        items = list(shades.items())
    for word, shade in items:
        width = 7.0 * len(word) + 30
        if x + width > WIDTH - _RIGHT:
            break
        out.append(f'<circle cx="{x:.1f}" cy="{y:g}" r="4.5" style="fill:{shade}"/>')
        out.append(f'<text x="{x + 9:.1f}" y="{y + 4:g}">{_said(word)}</text>')
        x += width
    return out

"""Which points of a map are named in the picture, and where their names stand without touching each other.

Everything the user asked about comes first, then points that stand out: misplaced ones, the outermost in sixteen
directions, then the rest in the order of the source (word lists begin with the frequent words; mere row numbers end
here). A name is left out where it finds no room.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

from whyfit.report.map_document import MapDocument
from whyfit.report.strings import visible

#: Names beside those asked for: as many as a page can hold without becoming a list.
NAMED, DOCUMENTS = 48, 16
_LONGEST = 26  # cells of a name
_NEAR = 4.0  # pixels within which two points are one to the eye
CHARACTER, LINE = 6.7, 14.0  # size of a letter of the picture, in pixels
_GAP = 7.0  # between a point and its name
_DIRECTIONS = 16
_MISPLACED = 4


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of the plane that is drawn and its size in pixels; one unit is as long across as up."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: float
    height: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixels from the left and from the top."""
        left = (x - self.x[0]) / (self.x[1] - self.x[0]) * self.width
        top = (self.y[1] - y) / (self.y[1] - self.y[0]) * self.height
        return left, top


@dataclass(frozen=True, slots=True)
class Name:
    """A name in the picture: its text, the point it belongs to, how it is aligned, and why it is there."""

    text: str
    x: float
    y: float
    anchor: str  # "start": right of the point, "end": left of it, "middle": above or below
    up: float  # pixels above the point (below if negative)
    why: str  # "asked", "found", "sum" or "" for the others


def frame_of(document: MapDocument, width: float, heights: tuple[float, float]) -> Frame:
    """All points with a margin; the height follows the cloud's shape between two limits."""
    xs = [p.x for p in document.drawn] + [a.x for a in document.answers]
    ys = [p.y for p in document.drawn] + [a.y for a in document.answers]
    (x0, x1), (y0, y1) = _padded(xs), _padded(ys)
    unit = (x1 - x0) / width
    height = min(max((y1 - y0) / unit, heights[0]), heights[1])
    unit = max(unit, (y1 - y0) / height)
    return Frame(
        _around((x0 + x1) / 2, unit * width), _around((y0 + y1) / 2, unit * height), width, height
    )


def _padded(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if not high > low:
        low, high = low - 1.0, high + 1.0
    margin = 0.05 * (high - low)
    return low - margin, high + margin


def _around(centre: float, size: float) -> tuple[float, float]:
    return centre - size / 2, centre + size / 2


def names_in(document: MapDocument, frame: Frame) -> tuple[Name, ...]:
    """The names that find room, most wanted first; a document without a name is named by its beginning."""
    placed: list[Name] = []
    taken: list[tuple[float, float, float, float]] = []
    cap = DOCUMENTS if document.cloud == "documents" else NAMED
    for text, x, y, why in _wanted(document):
        if not why:
            if sum(not n.why for n in placed) >= cap:
                break
            if any(_one(frame.at(x, y), frame.at(n.x, n.y)) for n in placed):
                continue
        shown = _short(text)
        for anchor, up in (("start", 0.0), ("end", 0.0), ("middle", 14.0), ("middle", -14.0)):
            box = _box(frame, shown, x, y, anchor, up)
            if box is not None and not any(_touch(box, other) for other in taken):
                taken.append(box)
                placed.append(Name(shown, x, y, anchor, up, why))
                break
    return tuple(placed)


def _one(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return abs(a[0] - b[0]) < _NEAR and abs(a[1] - b[1]) < _NEAR


def _named(document: MapDocument) -> bool:
    """Whether names say more than where a row stands."""
    return any(p.label != f"row {p.row}" or p.text for p in document.drawn[:50])


def _short(text: str) -> str:
    shown = visible(text)
    if cell_len(shown) <= _LONGEST:
        return shown
    return chop_cells(shown, _LONGEST - 1)[0].rstrip() + "…"


def _wanted(document: MapDocument) -> Iterator[tuple[str, float, float, str]]:
    seen: set[int] = set()
    by_row = {p.row: p for p in document.drawn}
    for answer in document.answers:
        if len(answer.terms) > 1:
            yield answer.asked, answer.x, answer.y, "sum"
    asked = {label for a in document.answers for _, label in a.terms}
    for p in document.drawn:
        if p.label in asked and p.row not in seen:
            seen.add(p.row)
            yield p.label, p.x, p.y, "asked"
    for answer in document.answers:
        for n in answer.found:
            p = by_row.get(n.row)
            if p is not None and p.row not in seen:
                seen.add(p.row)
                yield p.label, p.x, p.y, "found"
    rows = [m.row for m in document.misplaced[:_MISPLACED]] + _outermost(document)
    if _named(document):
        rows += [p.row for p in document.drawn]
    for row in rows:
        p = by_row.get(row)
        if p is not None and row not in seen:
            seen.add(row)
            yield (p.text or p.label), p.x, p.y, ""


def _outermost(document: MapDocument) -> list[int]:
    rows = []
    for i in range(_DIRECTIONS):
        a, b = math.cos(2 * math.pi * i / _DIRECTIONS), math.sin(2 * math.pi * i / _DIRECTIONS)
        rows.append(max(document.drawn, key=lambda p, a=a, b=b: a * p.x + b * p.y).row)
    return list(dict.fromkeys(rows))


def _box(
    frame: Frame, text: str, x: float, y: float, anchor: str, up: float
) -> tuple[float, float, float, float] | None:
    """Left, top, right, bottom in pixels; None if it sticks out of the frame."""
    left, top = frame.at(x, y)
    width = cell_len(text) * CHARACTER
    start = {"start": left + _GAP, "end": left - _GAP - width, "middle": left - width / 2}[anchor]
    box = (start, top - up - LINE / 2, start + width, top - up + LINE / 2)
    inside = box[0] >= 0 and box[1] >= 0 and box[2] <= frame.width and box[3] <= frame.height
    return box if inside else None


def _touch(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] + 4 and b[0] < a[2] + 4 and a[1] < b[3] and b[1] < a[3]

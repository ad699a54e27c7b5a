"""A panel on a terminal: its sentence, its tables in columns, its remarks. Charts are for the page."""

from __future__ import annotations

import math
import re

from rich.cells import cell_len
from rich.text import Text

from whyfit.report.numbers import number, plus_minus
from whyfit.report.panel import Cell, Grid, Interval, Panel
from whyfit.report.strings import visible
from whyfit.report.terminal import Screen

_GAP = "  "
#: A number that was written by its maker: "< 1e−16", "99.8 %", "−0.5"; or that does not exist.
_NUMBER = re.compile(r"(< ?)?[+−-]?\d[\d.,]*(e[+−-]?\d+)?( %)?|–")


def cell(value: Cell | Interval) -> str:
    """A cell as it is read: numbers rounded, intervals as ±, a dash for what does not exist."""
    if isinstance(value, Interval):
        return plus_minus(value.value, value.low, value.high)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, str):
        return visible(value)
    return f"{value:,}" if isinstance(value, int) else number(value)


def set_right(grid: Grid, column: int) -> bool:
    """Whether a column holds numbers, which are set to the right."""
    held = [row[column] for row in grid.rows if row[column] is not None]
    return bool(held) and not any(isinstance(v, str) and not _NUMBER.fullmatch(v) for v in held)


def render_panel(panel: Panel, screen: Screen) -> list[Text]:
    """Lines of the screen's width; columns that do not fit beside the others follow below, the first one repeated."""
    lines = [Text(screen.say(panel.title), style="bold"), *_said(panel.lead, screen)]
    for grid in panel.grids:
        lines += [Text(), *_grid(grid, screen)]
    for remark in panel.remarks:
        lines += [Text(), *_said(remark, screen)]
    return lines


def _grid(grid: Grid, screen: Screen) -> list[Text]:
    lines = _said(grid.caption, screen)
    texts = [list(grid.head), *([cell(v) for v in row] for row in grid.rows)]
    texts = [[screen.say(text) for text in row] for row in texts]
    widths = [max(cell_len(row[j]) for row in texts) for j in range(len(grid.head))]
    right = [set_right(grid, j) for j in range(len(grid.head))]
    for part in _parts(widths, screen.width):
        for i, row in enumerate(texts):
            laid = [_laid(row[j], widths[j], right[j]) for j in part]
            lines.append(Text(_GAP.join(laid).rstrip(), style="dim" if i == 0 else ""))
    return lines


def _said(text: str, screen: Screen) -> list[Text]:
    return [Text(line) for line in screen.wrap(text, screen.width)]


def _laid(text: str, width: int, right: bool) -> str:
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def _parts(widths: list[int], room: int) -> list[list[int]]:
    """Columns that fit beside each other, the first one in every part."""
    parts: list[list[int]] = [[0]]
    used = widths[0]
    for j in range(1, len(widths)):
        if used + len(_GAP) + widths[j] > room and len(parts[-1]) > 1:
            parts.append([0])
            used = widths[0]
        parts[-1].append(j)
        used += len(_GAP) + widths[j]
    return parts

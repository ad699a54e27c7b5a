"""A descent's account on a terminal: three lines of summary, predicted beside observed, findings, the race."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from whyfit.report import descend_words
from whyfit.report.descend_document import DescendDocument
from whyfit.report.terminal import Screen
from whyfit.report.text import (
    apart,
    counts_line,
    findings_block,
    labelled,
    remarks_block,
    screen_of,
    spread,
)

_LABEL = 10
_GAP = 2
_NARROWEST = 12  # cells of the first and last column of a table


def render(
    document: DescendDocument,
    console_width: int,
    colour: bool,
    *,
    report: str | None = None,
    encoding: str = "utf-8",
    findings_only: bool = False,
) -> str:
    """The whole account as text; the arguments are those of `text.render`."""
    screen = screen_of(console_width, colour, encoding)
    blocks: list[list[Text]] = []
    if not findings_only:
        blocks += [_summary(document, screen, report), _told(document, screen)]
        blocks.append(_better(document, screen))
    blocks.append(findings_block(document.findings, screen))
    if not findings_only:
        blocks.append(_race(document, screen))
        blocks.append(remarks_block(document.notes, screen, _LABEL))
    return screen.paint(apart(blocks))


def _summary(document: DescendDocument, screen: Screen, report: str | None) -> list[Text]:
    left = [(document.source.name, "bold"), (descend_words.size(document), "")]
    lines = spread(screen, left, f"descent, {descend_words.elapsed(document)}")
    pieces = [(descend_words.setting(document), "")]
    lines += spread(screen, pieces, descend_words.loss(document))
    lines += counts_line(document.findings, screen, report)
    if document.left_out:
        said = "left out: " + "; ".join(
            f"{screen.names(names, max(screen.width - 40, 20))} ({why})"
            for why, names in document.left_out.items()
        )
        lines += labelled(screen, "columns", said, indent=0, label_width=_LABEL)
    return [
        *lines,
        *labelled(screen, "outcome", document.verdict, indent=0, label_width=_LABEL),
    ]


def _told(document: DescendDocument, screen: Screen) -> list[Text]:
    rows = [descend_words.cells(t) for t in document.told]
    return _table(("", "predicted", "observed", ""), rows, screen)


def _better(document: DescendDocument, screen: Screen) -> list[Text]:
    rows = [descend_words.better_cells(b) for b in document.better]
    return _table(("excess loss left with", "", "predicted", "run"), rows, screen, right=(2, 3))


def _race(document: DescendDocument, screen: Screen) -> list[Text]:
    rows = [descend_words.runner_cells(r) for r in document.race]
    return _table(("race to 1 %", "η", "steps", "epochs", ""), rows, screen, right=(1, 2, 3))


def _table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    screen: Screen,
    right: tuple[int, ...] = (1, 2),
) -> list[Text]:
    """Columns as wide as they need; what does not fit of the last goes to a line of its own."""
    if not rows:
        return []
    said = [[screen.say(cell) for cell in row] for row in [head, *rows]]
    columns = range(len(head))
    widths = [max(cell_len(row[j]) for row in said) for j in columns]
    fixed = sum(widths[1:-1]) + _GAP * (len(head) - 1)
    last = widths[-1] if len(head) - 1 in right else min(widths[-1], _NARROWEST)
    widths[0] = max(min(widths[0], screen.width - fixed - last), _NARROWEST)
    room = screen.width - fixed - widths[0]
    if room < (last if len(head) - 1 in right else 0):
        return _stacked(said, screen)
    lines = []
    for i, row in enumerate(said):
        style = "dim" if i == 0 else ""
        names = screen.wrap(row[0], widths[0]) or [""]
        line = Text(names[0] + " " * (widths[0] - cell_len(names[0])), style=style)
        rest: list[str] = []
        for j in columns[1:]:
            cell = row[j]
            if j == len(head) - 1 and j not in right:
                parts = screen.wrap(cell, room) if cell and room >= _NARROWEST else []
                if parts:
                    line.append(" " * _GAP + parts[0], style="dim")
                rest = parts[1:] if parts else ([cell] if cell else [])
                continue
            pad = " " * (widths[j] - cell_len(cell))
            line.append(" " * _GAP + (pad + cell if j in right else cell + pad))
        line.rstrip()
        lines.append(line)
        lines += [Text("  " + name) for name in names[1:]]
        for part in rest:
            lines += [Text("  " + p, style="dim") for p in screen.wrap(part, screen.width - 2)]
    return lines


def _stacked(said: list[list[str]], screen: Screen) -> list[Text]:
    """A table for a narrow screen: the first cell, and under it the others with their heads."""
    head, *rows = said
    lines: list[Text] = []
    for row in rows:
        lines += [Text(part) for part in screen.wrap(row[0], screen.width)]
        cells = [f"{h} {cell}".strip() for h, cell in zip(head[1:], row[1:], strict=True) if cell]
        rest = screen.wrap(", ".join(cells), screen.width - 2)
        lines += [Text("  " + part, style="dim") for part in rest]
    return lines

"""A map's account on a terminal: three lines of summary, what to believe, answers, then the findings."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells
from rich.text import Text

from whyfit.diagnosis.words import fixed
from whyfit.report import map_words
from whyfit.report.map_document import Answer, MapDocument
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

_LABEL = 11  # "misplaced  "
_GAP = 3
_LONGEST = 18  # cells of a name beside the beginning of its document
_FEWEST = 8  # cells of a beginning that are worth showing
_WIDE = 76  # columns from which a table can have whole words over its numbers
_NAMED = 3  # misplaced points in the text; the page lists them all


def render(
    document: MapDocument,
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
        blocks += [_summary(document, screen, report), _believe(document, screen)]
    blocks += [_answer(answer, screen) for answer in document.answers]
    blocks.append(findings_block(document.findings, screen))
    if document.treatments:
        blocks.append(_treatments(document, screen))
    if not findings_only:
        blocks.append(remarks_block(document.notes, screen, _LABEL))
    return screen.paint(apart(blocks))


def _summary(document: MapDocument, screen: Screen, report: str | None) -> list[Text]:
    left = [
        (document.source.name, "bold"), (map_words.size(document), ""), (map_words.by(document), "")
    ]  # fmt: skip
    lines = spread(screen, left, f"map, {map_words.elapsed(document)}")
    pieces = [(piece, "") for piece in map_words.headline(document)]
    lines += spread(screen, pieces, f"{map_words.level(document)} intervals")
    lines += counts_line(document.findings, screen, report)
    if groups := map_words.left_out(document):
        said = "left out: " + "; ".join(
            f"{screen.names(names, max(screen.width - 40, 20))} ({why})" for why, names in groups
        )
        lines += labelled(screen, "columns", said, indent=0, label_width=_LABEL)
    return lines


def _believe(document: MapDocument, screen: Screen) -> list[Text]:
    lines = labelled(screen, "believe", map_words.believe(document), indent=0, label_width=_LABEL)
    lines += labelled(screen, "axes", map_words.axes(document), indent=0, label_width=_LABEL)
    if document.misplaced:
        said = "; ".join(map_words.misplaced(m) for m in document.misplaced[:_NAMED])
        lines += labelled(screen, "misplaced", said, indent=0, label_width=_LABEL)
    return lines


def _treatments(document: MapDocument, screen: Screen) -> list[Text]:
    """What was tried, one line each, under the findings that asked for it."""
    wide = screen.width >= _WIDE
    heads = (
        ("mean cosine", "hub skewness", "neighbours stay", "plane keeps")
        if wide
        else ("cos", "hubs", "stay", "keeps")
    )
    rows = [("tried", *heads)]
    rows += [
        (
            t.name,
            fixed(t.mean_cosine, 2),
            fixed(t.hub_skewness, 2),
            f"{fixed(100 * t.unchanged, 0)} %",
            f"{fixed(100 * t.kept, 0)} %",
        )
        for t in document.treatments
    ]
    gap = _GAP if wide else 2
    said = [tuple(screen.say(cell) for cell in row) for row in rows]
    widths = [max(cell_len(row[j]) for row in said) for j in range(5)]
    widths[0] = min(widths[0], max(screen.width - sum(widths[1:]) - 4 * gap, 8))
    lines = []
    for i, row in enumerate(said):
        name = screen.clip(row[0], widths[0])
        line = Text(name + " " * (widths[0] - cell_len(name)), style="dim" if i == 0 else "")
        for cell, width in zip(row[1:], widths[1:], strict=True):
            line.append(" " * (gap + width - cell_len(cell)) + cell)
        lines.append(line)
    return lines


def _answer(answer: Answer, screen: Screen) -> list[Text]:
    head = map_words.expression(answer)
    lines = labelled(screen, answer.kind, head, indent=0, label_width=_LABEL)
    if answer.text:
        lines += [
            Text(" " * _LABEL + line, style="dim")
            for line in screen.wrap(answer.text, screen.width - _LABEL)
        ]
    if any(n.text for n in answer.found):
        return lines + _documents(answer, screen)
    return lines + _columns(answer, screen)


def _documents(answer: Answer, screen: Screen) -> list[Text]:
    """One neighbour per line: similarity, name, beginning as far as there is room."""
    names = [screen.clip(screen.say(n.label), _LONGEST) for n in answer.found]
    width = max(map(cell_len, names), default=0)
    lines = []
    for n, name in zip(answer.found, names, strict=True):
        line = Text(" " * _LABEL).append(screen.say(map_words.nearness(n)), style="dim")
        line.append("  " + name)
        room = screen.width - _LABEL - width - len(map_words.nearness(n)) - 4
        if room >= _FEWEST:
            padding = " " * (width - cell_len(name) + 2)
            line.append(padding + _cut(screen.say(n.text), room, screen))
        lines.append(line)
    return lines


def _cut(text: str, room: int, screen: Screen) -> str:
    """As much of the beginning as fits."""
    if cell_len(text) <= room:
        return text
    dots = screen.say("…")
    return chop_cells(text, room - len(dots))[0].rstrip(" …") + dots


def _columns(answer: Answer, screen: Screen) -> list[Text]:
    """Neighbours beside each other in columns, read line by line, nearest first."""
    cells = [
        (screen.clip(screen.say(n.label), 24), screen.say(map_words.nearness(n)))
        for n in answer.found
    ]
    if not cells:
        return []
    name = max(cell_len(label) for label, _ in cells)
    value = max(cell_len(v) for _, v in cells)
    each = name + 1 + value
    per_line = max((screen.width - _LABEL + _GAP) // (each + _GAP), 1)
    per_line = min(per_line, 5)
    lines = []
    for start in range(0, len(cells), per_line):
        line = Text(" " * _LABEL)
        for j, (label, v) in enumerate(cells[start : start + per_line]):
            line.append(" " * _GAP * bool(j))
            line.append(label + " " * (name - cell_len(label) + 1))
            line.append(" " * (value - cell_len(v)) + v, style="dim")
        lines.append(line)
    return lines

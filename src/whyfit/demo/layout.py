"""Headings, formulas, tables and matrices of the worked example, laid out for a Screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from whyfit.report.terminal import Screen

MAX_WIDTH = 100
INDENT = 3
#: Signs of the example, with what stands in where an encoding lacks them.
_PLAIN = {"✓": "+", "✗": "-", "⎡": "[", "⎢": "[", "⎣": "[", "⎤": "]", "⎥": "]", "⎦": "]"}
YES, NO = "✓", "✗"


@dataclass(frozen=True, slots=True)
class Layout:
    """Lines of text for one screen; every method returns them, none prints."""

    screen: Screen

    def say(self, text: str) -> str:
        for sign, plain in _PLAIN.items():
            if sign in text and not _can_show(sign, self.screen.encoding):
                text = text.replace(sign, plain)
        return self.screen.say(text)

    def heading(self, title: str, right: str = "") -> list[Text]:
        """A blank line, then the title with `right` flush with the right edge."""
        line = Text(self.say(title), style="bold")
        room = self.screen.width - line.cell_len - cell_len(self.say(right))
        if right and room >= INDENT:
            line.append(" " * room).append(self.say(right), style="not bold dim")
        return [Text(), line]

    def prose(self, text: str, indent: int = INDENT, style: str = "") -> list[Text]:
        width = self.screen.width - indent
        wrapped = self.screen.wrap(self.say(text), width)
        return [Text(" " * indent).append(part, style=style) for part in wrapped]

    def labelled(self, label: str, text: str, width: int, style: str = "") -> list[Text]:
        """A dim label in `width` cells, then `text` with a hanging indent."""
        hang = INDENT + width
        parts = self.screen.wrap(self.say(text), self.screen.width - hang)
        head = Text(" " * INDENT).append(self.say(label).ljust(width), style="dim")
        return [
            (head if i == 0 else Text(" " * hang)).append(part, style=style)
            for i, part in enumerate(parts)
        ]

    def exact(self, label: str, text: str) -> list[Text]:
        """A dim label and a path or command, which is never broken, so that it can be copied."""
        return [Text(" " * INDENT).append(self.say(label), style="dim").append(self.say(text))]

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], indent: int) -> list[Text]:
        """Columns flush right but the first; `head` is dim. A screen too narrow squeezes gaps."""
        cells = [[self.say(c) for c in row] for row in (head, *rows)]
        widths = [max(cell_len(row[j]) for row in cells) for j in range(len(head))]
        gap = 3 if indent + sum(widths) + 3 * (len(widths) - 1) <= self.screen.width else 1
        lines = []
        for i, (first, *rest) in enumerate(cells):
            line = Text(" " * indent + first + " " * (widths[0] - cell_len(first)))
            for cell, width in zip(rest, widths[1:], strict=True):
                line.append(" " * (gap + width - cell_len(cell)) + cell)
            if i == 0:
                line.stylize("dim")
            lines.append(line)
        return lines

    def beside(self, left: list[Text], right: list[Text], width: int) -> list[Text]:
        """Two columns, the left one `width` cells wide."""
        blank = Text()
        out = []
        for i in range(max(len(left), len(right))):
            line = (left[i] if i < len(left) else blank).copy()
            if i < len(right):
                line.append(" " * max(width - line.cell_len, 1)).append_text(right[i])
            out.append(line)
        return out

    def matrix(self, label: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Text]:
        """Rows between brackets under `head`, a row of dots before the last."""
        *first, last = ([self.say(c) for c in row] for row in rows)
        dots = [self.say("…")] * len(head)
        body, names = [*first, dots, last], [self.say(h) for h in head]
        widths = [max(cell_len(r[j]) for r in [names, *body]) for j in range(len(head))]

        def spread(cells: Sequence[str]) -> str:
            return "  ".join(
                " " * (w - cell_len(c)) + c for c, w in zip(cells, widths, strict=True)
            )

        lead = " " * cell_len(label)
        lines = [Text(f"{lead}  {spread(names)}", style="dim")]
        for i, row in enumerate(body):
            left, right = _bracket(i, len(body))
            start = label if i == (len(body) - 1) // 2 else lead
            lines.append(Text(f"{start}{self.say(left)} {spread(row)} {self.say(right)}"))
        return lines


def _bracket(i: int, n: int) -> tuple[str, str]:
    return ("⎡", "⎤") if i == 0 else ("⎣", "⎦") if i == n - 1 else ("⎢", "⎥")


def _can_show(sign: str, encoding: str) -> bool:
    try:
        sign.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True

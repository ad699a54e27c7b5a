"""A terminal screen of some width: wrapping, clipping and painting lines of text."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

from whyfit.report.strings import in_encoding, visible


@dataclass(frozen=True, slots=True)
class Screen:
    """Where lines of text go: `width` cells, with colour or without, in `encoding`."""

    width: int
    colour: bool = False
    encoding: str = "utf-8"

    def say(self, text: str) -> str:
        """`text` as this screen can show it; apply before measuring."""
        return in_encoding(visible(text), self.encoding)

    def wrap(self, text: str, width: int) -> list[str]:
        """Words of `text` in lines of at most `width` cells; a longer word is cut into pieces."""
        width = max(width, 8)
        lines: list[str] = []
        line = ""
        for word in self.say(text).split(" "):
            candidate = f"{line} {word}" if line else word
            if cell_len(candidate) <= width:
                line = candidate
                continue
            if line:
                lines.append(line)
            *full, line = chop_cells(word, width) if cell_len(word) > width else [word]
            lines.extend(full)
        if line or not lines:
            lines.append(line)
        return lines

    def names(self, names: Iterable[str], width: int) -> str:
        """Names joined by commas, as many as fit in `width` cells, then "+3 more"."""
        said = [self.say(n) for n in names]
        whole = ", ".join(said)
        if cell_len(whole) <= width or not said:
            return whole
        for k in range(len(said) - 1, 0, -1):
            text = f"{', '.join(said[:k])} +{len(said) - k} more"
            if cell_len(text) <= width:
                return text
        tail = f" +{len(said) - 1} more" if len(said) > 1 else ""
        return self.clip(said[0], max(width - cell_len(tail), 8)) + tail

    def clip(self, text: str, width: int) -> str:
        """`text` cut to `width` cells, with an ellipsis in its middle so both ends can be read."""
        if cell_len(text) <= width:
            return text
        dots = self.say("…")
        room = max(width - len(dots), 2)
        head = chop_cells(text, (room + 1) // 2)[0]
        tail = chop_cells(text[::-1], room // 2)[0][::-1]
        return head + dots + tail

    def paint(self, lines: Iterable[Text]) -> str:
        """The lines as one string ending in a newline, with ANSI codes if colour is wanted."""
        out = io.StringIO()
        console = Console(
            file=out,
            width=max(self.width, 1),
            force_terminal=self.colour,
            color_system="standard" if self.colour else None,
            legacy_windows=False,
            markup=False,
            highlight=False,
            emoji=False,
            no_color=not self.colour,
            _environ={},
        )
        for line in lines:
            line.rstrip()
            console.print(line, soft_wrap=True)
        return out.getvalue()

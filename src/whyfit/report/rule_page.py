"""The page of one rule on a terminal, and the list of all rules.

A page is the rule's docstring in four parts: What it says, The mathematics, Why it hurts, What to
do. Paragraphs are set to the width; indented lines (formulas) are kept as they stand.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping

from rich.cells import cell_len
from rich.text import Text

from whyfit.report.terminal import Screen
from whyfit.report.text import SEVERITY_STYLE

PARTS = ("What it says", "The mathematics", "Why it hurts", "What to do", "Reference", "Example")
_MEASURE = 88  # columns beyond which prose is hard to read


def render(
    rule: Mapping[str, str], console_width: int, colour: bool, *, encoding: str = "utf-8"
) -> str:
    """The rule's page as text of `console_width` columns.

    `rule` is a mapping with code, slug, pillar, severity and page (the docstring).
    """
    screen = Screen(max(min(console_width, _MEASURE), 30), colour, encoding)
    head = Text(rule["code"], style="bold").append("  ")
    head.append(screen.say(rule["slug"]), style="bold")
    kind = Text(rule["pillar"], style="dim").append("   ")
    kind.append(rule["severity"], style=SEVERITY_STYLE.get(rule["severity"], ""))
    if head.cell_len + 3 + kind.cell_len <= screen.width:
        lines = [head.append("   ").append_text(kind), Text()]
    else:
        lines = [head, kind, Text()]
    for block in _blocks(rule["page"]):
        lines += _block(block, screen)
    while lines and not lines[-1].plain:
        lines.pop()
    return screen.paint(lines)


def _blocks(docstring: str) -> list[list[str]]:
    """Groups of lines between empty lines; a heading is a group of its own."""
    blocks: list[list[str]] = [[]]
    for line in inspect.cleandoc(docstring).splitlines():
        if not line.strip():
            blocks.append([])
        elif heading(line):
            blocks += [[line], []]
        elif not set(line.strip()) <= set("-=~"):  # the rule under a heading
            blocks[-1].append(line)
    return [b for b in blocks if b]


def heading(line: str) -> str:
    """The part's name if `line` is its heading (bare, or marked with *, # or :), else ""."""
    bare = line.strip().strip("*#: ").lower()
    return next((p for p in PARTS if p.lower() == bare), "")


def _block(block: list[str], screen: Screen) -> list[Text]:
    if name := heading(block[0]):
        return [Text(name, style="bold")]
    if all(line[:1].isspace() for line in block):
        return [*(Text("  " + screen.say(line)) for line in block), Text()]
    if any(line.lstrip().startswith(("- ", "* ", "· ")) for line in block):
        return [*_bullets(block, screen), Text()]
    text = " ".join(line.strip() for line in block)
    return [*(Text("  " + part) for part in screen.wrap(text, screen.width - 2)), Text()]


def _bullets(block: list[str], screen: Screen) -> list[Text]:
    items: list[str] = []
    for line in block:
        bare = line.strip()
        if bare.startswith(("- ", "* ", "· ")) or not items:
            items.append(bare.lstrip("-*· "))
        else:
            items[-1] += " " + bare
    out = []
    for item in items:
        for i, part in enumerate(screen.wrap(item, screen.width - 4)):
            out.append(Text("  · " if i == 0 else "    ").append(part))
    return [Text(screen.say(t.plain)) for t in out]


def render_list(
    rules: Iterable[Mapping[str, str]],
    console_width: int,
    colour: bool,
    *,
    encoding: str = "utf-8",
) -> str:
    """One line per rule: code, severity, slug, one-liner; grouped by pillar.

    Each rule is a mapping with code, slug, pillar, severity, summary.
    """
    rules = list(rules)
    screen = Screen(max(console_width, 40), colour, encoding)
    wide = max((cell_len(r["slug"]) for r in rules), default=0)
    lines: list[Text] = []
    pillar = None
    for r in rules:
        if r["pillar"] != pillar:
            pillar = r["pillar"]
            lines += ([Text()] if lines else []) + [Text(pillar, style="bold")]
        line = Text("  ").append(r["code"], style="bold").append("  ")
        line.append(r["severity"].ljust(9), style=SEVERITY_STYLE.get(r["severity"], ""))
        line.append(r["slug"].ljust(wide)).append("  ")
        first, *rest = screen.wrap(r["summary"], screen.width - line.cell_len)
        hang = " " * line.cell_len
        lines += [line.append(first, style="dim"), *(Text(hang).append(t, "dim") for t in rest)]
    return screen.paint(lines)

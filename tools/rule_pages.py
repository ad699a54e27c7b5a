"""Write docs/rules: one page per rule, from the rule's own docstring, and an index.

python tools/rule_pages.py           write the pages, remove those of rules that are gone
python tools/rule_pages.py --check   exit 1 and name the pages that are not current
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "rules"
NOTICE = (
    "<!-- Written by tools/rule_pages.py from the rule's docstring: edit that, then `make docs` -->"
)
PARTS = ("What it says", "The mathematics", "Why it hurts", "What to do", "Reference", "Example")
PILLARS = ("linear algebra", "calculus", "probability")


def pages() -> dict[str, str]:
    """File name -> Markdown of every page."""
    from whyfit.diagnosis.registry import every_rule

    rules = every_rule()
    out = {f"{rule.slug}.md": page(rule) for rule in rules}
    out["index.md"] = index(rules)
    return out


def page(rule) -> str:
    head = f"# {rule.code} {rule.slug}\n\n{rule.pillar} · at worst: {rule.severity}\n"
    return f"{NOTICE}\n\n{head}\n{markdown(rule.page)}\n"


def markdown(docstring: str) -> str:
    """The docstring with Markdown headings; its indented formulas are code blocks there too."""
    lines = []
    for line in inspect.cleandoc(docstring).splitlines():
        name = line.strip(" *#:").rstrip()
        if name in PARTS:
            lines += ["", f"## {name}", ""]
        elif not line.strip() or not set(line.strip()) <= set("-=~"):  # else: a heading's underline
            lines.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def index(rules) -> str:
    parts = [NOTICE, "", "# Rules", ""]
    for pillar in PILLARS:
        parts += [f"## {pillar.capitalize()}", ""]
        parts += ["| code | rule | at worst | what it says |", "|---|---|---|---|"]
        for rule in (r for r in rules if r.pillar == pillar):
            link, summary = (
                f"[{rule.slug}]({rule.slug}.md)",
                rule.summary.replace("|", r"\|").rstrip("."),
            )
            parts.append(f"| {rule.code} | {link} | {rule.severity} | {summary} |")
        parts.append("")
    return "\n".join(parts)


def stale() -> list[str]:
    """Names of pages that are missing, differ from the docstrings, or belong to no rule."""
    wanted = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    return sorted(name for name in wanted.keys() | there if wanted.get(name) != there.get(name))


def write() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        if names := stale():
            sys.exit(f"not current: {', '.join(names)}; run `make docs`")
    else:
        write()

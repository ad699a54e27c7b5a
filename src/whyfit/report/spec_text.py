"""What `--fix` arrived at: the fields of the Spec it changed, the Spec, the equivalent Python."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from rich.text import Text

from whyfit.report.document import Document
from whyfit.report.json import plain
from whyfit.report.terminal import Screen
from whyfit.spec import Spec, Term


def changed(after: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `after` that differ from `before`, as plain values."""
    a, b = plain(after), plain(before)
    return {k: v for k, v in a.items() if v != b.get(k)}


def chosen(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a Spec that are not at their default, the target first."""
    return changed(spec, dataclasses.asdict(Spec()))


def assignments(fields: Mapping[str, Any]) -> list[str]:
    """`name = value`, one line per field, values as Python writes them."""
    return [f"{name} = {_written(name, value)!r}" for name, value in fields.items()]


def _written(name: str, value: Any) -> Any:
    """Terms as text, which Spec takes in an edit too."""
    if name != "terms":
        return value
    return [
        Term(**{**t, "columns": tuple(t["columns"])}).text if isinstance(t, dict) else t
        for t in value
    ]


def render_fix(
    document: Document,
    before: Mapping[str, Any],
    console_width: int,
    colour: bool,
    *,
    encoding: str = "utf-8",
) -> str:
    """The Spec after `--fix` beside the one before, then Python that gives the same fit."""
    screen = Screen(max(console_width, 40), colour, encoding)
    fixes = changed(document.spec, before)
    lines = [Text("fixed", style="bold")]
    lines[0].append(
        "    remedies that helped, applied" if fixes else "    nothing: no remedy helped"
    )
    lines += [Text("  " + screen.say(line)) for line in assignments(fixes)]
    lines += [Text(), Text("spec", style="bold")]
    lines += [Text("  " + screen.say(line)) for line in assignments(chosen(document.spec))]
    if document.python:
        lines += [Text(), Text("python", style="bold")]
        lines += [Text("  " + screen.say(line)) for line in document.python.splitlines()]
    return screen.paint(lines)

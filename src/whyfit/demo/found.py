"""Planted beside found: whether the journey saw each fault, in which columns, and what helped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text

from whyfit.demo.houses import Fault
from whyfit.demo.layout import INDENT, NO, YES, Layout
from whyfit.diagnosis.finding import Finding
from whyfit.report import summary

_LEFT_SHARE = 0.41  # of the width goes to what was planted


@dataclass(frozen=True, slots=True)
class Look:
    """Findings of one walk along the road; `note` says what was different about it, "" for the first."""

    findings: tuple[Finding, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A fault and the finding that saw it; None if none did. `note` is that of the look."""

    fault: Fault
    finding: Finding | None
    note: str = ""


def touches(finding: Finding, columns: Iterable[str]) -> bool:
    """Whether the finding names one of the source columns, or a design column made of one."""
    return any(
        name == c or name.startswith((f"{c}=", f"{c} "))
        for name in finding.subject
        for c in columns
    )


def verdicts(faults: Iterable[Fault], looks: Sequence[Look]) -> tuple[Verdict, ...]:
    """For each fault the first look that saw it, and the finding it saw it by."""
    return tuple(_verdict(fault, looks) for fault in faults)


def _verdict(fault: Fault, looks: Sequence[Look]) -> Verdict:
    for look in looks:
        for finding in look.findings:
            if finding.code in fault.codes and (
                not fault.columns or touches(finding, fault.columns)
            ):
                return Verdict(fault, finding, look.note)
    return Verdict(fault, None)


def unplanted(seen: Iterable[Verdict], look: Look) -> tuple[Finding, ...]:
    """Findings of a look that no fault asked for."""
    asked = [v.finding for v in seen]
    return tuple(f for f in look.findings if not any(f is a for a in asked))


def render(seen: Sequence[Verdict], layout: Layout, heads: tuple[str, str]) -> list[Text]:
    """Two columns, one block per fault."""
    left = int((layout.screen.width - INDENT) * _LEFT_SHARE)
    right = layout.screen.width - INDENT - left
    lines = layout.beside(
        [Text(" " * INDENT).append(heads[0], style="dim")],
        [Text(heads[1], style="dim")],
        INDENT + left,
    )
    for v in seen:
        lines += layout.beside(
            _planted(v, layout, left), _found(v.finding, v.note, layout, right), INDENT + left
        )
    return lines


def _planted(v: Verdict, layout: Layout, width: int) -> list[Text]:
    mark = Text(layout.say(YES if v.finding else NO), style="green" if v.finding else "bold red")
    what = layout.screen.wrap(layout.say(v.fault.what), width - 4)
    lines = [
        Text(" " * INDENT).append_text(mark if i == 0 else Text(" ")).append(f" {part}")
        for i, part in enumerate(what)
    ]
    if v.fault.columns:
        names = layout.screen.names(v.fault.columns, width - 4)
        lines.append(Text(" " * (INDENT + 2)).append(names, style="dim"))
    return lines


def _found(finding: Finding | None, note: str, layout: Layout, width: int) -> list[Text]:
    if finding is None:
        return [Text("not found", style="bold red")]
    head = Text(f"{finding.code} ", style="bold").append(layout.say(finding.rule), style="bold")
    names = layout.screen.names(finding.subject, max(width - head.cell_len - 2, 8))
    lines = [head.append(f"  {names}", style="not bold")]
    if note and lines[0].cell_len + len(note) + 2 <= width:
        lines[0].append(f", {note}", style="not bold")
    elif note:
        lines.append(Text(note))
    lines += [Text(p, style="dim") for p in layout.screen.wrap(layout.say(_helped(finding)), width)]
    return lines


def _helped(finding: Finding) -> str:
    """The remedy and what it gained, if it did."""
    remedy = finding.remedy
    if remedy is None or remedy.trial is None:
        return ""
    if not remedy.trial.helped:
        return f"remedy {summary.verdict(remedy)}"
    return f"{remedy.name}: {summary.trial_effect(remedy.trial, brief=True)}"

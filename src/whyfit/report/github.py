"""Findings as GitHub Actions annotations, one line each: `::error title=LA107 ...::message`.

Reference: GitHub Docs, "Workflow commands for GitHub Actions", section on setting an error message;
the escapes are those of the actions toolkit (`packages/core/src/command.ts`).
"""

from __future__ import annotations

from whyfit.diagnosis.finding import Finding
from whyfit.report import summary
from whyfit.report.document import Document

_COMMAND = {"error": "error", "warning": "warning", "note": "notice"}


def render(document: Document) -> str:
    """One annotation per finding, most severe first; "" if there is none."""
    return "".join(_annotation(f, document.source.name) + "\n" for f in document.findings)


def _annotation(finding: Finding, source: str) -> str:
    lines = [
        f"{', '.join(finding.subject)}: {finding.message}" if finding.subject else finding.message
    ]
    predicted, observed = summary.split_prediction(finding)
    if predicted:
        lines.append(f"predicted {predicted}" + (f"; observed {observed}" if observed else ""))
    if finding.remedy:
        parts = [f"remedy: {finding.remedy.name}"]
        if finding.remedy.trial:
            parts.append(summary.trial_effect(finding.remedy.trial))
        if mark := summary.verdict(finding.remedy):
            parts.append(mark)
        lines.append("; ".join(parts))
    title = _property(f"{finding.code} {finding.rule} ({source})")
    return f"::{_COMMAND[finding.severity]} title={title}::{_data(chr(10).join(lines))}"


def _data(text: str) -> str:
    return _encodable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()

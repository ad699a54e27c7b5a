"""From a DescendDocument to what was asked for: text, JSON and HTML, to stdout or files."""

from __future__ import annotations

from pathlib import Path

from whyfit.report.deliver import Forms, Paper, Wanted, hand_over
from whyfit.report.descend_document import DescendDocument


def deliver(document: DescendDocument, wanted: Wanted) -> None:
    """Write the account. Raises InputError if a file that was asked for cannot be written."""

    def text(page: Path | None) -> str:
        from whyfit.report import descend_text

        paper = Paper.of(wanted)
        return descend_text.render(
            document,
            paper.width,
            paper.colour,
            report=None if page is None else str(page),
            encoding=paper.encoding,
            findings_only=wanted.findings_only,
        )

    def page() -> str:
        from whyfit.report import descend_page

        return descend_page.render(document)

    def data(form: str) -> bytes:
        del form  # JSON is the only one
        from whyfit.report.descend_json import to_json

        return to_json(document)

    hand_over(Forms(text, page, data), wanted)

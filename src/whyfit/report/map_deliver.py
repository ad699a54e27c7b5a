"""From a MapDocument to what was asked for: text, JSON, HTML and SVG, to stdout or files."""

from __future__ import annotations

from pathlib import Path

from whyfit.report.deliver import Forms, Paper, Wanted, hand_over
from whyfit.report.files import write_whole
from whyfit.report.map_document import MapDocument


def deliver(document: MapDocument, wanted: Wanted, svg: Path | None = None) -> None:
    """Write the map. Raises InputError if a file that was asked for cannot be written."""
    if svg is not None:
        from whyfit.report import map_svg

        write_whole(svg, map_svg.render(document).encode("utf-8"))

    def text(page: Path | None) -> str:
        from whyfit.report import map_text

        paper = Paper.of(wanted)
        return map_text.render(
            document,
            paper.width,
            paper.colour,
            report=None if page is None else str(page),
            encoding=paper.encoding,
            findings_only=wanted.findings_only,
        )

    def page() -> str:
        from whyfit.report import map_page

        return map_page.render(document)

    def data(form: str) -> bytes:
        del form  # JSON is the only one
        from whyfit.report.map_json import to_json

        return to_json(document)

    hand_over(Forms(text, page, data), wanted)

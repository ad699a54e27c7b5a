"""From a MapDocument to what was asked for: text, JSON, HTML and SVG, to stdout or files."""

from __future__ import annotations

from pathlib import Path

from whyfit.errors import InputError
from whyfit.report import stream
from whyfit.report.deliver import Wanted
from whyfit.report.files import write_whole
from whyfit.report.map_document import MapDocument


def deliver(document: MapDocument, wanted: Wanted, svg: Path | None = None) -> None:
    """Write the map. Raises InputError if a file that was asked for cannot be written."""
    if svg is not None:
        from whyfit.report import map_svg

        write_whole(svg, map_svg.render(document).encode("utf-8"))
    page = wanted.page
    if page is not None:
        _write_page(document, page)
    elif wanted.form == "text" and wanted.default_page is not None:
        page = wanted.default_page
        try:
            _write_page(document, page)
        except InputError as error:  # nobody asked for this file: say so and go on
            stream.complain(f"no HTML report: {error}")
            page = None
    data = _text(document, page, wanted) if wanted.form == "text" else _data(document, wanted.form)
    if wanted.output is None:
        stream.write(data)
    else:
        write_whole(wanted.output, data.encode("utf-8") if isinstance(data, str) else data)


def _write_page(document: MapDocument, page: Path) -> None:
    from whyfit.report import map_page

    write_whole(page, map_page.render(document).encode("utf-8"))


def _text(document: MapDocument, page: Path | None, wanted: Wanted) -> str:
    from whyfit.report import map_text

    to_file = wanted.output is not None
    return map_text.render(
        document,
        stream.width(),
        stream.colour_wanted() and not to_file,
        report=None if page is None else str(page),
        encoding="utf-8" if to_file else stream.encoding(),
        findings_only=wanted.findings_only,
    )


def _data(document: MapDocument, form: str) -> bytes:
    if form == "json":
        from whyfit.report.map_json import to_json

        return to_json(document)
    from whyfit.report import map_page

    return map_page.render(document).encode("utf-8")

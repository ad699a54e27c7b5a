"""From a DescendDocument to what was asked for: text, JSON and HTML, to stdout or files."""

from __future__ import annotations

from pathlib import Path

from whyfit.errors import InputError
from whyfit.report import stream
from whyfit.report.deliver import Wanted
from whyfit.report.descend_document import DescendDocument
from whyfit.report.files import write_whole


def deliver(document: DescendDocument, wanted: Wanted) -> None:
    """Write the account. Raises InputError if a file that was asked for cannot be written."""
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


def _write_page(document: DescendDocument, page: Path) -> None:
    from whyfit.report import descend_page

    write_whole(page, descend_page.render(document).encode("utf-8"))


def _text(document: DescendDocument, page: Path | None, wanted: Wanted) -> str:
    from whyfit.report import descend_text

    to_file = wanted.output is not None
    return descend_text.render(
        document,
        stream.width(),
        stream.colour_wanted() and not to_file,
        report=None if page is None else str(page),
        encoding="utf-8" if to_file else stream.encoding(),
        findings_only=wanted.findings_only,
    )


def _data(document: DescendDocument, form: str) -> bytes:
    if form == "json":
        from whyfit.report.descend_json import to_json

        return to_json(document)
    from whyfit.report import descend_page

    return descend_page.render(document).encode("utf-8")

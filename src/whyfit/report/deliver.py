"""From a Document to what was asked for: text, JSON, HTML or annotations, to stdout or a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from whyfit.errors import InputError
from whyfit.report import stream
from whyfit.report.document import Document
from whyfit.report.files import write_whole

_SUFFIXES = {
    ".gz", ".zst", ".bz2", ".xz", ".zip", ".csv", ".tsv", ".txt", ".parquet", ".feather", ".arrow",
    ".ipc", ".ndjson", ".jsonl", ".json", ".npy", ".npz", ".vec", ".glove",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for.

    Attributes
    ----------
    form : "text", "json", "html" or "github".
    output : file for that form; None is standard output.
    page : where an HTML page must be written as well.
    default_page : where one is written beside text, if that is possible.
    findings_only : leave out the summary of the text.
    table : add the table of coefficients to the text.
    spec_before : the Spec before `--fix`; None if nothing was to be fixed.
    """

    form: Literal["text", "json", "html", "github"] = "text"
    output: Path | None = None
    page: Path | None = None
    default_page: Path | None = None
    findings_only: bool = False
    table: bool = False
    spec_before: Mapping[str, Any] | None = None


def page_beside(source: Path, kind: str = "whyfit") -> Path:
    """data/houses.csv.gz -> houses.whyfit.html, in the working directory."""
    name = source.name
    while (suffix := Path(name).suffix).lower() in _SUFFIXES:
        name = name[: -len(suffix)]
    return Path(f"{name or 'report'}.{kind}.html")


def deliver(document: Document, wanted: Wanted) -> None:
    """Write the report. Raises InputError if a file that was asked for cannot be written."""
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


def _write_page(document: Document, page: Path) -> None:
    from whyfit.report import html

    write_whole(page, html.render(document).encode("utf-8"))


def _text(document: Document, page: Path | None, wanted: Wanted) -> str:
    from whyfit.report import spec_text, text

    to_file = wanted.output is not None
    width, colour = stream.width(), stream.colour_wanted() and not to_file
    encoding = "utf-8" if to_file else stream.encoding()
    parts = [
        text.render(
            document,
            width,
            colour,
            report=None if page is None else str(page),
            encoding=encoding,
            findings_only=wanted.findings_only,
        )
    ]
    if wanted.table:
        parts.append(text.render_coefficients(document, width, colour, encoding=encoding))
    if wanted.spec_before is not None:
        before = wanted.spec_before
        parts.append(spec_text.render_fix(document, before, width, colour, encoding=encoding))
    return "\n".join(p for p in parts if p)


def _data(document: Document, form: str) -> bytes:
    if form == "json":
        from whyfit.report.json import to_json

        return to_json(document)
    if form == "html":
        from whyfit.report import html

        return html.render(document).encode("utf-8")
    from whyfit.report import github

    return github.render(document).encode("utf-8")

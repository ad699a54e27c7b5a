"""From a Document to what was asked for: text, JSON, HTML or annotations, to stdout or a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    show : keys of panels to add to the text, or "all".
    spec_before : the Spec before `--fix`; None if nothing was to be fixed.
    """

    form: Literal["text", "json", "html", "github"] = "text"
    output: Path | None = None
    page: Path | None = None
    default_page: Path | None = None
    findings_only: bool = False
    table: bool = False
    show: tuple[str, ...] = ()
    spec_before: Mapping[str, Any] | None = None


def page_beside(source: Path, kind: str = "whyfit") -> Path:
    """data/houses.csv.gz -> houses.whyfit.html, in the working directory."""
    name = source.name
    while (suffix := Path(name).suffix).lower() in _SUFFIXES:
        name = name[: -len(suffix)]
    return Path(f"{name or 'report'}.{kind}.html")


@dataclass(frozen=True, slots=True)
class Forms:
    """How one kind of document is rendered; called only for what is wanted.

    `text` gets the page that was written beside it, if any; `data` the form that is not text.
    """

    text: Callable[[Path | None], str]
    page: Callable[[], str]
    data: Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Paper:
    """What text is written on: the terminal, or a file, which takes every character and no colour."""

    width: int
    colour: bool
    encoding: str

    @classmethod
    def of(cls, wanted: Wanted) -> Paper:
        if wanted.output is not None:
            return cls(stream.width(), False, "utf-8")
        return cls(stream.width(), stream.colour_wanted(), stream.encoding())


def hand_over(forms: Forms, wanted: Wanted) -> None:
    """Write what is wanted of a document. Raises InputError if a file that was asked for cannot be written."""
    page = wanted.page
    if page is not None:
        write_whole(page, forms.page().encode("utf-8"))
    elif wanted.form == "text" and wanted.default_page is not None:
        page = wanted.default_page
        try:
            write_whole(page, forms.page().encode("utf-8"))
        except InputError as error:  # nobody asked for this file: say so and go on
            stream.complain(f"no HTML report: {error}")
            page = None
    match wanted.form:
        case "text":
            data: str | bytes = forms.text(page)
        case "html":
            data = forms.page().encode("utf-8")
        case form:
            data = forms.data(form)
    if wanted.output is None:
        stream.write(data)
    else:
        write_whole(wanted.output, data.encode("utf-8") if isinstance(data, str) else data)


def deliver(document: Document, wanted: Wanted) -> None:
    """Write the report of a fit, see `hand_over`."""

    def page() -> str:
        from whyfit.report import html

        return html.render(document)

    forms = Forms(
        lambda beside: _text(document, beside, wanted), page, lambda form: _data(document, form)
    )
    hand_over(forms, wanted)


def _text(document: Document, page: Path | None, wanted: Wanted) -> str:
    from whyfit.report import spec_text, text

    paper = Paper.of(wanted)
    parts = [
        text.render(
            document,
            paper.width,
            paper.colour,
            report=None if page is None else str(page),
            encoding=paper.encoding,
            findings_only=wanted.findings_only,
        )
    ]
    at = (paper.width, paper.colour)
    if wanted.table:
        parts.append(text.render_coefficients(document, *at, encoding=paper.encoding))
    if wanted.show:
        parts.append(text.render_panels(document, *at, keys=wanted.show, encoding=paper.encoding))
    if wanted.spec_before is not None:
        before = wanted.spec_before
        parts.append(spec_text.render_fix(document, before, *at, encoding=paper.encoding))
    return "\n".join(p for p in parts if p)


def _data(document: Document, form: str) -> bytes:
    if form == "json":
        from whyfit.report.json import to_json

        return to_json(document)
    from whyfit.report import github

    return github.render(document).encode("utf-8")

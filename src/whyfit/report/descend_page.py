"""The account of a descent as one HTML page that opens offline and as a notebook fragment; safe as `html.py` is."""

from __future__ import annotations

from typing import Any

from whyfit.report import descend_words, html, summary
from whyfit.report.descend_document import DescendDocument
from whyfit.report.descend_figures import figures


def render(document: DescendDocument) -> str:
    """The whole account as one self-contained HTML page."""
    drawn = figures(document)
    return (
        html.environment()
        .get_template("descend.html.j2")
        .render(
            **_context(document),
            figures=drawn,
            figure_data=html.script_json({f.key: f.spec for f in drawn}),
            figure_config=html.script_json(html.FIGURE_CONFIG),
            libraries=[html.library(name) for name in html.LIBRARIES] if drawn else [],
            drawing=html.static("figures.js"),
            page_style=html.static("page.css"),
            policy=html.POLICY,
        )
    )


def notebook(document: DescendDocument) -> str:
    """Outcome, findings and race as a fragment without scripts."""
    return html.environment().get_template("descend_notebook.html.j2").render(**_context(document))


def _context(document: DescendDocument) -> dict[str, Any]:
    return {
        "document": document,
        "words": descend_words,
        "summary": summary,
        "counts": summary.counts(document.findings),
        "style": html.static("style.css"),
        "descend_style": html.static("descend.css"),
    }

"""The account of a descent as one HTML page that opens offline; safe as `html.py` is."""

from __future__ import annotations

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
            document=document,
            words=descend_words,
            summary=summary,
            counts=summary.counts(document.findings),
            figures=drawn,
            figure_data=html.script_json({f.key: f.spec for f in drawn}),
            figure_config=html.script_json(html.FIGURE_CONFIG),
            libraries=[html.library(name) for name in html.LIBRARIES] if drawn else [],
            drawing=html.static("figures.js"),
            style=html.static("style.css"),
            page_style=html.static("page.css"),
            descend_style=html.static("descend.css"),
            policy=html.POLICY,
        )
    )

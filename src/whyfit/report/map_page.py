"""The map as one HTML page that opens offline, and as a fragment for notebooks; safe as `html.py` is."""

from __future__ import annotations

from typing import Any

from whyfit.report import html, map_words, spec_text, summary
from whyfit.report.map_document import MapDocument
from whyfit.report.map_figure import figure


def render(document: MapDocument) -> str:
    """The whole account as one self-contained HTML page."""
    drawn = figure(document)
    return (
        html.environment()
        .get_template("map.html.j2")
        .render(
            **_context(document),
            figure=drawn,
            figure_data=html.script_json({drawn.key: drawn.spec}),
            figure_config=html.script_json(html.FIGURE_CONFIG),
            libraries=[html.library(name) for name in html.LIBRARIES],
            drawing=html.static("figures.js"),
            page_style=html.static("page.css"),
            map_style=html.static("map.css"),
            policy=html.POLICY,
        )
    )


def notebook(document: MapDocument) -> str:
    """Summary, answers and findings as a fragment without scripts, with the static picture."""
    from whyfit.report import map_svg

    picture = html.Markup(map_svg.render(document))
    return (
        html.environment()
        .get_template("map_notebook.html.j2")
        .render(**_context(document), picture=picture, map_style=html.static("map.css"))
    )


def _context(document: MapDocument) -> dict[str, Any]:
    defaults = {"near": [], "project": [], "labels": None}
    chosen = {
        k: v
        for k, v in document.spec.items()
        if v not in (None, (), [], "auto", "none") or (k in defaults and v)
    }
    return {
        "document": document,
        "words": map_words,
        "summary": summary,
        "counts": summary.counts(document.findings),
        "style": html.static("style.css"),
        "chosen": spec_text.assignments(chosen),
    }

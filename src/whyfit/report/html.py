"""The report as one HTML file that opens offline, and as a fragment for notebooks.

Templates escape everything they are given (jinja2 autoescape); data for the figures travel as JSON
in which `<`, `>`, `&` and the line separators U+2028/9 are escaped. A content security policy
forbids every request and `eval`: Vega runs its expressions in an interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from whyfit.diagnosis.finding import Trial
from whyfit.report import numbers, spec_text, summary
from whyfit.report.document import Document
from whyfit.report.figures import figures
from whyfit.report.json import encode
from whyfit.report.mathml import mathml
from whyfit.report.panel_figures import panel_figures
from whyfit.report.panel_text import cell, set_right
from whyfit.report.strings import visible

_HERE = Path(__file__).parent
LIBRARIES = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js")
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
)
_ESCAPES = {
    "<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"
}  # fmt: skip


def render(document: Document) -> str:
    """The whole report as one self-contained HTML page."""
    drawn = figures(document)
    of_panels = {panel.key: panel_figures(panel) for panel in document.panels}
    specs = {f.key: f.spec for f in (*drawn, *chain.from_iterable(of_panels.values()))}
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            **_context(document),
            figures=drawn,
            panel_figures=of_panels,
            figure_data=script_json(specs),
            figure_config=script_json(FIGURE_CONFIG),
            libraries=[library(name) for name in LIBRARIES] if specs else [],
            drawing=static("figures.js"),
            page_style=static("page.css"),
            policy=POLICY,
        )
    )


def notebook(document: Document) -> str:
    """Summary, findings and table of coefficients as a fragment without scripts."""
    return environment().get_template("notebook.html.j2").render(**_context(document))


def script_json(value: Any) -> Markup:
    """JSON that can stand inside a `<script>` element whatever strings it holds."""
    text = encode(value).decode("utf-8")
    for character, stand_in in _ESCAPES.items():
        text = text.replace(character, stand_in)
    return Markup(text)


def _context(document: Document) -> dict[str, Any]:
    return {
        "document": document,
        "summary": summary,
        "statistic": summary.statistic(document),
        "counts": summary.counts(document.findings),
        "style": static("style.css"),
        "chosen": spec_text.assignments(spec_text.chosen(document.spec)),
        "score_table": _score_table(document),
    }


def _score_table(document: Document) -> list[tuple[str, list[str]]]:
    """(score, one text per group) for every score of every group."""
    keys = dict.fromkeys(k for group in document.scores.values() for k in group)
    return [
        (
            summary.score_name(key),
            [
                numbers.plus_minus(s.value, s.low, s.high) if (s := group.get(key)) else "–"
                for group in document.scores.values()
            ],
        )
        for key in keys
    ]


@cache
def environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(
        number=numbers.number,
        p_value=numbers.p_value,
        seconds=numbers.seconds,
        interval=lambda c: numbers.interval(c.low, c.high),
        mathml=mathml,
        unit=numbers.unit_of,
        lines=lambda text: Markup(escape(text.encode("utf-8", "backslashreplace").decode())),
        score_name=summary.score_name,
        assignments=lambda edit: ", ".join(spec_text.assignments(edit)),
        trial_drawing=trial_drawing,
        cell=cell,
        right=set_right,
    )
    return environment


def _shown(value: Any) -> Any:
    """Strings on one line with control and direction characters written out."""
    return visible(value) if type(value) is str else value


@cache
def static(name: str) -> Markup:
    """A style sheet or script of this package, which is trusted."""
    return Markup((_HERE / "templates" / name).read_text(encoding="utf-8"))


@cache
def library(name: str) -> Markup:
    text = (_HERE / "vendor" / name).read_text(encoding="utf-8")
    return Markup(text.replace("</script", "<\\/script"))


_WIDTH, _HEIGHT, _MARGIN = 260.0, 40.0, 12.0


def trial_drawing(trial: Trial) -> Markup:
    """The interval of a trial's gain beside zero, as inline SVG."""
    low, high = min(trial.low, 0.0), max(trial.high, 0.0)
    span = high - low
    if not 0 < span < float("inf"):
        return Markup("")

    def x(value: float) -> float:
        return round(_MARGIN + (value - low) / span * (_WIDTH - 2 * _MARGIN), 2)

    places: Mapping[str, float] = {
        "zero": x(0.0), "low": x(trial.low), "high": x(trial.high), "dot": x(trial.difference)
    }  # fmt: skip
    return Markup(
        '<svg class="trial{helped}" viewBox="0 0 260 40" role="img" aria-label="{label}">'
        '<line class="zero" x1="{zero}" x2="{zero}" y1="4" y2="26"/>'
        '<line class="bar" x1="{low}" x2="{high}" y1="15" y2="15"/>'
        '<circle class="dot" cx="{dot}" cy="15" r="4.5"/>'
        '<text x="{zero}" y="37" text-anchor="{anchor}">no gain</text></svg>'
    ).format(
        helped=" helped" if trial.helped else "",
        label=f"Interval of the gain: {summary.trial_effect(trial, brief=True)}",
        anchor="start" if places["zero"] < 40 else "end" if places["zero"] > 220 else "middle",
        **places,
    )


# Colours are the page's CSS variables, so that figures follow light, dark and print.
FIGURE_CONFIG: dict[str, Any] = {
    "background": None,
    "font": "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--muted)",
        "titleColor": "var(--muted)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 10,
        "tickCount": 5,
    },
    "legend": {"labelColor": "var(--ink)", "titleColor": "var(--muted)", "orient": "top",
               "titleFontWeight": "normal", "labelFontSize": 12, "titleFontSize": 12,
               "symbolOpacity": 1},
    "range": {"category": ["var(--accent)", "var(--second)", "var(--good)", "var(--error)"]},
    "mark": {"color": "var(--accent)"},
    "rule": {"color": "var(--muted)"},
}  # fmt: skip

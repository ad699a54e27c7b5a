"""The report on a terminal: three lines of summary, then the findings, most severe first.

Nothing is decided here; the Document is laid out for a width. From 80 columns on a finding takes at
most six lines; on a narrower screen it takes what it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.text import Text

from whyfit.diagnosis.finding import Finding
from whyfit.diagnosis.words import MISSING, number, plural
from whyfit.errors import SpecError
from whyfit.report import summary
from whyfit.report.document import Document
from whyfit.report.numbers import p_value, percent
from whyfit.report.panel_text import render_panel
from whyfit.report.terminal import Screen

SEVERITY_STYLE = {"error": "bold red", "warning": "yellow", "note": "cyan"}
MAX_WIDTH = 110  # longer lines are hard to read across
MIN_WIDTH = 40  # a narrower terminal breaks the lines itself
FINDING_LINES = 6
_INDENT = 6
_LABEL = 10  # "predicted ", "observed  ", "remedy    "
_GAP = 3
_FULL_WIDTH = 80


def render(
    document: Document,
    console_width: int,
    colour: bool,
    *,
    report: str | None = None,
    encoding: str = "utf-8",
    findings_only: bool = False,
) -> str:
    """The whole report as text.

    Parameters
    ----------
    console_width : columns of the terminal; lines are laid out in at most `MAX_WIDTH` of them.
    colour : whether to colour with ANSI codes.
    report : path of the HTML report to point to.
    encoding : of the stream; characters it lacks are replaced by ASCII of the same meaning.
    findings_only : leave out the summary and the remarks.
    """
    screen = screen_of(console_width, colour, encoding)
    blocks = [] if findings_only else [_summary(document, screen, report)]
    blocks.append(findings_block(document.findings, screen))
    if not findings_only:
        blocks.append(remarks_block(document.notes, screen, label_width=9))
    return screen.paint(apart(blocks))


def screen_of(console_width: int, colour: bool, encoding: str) -> Screen:
    """What running text is laid out on: never wider than can be read across."""
    return Screen(max(min(console_width, MAX_WIDTH), MIN_WIDTH), colour, encoding)


def findings_block(findings: tuple[Finding, ...], screen: Screen) -> list[Text]:
    rule_width = max((len(f.rule) for f in findings), default=0)
    return [line for f in findings for line in finding_lines(f, screen, rule_width)]


def remarks_block(notes: Iterable[str], screen: Screen, label_width: int) -> list[Text]:
    said = (labelled(screen, "remark", note, indent=0, label_width=label_width) for note in notes)
    return [line for lines in said for line in lines]


def apart(blocks: Iterable[list[Text]]) -> list[Text]:
    """The blocks that are not empty, one empty line between them."""
    lines: list[Text] = []
    for block in filter(None, blocks):
        lines += [Text(), *block] if lines else block
    return lines


def counts_line(findings: tuple[Finding, ...], screen: Screen, report: str | None) -> list[Text]:
    """ "1 error, 2 notes", and where the page is."""
    counts = Text(", ").join(
        Text(text, style=SEVERITY_STYLE[s]) for s, text in summary.counts(findings)
    )
    if not findings:
        counts = Text("no findings", style="green")
    return spread(screen, [counts], f"report: {report}" if report else "")


def render_coefficients(
    document: Document, console_width: int, colour: bool, *, encoding: str = "utf-8"
) -> str:
    """The inference table: estimate, standard error, t or z, p, interval, certain digits."""
    screen = Screen(max(console_width, MIN_WIDTH), colour, encoding)
    return screen.paint(_coefficients(document, screen))


def render_panels(
    document: Document,
    console_width: int,
    colour: bool,
    *,
    keys: Iterable[str],
    encoding: str = "utf-8",
) -> str:
    """The panels with these keys, or all for "all". Raises SpecError for a key the document has not."""
    screen = Screen(max(console_width, MIN_WIDTH), colour, encoding)
    known = {panel.key: panel for panel in document.panels}
    wanted = list(dict.fromkeys(k for key in keys for k in (known if key == "all" else (key,))))
    for key in wanted:
        if key not in known:
            raise SpecError(
                f"there is nothing to show under '{key}'; expected all or one of: {', '.join(known) or 'none'}."
            )
    return screen.paint(apart([render_panel(known[key], screen) for key in wanted]))


def _summary(document: Document, screen: Screen, report: str | None) -> list[Text]:
    left = [(document.source.name, "bold"), (summary.size(document), "")]
    lines = spread(screen, left, f"{document.model.kind}, {summary.elapsed(document)}")

    pieces = [(str(s), "") for s in summary.headline_scores(document)]
    if digits := summary.digits_line(document):
        pieces.append((digits, ""))
    lines += spread(screen, pieces, summary.folds_line(document))

    lines += counts_line(document.findings, screen, report)

    model = document.model
    if model.why or not model.converged:
        why = model.why or "the solver did not converge"
        lines += labelled(screen, "model", why, indent=0, label_width=9)
    if rows := summary.dropped_rows(document):
        lines += labelled(screen, "rows", rows, indent=0, label_width=9)
    if groups := summary.dropped_columns(document):
        lines += labelled(screen, "columns", _left_out(groups), indent=0, label_width=9)
    return lines


_SHOWN_COLUMNS = 8  # names per reason, and reasons, before "+n more"; HTML and JSON list all


def _left_out(groups: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    parts = []
    for why, names in groups[:_SHOWN_COLUMNS]:
        shown = ", ".join(names[:_SHOWN_COLUMNS])
        more = f" +{len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
        parts.append(f"{shown}{more} ({why})")
    if rest := sum(len(names) for _, names in groups[_SHOWN_COLUMNS:]):
        parts.append(f"+{rest:,} more")
    return "left out: " + "; ".join(parts)


def spread(screen: Screen, pieces: Iterable[tuple[str, str] | Text], right: str) -> list[Text]:
    """Pieces three spaces apart, broken between pieces, `right` flush with the right edge."""
    lines = [Text()]
    for piece in pieces:
        styled = [piece] if isinstance(piece, Text) else _pieces(screen, *piece)
        for part in styled:
            used = lines[-1].cell_len
            if used and used + _GAP + part.cell_len > screen.width:
                lines.append(Text("  "))
            elif used:
                lines[-1].append(" " * _GAP)
            lines[-1].append_text(part)
    return _flush_right(screen, lines, Text(screen.say(right), style="dim"), indent=2)


def _pieces(screen: Screen, text: str, style: str) -> list[Text]:
    return [Text(line, style=style) for line in screen.wrap(text, screen.width - 2)]


def _flush_right(screen: Screen, lines: list[Text], right: Text, indent: int) -> list[Text]:
    """`right` at the end of the last line if it fits there, else on a line of its own."""
    if not right.cell_len:
        return lines
    room = screen.width - lines[-1].cell_len - right.cell_len
    if room >= _GAP:
        lines[-1].append(" " * room).append_text(right)
        return lines
    if right.cell_len > screen.width - indent:
        more = screen.wrap(right.plain, screen.width - indent)
        return lines + [Text(" " * indent).append(m, style=right.style) for m in more]
    return [*lines, Text(" " * (screen.width - right.cell_len)).append_text(right)]


def labelled(
    screen: Screen,
    label: str,
    text: str,
    *,
    right: Text | None = None,
    indent: int = _INDENT,
    label_width: int = _LABEL,
) -> list[Text]:
    """A dim label, then `text` with a hanging indent, then `right` flush right."""
    hang = indent + label_width
    lines = []
    for i, part in enumerate(screen.wrap(text, screen.width - hang)):
        head = Text(" " * indent).append(label.ljust(label_width), style="dim")
        lines.append((head if i == 0 else Text(" " * hang)).append(part))
    return _flush_right(screen, lines, right or Text(), indent=hang)


def finding_lines(finding: Finding, screen: Screen, rule_width: int) -> list[Text]:
    header = _header(finding, screen, rule_width)
    prediction = _prediction(finding, screen)
    tail = prediction + _remedy(finding, screen, _DETAILS[0])
    body = screen.wrap(finding.message, screen.width - _INDENT)
    room = len(body) + 2
    if screen.width >= _FULL_WIDTH:
        for detail in _DETAILS:  # the message goes before what can be read in the HTML report
            tail = prediction + _remedy(finding, screen, detail)
            room = max(FINDING_LINES - len(header) - len(tail), 1)
            if len(body) <= room:
                break
    if (line := summary.evidence_line(finding)) and len(body) < room:
        wrapped = screen.wrap(line, screen.width - _INDENT)
        body += wrapped if len(body) + len(wrapped) <= room else []
    if len(body) > room:  # the JSON and HTML reports hold the whole sentence
        body = [*body[: room - 1], _cut_at_word(body[room - 1], screen)]
    return header + [Text(" " * _INDENT + line) for line in body] + tail


def _cut_at_word(line: str, screen: Screen) -> str:
    dots = screen.say(" …")
    words = line.split(" ")
    while len(words) > 1 and cell_len(" ".join(words) + dots) > screen.width - _INDENT:
        words.pop()
    return " ".join(words).rstrip(" ,;:+=") + dots


def _prediction(finding: Finding, screen: Screen) -> list[Text]:
    predicted, observed = summary.split_prediction(finding)
    if not predicted:
        return []
    lines = labelled(screen, "predicted", predicted)
    if not observed:
        return lines
    beside = screen.say(f"observed {observed}")
    room = screen.width - lines[-1].cell_len - cell_len(beside)
    if room >= 2:
        lines[-1].append(" " * room + beside)
        return lines
    return lines + labelled(screen, "observed", observed)


#: What is said of a remedy's trial, from all to the least: its measure before and after, its change, its outcome.
_DETAILS = ("whole", "brief", "change", "outcome")


def _remedy(finding: Finding, screen: Screen, detail: str) -> list[Text]:
    if finding.remedy is None:
        return []
    trial, mark = finding.remedy.trial, summary.verdict(finding.remedy)
    effect = ""
    if trial and detail in ("whole", "brief"):
        effect = f": {summary.trial_effect(trial, brief=detail == 'brief')}"
    elif trial and detail == "change":
        effect, mark = f": {summary.trial_change(trial)}", mark.removeprefix("tried, ")
    style = "green" if trial and trial.helped else "dim"
    right = Text(screen.say(mark), style=style)
    return labelled(screen, "remedy", finding.remedy.name + effect, right=right)


def _header(finding: Finding, screen: Screen, rule_width: int) -> list[Text]:
    line = Text(finding.code, style="bold").append(" ")
    line.append(finding.severity.ljust(8), style=SEVERITY_STYLE[finding.severity])
    line.append(finding.rule.ljust(rule_width), style="bold").append(" " * _GAP)
    room = screen.width - line.cell_len
    if room >= 24:
        return [line.append(screen.names(finding.subject, room))]
    line.rstrip()
    if not finding.subject:
        return [line]
    subject = screen.names(finding.subject, screen.width - _INDENT)
    return [line, Text(" " * _INDENT + subject)]


def _coefficients(document: Document, screen: Screen) -> list[Text]:
    model = document.model
    statistic = summary.statistic(document)
    ratios = model.loss in ("poisson", "gamma")
    span = f"{percent(float(document.spec.get('confidence', 0.95)))} interval"
    head = ["", "estimate", "std error", statistic, "p", span, "digits"]
    if ratios:
        head.append("ratio")
    rows = [
        [
            screen.say(c.name),
            screen.say(number(c.estimate)),
            screen.say(number(c.std_error, 3)),
            screen.say(number(c.statistic, 3)),
            screen.say(p_value(c.p_value)),
            screen.say(f"{number(c.low)} … {number(c.high)}" if c.low == c.low else MISSING),
            screen.say(_digits(c.digits)),
            *([screen.say(number(c.ratio))] if ratios else []),
        ]
        for c in model.coefficients
    ]
    widths = [max(cell_len(r[j]) for r in [head, *rows]) for j in range(len(head))]
    room = screen.width - sum(widths[1:]) - 2 * (len(head) - 1)
    longest, widths[0] = widths[0], min(widths[0], max(room, _INDENT))
    lines = [_table_row(head, widths, style="dim")]
    for name, *cells in rows:
        if longest > widths[0]:  # too long for a column of its own: above its numbers
            lines += [Text(part) for part in screen.wrap(name, screen.width)]
            name = ""
        lines.append(_table_row([name, *cells], widths))
    return [*lines, *_footer(document, screen)]


def _table_row(cells: list[str], widths: list[int], style: str = "") -> Text:
    first = cells[0] + " " * (widths[0] - cell_len(cells[0]))
    right = (" " * (w - cell_len(c)) + c for c, w in zip(cells[1:], widths[1:], strict=True))
    return Text("  ".join([first, *right]), style=style)


def _digits(digits: float) -> str:
    return MISSING if digits != digits else f"{int(min(max(digits, 0), 17))}"


def _footer(document: Document, screen: Screen) -> list[Text]:
    model = document.model
    parts = [model.kind, f"{model.covariance} standard errors"]
    if model.sigma is not None:
        parts.append(f"σ {number(model.sigma)}")
    if model.r2 is not None:
        parts.append(f"R² {number(model.r2)}")
    if model.f_statistic is not None and model.f_df is not None:
        a, b = model.f_df
        p = p_value(model.f_p_value)
        p = p if p.startswith("<") else f"= {p}"
        parts.append(f"F({number(a)}, {number(b)}) = {number(model.f_statistic)}, p {p}")
    if model.deviance is not None:
        parts.append(f"deviance {number(model.deviance)} of {number(model.null_deviance)}")
    if model.dispersion is not None:
        parts.append(f"dispersion {number(model.dispersion, 3)}")
    if model.outliers is not None:
        parts.append(f"{plural(model.outliers, 'row')} beyond 1.345 σ")
    if model.log_likelihood is not None:
        parts.append(f"log likelihood {number(model.log_likelihood, 6)}")
    if model.condition_number is not None:
        parts.append(f"condition number {number(model.condition_number, 3)}")
    if model.solver:
        parts.append(model.solver)
    text = " · ".join(parts)
    return [Text(p, style="dim") for p in screen.wrap(text, min(screen.width, MAX_WIDTH))]

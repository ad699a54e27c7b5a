"""The panel of conclusions: which slopes are certain, which are tentative, and what could have been found at all."""

from __future__ import annotations

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.conclusions import POWER, REPLICATES, SAME_SIGN, Conclusions, conclusions_of
from whyfit.diagnosis.words import number, percent, plural
from whyfit.report.numbers import p_value
from whyfit.report.panel import Cell, Chart, Grid, Panel, Series

#: Slopes listed: the smallest p-values.
MOST = 20
#: Slopes from which their p-values make a picture, and the smallest p-value that is drawn.
DRAWN, LEAST = 5, 1e-8
#: Points of the picture.
POINTS = 200


def conclusions_panel(case: Case) -> Panel | None:
    """None where no slope has a p-value, or the likelihood no maximum."""
    made = conclusions_of(case)
    if made is None:
        return None
    m = len(made.place)
    counts = dict.fromkeys(("certain", "tentative", "undetermined"), 0)
    for i in range(m):
        counts[made.verdict(i)] += 1
    said = [f"{n} {'is' if n == 1 else 'are'} {verdict}" for verdict, n in counts.items() if n]
    lead = (
        f"Of {plural(m, 'slope')} {', '.join(said[:-1]) + ' and ' if said[1:] else ''}{said[-1]}."
    )
    charts = (_chart(made),) if m >= DRAWN else ()
    return Panel(
        "conclusions",
        "What can be concluded?",
        lead,
        (_grid(made),),
        charts,
        _formulas(made),
        _remarks(case, made),
    )


def _grid(made: Conclusions) -> Grid:
    p = made.p_value
    order = np.argsort(p, kind="stable")[:MOST]
    replicated = bool(np.isfinite(made.same_sign).any())
    rows: list[tuple[Cell, ...]] = []
    for i in order:
        row: list[Cell] = [made.names[i], float(made.table.estimate[made.place[i]])]
        row += [p_value(float(v)) for v in (p[i], made.holm[i], made.bh[i])]
        if replicated:
            share = float(made.same_sign[i])
            row.append(percent(share) if np.isfinite(share) else None)
        row += [float(made.detectable[i]), made.verdict(i)]
        rows.append(tuple(row))
    head = ("slope", "estimate", "p", "Holm p", "BH q", "same sign", "detectable", "verdict")
    head = head if replicated else (*head[:5], *head[6:])
    shown = f", the {MOST} of smallest p of {len(p):,}" if len(p) > MOST else ""
    return Grid(f"Slopes{shown}; errors are {made.table.covariance}", head, tuple(rows))


def _chart(made: Conclusions) -> Chart:
    p = np.sort(made.p_value)
    m = len(p)
    rank = np.arange(1, m + 1)
    pick = np.unique(np.linspace(0, m - 1, min(m, POINTS)).round().astype(int))
    x = tuple(map(float, rank[pick]))
    lines = (
        ("p-values", "points", np.maximum(p, LEAST)),
        ("Benjamini–Hochberg", "line", made.alpha * rank / m),
        ("Holm", "line", made.alpha / (m + 1 - rank)),
        ("chance", "line", (rank - 0.5) / m),
    )
    series = tuple(
        Series(name, "points" if mark == "points" else "line", x, tuple(map(float, y[pick])))
        for name, mark, y in lines
    )
    return Chart(
        "p-values, smallest first",
        "If no slope were real the points would follow the line of chance; points below Holm's line, from the left, are"
        " certain however many were tested."
        + (f" Those below {number(LEAST)} are drawn there." if p[0] < LEAST else ""),
        f"The p-values of {m} slopes in rising order on a log scale, none drawn below {number(LEAST)}, with the limits"
        " of Holm and of Benjamini and Hochberg and the line that p-values follow by chance.",
        "rank",
        "p-value",
        series,
        log_y=True,
    )


def _formulas(made: Conclusions) -> tuple[str, ...]:
    a, m = made.alpha, len(made.place)
    return (
        rf"\text{{Holm: }} p_{{(i)}} \le \frac{{{a:.3g}}}{{{m} + 1 - i}},\quad"
        rf"\text{{BH: }} p_{{(i)}} \le \frac{{{a:.3g}\, i}}{{{m}}}",
        rf"\text{{detectable: }} (t_{{{1 - a / 2:.4g}}} + t_{{{POWER:g}}}) \cdot se",
    )


def _remarks(case: Case, made: Conclusions) -> tuple[str, ...]:
    a = made.alpha
    sign = ""
    if np.isfinite(made.same_sign).any():
        sign = f" and of one sign in {percent(SAME_SIGN)} of {REPLICATES} bootstrap samples"
    out = [
        f"Certain: significant at {percent(a)} however many slopes were tested (Holm){sign}. Tentative: significant on"
        " its own. Undetermined: neither an effect nor its absence is shown.",
        f"An effect of the size called detectable would have been significant in {percent(POWER)} of such tables.",
    ]
    if case.spec.ridge:
        out.append("Under a penalty these are posterior probabilities, not tests.")
    lost = int(((made.p_value < a) & (made.bh >= a)).sum())
    if lost:
        expected = number(a * len(made.place), 2)
        out.append(
            f"By chance alone {expected} of {len(made.place):,} would be significant; {plural(lost, 'slope')} that"
            f" {'is' if lost == 1 else 'are'} here {'does' if lost == 1 else 'do'} not survive adjusting for their"
            " number."
        )
    return tuple(out)

"""The panel of calibration: do probabilities mean what they say? Yes, no, or cannot tell, with the numbers.

Of two classes the forecasts are the held-out probabilities of the second; of more those of the class called, with a row
for each class against the rest. Curve, band and errors are those of `probability.calibration` and `calibration_error`.
"""

from __future__ import annotations

import numpy as np

from whyfit.account.score_cells import filled, rows_scored, thinned
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.words import number
from whyfit.probability.calibration import Reliability, reliability, spiegelhalter
from whyfit.probability.calibration_error import CalibrationError, calibration_error
from whyfit.probability.calibration_of_classes import class_wise, top_label
from whyfit.probability.calibration_verdict import TOLERANCE, WIDTH, Meaning, meaning
from whyfit.probability.recalibration import WORDS, formula
from whyfit.report.numbers import p_value
from whyfit.report.panel import Chart, Grid, Interval, Panel, Series

#: Fewer rows of the rarer outcome say nothing of calibration.
FEWEST = 5
#: Forecasts asked about; those no row has are left out.
ASKED = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
#: Draws of outcomes for band and p-value: 1 % of the band lies beyond the outermost; p-values down to 0.005.
_DRAWS = 199
#: Classes that have a row of their own.
_MOST = 12


def calibration_panel(case: Case) -> Panel | None:
    """None for regressions, and with fewer than five rows of an outcome."""
    if case.task == "regression":
        return None
    y, p, level = case.sample.y, np.clip(case.held_out, 0.0, 1.0), case.spec.confidence
    binary = case.task == "binary"
    what = f"“{case.design.classes[1]}”" if binary else "the class called is the right one"
    P = p
    if not binary:
        top = top_label(y, P)
        y, p = top.right, top.confidence
    if min(y.sum(), len(y) - y.sum()) < FEWEST:
        return None
    rng = case.rng("calibration")
    error = calibration_error(y, p, level=level, rng=rng)
    curve = reliability(y, p, level, replicates=_DRAWS, rng=rng)
    asked = _asked(y, p, level)
    whole = _tests(y, p, error, curve)
    grids = [_verdicts(asked, what), whole]
    if not binary:
        grids.append(_classes(case, P, level, rng))
    return Panel(
        "calibration",
        "Do the probabilities mean what they say?",
        _lead(y, p, level, asked),
        tuple(grids),
        (_chart(curve, rows_scored(case)),),
        _formulas(case),
        filled(_verdict(error, curve, level), _on_map(case)),
    )


def _asked(y: np.ndarray, p: np.ndarray, level: float) -> list[Meaning]:
    return [m for at in ASKED if (m := meaning(y, p, at, level=level)).rows]


def _lead(y: np.ndarray, p: np.ndarray, level: float, asked: list[Meaning]) -> str:
    """About 0.9; if no row is told that, about the likeliest forecast that has rows."""
    nine = meaning(y, p, 0.9, level=level)
    if nine.rows or not asked:
        return _sentence(nine.sentence)
    most = max(asked, key=lambda m: m.rows)
    return f"No row is told 0.9. {_sentence(most.sentence)}"


def _sentence(text: str) -> str:
    text = text[0].upper() + text[1:] + "."
    at = text.find("? ") + 2
    return text[:at] + text[at].upper() + text[at + 1 :]


def _verdicts(asked: list[Meaning], what: str) -> Grid:
    return Grid(
        f"How often {what} among rows told about this much (within {WIDTH:g}).",
        ("told", "mean forecast", "happened", "rows", "meaningful?"),
        tuple(
            (f"{m.at:g}", round(m.forecast, 3), Interval(m.observed, m.low, m.high), m.rows, m.answer) for m in asked
        ),
    )  # fmt: skip


def _tests(y: np.ndarray, p: np.ndarray, error: CalibrationError, curve: Reliability) -> Grid:
    z = spiegelhalter(y, p)
    return Grid(
        "Errors of calibration, and how likely calibrated probabilities are to show as much.",
        ("measure", "value", "at least", "at most", "p-value"),
        (
            (
                "gap, root mean square over bins",
                error.rms,
                error.low,
                error.high,
                p_value(error.p_value),
            ),
            ("expected calibration error, debiased", error.ece, None, error.high, None),
            ("… as usually reported", error.plug_in, None, None, None),
            (
                "Brier score that pooling saves",
                curve.miscalibration,
                None,
                None,
                p_value(curve.p_value),
            ),
            ("… of which chance makes", curve.expected, None, None, None),
            ("Spiegelhalter's z", z.statistic, None, None, p_value(z.p_value)),
        ),
    )


def _classes(case: Case, P: np.ndarray, level: float, rng: np.random.Generator) -> Grid:
    y, names = case.sample.y.astype(int), case.design.classes
    wise = class_wise(y, P, level, rng)
    rows = np.bincount(y, minlength=len(names))
    shown = sorted(np.argsort(-rows, kind="stable")[:_MOST].tolist())
    more = "" if len(shown) == len(names) else f" The {_MOST} largest of {len(names):,}."
    return Grid(
        f"Each class against the rest: mean debiased error {number(wise.ece, 2)}, p-value over all"
        f" {p_value(wise.p_value)}.{more}",
        ("class", "rows", "mean forecast", "share", "gap, RMS", "at least", "at most", "p-value"),
        tuple(
            (
                names[c],
                int(rows[c]),
                float(P[:, c].mean()),
                float(rows[c] / len(y)),
                wise.errors[c].rms,
                wise.errors[c].low,
                wise.errors[c].high,
                p_value(wise.errors[c].p_value),
            )
            for c in shown
        ),
    )


def _chart(curve: Reliability, rows: str) -> Chart:
    x, seen, low, high = thinned(curve.forecast, curve.observed, curve.band_low, curve.band_high)
    band = f"{round(100 * curve.level)} % if calibrated"
    return Chart(
        "Reliability",
        "On the dashed line a forecast happens as often as it says; calibrated ones would stay within the band.",
        f"How often it happened by the forecast, pooled so that it rises, of {rows};"
        f" {100 * curve.outside:.0f} % of the rows lie outside the band.",
        "held-out probability",
        "share that happened",
        (Series(band, "band", x, (), low, high), Series("observed", "line", x, seen)),
        diagonal=True,
    )


def _formulas(case: Case) -> tuple[str, ...]:
    maps = case.recalibration
    said = "" if maps is None else formula(maps.map)
    return (said,) if said else ()


def _verdict(error: CalibrationError, curve: Reliability, level: float) -> str:
    """Of all forecasts together, from the two tests that see every kind of gap."""
    if min(error.p_value, curve.p_value) >= (1 - level) / 2:  # two tests
        return (
            f"All in all no gap beyond chance; one of up to {number(error.high, 2)} (root mean square) could hide in so"
            " many rows."
        )
    if error.high <= TOLERANCE:
        most = number(error.high, 2)
        return f"All in all the gaps are more than chance, but small: {most} (root mean square) at most."
    return (
        f"All in all the gaps are more than chance: {number(error.rms, 2)} (root mean square),"
        f" [{number(error.low, 2)}, {number(error.high, 2)}]."
    )


def _on_map(case: Case) -> str:
    name = case.spec.recalibrate
    if name == "none":
        return ""
    return f"These are probabilities after {WORDS[name]}, each row's by a map learned on the other folds."

"""Scores of two classes: ranking, probabilities, the calls made at the threshold, and what they cost."""

from __future__ import annotations

import numpy as np

from whyfit.account.cost_tables import benefit_chart, cost_chart, cost_grid, cost_remark
from whyfit.account.score_cells import (
    cell,
    filled,
    on_recalibration,
    over_the_folds,
    rows_scored,
    saved_by,
    score_grid,
    thinned,
)
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.words import number
from whyfit.probability import scores
from whyfit.probability.divergences import LogLossParts, information_of, log_loss_parts
from whyfit.report.panel import Chart, Grid, Interval, Panel, Series

#: Log losses here are of probabilities at least this far from 0 and 1; float64 tells 1 − 1e−16 from 1, no more.
CLIP = 1e-15


def binary_panel(case: Case) -> Panel:
    y, p, level = case.sample.y, case.held_out, case.spec.confidence
    yes = case.design.classes[1]
    each = {
        "auc": scores.auc(y, p, level),
        "ap": scores.average_precision(y, p, level),
        "loss": scores.log_loss(y, p, level, clip=CLIP),
        "brier": scores.brier(y, p, level),
    }
    called = p >= case.spec.called_from
    table = scores.Confusion.of(y, called.astype(float), level, (0.0, 1.0))
    ranked = (each["auc"], each["ap"]) if 0 < y.sum() < len(y) else ()
    parts = log_loss_parts(y, np.clip(p, CLIP, 1 - CLIP))
    costs = (cost_grid(case),) if case.spec.costs is not None else ()
    curve = scores.Curve.of(y, p)
    return Panel(
        "performance",
        "Scores",
        _lead(each["auc"], each["loss"], yes),
        (
            score_grid((*ranked, each["loss"], each["brier"], table.score), rows_scored(case)),
            _called(table, case),
            _shares(table, case),
            *costs,
        ),
        (
            *((_roc(curve, each["auc"]), _recall(curve, float(y.mean()), yes)) if ranked else ()),
            cost_chart(case) if case.spec.costs is not None else benefit_chart(case),
        ),
        (*_identity(parts), _brier(scores.brier_decomposition(y, p))),
        filled(
            cost_remark(case),
            _chance(parts, len(y)),
            on_recalibration(case, scores.log_loss(y, case.out_of_fold, level, clip=CLIP), each["loss"]),
            over_the_folds(
                case,
                (
                    ("log loss", "log_loss", each["loss"].value),
                    ("Brier score", "brier", each["brier"].value),
                    ("accuracy", "accuracy", table.accuracy.value),
                ),
            ),
            _clipped(p),
        ),
    )  # fmt: skip


def _lead(area: scores.Score, loss: scores.Score, yes: str) -> str:
    said = saved_by(loss, "the base rate")
    if not np.isfinite(area.value):
        return said + "; there is one class only, and nothing to rank."
    between = f"[{area.low:.3f}, {area.high:.3f}]"
    return f"{said}, and rank a row of “{yes}” above another in {area.value:.3f} {between} of the pairs (AUC)."


def _called(table: scores.Confusion, case: Case) -> Grid:
    no, yes = case.design.classes
    (tn, fp), (fn, tp) = table.counts.tolist()
    return Grid(
        f"Rows called “{yes}” from probability {number(case.spec.called_from)} on.",
        ("truth", f"called {no}", f"called {yes}"),
        ((no, tn, fp), (yes, fn, tp)),
    )


def _shares(table: scores.Confusion, case: Case) -> Grid:
    """Beside the call of the larger class for every row."""
    no, yes = case.design.classes
    rows = table.counts.sum(axis=1)
    larger = int(rows[1] > rows[0])
    counts = np.zeros((2, 2), dtype=int)
    counts[:, larger] = rows
    always = scores.Confusion(counts, table.classes, table.level)
    told, told_always = information_of(table.counts, table.level), 0.0
    entries = [
        (f"sensitivity (recall of {yes})", table.recall(1), always.recall(1)),
        (f"specificity (recall of {no})", table.recall(0), always.recall(0)),
        (f"precision of {yes}", table.precision(1), always.precision(1)),
        ("accuracy", table.accuracy, always.accuracy),
        ("balanced accuracy", table.balanced_accuracy, always.balanced_accuracy),
        (f"F₁ of {yes}", table.f1(1), always.f1(1)),
        ("Matthews' correlation", table.correlation, always.correlation),
    ]
    information = Interval(told.corrected, told.low, told.high)
    return Grid(
        "What these calls are worth, beside always calling the larger class.",
        ("of the calls", "value", f"always {(no, yes)[larger]}", "rows"),
        (
            *((name, cell(s), a.value, s.rows) for name, s, a in entries),
            ("information on the class, nats", information, told_always, told.n),
        ),
    )


def _roc(curve: scores.Curve, area: scores.Score) -> Chart:
    x, y = thinned(curve.false_alarm_rate, curve.recall)
    return Chart(
        "ROC curve",
        "The further above the dashed line, which ranks by chance, the better.",
        f"The share of positives called against that of negatives, over all thresholds; the area is {area.value:.3f}.",
        "false positive rate",
        "true positive rate",
        (Series("model", "line", x, y),),
        diagonal=True,
    )


def _recall(curve: scores.Curve, base: float, yes: str) -> Chart:
    x, y = thinned(curve.recall[1:], curve.precision[1:])
    return Chart(
        "Precision and recall",
        "The dashed line is the share of positives: the precision of calling rows by chance.",
        f"Precision of “{yes}” from {y[0]:.2f} where few rows are called down to {y[-1]:.2f} where all are.",
        "recall",
        "precision",
        (Series("model", "line", x, y),),
        level=base,
    )


def _identity(parts: LogLossParts) -> tuple[str, ...]:
    """Cross-entropy = entropy + KL, with numbers that add up as they are printed."""
    if not np.isfinite(parts.cross_entropy):
        return ()
    whole, kl = round(parts.cross_entropy, 4), round(parts.divergence, 4)
    base, left = round(parts.base, 4), round(whole - kl, 4)
    return (
        r"H(y, p) = H(y \mid p) + \mathrm{KL}(y \,\|\, p):"
        rf"\quad {whole:.4f} = {left:.4f} + {kl:.4f}",
        r"H(y \mid p) = H(y) - I(y; p):" rf"\quad {left:.4f} = {base:.4f} - {base - left:.4f}",
    )


def _brier(d: scores.Decomposition) -> str:
    total, reliability, unsure = round(d.score, 4), round(d.reliability, 4), round(d.uncertainty, 4)
    return (
        r"\mathrm{BS} = \mathrm{REL} - \mathrm{RES} + \mathrm{UNC}:"
        rf"\quad {total:.4f} = {reliability:.4f} - {reliability + unsure - total:.4f} + {unsure:.4f}"
    )


def _chance(parts: LogLossParts, n: int) -> str:
    made = parts.groups / (2 * n)
    return (
        "The log loss H(y, p) is what a prediction leaves open, H(y | p), and the price of saying the wrong number,"
        f" KL; of the {number(parts.base)} of the base rate, H(y), predictions tell I(y; p). It splits over"
        f" {parts.groups:,} groups of neighbouring predictions, and I and KL are both too high by about"
        f" {number(made, 2)} nats, which chance makes of so many groups. The Brier score splits likewise:"
        " REL the price of the wrong number, RES what predictions tell, UNC the score of the base rate."
    )


def _clipped(p: np.ndarray) -> str:
    sure = int(((p < CLIP) | (p > 1 - CLIP)).sum())
    if not sure:
        return ""
    return (
        f"{sure:,} held-out probabilities are 0 or 1 to fifteen digits, and count as {CLIP:.0e} and 1 − {CLIP:.0e} in"
        " the log loss of this panel."
    )

"""Scores of more than two classes: probabilities, the calls of the most probable, and each class against the rest."""

from __future__ import annotations

import numpy as np

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
from whyfit.probability import scores
from whyfit.probability.divergences import information_of, log_loss_parts
from whyfit.report.panel import Chart, Grid, Interval, Panel, Series

#: Probabilities of the class that came true count as at least this much, as they do in the scores over folds.
CLIP = 1e-300
#: Classes of a confusion matrix that can be read; of more, the confusions that happen most are listed.
MATRIX = 10
_LISTED = 12
#: Curves of a chart that can be told apart.
_CURVES = 4


def classes_panel(case: Case) -> Panel:
    y, P, level = case.sample.y.astype(int), case.held_out, case.spec.confidence
    names = case.design.classes
    loss = scores.log_loss(y, P, level, clip=CLIP)
    brier = scores.brier(y, P, level)
    table = scores.Confusion.of(y, P.argmax(axis=1), level, tuple(range(len(names))))
    return Panel(
        "performance",
        "Scores",
        _lead(loss, table),
        (
            score_grid((loss, brier, table.score), rows_scored(case)),
            _averages(table, y, P),
            _each_class(table, y, P, names, level),
            _confusions(table, names),
        ),
        (_curves(y, P, names),),
        _identity(y, P),
        filled(
            "The log loss H(y, p) is that of the shares of the classes, H(y), less what the class called tells,"
            " I(y; ŷ), and D: what the probabilities beside it cost, or save where D is below 0.",
            on_recalibration(case, scores.log_loss(y, case.out_of_fold, level, clip=CLIP), loss),
            over_the_folds(
                case,
                (
                    ("log loss", "log_loss", loss.value),
                    ("Brier score", "brier", brier.value),
                    ("accuracy", "accuracy", table.accuracy.value),
                ),
            ),
        ),
    )


def _lead(loss: scores.Score, table: scores.Confusion) -> str:
    accuracy = table.score
    return (
        f"{saved_by(loss, 'the shares of the classes')}; {accuracy.value:.3f}"
        f" [{accuracy.low:.3f}, {accuracy.high:.3f}] of the rows are called right, {accuracy.trivial:.3f} by always"
        " calling the largest class."
    )


def _area(y: np.ndarray, P: np.ndarray, c: int, level: float) -> scores.Score:
    return scores.auc((y == c).astype(float), P[:, c], level)


def _averages(table: scores.Confusion, y: np.ndarray, P: np.ndarray) -> Grid:
    """Averages over the classes that occur, each class weighing the same."""
    some = [c for c in range(len(table.classes)) if table.counts[c].sum()]
    precision = [table.precision(c).value for c in some]
    areas = [_area(y, P, c, table.level).value for c in some]
    told, C = information_of(table.counts, table.level), len(some)
    return Grid(
        "Averages over the classes, each counting the same, and agreement beyond chance.",
        ("of the calls", "value", "knowing nothing"),
        (
            ("macro recall (balanced accuracy)", cell(table.balanced_accuracy), 1 / C),
            ("macro precision", float(np.mean(np.nan_to_num(precision))), None),
            ("macro F₁", float(np.mean([table.f1(c).value for c in some])), None),
            ("macro AUC, each against the rest", float(np.mean(areas)), 0.5),
            ("Matthews' correlation", cell(table.correlation), 0.0),
            (
                "information on the class, nats",
                Interval(told.corrected, told.low, told.high),
                0.0,
            ),
        ),
    )


def _each_class(
    table: scores.Confusion, y: np.ndarray, P: np.ndarray, names: tuple[str, ...], level: float
) -> Grid:
    rows = table.counts.sum(axis=1)
    order = np.argsort(-rows, kind="stable")
    shown = sorted(order[: 2 * MATRIX].tolist())
    more = "" if len(names) == len(shown) else f" The {len(shown)} largest of {len(names):,}."
    return Grid(
        f"Each class, called where it is the most probable.{more}",
        ("class", "rows", "recall", "precision", "F₁", "AUC against the rest"),
        tuple(
            (
                names[c],
                int(rows[c]),
                cell(table.recall(c)),
                cell(table.precision(c)),
                cell(table.f1(c)),
                cell(_area(y, P, c, level)),
            )
            for c in shown
        ),
    )


def _confusions(table: scores.Confusion, names: tuple[str, ...]) -> Grid:
    """The matrix, or the mistakes made most often."""
    C = len(names)
    if C <= MATRIX:
        return Grid(
            "Rows of each class by what they were called.",
            ("truth", *(f"called {name}" for name in names)),
            tuple((names[c], *table.counts[c].tolist()) for c in range(C)),
        )
    wrong = table.counts.copy()
    np.fill_diagonal(wrong, 0)
    most = np.argsort(-wrong, axis=None, kind="stable")[:_LISTED]
    pairs = [divmod(int(i), C) for i in most if wrong.flat[i]]
    return Grid(
        "The mistakes made most often.",
        ("truth", "called", "rows", "share of the class"),
        tuple(
            (names[a], names[b], int(wrong[a, b]), float(wrong[a, b] / table.counts[a].sum()))
            for a, b in pairs
        ),
    )


def _curves(y: np.ndarray, P: np.ndarray, names: tuple[str, ...]) -> Chart:
    """Of each of the largest classes against the rest."""
    rows = np.bincount(y, minlength=len(names))
    shown = sorted(
        c for c in np.argsort(-rows, kind="stable")[:_CURVES].tolist() if 0 < rows[c] < len(y)
    )
    series = []
    for c in shown:
        curve = scores.Curve.of((y == c).astype(float), P[:, c])
        series.append(Series(names[c], "line", *thinned(curve.false_alarm_rate, curve.recall)))
    of = "each class" if len(shown) == len(names) else f"the {len(shown)} largest classes"
    return Chart(
        "ROC curves",
        "The further above the dashed line, which ranks by chance, the better a class is told from the rest.",
        f"The share of a class found against that of the rest called too, of {of}, over all thresholds.",
        "false positive rate",
        "true positive rate",
        tuple(series),
        diagonal=True,
    )


def _identity(y: np.ndarray, P: np.ndarray) -> tuple[str, ...]:
    """Log loss = that of the shares, less what the called class tells, plus what the probabilities cost beside it."""
    Q = np.clip(P, CLIP, 1.0)
    parts = log_loss_parts(y, Q / Q.sum(axis=1, keepdims=True))
    whole, base, told = (round(v, 4) for v in (parts.cross_entropy, parts.base, parts.information))
    rest = whole - base + told
    sign = "+" if rest >= 0 else "-"
    return (
        r"H(y, p) = H(y) - I(y; \hat{y}) + D:"
        rf"\quad {whole:.4f} = {base:.4f} - {told:.4f} {sign} {abs(rest):.4f}",
    )

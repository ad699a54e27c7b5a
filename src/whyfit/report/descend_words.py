"""The words that the text and the page of a descent share. Everything is worded from a DescendDocument."""

from __future__ import annotations

import math

from whyfit.diagnosis.words import MISSING, number, plural
from whyfit.report.descend_document import Better, DescendDocument, Runner, Told
from whyfit.report.numbers import seconds

NAMES = {
    "1/t": "1/t schedule", "warmup": "warm-up", "cosine": "cosine schedule", "step": "step schedule",
    "plateau": "plateau schedule",
}  # fmt: skip


def size(document: DescendDocument) -> str:
    """ "20,640 rows, 10 parameters → price"."""
    rows, used = document.rows.read, document.rows.used
    shown = plural(rows, "row") if rows == used else f"{used:,} of {plural(rows, 'row')}"
    return f"{shown}, {plural(document.parameters, 'parameter')} → {document.target}"


def loss(document: DescendDocument) -> str:
    columns = "standardised columns" if document.standardised else "columns as they are"
    return f"{document.loss} loss, {columns}"


def elapsed(document: DescendDocument) -> str:
    return seconds(document.timings.get("total", 0.0))


def setting(document: DescendDocument) -> str:
    """ "SGD, η 0.01, batch 32, 3,225 steps (5 epochs), cosine schedule"."""
    run = document.run
    if run is None:
        return f"race of {plural(len(document.race), 'optimizer')}"
    parts = [run.optimizer]
    if run.rate is not None:
        parts.append(f"η {number(run.rate)}")
    momentum = document.descent.get("momentum")
    if run.optimizer in ("momentum", "Nesterov"):
        parts.append(f"β {number(0.9 if momentum is None else momentum)}")
    if run.batch is not None:
        parts.append(f"batch {run.batch:,}")
    epochs = f" ({number(run.epochs, 3)} epochs)" if run.batch is not None else ""
    parts.append(plural(run.asked, "step") + epochs)
    if run.schedule in NAMES:
        parts.append(NAMES[run.schedule])
    return ", ".join(parts)


def share(x: float | None) -> str:
    """A share of the excess loss."""
    if x is None or math.isnan(x):
        return MISSING
    if math.isinf(x):
        return "∞"
    if x > 10:
        return f"{number(x, 3)} ×"
    return f"{number(100 * x, 3)} %" if x >= 1e-6 else number(x, 2)


def _cell(x: float | None, unit: str, what: str) -> str:
    if x is None:
        return MISSING
    if what.startswith("share") or "share" in what:
        return share(x)
    if unit == "×":
        return f"× {number(x, 4)}"
    return number(x)


def cells(told: Told) -> tuple[str, str, str, str]:
    """What, predicted, observed, and whether they agree."""
    verdict = {True: "agrees", False: "does not", None: ""}[told.agrees]
    if told.agrees is True and told.tolerance is not None:
        exact = told.tolerance <= 1
        verdict = "agrees" if exact else f"within × {number(told.tolerance)}"
    remark = "; ".join(filter(None, (verdict, told.note)))
    return (
        told.what,
        _cell(told.predicted, told.unit, told.what),
        _cell(told.observed, told.unit, told.what),
        remark,
    )


def better_cells(better: Better) -> tuple[str, str, str, str]:
    """What, η, predicted and run shares."""
    rate = "" if better.rate is None else f"η {number(better.rate, 2)}"
    if better.rate is not None and better.limit is not None and better.limit > 0:
        rate += f" ({number(100 * better.rate / better.limit, 2)} % of the limit)"
    return better.what, rate, share(better.predicted), share(better.observed)


def runner_cells(runner: Runner) -> tuple[str, str, str, str, str]:
    """Name, η, steps and epochs to 1 %, and a remark."""
    rate = MISSING if runner.rate is None else number(runner.rate, 2)
    if runner.steps is not None:
        said = ""
        if runner.predicted_steps is not None:
            said = f"predicted {number(runner.predicted_steps, 6)}"
        return runner.name, rate, f"{runner.steps:,}", number(runner.epochs, 3), said
    said = f"{share(runner.left)} left after {runner.budget:,}"
    if not runner.left < 1:
        said = "diverged"
    if runner.predicted_steps is not None:
        said += f"; predicted {number(float(f'{runner.predicted_steps:.2g}'))} steps"
    return runner.name, rate, MISSING, MISSING, said


def sentence(text: str) -> str:
    """`text` with a capital and a full stop."""
    return text[:1].upper() + text[1:] + "."

"""The words that text, HTML and notebook share: headline, scores, counts, what was left out.

Everything is worded from a Document; nothing is computed beyond rounding and subtraction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from whyfit.diagnosis.finding import SEVERITIES, Finding, Remedy, Trial
from whyfit.diagnosis.words import fixed, number, plural
from whyfit.report.document import Document, Score
from whyfit.report.numbers import (
    decimals_for_ends,
    interval,
    percent,
    plus_minus,
    score_decimals,
    seconds,
    unit_of,
)

#: Score names as people say them; a name not listed is shown with its underscores as spaces.
SCORE_NAMES = {
    "r2": "R²",
    "rmse": "typical error",
    "mae": "mean absolute error",
    "log_loss": "log loss",
    "accuracy": "accuracy",
    "auc": "AUC",
    "brier": "Brier score",
    "log_score": "log density per row",
    "deviance_explained": "deviance explained",
}
#: What the summary shows, by task; the group "constant" holds the constant predictor's scores.
_HEADLINE = {"regression": ("r2", "rmse")}
_HEADLINE_CLASSES = ("log_loss", "accuracy")
_WITHOUT_INTERVAL = {"rmse"}  # the summary keeps the typical error to one plain number


@dataclass(frozen=True, slots=True)
class Named:
    """A label, what is said about it, and what stands beside that for comparison."""

    label: str
    text: str
    beside: str = ""

    def __str__(self) -> str:
        return f"{self.label} {self.text}" + (f" ({self.beside})" if self.beside else "")


def score_name(key: str) -> str:
    return SCORE_NAMES.get(key, key.replace("_", " "))


def size(document: Document) -> str:
    """ "20,640 rows × 9 features → median_house_value"."""
    used = sum(1 for f in document.features if f.columns)
    rows = plural(document.rows.used, "row")
    return f"{rows} × {plural(used, 'feature')} → {document.model.target}"


def elapsed(document: Document) -> str:
    t = document.timings.get("total", math.fsum(document.timings.values()))
    return seconds(t)


def headline_scores(document: Document) -> tuple[Named, ...]:
    """Held-out scores of the first line, those of the constant predictor beside them."""
    held_out = document.scores.get("held_out", {})
    constant = document.scores.get("constant", {})
    wanted = _HEADLINE.get(document.task, _HEADLINE_CLASSES)
    found = [k for k in wanted if k in held_out] or list(held_out)[:2]
    out = []
    for i, key in enumerate(found):
        score = held_out[key]
        text = (
            number(score.value, 3)
            if key in _WITHOUT_INTERVAL
            else plus_minus(score.value, score.low, score.high)
        )
        beside = ""
        if document.task != "regression" and key in constant:
            beside = f"constant {_like(constant[key].value, score)}"
        out.append(Named(("held-out " if i == 0 else "") + score_name(key), text, beside))
    return tuple(out)


def _like(value: float, score: Score) -> str:
    """`value` rounded as `score` is."""
    places = score_decimals(score.value, score.low, score.high)
    return number(value, 3) if places is None or places > 4 else fixed(value, places)


def statistic(document: Document) -> str:
    """What estimate over standard error is called: t of least squares, z of a likelihood."""
    return "t" if document.model.loss in ("", "squared") and document.task == "regression" else "z"


def certain_digits(document: Document) -> int | None:
    """Decimal digits certain in every coefficient; None if nothing is known about them."""
    known = [c.digits for c in document.model.coefficients if math.isfinite(c.digits)]
    return max(0, math.floor(min(known))) if known else None


def digits_line(document: Document) -> str:
    digits = certain_digits(document)
    return "" if digits is None else f"coefficients certain to {plural(digits, 'digit')}"


def fold_count(document: Document) -> int | None:
    """Folds that were used; fewer than asked for when the rows are few."""
    for score in document.scores.get("held_out", {}).values():
        if score.folds:
            return len(score.folds)
    return document.spec.get("folds")


def level(document: Document) -> str:
    return percent(float(document.spec.get("confidence", 0.95)))


def folds_line(document: Document) -> str:
    k = fold_count(document)
    return ", ".join(([plural(k, "fold")] if k else []) + [level(document)])


def counts(findings: tuple[Finding, ...]) -> tuple[tuple[str, str], ...]:
    """(severity, "2 errors") for each severity that occurs."""
    n = {s: sum(f.severity == s for f in findings) for s in SEVERITIES}
    return tuple((s, plural(n[s], s)) for s in SEVERITIES if n[s])


def dropped_rows(document: Document) -> str:
    """ "12 of 20,652 left out: target missing 10, duplicate 2"; "" if every row was used."""
    rows = document.rows
    missing = rows.read - rows.used
    if missing <= 0 and not rows.dropped:
        return ""
    reasons = ", ".join(f"{why} {n:,}" for why, n in rows.dropped.items() if n)
    return f"{missing:,} of {rows.read:,} left out" + (f": {reasons}" if reasons else "")


def dropped_columns(document: Document) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(reason, columns) for the source columns that became no design column."""
    groups: dict[str, list[str]] = {}
    for f in document.features:
        if not f.columns:
            groups.setdefault(f.reason or f.kind, []).append(f.name)
    return tuple((why, tuple(names)) for why, names in groups.items())


def split_prediction(finding: Finding) -> tuple[str, str]:
    """The line "predicted … observed …" as (what was predicted, what was observed)."""
    text = finding.prediction.strip()
    if text.lower().startswith("predicted"):
        text = text[len("predicted") :].lstrip(" :")
    before, word, after = text.rpartition("observed")
    if not word or not before.strip():
        return text, ""
    return before.rstrip(" ,;:–—"), after.lstrip(" :")


def evidence_line(finding: Finding) -> str:
    """The first number that has a limit, unless the message already states it."""
    for e in finding.evidence:
        if not e.limit or not math.isfinite(e.value):
            continue  # a limit of 0 says no more than that there is something
        shown, limit = number(e.value, 3), number(e.limit, 3)
        said = finding.message
        if "limit" in said and (limit in said or percent(e.limit) in said):
            return ""
        unit = f" {unit_of(e)}" if e.unit else ""
        has_ends = e.low is not None and e.high is not None
        span = f" [{number(e.low, 3)}, {number(e.high, 3)}]" if has_ends else ""
        return f"{e.name} {shown}{unit}{span} (limit {limit})"
    return ""


def trial_effect(trial: Trial, *, brief: bool = False) -> str:
    """ "held-out R² 0.612 → 0.640, gain +0.028 [+0.020, +0.036]"; a gain is always an improvement.

    A factor reads "largest standard error 5.80 → 1.41, 4.10 × smaller [3.90, 4.30]". `brief` leaves out
    the values before and after.
    """
    if brief:
        return f"{trial.measure} {trial_change(trial)}"
    if _is_factor(trial):
        before, after = _three(trial.before), _three(trial.after)
    elif trial.low == trial.high:
        before, after = number(trial.before), number(trial.after)
    else:
        places = decimals_for_ends(trial.low, trial.high)
        before, after = fixed(trial.before, places), fixed(trial.after, places)
    return f"{trial.measure} {before} → {after}, {trial_change(trial)}"


def trial_change(trial: Trial) -> str:
    """ "gain +0.028 [+0.020, +0.036]", or "4.10 × smaller [3.90, 4.30]" for a factor."""
    if _is_factor(trial):
        smaller = trial.after < trial.before
        ends = (trial.low, trial.high) if trial.difference > 0 else (-trial.high, -trial.low)
        factor, low, high = (_factor(x) for x in (abs(trial.difference), *ends))
        span = "" if trial.low == trial.high else f" [{low}, {high}]"  # a run that is no draw
        return f"{factor} × {'smaller' if smaller else 'larger'}{span}"
    if trial.low == trial.high:  # the same in every fold: a count
        return f"gain {'+' if trial.difference > 0 else ''}{number(trial.difference)}"
    places = decimals_for_ends(trial.low, trial.high)
    gain = fixed(trial.difference, places, plus=True)
    return f"gain {gain} {interval(trial.low, trial.high, places)}"


def _is_factor(trial: Trial) -> bool:
    """Whether `difference` is of logarithms: it is |log(after / before)|, not |after − before|."""
    a, b, d = trial.after, trial.before, abs(trial.difference)
    if not (a > 0 and b > 0 and math.isfinite(d)):
        return False
    tolerance = 1e-6 * d + 1e-12 * max(a, b)
    return abs(abs(a - b) - d) > tolerance and abs(abs(math.log(a / b)) - d) <= tolerance


def _factor(log: float) -> str:
    return _three(math.exp(log)) if log < 700 else "∞"


def _three(x: float) -> str:
    """Three significant digits, zeros kept, so that numbers side by side look equally certain."""
    if not 1e-4 <= abs(x) < 1e9:
        return number(x, 3)
    return fixed(x, 2 - math.floor(math.log10(abs(x))))


def verdict(remedy: Remedy) -> str:
    """What trying the remedy gave; "" for advice that is no edit of the Spec."""
    if remedy.trial is None:
        return "not tried" if remedy.edit else ""
    if remedy.trial.helped:
        return "tried, helped"
    if remedy.trial.low > 0:  # the measure gained, the held-out score that guards it did not hold
        return "tried, may predict worse"
    return "tried, made it worse" if remedy.trial.high < 0 else "tried, no measurable gain"

"""Finding, Remedy, Trial: what whyfit says, what it proposes, what trying it gave.

A finding is a prediction that could have been wrong: its evidence sets a measured value beside the
limit it passed and beside the value theory predicted. A remedy is an edit of the Spec, and a trial is
the measured effect of that edit against the unchanged control on the same folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
Pillar = Literal["linear algebra", "calculus", "probability"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One number of a finding.

    `value` is what was observed; `limit` what it had to stay within; `predicted` what theory gives;
    `low`, `high` the interval of `value`; `formula` LaTeX with the user's own values in it;
    `unit` a short word ("rows", "×", "of the variance"), "" for pure numbers.
    """

    name: str
    value: float
    limit: float | None = None
    predicted: float | None = None
    low: float | None = None
    high: float | None = None
    formula: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """Measured effect of a remedy, paired with the control over the same folds.

    `difference` is oriented so that positive means better; [low, high] is its interval.
    `helped` holds only if the interval excludes no gain.
    """

    measure: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    helped: bool


@dataclass(frozen=True, slots=True)
class Remedy:
    """`name` in plain words; `edit` of the Spec; `trial` once it was tried."""

    name: str
    edit: dict[str, Any]
    trial: Trial | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, the evidence on the user's numbers, and the remedy tried.

    `subject` names the columns (or rows) concerned; `message` is one plain sentence;
    `prediction` is one line "predicted … observed …", "" where the catalogue has none.
    `explains` lists codes of other rules whose symptom this finding accounts for.
    """

    code: str
    rule: str
    pillar: Pillar
    severity: Severity
    subject: tuple[str, ...]
    message: str
    evidence: tuple[Evidence, ...]
    prediction: str = ""
    remedy: Remedy | None = None
    reference: str = ""
    explains: tuple[str, ...] = ()

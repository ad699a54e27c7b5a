"""Rule, Suspicion, Proposal: how a rule speaks.

A rule is a module with the constant RULE. Its `check(case)` is cheap and returns one Suspicion for *every*
hypothesis it looked at that involves sampling (so that Holm counts all of them), and one for every certain
fact worth a finding. Suspicions that survive the family-wise budget are *confirmed*: the expensive part,
where the prediction meets the observation. A cause its own prediction refutes returns None there.

The module docstring of a rule is its page, in four parts headed

    What it says / The mathematics / Why it hurts / What to do
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from whyfit.diagnosis.finding import Finding, Pillar, Severity
from whyfit.diagnosis.measures import Measure

ALL_TASKS = ("regression", "binary", "multiclass")
ALL_LOSSES = ("squared", "poisson", "gamma", "huber", "log-loss")
OF_LEAST_SQUARES = ("squared", "log-loss")  # of regressions only those by least squares


@dataclass(frozen=True, slots=True)
class Proposal:
    """A remedy to be tried: `edit` of the Spec, judged by `measure`, spoiled if `guard` falls.

    `guard` is a measure that must not get relevantly worse (see `trial.RELEVANT_LOSS`), None for no guard.
    `against` is an edit to be applied to the *control* instead of leaving it unchanged: for remedies that
    the Spec has in place already ({"missing": "impute"} when the indicator is on), so that their effect is
    measured all the same; such a remedy is reported with "(in place)".
    """

    name: str
    edit: dict[str, Any]
    measure: Measure
    guard: Measure | None = None
    against: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A finding and the remedies to try for it, in order of preference."""

    finding: Finding
    proposals: tuple[Proposal, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A finding in waiting.

    p_value: of the null "the effect is within its practical limit"; None where nothing was sampled.
    """

    confirm: Callable[[], Confirmed | None]
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """`severity` is the worst it speaks with; `summary` the first line of its page.

    `losses`: under which losses (`Case.loss`) it has something to say.
    """

    code: str
    slug: str
    pillar: Pillar
    severity: Severity
    check: Callable[[Any], Iterable[Suspicion]]  # of a Case; of a CloudCase where tasks says cloud
    page: str
    reference: str = ""
    tasks: tuple[str, ...] = ALL_TASKS
    losses: tuple[str, ...] = ALL_LOSSES

    def speaks_under(self, case: Any) -> bool:
        """Whether it has something to say under the loss of the case."""
        return self.losses is ALL_LOSSES or case.loss in self.losses

    @property
    def summary(self) -> str:
        return self.page.strip().splitlines()[0].rstrip(".")

    def finding(
        self, severity: Severity, subject: Iterable[str], message: str, **rest: Any
    ) -> Finding:
        """A Finding with this rule's code, slug, pillar and reference filled in."""
        rest.setdefault("reference", self.reference)
        return Finding(
            self.code, self.slug, self.pillar, severity, tuple(subject), message,
            tuple(rest.pop("evidence", ())), **rest,
        )  # fmt: skip

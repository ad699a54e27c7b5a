"""From a Case to its findings: suspect, share the false-alarm budget, confirm, try remedies, order.

All statistical gates of one journey share a family-wise budget of 5 %: Holm over every hypothesis any rule looked at.
Every rule has the same share of it, which its hypotheses divide, so that one that looks at each of a hundred columns
takes nothing from the others. A remedy is looked for in the order the rule proposes; the first that helped is kept,
otherwise the first tried. A finding that accounts for another's symptom on the same columns silences it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from whyfit.diagnosis.finding import SEVERITIES, Finding, Remedy
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.errors import InputError
from whyfit.probability.multiple import holm

if TYPE_CHECKING:
    from whyfit.diagnosis.case import Case

FAMILY_WISE = (
    0.05  # whyfit's design: one journey raises a false alarm in at most 5 % of healthy data sets
)


def diagnose(
    case: Any, rules: Iterable[Rule], tick: Callable[[str], None] = lambda _: None
) -> tuple[Finding, ...]:
    """Findings of all rules on one Case (or CloudCase), most severe first; `tick(slug)` before each rule."""
    findings = []
    for confirmed in standing(case, rules, tick):
        tick(confirmed.finding.rule)
        findings.append(_with_remedy(case, confirmed))
    return _ordered(_unexplained(findings))


def standing(
    case: Any, rules: Iterable[Rule], tick: Callable[[str], None] = lambda _: None
) -> Iterator[Confirmed]:
    """What all rules have confirmed of one Case within the budget, in their order; no remedy is tried."""
    suspicions: list[Suspicion] = []
    tested: list[Suspicion] = []
    shares: list[float] = []
    for rule in rules:
        if case.task in rule.tasks and rule.speaks_under(case):
            tick(rule.slug)
            looked = list(rule.check(case))
            suspicions += looked
            asked = [s for s in looked if s.p_value is not None]
            tested += asked
            shares += [1 / len(asked) for _ in asked]
    p = np.array([s.p_value for s in tested], dtype=float)
    rejected = holm(p, FAMILY_WISE, np.array(shares))
    stands = {id(s) for s, r in zip(tested, rejected, strict=True) if r}
    for suspicion in suspicions:
        if suspicion.p_value is None or id(suspicion) in stands:
            confirmed = suspicion.confirm()
            if confirmed is not None:
                yield confirmed


def _with_remedy(case: Any, confirmed: Confirmed) -> Finding:
    best = confirmed.finding.remedy  # a rule on clouds brings its own, tried
    for proposal in confirmed.proposals:
        remedy = tried(case, proposal)
        if remedy is None:
            continue
        if best is None or (remedy.trial and remedy.trial.helped):
            best = remedy
        if remedy.trial and remedy.trial.helped:
            break
    return dataclasses.replace(confirmed.finding, remedy=best)


def tried(case: Case, proposal: Proposal) -> Remedy | None:
    """The remedy with its trial; None if the edit cannot be made on these data."""
    from whyfit.diagnosis.trial import compare  # a fit is at hand then, and all it needs is loaded

    try:
        if proposal.against is not None:
            control, treated = case.rerun(proposal.against), case
            name = f"{proposal.name} (in place)"
        else:
            control, treated, name = case, case.rerun(proposal.edit), proposal.name
        others = control.design.n_used != treated.design.n_used
        if others or control.k != treated.k:  # other rows, other folds: nothing to pair
            return Remedy(name, proposal.edit)
        trial = compare(control, treated, proposal.measure, proposal.guard)
        # no fold could be scored: nothing was learned
        return Remedy(name, proposal.edit, trial if np.isfinite(trial.difference) else None)
    except InputError:
        return None


def _unexplained(findings: list[Finding]) -> list[Finding]:
    """Leave out findings another one explains: its code is listed and their subjects meet."""

    def explained(f: Finding) -> bool:
        return any(
            f.code in g.explains
            and g is not f
            and (not f.subject or set(f.subject) & set(g.subject))
            for g in findings
        )

    return [f for f in findings if not explained(f)]


def _ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    """Most severe first; among equals, those that account for most other symptoms."""
    return tuple(sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), -len(f.explains))))

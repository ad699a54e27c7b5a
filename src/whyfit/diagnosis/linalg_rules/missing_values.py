"""Some cells are missing, and their rows would be lost if incomplete rows were deleted.

What it says

How many cells are missing in which columns, how many rows deleting every incomplete row would cost, and whether
being missing goes together with the target. Rows whose target is missing cannot be used at all.

The mathematics

With missing shares m_1 … m_c, deletion keeps between 1 − Σ m_j and 1 − max m_j of the rows, and about
Π (1 − m_j) if gaps fall independently; the rows are counted, not estimated. Let g_i = 1 where the cell of row i
is missing. Gaps are linked to the target if

    ρ = corr(g, y) is beyond ±0.1       (null |ρ| ≤ 0.1, Fisher's z, among all tests of the journey)

Such gaps are not "missing completely at random" (Rubin 1976, Biometrika 63, 581-592): the complete rows are a
biased sample. The indicator column g then carries signal; by Mallows' and Akaike's argument it should add to the
held-out score about

    ΔR² ≈ (RSS₀ − RSS₁ − q σ²)/S_yy − q σ²/S_yy,     Δskill ≈ (ℓ₁ − ℓ₀ − q)/(n H₀)

for q indicator columns; both are compared with what the held-out rows show.

Why it hurts

Deleting incomplete rows (what many programs do silently) throws away whole rows for single cells; up to about
5 % of the rows this is held to be harmless, beyond it is not (Schafer 1999, Statistical Methods in Medical
Research 8, 3-15). Filling gaps with the mean keeps the rows but makes the column look less variable than it is.

What to do

Keep the rows: fill the gaps and add a 0/1 column that says where they were (missing = "indicator"). A column
that is mostly missing may be better left out. Where gaps go with the target, find out why: the reason may be
known only after the outcome, and would then not be there when you predict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from whyfit.data.schema import Column
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import skill_of
from whyfit.diagnosis.nested import expected_gain
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.trial import paired
from whyfit.diagnosis.words import between, listed, percent, plural, signed
from whyfit.errors import InputError
from whyfit.probability.association import (
    SMALL_CORRELATION,
    correlation_interval,
    correlation_p_value,
)

#: Deleting up to this share of the rows is held to be inconsequential (Schafer 1999).
DELETED = 0.05
#: A column with more gaps than cells is offered to be dropped.
MOSTLY = 0.5
_TRIED = 3  # at most this many of them, the emptiest first
_USABLE = ("numeric", "boolean", "categorical", "datetime", "text")


@dataclass(frozen=True, slots=True)
class Link:
    """How the gaps of one column go with the target; `of` names the class of a multiclass target."""

    column: str
    r: float
    n: int
    of: str = ""


def check(case: Case) -> Iterator[Suspicion]:
    """One test per column with gaps, then the count, which mentions the links that survived."""
    gaps = [c for c in case.schema.columns if _is_feature(case, c) and _empty(c)]
    gaps.sort(key=lambda c: -_empty(c))
    without_target = case.design.dropped.get("missing target", 0)
    if not gaps and not without_target:
        return
    linked: list[Link] = []  # filled by the tests that survive; they are confirmed first
    for link, looks in _links(case, gaps):
        p = min(1.0, correlation_p_value(link.r, link.n) * looks)
        yield Suspicion(lambda link=link: linked.append(link), p)
    yield Suspicion(lambda: _confirm(case, gaps, without_target, linked))


def _is_feature(case: Case, column: Column) -> bool:
    return (
        column.role in _USABLE
        and column.name != case.spec.target
        and column.name not in case.spec.drop
        and column.n_missing < column.n
    )


def _empty(column: Column) -> int:
    """Missing cells that were empty or said so; unreadable ones are LA101's."""
    return column.n_missing - column.n_unreadable - column.n_infinite


def _with_indicators(case: Case) -> Case | None:
    if case.spec.missing == "indicator":
        return case
    try:
        return case.rerun({"missing": "indicator"})
    except InputError:
        return None


def indicators(case: Case) -> dict[str, str]:
    """{source column: design column that says where it is missing}."""
    out = {}
    for name, origin in zip(case.names, case.design.origin, strict=True):
        if name in (f"{origin} missing", f"{origin}=(missing)"):
            out[origin] = name
    return out


def _links(case: Case, gaps: list[Column]) -> Iterator[tuple[Link, int]]:
    """Correlation of every indicator with the target, and how many were looked at to find it."""
    marked = _with_indicators(case) if gaps else None
    if marked is None:
        return
    place = indicators(marked)
    classes = case.design.classes
    if case.task != "multiclass":
        total = marked.moments.total
        d = np.sqrt(np.maximum(np.diag(total.scatter), 0.0))
        for c in gaps:
            if c.name in place:
                j = marked.names.index(place[c.name])
                size = d[j] * d[-1]
                r = float(total.scatter[j, -1] / size) if size > 0 else 0.0
                yield Link(c.name, r, total.n), 1
        return
    sample = marked.sample
    Y = sample.y[:, None] == np.arange(len(classes))
    Y = Y - Y.mean(axis=0)
    for c in gaps:
        if c.name not in place:
            continue
        g = sample.X[:, marked.names.index(place[c.name])]
        g = g - g.mean()
        size = np.linalg.norm(g) * np.linalg.norm(Y, axis=0)
        r = np.divide(g @ Y, size, out=np.zeros(len(classes)), where=size > 0)
        best = int(np.abs(r).argmax())
        yield Link(c.name, float(r[best]), len(sample.y), classes[best]), len(classes)


def incomplete(case: Case, gaps: list[Column]) -> tuple[int, int]:
    """Rows with a target and a missing feature, and rows with a target. One walk over the table."""
    target = case.schema[case.spec.target]
    lost = usable = 0
    for block in case.table.blocks():
        y = case.design.target.values(block.data[target.name], target.levels)
        present = ~np.isnan(y)
        missing = np.zeros(block.n, dtype=bool)
        for column in gaps:
            missing |= _missing(block.data, column)
        lost += int(np.count_nonzero(missing & present))
        usable += int(np.count_nonzero(present))
    return lost, usable


def _missing(data: dict[str, np.ndarray], column: Column) -> np.ndarray:
    if column.role == "text":
        return np.isnan(data[f"{column.name}\0characters"])
    cells = data[column.name]
    return cells < 0 if column.role == "categorical" else np.isnan(cells)


def _confirm(case: Case, gaps: list[Column], without_target: int, linked: list[Link]) -> Confirmed:
    target, n = case.spec.target, case.schema.n
    lost, usable = incomplete(case, gaps) if gaps else (0, n - without_target)
    share = lost / usable if usable else 0.0
    linked.sort(key=lambda link: -abs(link.r))
    says = []
    if gaps:
        says.append(_gaps(gaps, n))
        if len(gaps) > 1 or share >= DELETED:
            says.append(
                f"deleting rows with gaps would lose {percent(share)} (limit {percent(DELETED)})"
            )
    if linked:
        says.append(_linked(linked, target))
    if without_target:
        left = "is" if without_target == 1 else "are"
        says.append(f"{plural(without_target, 'row')} of {n:,} without {target} {left} left out")
    severe = share >= DELETED or without_target >= DELETED * n
    gain = _gain(case) if linked else None
    subject = [c.name for c in gaps] + ([target] if without_target else [])
    return Confirmed(
        RULE.finding(
            "warning" if severe else "note",
            subject,
            "; ".join(says),
            evidence=tuple(_evidence(case, gaps, (lost, usable), without_target, linked, gain)),
            prediction=_prediction(case, gain),
        ),
        tuple(_proposals(case, gaps)),
    )


def _gaps(gaps: list[Column], n: int) -> str:
    few = gaps if len(gaps) <= 3 else gaps[:2]
    shown = [f"{c.name} {percent(_empty(c) / n)}" for c in few]
    more = f" and {plural(len(gaps) - len(few), 'more column')}" if len(gaps) > len(few) else ""
    return f"missing: {', '.join(shown)}{more}"


def _linked(linked: list[Link], target: str) -> str:
    first = linked[0]
    of = f"{target} = {first.of}" if first.of else target
    others = f", so do those of {listed([k.column for k in linked[1:]], 2)}" if linked[1:] else ""
    return f"gaps of {first.column} go with {of} (r = {signed(first.r, 2)}){others}"


def _gain(case: Case) -> tuple[float, float, float, float] | None:
    """Predicted gain of the indicator columns, and the observed one with its interval."""
    marked = _with_indicators(case)
    if marked is None:
        return None
    try:
        plain = marked.rerun({"missing": "impute"})
    except InputError:
        return None
    if plain.design.n_used != marked.design.n_used:
        return None
    measure = skill_of(case)
    seen = paired(measure.of(plain), measure.of(marked), measure, case.spec.confidence)
    return expected_gain(plain, marked), seen.difference, seen.low, seen.high


def _prediction(case: Case, gain: tuple[float, float, float, float] | None) -> str:
    if gain is None or not np.isfinite(gain[0]):
        return ""
    predicted, observed, low, high = gain
    return (
        f"predicted {skill_of(case).name} {signed(predicted)} with 0/1 columns for the gaps"
        f"   observed {signed(observed)} {between(low, high)}"
    )


def _evidence(case, gaps, rows, without_target, linked, gain) -> Iterator[Evidence]:
    n, (lost, usable) = case.schema.n, rows
    if gaps:
        yield Evidence(
            "share of rows lost by deleting incomplete ones",
            lost / usable if usable else 0.0,
            limit=DELETED,
            formula=rf"\frac{{{lost}}}{{{usable}}} = {lost / max(usable, 1):.3g}",
        )
    for column in gaps[:10]:
        tokens = ", ".join(f"“{t}”" for t in column.tokens)
        yield Evidence(
            f"missing cells of {column.name}" + (f" (said {tokens})" if tokens else ""),
            _empty(column),
            formula=rf"\frac{{{_empty(column)}}}{{{n}}} = {_empty(column) / n:.3g}",
            unit="cells",
        )
    if without_target:
        yield Evidence("rows without a target", without_target, unit="rows")
    for link in linked[:10]:
        low, high = correlation_interval(link.r, link.n, case.spec.confidence)
        of = f"{case.spec.target} = {link.of}" if link.of else case.spec.target
        yield Evidence(
            f"correlation of gaps in {link.column} with {of}",
            link.r,
            limit=SMALL_CORRELATION,
            low=low,
            high=high,
        )
    if gain is not None:
        yield Evidence(
            f"gain of {skill_of(case).name} by 0/1 columns for the gaps",
            gain[1],
            predicted=gain[0] if np.isfinite(gain[0]) else None,
            low=gain[2],
            high=gain[3],
        )


def _proposals(case: Case, gaps: list[Column]) -> Iterator[Proposal]:
    if not gaps:
        return
    measure, name = skill_of(case), "fill the gaps, with a 0/1 column that says where they were"
    if case.spec.missing == "indicator":
        if indicators(case):
            yield Proposal(name, {"missing": "indicator"}, measure, against={"missing": "impute"})
    else:
        yield Proposal(name, {"missing": "indicator"}, measure)
    for column in gaps[:_TRIED]:
        if column.n_missing > MOSTLY * column.n:
            yield Proposal(f"drop {column.name}", {"drop": [column.name]}, measure)


RULE = Rule(
    "LA102",
    "missing-values",
    "linear algebra",
    "warning",
    check,
    __doc__ or "",
    reference="Schafer (1999), Statistical Methods in Medical Research 8, 3-15.",
)

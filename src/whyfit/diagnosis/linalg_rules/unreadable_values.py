"""Some cells could not be read as what their column holds.

What it says

The column holds numbers (or dates), but some of its cells do not: words, typing errors, "inf". They count as
missing. Whole numbers beyond 2⁵³ are read, but rounded.

The mathematics

A column x of n cells of which b cannot be read enters the fit with n − b values. The b gaps are filled with the
mean of the others; that shrinks its variance, and the strength of its effect where the gaps are not random, by
about the share

    b / n

An infinite cell has no mean or variance to contribute at all. float64 holds 53 binary digits, so whole numbers
are exact up to 2⁵³ = 9,007,199,254,740,992 and beyond it rounded to the next multiple of 2, 4, 8 ...
Reference: IEEE 754-2019; Goldberg (1991), ACM Computing Surveys 23(1).

Why it hurts

One "12O" (with the letter O) among numbers silently becomes a gap, and "unknown" among incomes is a group of
people of its own. If the target cannot be read, the whole row is lost. Two long account numbers that differ in
the last digit become the same number.

What to do

Look at the cells shown, and correct them at the source. If the words mean something ("none", "> 100"), make the
column a category or split it in two; a word that only means "missing" can be listed in missing_tokens. The
remedy tried is a 0/1 column that says where the gaps are, and the column as a category where it has few
values, each judged by the held-out score.
"""

from __future__ import annotations

from collections.abc import Iterator

from whyfit.data.schema import Column
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence, Severity
from whyfit.diagnosis.measures import skill_of
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import listed, percent, plural

#: From this share of a column on, unreadable cells are a warning. Below it they cannot move a standardised
#: mean by more than a few hundredths of a standard deviation unless they are extreme (whyfit's design).
SHARE = 0.001
#: Columns that get a finding of their own; the others share one.
_MOST = 5
_SHOWN = 2  # cells shown in the message
_WIDTH = 18  # characters of a cell shown


def check(case: Case) -> Iterator[Suspicion]:
    """Certain facts: the reader counted them."""
    bad = [c for c in case.schema.columns if _looked_at(case, c) and _lost(c) + c.n_inexact]
    bad.sort(key=lambda c: (-_lost(c), -c.n_inexact))
    alone = bad if len(bad) <= _MOST else bad[: _MOST - 1]
    for column in alone:
        yield Suspicion(lambda column=column: _confirm(case, column))
    if rest := bad[len(alone) :]:
        yield Suspicion(lambda: _together(rest))


def _looked_at(case: Case, column: Column) -> bool:
    used = column.role not in ("identifier", "skip", "constant") or _lost(column) > 0
    return used and column.role != "skip" and column.name not in case.spec.drop


def _lost(column: Column) -> int:
    return column.n_unreadable + column.n_infinite


def _severity(column: Column) -> Severity:
    used = column.role != "identifier"
    return "warning" if used and _lost(column) >= SHARE * column.n and _lost(column) else "note"


def _confirm(case: Case, column: Column) -> Confirmed:
    kind = "date" if column.role == "datetime" else "number"
    parts = []
    if column.n_unreadable:
        share = percent(column.n_unreadable / column.n)
        parts.append(
            f"{plural(column.n_unreadable, 'cell')} ({share}) {_are(column.n_unreadable, kind)}"
        )
        if column.examples:
            parts[-1] += f": {_examples(column)}"
    if column.n_infinite:
        parts.append(
            f"{plural(column.n_infinite, 'cell')} {'is' if column.n_infinite == 1 else 'are'} infinite"
        )
    if _lost(column):
        target = column.name == case.spec.target
        parts.append("these rows are left out" if target else "read as missing")
    if column.n_inexact:
        parts.append(
            f"{plural(column.n_inexact, 'whole number')} beyond 2⁵³ lost their last digits"
        )
    evidence = (
        Evidence("unreadable cells", column.n_unreadable, unit="cells"),
        Evidence("infinite cells", column.n_infinite, unit="cells"),
        Evidence("whole numbers rounded", column.n_inexact, unit="cells"),
        Evidence(
            "share of the column lost",
            _lost(column) / column.n,
            limit=SHARE,
            formula=rf"\frac{{{_lost(column)}}}{{{column.n}}} = {_lost(column) / column.n:.3g}",
        ),
    )
    return Confirmed(
        RULE.finding(
            _severity(column),
            (column.name,),
            f"{column.name}: {'; '.join(parts)}",
            evidence=tuple(e for e in evidence if e.value),
        ),
        _proposals(case, column),
    )


def _are(count: int, kind: str) -> str:
    return f"is no {kind}" if count == 1 else f"are no {kind}s"


def _examples(column: Column) -> str:
    shown = []
    for cell in column.examples[:_SHOWN]:
        text = " ".join(cell.text.split())
        text = text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
        shown.append(f"“{text}” in row {cell.row + 1:,}")
    return ", ".join(shown)


def _proposals(case: Case, column: Column) -> tuple[Proposal, ...]:
    spec, name = case.spec, column.name
    if name == spec.target or not _lost(column) or name not in case.design.origin:
        return ()
    measure = skill_of(case)
    out = []
    if (
        column.n_distinct is not None
        and column.n_distinct <= spec.max_levels
        and not spec.roles.get(name)
    ):
        out.append(
            Proposal(f"read {name} as a category", {"roles": {name: "categorical"}}, measure)
        )
    if spec.missing == "indicator":
        out.append(
            Proposal(
                f"a 0/1 column that says where {name} is missing",
                {"missing": "indicator"},
                measure,
                against={"missing": "impute"},
            )
        )
    elif spec.missing == "impute":
        out.append(
            Proposal(
                "0/1 columns that say where a cell is missing", {"missing": "indicator"}, measure
            )
        )
    return tuple(out)


def _together(columns: list[Column]) -> Confirmed:
    names = tuple(c.name for c in columns)
    lost, inexact = sum(map(_lost, columns)), sum(c.n_inexact for c in columns)
    severities = {_severity(c) for c in columns}
    what = [plural(lost, "unreadable cell")] if lost else []
    what += [f"{plural(inexact, 'whole number')} beyond 2⁵³"] if inexact else []
    return Confirmed(
        RULE.finding(
            "warning" if "warning" in severities else "note",
            names,
            f"{plural(len(names), 'more column')} hold {' and '.join(what)}: {listed(names, 5)}",
            evidence=tuple(
                Evidence(f"unreadable cells of {c.name}", _lost(c) + c.n_inexact, unit="cells")
                for c in columns[:20]
            ),
        )
    )


RULE = Rule(
    "LA101",
    "unreadable-values",
    "linear algebra",
    "warning",
    check,
    __doc__ or "",
    reference="IEEE 754-2019; Goldberg (1991), ACM Computing Surveys 23(1), 5-48.",
)

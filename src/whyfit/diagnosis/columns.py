"""Design columns as the user knows them: by source column."""

from __future__ import annotations

from collections.abc import Iterable

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.words import listed, plural, power
from whyfit.linalg.relations import Relation

_FEW_NAMED = 3  # so many rows that break a relation are named with it
_LONG = 110  # characters of a relation beyond which it is described, not written out


def feature_of(case: Case, j: int) -> str:
    """What `{"drop": [...]}` would name: the source column, or a term the user asked for."""
    return case.names[j] if case.design.kinds[j] == "term" else case.design.origin[j]


def features_of(case: Case, columns: Iterable[int]) -> tuple[str, ...]:
    """Features behind some design columns, each once, in order."""
    return tuple(dict.fromkeys(feature_of(case, int(j)) for j in columns))


def columns_by_feature(case: Case) -> dict[str, list[int]]:
    """Design columns of every feature."""
    out: dict[str, list[int]] = {}
    for j in range(case.p):
        out.setdefault(feature_of(case, j), []).append(j)
    return out


def columns_of(case: Case, feature: str) -> list[int]:
    """Design columns of one feature."""
    return columns_by_feature(case).get(feature, [])


def kinds_of(case: Case, columns: Iterable[int]) -> set[str]:
    return {case.design.kinds[int(j)] for j in columns}


def shown_names(case: Case) -> list[str]:
    """Names as they stand in a formula: "[sex=male]" where the bare name would confuse it."""
    return [f"[{n}]" if set(n) & set(" =+−-×/") else n for n in case.names]


def written(case: Case, r: Relation) -> str:
    """The relation as a formula, or in words if that would be too long."""
    digit = "whole numbers" if r.unit == 1 else f"{r.unit:g}"
    text = r.text(shown_names(case)) + (f" (to {digit})" if r.unit and r.mostly else "")
    if len(text) <= _LONG:
        return text
    nearly = "" if r.exact else "nearly "
    features = features_of(case, r.others)
    many = f"{len(r.others)} columns of " if len(features) < len(r.others) else ""
    return f"{shown_names(case)[r.column]} is {nearly}a combination of {many}{listed(features, 3)}"


def but_for(case: Case, r: Relation) -> str:
    """In which rows a relation holds that does not hold in all: ", but for row 444", " in 990 of 1,000 rows"."""
    broken = r.rows - r.holds
    if broken > _FEW_NAMED or case.sample.share < 1:
        return f" in {r.holds:,} of {plural(r.rows, 'row')}"
    rows = [str(int(case.sample.index[i]) + 1) for i in r.exceptions]
    return f", but for row{'s' * (broken > 1)} {listed(rows)}"


def rests_on(case: Case, r: Relation) -> str:
    """The prediction for a relation that a few rows break: without them nothing is left over."""
    rows = [int(case.sample.index[i]) + 1 for i in r.exceptions]
    named = f"row {rows[0]}" if len(rows) == 1 else f"rows {listed([str(i) for i in rows], 4)}"
    return (
        f"predicted residual ≤ {power(r.bound, 1)} (rounding) without {named}"
        f"   observed {power(r.residual, 1)}: only {'this row' if len(rows) == 1 else 'these rows'}"
        f" tell{'s' * (len(rows) == 1)} the coefficients apart"
    )

"""Which design columns there are, in which order, and where each came from."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from whyfit.data.coding import Coding
from whyfit.data.schema import Column
from whyfit.data.terms import check_term
from whyfit.errors import SchemaError, SpecError
from whyfit.spec import Spec, Term

#: Most columns a design may have: one Gram matrix per fold and their sum, eleven p × p arrays of
#: float64, take 1.8 GB at this size.
MOST_COLUMNS = 4_500
#: Most bytes of a block of rows, its sparse columns counted as if they were dense: as many as BLOCK
#: rows of 128 columns have.
BLOCK_BYTES = 64 << 20
_USABLE = ("numeric", "boolean", "categorical", "datetime", "text")


GROUPING = "tells which rows belong together"


class FeatureUse(NamedTuple):
    """What became of a source column; no columns: `reason` says why."""

    name: str
    kind: str  # its role
    columns: tuple[str, ...]
    reason: str


def labels(codings: tuple[Coding, ...] | list[Coding]) -> dict[str, tuple[tuple[str, str], ...]]:
    """(name, kind) of each coding's columns, sparse ones last, made different where two would be the same."""
    taken: set[str] = set()
    out = {}
    for coding in codings:
        columns = []
        for name, kind in (*coding.columns, *coding.sparse_columns):
            while name in taken:
                name += "'"
            taken.add(name)
            columns.append((name, kind))
        out[coding.name] = tuple(columns)
    return out


def sparse_names(
    codings: tuple[Coding, ...] | list[Coding], named: dict[str, tuple[tuple[str, str], ...]]
) -> frozenset[str]:
    """Those of the `labels` of `codings` that are sparse columns."""
    return frozenset(
        name for coding in codings for name, _ in named[coding.name][len(coding.columns) :]
    )


def cuts(m: int, p: int) -> Iterator[slice]:
    """m rows of p columns in as few equal pieces as BLOCK_BYTES, dense, allow."""
    pieces = max(1, math.ceil(m / max(1, BLOCK_BYTES // (8 * max(p, 1)))))
    step = max(1, -(-m // pieces))
    for start in range(0, m, step):
        yield slice(start, min(start + step, m))


@dataclass(frozen=True, slots=True)
class Layout:
    terms: tuple[Term, ...]
    names: tuple[str, ...]
    origin: tuple[str, ...]
    kinds: tuple[str, ...]
    of_source: dict[str, tuple[str, ...]]


def has_columns(column: Column, spec: Spec) -> bool:
    if column.name == spec.groups:
        return False
    if column.role in _USABLE:
        return True
    some = 0 < column.n_missing < column.n
    return column.role == "constant" and some and spec.missing == "indicator"


def lay_out(codings: list[Coding], spec: Spec, sources: list[Column]) -> Layout:
    """Names, origins and kinds of the columns left after spec.drop: dense ones, terms, sparse ones."""
    named = labels(codings)
    origin = {name: source for source, columns in named.items() for name, _ in columns}
    kinds = {name: kind for columns in named.values() for name, kind in columns}
    minimum = {
        c.name: c.minimum for c in sources if c.role in ("numeric", "boolean") and c.name in kinds
    }
    terms: list[Term] = []
    for term in spec.terms:
        check_term(term, list(kinds), lambda name: minimum.get(name, math.nan))
        if term.name in kinds:
            continue
        kinds[term.name] = "term"
        origin[term.name] = origin[term.columns[0]]
        terms.append(term)
    everything = {c.name for c in sources} | set(kinds)
    _check_reference(spec, sources)
    for name in spec.drop:
        if name == spec.target:
            raise SpecError(f"'{name}' is the target and cannot be dropped.")
        if name not in everything:
            near = difflib.get_close_matches(name, sorted(everything), n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else "it is no column of the table."
            raise SpecError(f"'{name}' cannot be dropped; {hint}")
    gone = set(spec.drop)
    of_source = {
        source: tuple(n for n, _ in columns if n not in gone and source not in gone)
        for source, columns in named.items()
    }
    late = sparse_names(codings, named)
    kept = [n for columns in of_source.values() for n in columns]
    names = [n for n in kept if n not in late]
    names += [t.name for t in terms if t.name not in gone]
    names += [n for n in kept if n in late]
    return Layout(
        tuple(terms),
        tuple(names),
        tuple(origin[n] for n in names),
        tuple(kinds[n] for n in names),
        of_source,
    )


def uses_of(sources: list[Column], plan: Layout, spec: Spec) -> tuple[FeatureUse, ...]:
    uses = []
    for c in sources:
        columns = plan.of_source.get(c.name, ())
        reason = c.reason
        if not columns and (c.name in spec.drop or c.name in plan.of_source):
            reason = "dropped by the spec"
        if c.name == spec.groups:
            reason = GROUPING
        uses.append(FeatureUse(c.name, c.role, columns, reason))
    return tuple(uses)


def _check_reference(spec: Spec, sources: list[Column]) -> None:
    """SpecError if a reference level was named for a column that is no category."""
    role = {c.name: c.role for c in sources}
    for name, level in spec.reference.items():
        if name not in role:
            near = difflib.get_close_matches(name, sorted(role), n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else "it is no feature of the table."
            raise SpecError(f"'{name}' cannot have a reference level; {hint}")
        if role[name] in ("numeric", "datetime", "text"):
            raise SpecError(
                f"'{name}' is {role[name]} and has no reference level '{level}'; "
                "give it the role categorical, or leave its reference out."
            )


def check_size(plan: Layout, sources: list[Column]) -> None:
    p = len(plan.names)
    if p == 0:
        if not sources:
            raise SchemaError("the target is the only column; expected at least one to explain it.")
        why = "; ".join(f"'{c.name}': {c.role}, {c.reason or 'dropped'}" for c in sources[:3])
        raise SchemaError(f"no feature is left to explain the target with ({why}).")
    if p > MOST_COLUMNS:
        wide = sorted(plan.of_source.items(), key=lambda kv: -len(kv[1]))[:3]
        wide = [(name, columns) for name, columns in wide if len(columns) > 2]  # x and its gaps
        shown = ", ".join(f"'{name}' ({len(columns)})" for name, columns in wide)
        texts = {c.name for c in sources if c.role == "text"}
        less = "lower --text-features" if wide and wide[0][0] in texts else "lower max_levels"
        hint = f" or {less} (widest: {shown})" if wide else ""
        raise SchemaError(
            f"the design would have {p:,} columns, more than the {MOST_COLUMNS:,} whose moments fit "
            f"in about 2 GB; leave columns out (--drop){hint}."
        )

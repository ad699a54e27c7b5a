"""From a table to the design matrix: which columns enter, how, and what happened to the others.

`Design.of` decides once; `rows` then walks a table in blocks of (X, y, row number, fold), and `matrix`
or `read_new` builds X without a target. A design is plain data (`to_dict`), so a saved model can
rebuild X from a raw file.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from whyfit.data.coding import (
    PARTS,
    Coding,
    Data,
    DateCoding,
    LevelCoding,
    Levels,
    NumberCoding,
    TextCoding,
    calendar_part,
    fit_coding,
)
from whyfit.data.folds import fold_count, fold_of
from whyfit.data.new_rows import NewRows, open_new
from whyfit.data.schema import Column, Schema
from whyfit.data.table import Block, Table
from whyfit.data.target import Target, Tasks
from whyfit.data.terms import check_term, write_term
from whyfit.errors import InternalFault, SchemaError, SpecError, TargetError
from whyfit.fold import Rows
from whyfit.spec import Spec, Term

#: Most columns a design may have: one Gram matrix per fold and their sum, eleven p × p arrays of
#: float64, take 1.8 GB at this size.
MOST_COLUMNS = 4_500
FEWEST_ROWS = 3
_USABLE = ("numeric", "boolean", "categorical", "datetime", "text")


class FeatureUse(NamedTuple):
    """What became of a source column; no columns: `reason` says why."""

    name: str
    kind: str  # its role
    columns: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class DesignRows:
    """The RowSource of a design over a table; rows of `excluded` are included, only flagged."""

    design: Design
    table: Table
    excluded: frozenset[int]

    @property
    def names(self) -> tuple[str, ...]:
        return self.design.names

    @property
    def k(self) -> int:
        return self.design.k

    def blocks(self) -> Iterator[Rows]:
        """Blocks of the used rows in source order."""
        design, schema = self.design, self.table.schema
        levels = {c.name: c.levels for c in schema.columns}
        everything = not design.dropped
        for block in self.table.blocks():
            y = design.target.values(block.data[design.target.name], levels[design.target.name])
            index = np.arange(block.start, block.start + block.n)
            data = block.data
            if not everything:
                keep = design.usable(block.data) & ~np.isnan(y)
                if not keep.any():
                    continue
                if not keep.all():
                    y, index = y[keep], index[keep]
                    data = {name: a[keep] for name, a in data.items()}
            X = design.build(data, index.size, levels)
            yield Rows(X, y, index, fold_of(index, design.k, design.seed))


@dataclass(frozen=True)
class Design:
    """How a table becomes X and y.

    Attributes
    ----------
    task, classes : regression, binary or multiclass; binary: classes[1] is the positive one.
    names, origin, kinds : of each design column: its name, its source column, and what it is
        (numeric, boolean, level, indicator, calendar, text or term).
    features : every source column but the target, with its columns or the reason it has none.
    impute : value put in for missing cells, per numeric column.
    dropped, n_used : rows left out by reason, and rows left.
    k : number of cross-validation folds.
    """

    target: Target
    codings: tuple[Coding, ...]
    terms: tuple[Term, ...]
    names: tuple[str, ...]
    origin: tuple[str, ...]
    kinds: tuple[str, ...]
    features: tuple[FeatureUse, ...]
    dropped: dict[str, int]
    n_used: int
    k: int
    seed: int
    missing_tokens: tuple[str, ...]
    drops_missing: bool = False
    excluded: frozenset[int] = frozenset()
    schema: Schema | None = None

    @property
    def task(self) -> Tasks:
        return self.target.task

    @property
    def classes(self) -> tuple[str, ...]:
        return self.target.classes

    @cached_property
    def impute(self) -> dict[str, float]:
        return {
            c.name: c.fill
            for c in self.codings
            if isinstance(c, (NumberCoding, DateCoding)) and not math.isnan(c.fill)
        }

    @classmethod
    def of(cls, table: Table, spec: Spec) -> Design:
        """Decide task and columns for `table`.

        Raises
        ------
        TargetError : target and task do not agree, or it is constant over the rows left.
        SpecError : a term, reference or dropped column does not exist. SchemaError : no column is
        left, or more than MOST_COLUMNS.
        """
        schema = table.schema
        target = Target.of(schema[spec.target], spec)
        sources = [c for c in schema.columns if c.name != spec.target]
        parts = _count_parts(table, sources)
        codings = [
            fit_coding(c, spec, parts.get(c.name, {})) for c in sources if _has_columns(c, spec)
        ]
        plan = _lay_out(codings, spec, sources)
        _check_size(plan, sources)
        design = cls(
            target=target,
            codings=tuple(codings),
            terms=plan.terms,
            names=plan.names,
            origin=plan.origin,
            kinds=plan.kinds,
            features=_uses(sources, plan, spec),
            dropped={},
            n_used=table.n,
            k=2,
            seed=spec.seed,
            missing_tokens=spec.missing_tokens,
            drops_missing=spec.missing == "drop",
            excluded=frozenset(spec.exclude_rows),
            schema=schema,
        )
        dropped, n_used = _count_rows(design, table)
        return dataclasses.replace(
            design, dropped=dropped, n_used=n_used, k=fold_count(n_used, spec.folds)
        )

    def rows(self, table: Table) -> DesignRows:
        """The used rows of `table`, with y and folds."""
        return DesignRows(self, table, self.excluded)

    def matrix(self, block: Block, schema: Schema | None = None) -> Float[np.ndarray, "m p"]:
        """X of all rows of a block of the design's own table (or of a table with `schema`)."""
        schema = schema or self.schema
        if schema is None:
            raise InternalFault("a design made from a saved model needs the schema of the block.")
        return self.build(block.data, block.n, {c.name: c.levels for c in schema.columns})

    def read_new(self, source: Any) -> NewRows:
        """(start, X) of new data without a target, read in bounded pieces.

        Extra columns are ignored; a missing one is a SchemaError.
        """
        return NewRows(self, open_new(source))

    def usable(self, data: Data) -> np.ndarray:
        """Rows without a missing feature cell (all rows unless the spec drops them)."""
        first = next(iter(data.values()))
        keep = np.ones(first.shape[-1], bool)
        if self.drops_missing:
            for coding in self._needed:
                keep &= ~coding.missing(data)
        return keep

    def build(
        self, data: Data, m: int, levels: dict[str, tuple[str, ...]]
    ) -> Float[np.ndarray, "m p"]:
        """X of m rows: the transpose of a (p, m) array, so that every column is contiguous."""
        slots, total = self._slots
        out = np.empty((total, m))
        for coding in self._needed:
            coding.write(data, levels, out, [slots[c] for c, _ in self._columns_of(coding)])
        for term in self.terms:
            if (slot := slots[term.name]) >= 0:
                write_term(term, [out[slots[c]] for c in term.columns], out[slot])
        return out[: len(self.names)].T

    def _columns_of(self, coding: Coding) -> tuple[tuple[str, str], ...]:
        return self._labels[coding.name]

    @cached_property
    def _labels(self) -> dict[str, tuple[tuple[str, str], ...]]:
        return labels(self.codings)

    @cached_property
    def _slots(self) -> tuple[dict[str, int], int]:
        """Row of the work array for every column, −1 for one that nothing needs."""
        slots = {name: i for i, name in enumerate(self.names)}
        total = len(self.names)
        wanted = [c for t in self.terms for c in t.columns]
        for name in [*wanted, *(t.name for t in self.terms)]:
            if name not in slots and (name in wanted):
                slots[name] = total
                total += 1
        for columns in self._labels.values():
            for name, _ in columns:
                slots.setdefault(name, -1)
        for term in self.terms:
            slots.setdefault(term.name, -1)
        return slots, total

    @cached_property
    def _needed(self) -> tuple[Coding, ...]:
        slots, _ = self._slots
        return tuple(c for c in self.codings if any(slots[n] >= 0 for n, _ in self._columns_of(c)))

    @property
    def sources(self) -> tuple[str, ...]:
        """Source columns that X is made from."""
        return tuple(c.name for c in self._needed)

    def to_dict(self) -> dict[str, Any]:
        """Plain values (JSON): all that `from_dict` needs to build X again."""
        kinds = {
            NumberCoding: "number",
            LevelCoding: "level",
            DateCoding: "date",
            TextCoding: "text",
        }
        return {
            "target": dataclasses.asdict(self.target),
            "codings": [{"coding": kinds[type(c)], **dataclasses.asdict(c)} for c in self.codings],
            "terms": [dataclasses.asdict(t) for t in self.terms],
            "names": list(self.names),
            "origin": list(self.origin),
            "kinds": list(self.kinds),
            "features": [[f.name, f.kind, list(f.columns), f.reason] for f in self.features],
            "dropped": dict(self.dropped),
            "n_used": self.n_used,
            "k": self.k,
            "seed": self.seed,
            "missing_tokens": list(self.missing_tokens),
            "drops_missing": self.drops_missing,
            "excluded": sorted(self.excluded),
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Design:
        """The design `to_dict` wrote; KeyError or TypeError if `plain` is no such thing."""
        t = plain["target"]
        return cls(
            target=Target(
                t["name"], t["task"], tuple(t["classes"]), tuple(t["numbers"]), t["transform"]
            ),
            codings=tuple(_coding_of(c) for c in plain["codings"]),
            terms=tuple(Term(t["kind"], tuple(t["columns"]), t["knot"]) for t in plain["terms"]),
            names=tuple(plain["names"]),
            origin=tuple(plain["origin"]),
            kinds=tuple(plain["kinds"]),
            features=tuple(FeatureUse(n, k, tuple(c), r) for n, k, c, r in plain["features"]),
            dropped=dict(plain["dropped"]),
            n_used=plain["n_used"],
            k=plain["k"],
            seed=plain["seed"],
            missing_tokens=tuple(plain["missing_tokens"]),
            drops_missing=plain["drops_missing"],
            excluded=frozenset(plain["excluded"]),
        )


def _nan(x: float | None) -> float:
    return math.nan if x is None else x


def _levels_from(plain: dict[str, Any]) -> Levels:
    return Levels(
        plain["reference"], tuple(plain["kept"]), plain["rare"], plain["own"], plain["fill"],
        tuple(plain["merged"]),
    )  # fmt: skip


def _coding_of(plain: dict[str, Any]) -> Coding:
    name = plain["name"]
    match plain["coding"]:
        case "number":
            return NumberCoding(
                name, plain["kind"], _nan(plain["fill"]), plain["values"], plain["indicator"],
                dict(plain["truth"]),
            )  # fmt: skip
        case "level":
            return LevelCoding(name, _levels_from(plain["levels"]), plain["drop"])
        case "date":
            parts = tuple((part, _levels_from(v)) for part, v in plain["parts"])
            return DateCoding(
                name, _nan(plain["fill"]), parts, tuple(plain["formats"]), plain["indicator"]
            )
        case "text":
            return TextCoding(
                name, _nan(plain["characters"]), _nan(plain["words"]), plain["indicator"]
            )
    raise KeyError(plain["coding"])


def labels(codings: tuple[Coding, ...] | list[Coding]) -> dict[str, tuple[tuple[str, str], ...]]:
    """(name, kind) of each coding's columns, made different where two would be the same."""
    taken: set[str] = set()
    out = {}
    for coding in codings:
        columns = []
        for name, kind in coding.columns:
            while name in taken:
                name += "'"
            taken.add(name)
            columns.append((name, kind))
        out[coding.name] = tuple(columns)
    return out


@dataclass(frozen=True, slots=True)
class _Layout:
    terms: tuple[Term, ...]
    names: tuple[str, ...]
    origin: tuple[str, ...]
    kinds: tuple[str, ...]
    of_source: dict[str, tuple[str, ...]]


def _has_columns(column: Column, spec: Spec) -> bool:
    if column.role in _USABLE:
        return True
    some = 0 < column.n_missing < column.n
    return column.role == "constant" and some and spec.missing == "indicator"


def _lay_out(codings: list[Coding], spec: Spec, sources: list[Column]) -> _Layout:
    """Names, origins and kinds of the columns left after spec.drop, terms last."""
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
    names = [n for columns in of_source.values() for n in columns]
    names += [t.name for t in terms if t.name not in gone]
    return _Layout(
        tuple(terms),
        tuple(names),
        tuple(origin[n] for n in names),
        tuple(kinds[n] for n in names),
        of_source,
    )


def _uses(sources: list[Column], plan: _Layout, spec: Spec) -> tuple[FeatureUse, ...]:
    uses = []
    for c in sources:
        columns = plan.of_source.get(c.name, ())
        reason = c.reason
        if not columns and (c.name in spec.drop or c.name in plan.of_source):
            reason = "dropped by the spec"
        uses.append(FeatureUse(c.name, c.role, columns, reason))
    return tuple(uses)


def _check_size(plan: _Layout, sources: list[Column]) -> None:
    p = len(plan.names)
    if p == 0:
        why = "; ".join(f"'{c.name}': {c.role}, {c.reason or 'dropped'}" for c in sources[:3])
        raise SchemaError(f"no feature is left to explain the target with ({why or 'no column'}).")
    if p > MOST_COLUMNS:
        wide = sorted(plan.of_source.items(), key=lambda kv: -len(kv[1]))[:3]
        shown = ", ".join(f"'{name}' ({len(columns)})" for name, columns in wide)
        raise SchemaError(
            f"the design would have {p:,} columns, more than {MOST_COLUMNS:,}; drop columns or "
            f"lower max_levels (widest: {shown})."
        )


def _count_parts(
    table: Table, sources: list[Column]
) -> dict[str, dict[str, Int[np.ndarray, " c"]]]:
    """Rows of each month, weekday and hour; the one look at the table that dates need."""
    moments = [c for c in sources if c.role == "datetime"]
    counts = {
        c.name: {
            part: np.zeros(len(names), np.int64)
            for part, names in PARTS.items()
            if part != "hour" or c.has_time
        }
        for c in moments
    }
    if moments:
        for block in table.blocks():
            for name, parts in counts.items():
                for part, tally in parts.items():
                    at = calendar_part(block.data[name], part)
                    tally += np.bincount(at[at >= 0], minlength=tally.size)
    return counts


def _count_rows(design: Design, table: Table) -> tuple[dict[str, int], int]:
    """Rows left out, by reason, and rows left."""
    c = table.schema[design.target.name]
    dropped = {
        "missing target": c.n_missing - c.n_unreadable - c.n_infinite,
        "unreadable target": c.n_unreadable,
        "infinite target": c.n_infinite,
    }
    low, high, n_used = math.inf, -math.inf, table.n - c.n_missing
    if design.drops_missing:
        n_used = 0
        levels = {col.name: col.levels for col in table.schema.columns}
        for block in table.blocks():
            y = design.target.values(block.data[c.name], levels[c.name])
            keep = ~np.isnan(y)
            for coding in design._needed:
                gone = keep & coding.missing(block.data)
                if gone.any():
                    reason = f"missing cell in '{coding.name}'"
                    dropped[reason] = dropped.get(reason, 0) + int(gone.sum())
                    keep &= ~gone
            n_used += int(keep.sum())
            if keep.any():
                low, high = min(low, float(y[keep].min())), max(high, float(y[keep].max()))
    dropped = {reason: count for reason, count in dropped.items() if count}
    worst = max(dropped, key=lambda r: dropped[r], default="none")
    if n_used < FEWEST_ROWS:
        raise TargetError(
            f"{n_used} of {table.n:,} rows can be used (most left out for: {worst}); expected at "
            f"least {FEWEST_ROWS}; try missing='indicator' or drop the column."
        )
    if design.drops_missing and low == high:
        raise TargetError(
            f"the target '{c.name}' is constant in the {n_used:,} rows without a missing cell; "
            "try missing='indicator'."
        )
    return dropped, n_used

"""From a table to the design matrix: which columns enter, how, and what happened to the others.

`Design.of` decides once; `rows` then walks a table in blocks of (X, y, row number, fold), and `matrix`
or `read_new` builds X without a target. A design is plain data (`to_dict`), so a saved model can
rebuild X from a raw file. Sparse columns come last and stay sparse in `rows`; blocks are cut so that even
as a dense array each is small.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from whyfit.data import saved
from whyfit.data.assignment import Assignment
from whyfit.data.coding import (
    Coding,
    Data,
    DateCoding,
    NumberCoding,
    SparseCoding,
    TextCoding,
    fit_coding,
)
from whyfit.data.counting import count_parts, count_rows, weigh_texts
from whyfit.data.folds import fold_count, fold_of, most_folds
from whyfit.data.grouping import assigned
from whyfit.data.images import size_in
from whyfit.data.layout import (
    FeatureUse,
    check_size,
    cuts,
    has_columns,
    labels,
    lay_out,
    sparse_names,
    uses_of,
)
from whyfit.data.new_rows import NewRows
from whyfit.data.opening import open_new
from whyfit.data.projection import Projection
from whyfit.data.schema import Schema
from whyfit.data.table import Block, Table
from whyfit.data.target import Target, Tasks
from whyfit.data.terms import low_parts, rounds, write_term
from whyfit.errors import InternalFault
from whyfit.fold import Rows
from whyfit.spec import Spec, Term

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, slots=True)
class DesignRows:
    """The RowSource of a design over a table; rows of `excluded` are included, only flagged.

    `only`: no rows but these, by rising number. Whatever Block.data holds is taken by rows, by a mask and by a slice.
    """

    design: Design
    table: Table
    excluded: frozenset[int]
    only: Int[np.ndarray, " s"] | None = None

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
        everything = not design.dropped and schema is design.schema
        for block in self.table.blocks():
            y = design.target.values(block.data[design.target.name], levels[design.target.name])
            index = np.arange(block.start, block.start + block.n)
            data = block.data
            if self.only is not None or not everything:
                keep = self._wanted(block)
                if not everything:
                    keep &= design.usable(block.data) & ~np.isnan(y)
                if not keep.any():
                    continue
                if not keep.all():
                    y, index = y[keep], index[keep]
                    data = {name: a[keep] for name, a in data.items() if name in design.stored}
            folds = fold_of(index, design.k, design.seed)
            if design.assignment is not None:
                design.assignment.write(index, folds)
            for part in cuts(index.size, len(design.columns)):
                piece = {name: a[part] for name, a in data.items()}
                dense, sparse = design.parts(piece, index[part].size, levels)
                yield Rows(dense, y[part], index[part], folds[part], sparse, design.lower(dense))

    def _wanted(self, block: Block) -> np.ndarray:
        """Which rows of a block are among `only`."""
        keep = np.full(block.n, self.only is None)
        if self.only is not None:
            a, b = np.searchsorted(self.only, (block.start, block.start + block.n))
            keep[self.only[a:b] - block.start] = True
        return keep


@dataclass(frozen=True)
class Design:
    """How a table becomes X and y.

    Attributes
    ----------
    task, classes : regression, binary or multiclass; binary: classes[1] is the positive one.
    names, origin, kinds : of each design column: its name, its source column, and what it is
        (numeric, boolean, level, indicator, calendar, text, word or term).
    features : every source column but the target, with its columns or the reason it has none.
    impute : value put in for missing cells, per numeric column.
    dropped, n_used : rows left out by reason, and rows left.
    k : number of cross-validation folds.
    assignment : folds of the rows that are not drawn one by one: by spec.groups, .blocked or .group_copies.
    projection : principal components that stand in for the columns, if spec.components.
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
    assignment: Assignment | None = dataclasses.field(default=None, compare=False)
    projection: Projection | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """What `names` are made from: themselves, or the columns of the projection."""
        return self.projection.columns if self.projection else self.names

    def projected(self, projection: Projection) -> Design:
        """This design along the directions of `projection`, whose columns are those of this one."""
        names = projection.names
        return dataclasses.replace(
            self,
            names=names,
            origin=names,
            kinds=("component",) * len(names),
            projection=projection,
        )

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
        parts = count_parts(table, sources)
        texts = weigh_texts(table, sources, spec)
        codings = [
            fit_coding(c, spec, parts.get(c.name, {}), texts.get(c.name, (None, None)))
            for c in sources
            if has_columns(c, spec)
        ]
        plan = lay_out(codings, spec, sources)
        check_size(plan, sources)
        design = cls(
            target=target,
            codings=tuple(codings),
            terms=plan.terms,
            names=plan.names,
            origin=plan.origin,
            kinds=plan.kinds,
            features=uses_of(sources, plan, spec),
            dropped={},
            n_used=table.n,
            k=2,
            seed=spec.seed,
            missing_tokens=spec.missing_tokens,
            drops_missing=spec.missing == "drop",
            excluded=frozenset(spec.exclude_rows),
            schema=schema,
        )
        dropped, n_used = count_rows(design, table)
        wanted = min(spec.folds, most_folds(len(design.names)))
        design = dataclasses.replace(
            design, dropped=dropped, n_used=n_used, k=fold_count(n_used, wanted)
        )
        return assigned(design, table, spec, wanted)

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
        return NewRows(self, open_new(source, size_in(f.name for f in self.features)))

    def usable(self, data: Data) -> np.ndarray:
        """Rows without a missing feature cell (all rows unless the spec drops them)."""
        first = next(iter(data.values()))
        keep = np.ones(first.shape[-1], bool)
        if self.drops_missing:
            for coding in self.needed:
                keep &= ~coding.missing(data)
        return keep

    def build(
        self, data: Data, m: int, levels: dict[str, tuple[str, ...]]
    ) -> Float[np.ndarray, "m p"]:
        """X of m rows, all of it dense."""
        dense, sparse = self.parts(data, m, levels)
        return dense if sparse is None else np.hstack([dense, sparse.toarray()])

    def parts(
        self, data: Data, m: int, levels: dict[str, tuple[str, ...]]
    ) -> tuple[Float[np.ndarray, "m d"], csr_array | None]:
        """X of m rows in two parts, `names[:d]` and the sparse rest.

        The dense one is the transpose of a (d, m) array, so that every column is contiguous.
        """
        slots, total = self._slots
        out = np.empty((total, m))
        sparse = []
        for coding in self.needed:
            named = [name for name, _ in self._labels[coding.name]]
            d = len(coding.columns)
            if d:
                coding.write(data, levels, out, [slots[name] for name in named[:d]])
            if named[d:] and isinstance(coding, SparseCoding):
                S, keep = coding.write_sparse(data, levels), self._kept[coding.name]
                for j, name in enumerate(named[d:]):
                    if slots[name] >= 0:  # a term wants it
                        one = S[:, [j]]  # pyright: ignore[reportOptionalSubscript]
                        out[slots[name]] = one.toarray().ravel()
                if keep.size:
                    sparse.append(S if keep.size == len(named) - d else S[:, keep])
        for term in self.terms:
            if (slot := slots[term.name]) >= 0:
                write_term(term, [out[slots[c]] for c in term.columns], out[slot])
        dense = out[: self.n_dense].T
        if self.projection is not None:
            return self.projection.of_rows(dense), None
        return dense, _beside(sparse)

    def lower(
        self, dense: Float[np.ndarray, "m d"]
    ) -> Callable[[], Float[np.ndarray, "m d"]] | None:
        """What makes the low-order parts of the dense columns that `parts` built; None: they are exact."""
        if not self._rounding or self.projection is not None:
            return None
        slots, work = self._slots[0], dense.base  # of all rows, those of dropped inputs too
        if work is None:
            raise InternalFault("the dense columns are not those that the design built.")
        return lambda: low_parts(self._rounding, slots, work)[: self.n_dense].T

    @cached_property
    def _rounding(self) -> tuple[Term, ...]:
        """Terms that float64 rounds."""
        kinds = {name: kind for columns in self._labels.values() for name, kind in columns}
        return tuple(t for t in self.terms if rounds(t, kinds) and self._slots[0][t.name] >= 0)

    @cached_property
    def n_dense(self) -> int:
        """Columns that are dense; those of `names` from there on are sparse."""
        late = sparse_names(self.codings, self._labels)
        return sum(name not in late for name in self.columns)

    @cached_property
    def _labels(self) -> dict[str, tuple[tuple[str, str], ...]]:
        return labels(self.codings)

    @cached_property
    def _kept(self) -> dict[str, Int[np.ndarray, " c"]]:
        """Per coding, which of its sparse columns are columns of X."""
        sparse = set(self.columns[self.n_dense :])
        return {
            c.name: np.flatnonzero(
                [name in sparse for name, _ in self._labels[c.name][len(c.columns) :]]
            )
            for c in self.codings
        }

    @cached_property
    def _slots(self) -> tuple[dict[str, int], int]:
        """Row of the dense work array for every column, −1 for one that nothing needs there."""
        slots = {name: i for i, name in enumerate(self.columns[: self.n_dense])}
        total = self.n_dense
        wanted = [c for t in self.terms for c in t.columns]
        for name in wanted:
            if name not in slots:
                slots[name] = total
                total += 1
        for columns in self._labels.values():
            for name, _ in columns:
                slots.setdefault(name, -1)
        for term in self.terms:
            slots.setdefault(term.name, -1)
        return slots, total

    @cached_property
    def needed(self) -> tuple[Coding, ...]:
        slots, _ = self._slots
        return tuple(
            c
            for c in self.codings
            if self._kept[c.name].size or any(slots[name] >= 0 for name, _ in self._labels[c.name])
        )

    @cached_property
    def stored(self) -> frozenset[str]:
        """Keys of Block.data that X is made from."""
        text = {c.name for c in self.needed if isinstance(c, TextCoding)}
        plain = {c.name for c in self.needed} - text
        return frozenset(
            plain | {f"{n}\0{part}" for n in text for part in ("characters", "words", "terms")}
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """Source columns that X is made from."""
        return tuple(c.name for c in self.needed)

    def to_dict(self) -> dict[str, Any]:
        """Plain values (JSON): all that `from_dict` needs to build X again."""
        return saved.to_plain(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Design:
        """The design `to_dict` wrote; KeyError or TypeError if `plain` is no such thing."""
        return cls(**saved.from_plain(plain))


def _beside(blocks: list[csr_array]) -> csr_array | None:
    if len(blocks) < 2:
        return blocks[0] if blocks else None
    from scipy.sparse import csr_array, hstack

    return csr_array(hstack(blocks, format="csr"))

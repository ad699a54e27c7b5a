"""A table of the world as blocks of NumPy columns.

`read_table` takes a file, a data frame or arrays, finds out what each column is (`Schema`) and keeps
the encoded columns, in memory while they fit and on disk beyond. A `Table` is then walked in blocks of
BLOCK rows as often as wanted; the source itself is read once (twice if the first rows misled).
"""

from __future__ import annotations

import copy
import dataclasses
import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from whyfit.data.bags import Ragged
from whyfit.data.documents import CountedBlocks, count_documents
from whyfit.data.encode import Encoder, SkipEncoder
from whyfit.data.limits import address_limit
from whyfit.data.opening import Source, is_pair, open_source, unique_names
from whyfit.data.plan import Plan, forced, present_cells
from whyfit.data.roles import Decision, Raw, decide
from whyfit.data.schema import Schema
from whyfit.data.settle import settle
from whyfit.data.store import BlockStore
from whyfit.data.tfidf import Terms
from whyfit.errors import SchemaError, SourceError, TargetError
from whyfit.spec import Spec

#: Rows of every block but the last.
BLOCK = 65_536

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Block:
    """Rows start … start + n − 1; `data` as documented in `schema.py`, never to be written to."""

    start: int
    n: int
    data: dict[str, Any]  # arrays, and Documents of text columns whose terms were counted


class Table:
    """Name, format, schema and re-iterable blocks of a source; a context manager for its disk space."""

    def __init__(
        self,
        source: Source,
        schema: Schema,
        store: BlockStore,
        stored: list[Decision],
    ) -> None:
        self.name = source.name
        self.format = source.format
        self.bytes = source.size()
        self.details = dict(source.details)
        self.schema = schema
        self.n = schema.n
        self._store = store
        self._stored = stored
        self._counted: dict[str, CountedBlocks] = {}  # columns of text whose terms were wanted
        self.weighed: dict[tuple[Any, ...], Any] = {}  # what designs made of them, by their choices
        self._given: tuple[Any, Spec] | None = None  # what it was read from, for `under`

    def blocks(self) -> Iterator[Block]:
        """All rows in order, BLOCK at a time."""
        start = 0
        for i in range(len(self._store)):
            data: dict[str, Any] = {}
            for decision, raw in zip(self._stored, self._store[i], strict=True):
                if decision.finish is not None:
                    data.update(decision.finish(raw))
                elif decision.key is not None:
                    data[f"{decision.column.name}\0key"] = decision.key(raw)
            for name, counted in self._counted.items():
                data[f"{name}\0terms"] = counted[i]
            n = min(BLOCK, self.n - start)
            yield Block(start, n, data)
            start += n

    def texts(self, name: str) -> Iterator[list[str]]:
        """The texts of a column of free text, a block at a time; "" for a missing one.

        KeyError for a column of another role.
        """
        slots = [k for k, d in enumerate(self._stored) if d.column.name == name and d.texts]
        if not slots:
            raise KeyError(name)
        read = self._stored[slots[0]].texts
        for i in range(len(self._store)):
            if read is not None:
                yield read(self._store[i][slots[0]])

    def terms(self, name: str) -> Terms:
        """Terms of a column of free text, counted once: from then on blocks hold "<name>\\x00terms"."""
        if name not in self._counted:
            self._counted[name] = count_documents(lambda: self.texts(name))
        return self._counted[name].terms

    def under(self, spec: Spec) -> Table:
        """This table with the roles and missing tokens of `spec`.

        Numbers kept for an identifier serve as they are; any other change reads the source again, with the
        errors of `read_table`.
        """
        if self._given is None:
            return self
        source, read = self._given
        new = {name: role for name, role in spec.roles.items() if read.roles.get(name) != role}
        left_out = set(self.schema.names) - {d.column.name for d in self._stored}
        unread = left_out & ({spec.groups, spec.order} - {read.groups, read.order})
        if not new and spec.missing_tokens == read.missing_tokens and not unread:
            return self
        kept = {d.column.name for d in self._stored if d.finish is not None}
        if (
            spec.missing_tokens != read.missing_tokens
            or unread
            or not all(
                role == "numeric" and name in kept and self.schema[name].role == "identifier"
                for name, role in new.items()
            )
        ):
            return read_table(source, dataclasses.replace(spec, target=read.target))
        columns = tuple(
            dataclasses.replace(c, role=new[c.name], reason="role set by the user")
            if c.name in new
            else c
            for c in self.schema.columns
        )
        table = copy.copy(self)
        table.schema = Schema(columns, self.schema.n)
        table._given = (source, spec)
        return table

    def close(self) -> None:
        """Delete what was spilled to disk; blocks() yields nothing afterwards."""
        self._store.close()
        for counted in self._counted.values():
            counted.close()

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_table(source: Any, spec: Spec, *, progress: Progress | None = None) -> Table:
    """The table in `source`.

    Parameters
    ----------
    source : path of a CSV, TSV (also .gz, .bz2, .xz), Parquet, Arrow, NDJSON, .npy or .npz file, or of a folder of
        images; any data frame; or (X, y), an (n, p) array or frame, or images (n, h, w[, c]), and n target
        values.
    spec : target, roles and missing tokens are heeded.
    progress : called with the share of the source read, in [0, 1].

    Raises
    ------
    SourceError : the source cannot be read. TargetError : the target is absent, constant or all
    missing. SchemaError : a declared role cannot be honoured. ShapeError : arrays do not fit.
    """
    spec = _with_target(source, spec)
    try:
        table = _ingest(open_source(source, spec.target or "y", spec.image_size), spec, progress)
    except MemoryError:
        limit = address_limit()
        within = "" if limit is None else f" within the limit of {limit >> 20} MB (ulimit -v)"
        raise SourceError(
            f"the memory does not suffice to read the table{within}; free some or raise the limit."
        ) from None
    table._given = (source, spec)
    return table


def read_columns(source: Any, spec: Spec) -> Table:
    """The table in `source`, none of whose columns is a target; otherwise as `read_table`."""
    return _ingest(open_source(source), dataclasses.replace(spec, target=""), None, needed=False)


def _with_target(source: Any, spec: Spec) -> Spec:
    if is_pair(source) and not spec.target:
        return dataclasses.replace(spec, target="y")
    return spec


def check_target(names: list[str], target: str, source: str) -> None:
    """TargetError with the nearest name if `target` is not among `names`."""
    if target in names:
        return
    shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    if not target:
        raise TargetError(f"no target was named; choose one of the columns of {source}: {shown}.")
    lowered = {n.lower(): n for n in names}
    near = difflib.get_close_matches(target.lower(), list(lowered), n=1, cutoff=0.5)
    hint = f"did you mean '{lowered[near[0]]}'? " if near else ""
    raise TargetError(f"{source} has no column '{target}'; {hint}columns: {shown}.")


def _ingest(source: Source, spec: Spec, progress: Progress | None, *, needed: bool = True) -> Table:
    names, renamed = unique_names(source.header, spec.target, source.name)
    if needed:  # a target
        check_target(names, spec.target, source.name)
    for name in spec.roles:
        if name not in names:
            check_role(name, names, source.name)
    sample = source.sample()
    if not sample or sample[0].is_empty():
        raise SourceError(f"{source.name} has a header and no rows; expected rows of data.")
    tokens = spec.missing_tokens
    plans = source.plans(sample, tokens)
    for i, name in enumerate(names):
        if (role := spec.roles.get(name)) is not None:
            cells = sample[i]
            if str(cells.dtype) == "String":
                cells = present_cells(cells, tokens)
            if role in ("identifier", "skip") and name in (spec.groups, spec.order):
                continue  # no feature, and yet to be read
            plans[i] = forced(role, plans[i], cells, name)
    del sample
    while True:
        encoders, store, stored, n = _read_once(source, plans, tokens, progress)
        outcome = [
            decide(name, e, p, spec.roles.get(name), target=name == spec.target)
            for name, e, p in zip(names, encoders, plans, strict=True)
        ]
        decisions = [o for o in outcome if isinstance(o, Decision)]
        if len(decisions) == len(outcome):
            break
        # The first rows misled: read again. A revised plan is fixed or of another kind, and none
        # leads back to where it came from, so this ends.
        store.close()
        plans = [p if isinstance(o, Decision) else o for p, o in zip(plans, outcome, strict=True)]
    decisions = settle(decisions, renamed, spec, n, source.name)
    schema = Schema(tuple(d.column for d in decisions), n)
    return Table(source, schema, store, [decisions[i] for i in stored])


def check_role(name: str, names: list[str], source: str) -> None:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    raise SchemaError(f"a role was given for '{name}', which {source} does not have{hint}")


def _read_once(
    source: Source, plans: list[Plan], tokens: tuple[str, ...], progress: Progress | None
) -> tuple[list[Encoder], BlockStore, list[int], int]:
    """One pass: encode every batch and store it in blocks of BLOCK rows."""
    encoders = [p.encoder(tokens) for p in plans]
    stored = [i for i, e in enumerate(encoders) if not isinstance(e, SkipEncoder)]
    store = BlockStore()
    waiting: list[list[Raw]] = [[] for _ in stored]
    held = n = 0
    for columns in source.batches(plans, progress):
        for encoder, cells in zip(encoders, columns, strict=True):
            if isinstance(encoder, SkipEncoder):
                encoder.add(cells)
        height = columns[0].len()
        for slot, i in enumerate(stored):
            waiting[slot].append(encoders[i].add(columns[i]))
        held += height
        n += height
        while held >= BLOCK:
            _cut(waiting, store, BLOCK)
            held -= BLOCK
    if held:
        _cut(waiting, store, held)
    return encoders, store, stored, n


def _cut(waiting: list[list[Raw]], store: BlockStore, rows: int) -> None:
    """Move the first `rows` rows of the waiting parts into the store, contiguous."""
    block = []
    for parts in waiting:
        taken, have = [], 0
        while have < rows:
            part = parts[0]
            size = len(part) if isinstance(part, Ragged) else part.shape[-1]
            if have + size <= rows:
                taken.append(parts.pop(0))
                have += size
            else:
                left = rows - have
                taken.append(_rows(part, 0, left))
                parts[0] = _rows(part, left, size)
                have = rows
        ragged = isinstance(taken[0], Ragged)
        block.append(Ragged.join(taken) if ragged else np.concatenate(taken, axis=-1))
    store.append(block)


def _rows(part: Raw, start: int, stop: int) -> Raw:
    return part.rows(start, stop) if isinstance(part, Ragged) else part[..., start:stop]

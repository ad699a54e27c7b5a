"""A table of the world as blocks of NumPy columns.

`read_table` takes a file, a data frame or arrays, finds out what each column is (`Schema`) and keeps
the encoded columns, in memory while they fit and on disk beyond. A `Table` is then walked in blocks of
BLOCK rows as often as wanted; the source itself is read once (twice if the first rows misled).
"""

from __future__ import annotations

import copy
import dataclasses
import difflib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from whyfit.data.encode import Encoder, SkipEncoder
from whyfit.data.plan import Plan, forced, present_cells
from whyfit.data.roles import Decision, decide
from whyfit.data.schema import Schema
from whyfit.data.settle import settle
from whyfit.data.sniff import compression_of, format_of
from whyfit.data.store import BlockStore
from whyfit.data.stream import TextStream
from whyfit.data.text_source import TextSource
from whyfit.data.typed_source import (
    TypedSource,
    arrays_source,
    columnar_file,
    frame_source,
    is_frame,
    ndjson_file,
)
from whyfit.errors import SchemaError, SourceError, TargetError
from whyfit.spec import Spec

#: Rows of every block but the last.
BLOCK = 65_536
_HEAD = 1 << 20
#: A plan is revised at most this often, e.g. numbers → strings → free text.
_REVISIONS = 3

Progress = Callable[[float], None]
Source = TextSource | TypedSource


@dataclass(frozen=True, slots=True)
class Block:
    """Rows start … start + n − 1; `data` as documented in `schema.py`, never to be written to."""

    start: int
    n: int
    data: dict[str, np.ndarray]


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
        self._given: tuple[Any, Spec] | None = None  # what it was read from, for `under`

    def blocks(self) -> Iterator[Block]:
        """All rows in order, BLOCK at a time."""
        start = 0
        for i in range(len(self._store)):
            data: dict[str, np.ndarray] = {}
            for decision, raw in zip(self._stored, self._store[i], strict=True):
                if decision.finish is not None:
                    data.update(decision.finish(raw))
            n = min(BLOCK, self.n - start)
            yield Block(start, n, data)
            start += n

    def under(self, spec: Spec) -> Table:
        """This table with the roles and missing tokens of `spec`.

        Numbers kept for an identifier serve as they are; any other change reads the source again, with the
        errors of `read_table`.
        """
        if self._given is None:
            return self
        source, read = self._given
        new = {name: role for name, role in spec.roles.items() if read.roles.get(name) != role}
        if not new and spec.missing_tokens == read.missing_tokens:
            return self
        kept = {d.column.name for d in self._stored if d.finish is not None}
        if spec.missing_tokens != read.missing_tokens or not all(
            role == "numeric" and name in kept and self.schema[name].role == "identifier"
            for name, role in new.items()
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

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_table(source: Any, spec: Spec, *, progress: Progress | None = None) -> Table:
    """The table in `source`.

    Parameters
    ----------
    source : path of a CSV, TSV (also .gz, .bz2, .xz), Parquet, Arrow or NDJSON file; any data frame;
        or (X, y), an (n, p) array or frame and n target values.
    spec : target, roles and missing tokens are heeded.
    progress : called with the share of the source read, in [0, 1].

    Raises
    ------
    SourceError : the source cannot be read. TargetError : the target is absent, constant or all
    missing. SchemaError : a declared role cannot be honoured. ShapeError : arrays do not fit.
    """
    spec = _with_target(source, spec)
    table = _ingest(open_source(source, spec.target or "y"), spec, progress)
    table._given = (source, spec)
    return table


def _with_target(source: Any, spec: Spec) -> Spec:
    if _is_pair(source) and not spec.target:
        return dataclasses.replace(spec, target="y")
    return spec


def _is_pair(source: Any) -> bool:
    return isinstance(source, (tuple, list)) and len(source) == 2 and not isinstance(source[0], str)


def open_source(source: Any, target: str = "y") -> Source:
    """The reader for whatever `source` is."""
    if isinstance(source, (str, os.PathLike)):
        return _open_path(Path(source))
    if _is_pair(source):
        return arrays_source(source[0], source[1], target)
    if is_frame(source):
        return frame_source(source)
    raise SourceError(
        f"a {type(source).__name__} is no table; expected a path, a data frame or arrays (X, y)."
    )


def _open_path(path: Path) -> Source:
    if not path.exists():
        near = []
        if path.parent.is_dir():
            near = difflib.get_close_matches(
                path.name, [p.name for p in path.parent.iterdir()], n=1, cutoff=0.6
            )
        hint = f"did you mean '{near[0]}'?" if near else "check the path."
        raise SourceError(f"there is no file '{path}'; {hint}")
    if path.is_dir():
        raise SourceError(f"'{path}' is a folder; give one file in it.")
    try:
        with TextStream(path) as stream:
            head = stream._read(_HEAD)
            whole = len(head) < _HEAD and not stream._read(1)
    except PermissionError:
        raise SourceError(
            f"'{path}' may not be read by this user; check its permissions."
        ) from None
    if not head.strip():
        raise SourceError(f"{path.name} is empty; expected a header line and rows of data.")
    format = format_of(head, path.name)
    if format in ("parquet", "feather"):
        with path.open("rb") as file:
            compression = compression_of(file.read(8))
        if compression:
            raise SourceError(f"{path.name} is {compression} around {format}; decompress it first.")
        return columnar_file(path, format)
    if format == "ndjson":
        return ndjson_file(path)
    return TextSource(path, head, whole)


def unique_names(header: list[str], target: str, source: str) -> tuple[list[str], list[str]]:
    """Names made present and different, with the reason for each change."""
    if header.count(target) > 1:
        raise SchemaError(
            f"{source} has {header.count(target)} columns named '{target}', the target."
        )
    taken, names, reasons = set(header), [], []
    seen: dict[str, int] = {}
    for i, name in enumerate(header):
        reason = ""
        if not name.strip():
            name, reason = f"column {i + 1}", "its name was empty"
            while name in taken:
                name += "'"
            taken.add(name)
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            copy = seen[name]
            while f"{name} ({copy})" in taken:
                copy += 1
            reason = f"the name '{name}' occurred before"
            name = f"{name} ({copy})"
            taken.add(name)
        names.append(name)
        reasons.append(reason)
    return names, reasons


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


def _ingest(source: Source, spec: Spec, progress: Progress | None) -> Table:
    names, renamed = unique_names(source.header, spec.target, source.name)
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
            plans[i] = forced(role, plans[i], cells, name)
    del sample
    for _ in range(_REVISIONS + 1):
        encoders, store, stored, n = _read_once(source, plans, tokens, progress)
        outcome = [
            decide(name, e, p, spec.roles.get(name), target=name == spec.target)
            for name, e, p in zip(names, encoders, plans, strict=True)
        ]
        revised = [p if isinstance(o, Decision) else o for p, o in zip(plans, outcome, strict=True)]
        if revised == plans:
            break
        store.close()
        plans = revised
    decisions = [o for o in outcome if isinstance(o, Decision)]
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
    waiting: list[list[np.ndarray]] = [[] for _ in stored]
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


def _cut(waiting: list[list[np.ndarray]], store: BlockStore, rows: int) -> None:
    """Move the first `rows` rows of the waiting parts into the store, contiguous."""
    block = []
    for parts in waiting:
        taken, have = [], 0
        while have < rows:
            part = parts[0]
            size = part.shape[-1]
            if have + size <= rows:
                taken.append(parts.pop(0))
                have += size
            else:
                taken.append(part[..., : rows - have])
                parts[0] = part[..., rows - have :]
                have = rows
        block.append(np.concatenate(taken, axis=-1))
    store.append(block)

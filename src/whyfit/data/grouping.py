"""Which rows belong together, and which follow each other: the columns `Spec.groups` and `Spec.order`.

A column of any role can name groups, also one that is left out of the design; a missing cell is a group of its own
row. Numbers and dates can order rows; those without one come last, in the order of the source.
"""

from __future__ import annotations

import dataclasses
import difflib
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from whyfit.data.assignment import Assignment, folds_of_blocks, folds_of_groups
from whyfit.data.folds import fold_count
from whyfit.data.repeats import compared, groups_of, row_keys, used_rows
from whyfit.data.schema import Column
from whyfit.data.table import Table
from whyfit.errors import SpecError
from whyfit.spec import Spec

if TYPE_CHECKING:
    from whyfit.data.design import Design

_ORDERED = ("numeric", "datetime", "constant", "boolean")


def column_for(table: Table, name: str, what: str) -> Column:
    """The column that a choice names. SpecError with the nearest name if there is none."""
    if name in table.schema:
        return table.schema[name]
    near = difflib.get_close_matches(name, table.schema.names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else "name a column of the table."
    raise SpecError(f"{what} is '{name}', which {table.name} does not have; {hint}")


def labels_of(table: Table, name: str) -> Int[np.ndarray, " n"]:
    """Code of the group of every source row, by first appearance; a row without a value has one of its own, the last.

    Raises SpecError if there is no such column, or its values were not kept.
    """
    column = column_for(table, name, "groups")
    known = table.weighed.get(("groups", name))
    if known is not None:
        return known
    parts = []
    for block in table.blocks():
        for key in (name, f"{name}\0key", f"{name}\0text"):
            if key in block.data:
                cells = block.data[key]
                break
        else:
            raise SpecError(
                f"groups is '{name}', whose values cannot be compared"
                f"{f' ({column.reason})' if column.reason else ''}; name a column of words or numbers."
            )
        if cells.dtype.kind == "f":
            gone = np.isnan(block.data.get(f"{name}\0characters", cells))
            cells = np.where(gone, np.nan, cells)
        parts.append(cells)
    cells = np.concatenate(parts)
    missing = np.isnan(cells) if cells.dtype.kind == "f" else cells < 0
    label = np.empty(cells.size, np.int64)
    label[~missing], count = _by_appearance(cells[~missing])
    label[missing] = count + np.arange(int(missing.sum()))
    label.flags.writeable = False
    table.weighed["groups", name] = label
    return label


def _by_appearance(cells: np.ndarray) -> tuple[Int[np.ndarray, " m"], int]:
    """Codes of values in the order in which they first occur, and their number."""
    n = cells.size
    low, high = (float(cells.min()), float(cells.max())) if n else (0.0, 0.0)
    code, span = np.zeros(0, np.int64), high - low + 1
    if span <= 4 * n and (cells.dtype.kind != "f" or (cells == np.floor(cells)).all()):
        code = (cells - low).astype(np.int64)  # whole numbers close together need no sorting
        size = int(span)
    else:
        values, code = np.unique(cells, return_inverse=True)
        size = values.size
    first = np.full(size, n)
    first[code[::-1]] = np.arange(n)[::-1]  # of several writes the last stays
    present = np.flatnonzero(first < n)
    place = np.zeros(size, np.int64)
    place[present[np.argsort(first[present])]] = np.arange(present.size)
    return place[code], present.size


def times_of(table: Table, name: str) -> Float[np.ndarray, " n"]:
    """Value of the ordering column of every source row; NaN where it is missing.

    Raises SpecError unless the column holds numbers or dates.
    """
    column = column_for(table, name, "order")
    number = column.role == "identifier" and np.isfinite(column.minimum)
    if not (column.role in _ORDERED or number):
        raise SpecError(
            f"order is '{name}', which is {column.role}; expected a column of numbers or dates"
            " (--role sets how a column is read)."
        )
    known = table.weighed.get(("order", name))
    if known is None:
        known = np.concatenate([block.data[name] for block in table.blocks()])
        table.weighed["order", name] = known
    return known


def ranks_of(table: Table, name: str | None) -> Int[np.ndarray, " n"] | None:
    """Place of every source row in order; None if they are in order as they stand."""
    if name is None:
        return None
    if ("rank", name) not in table.weighed:
        time = times_of(table, name)
        rank = None
        if not (time[1:] >= time[:-1]).all():
            order = np.argsort(time, kind="stable")
            rank = np.empty(order.size, np.int64)
            rank[order] = np.arange(order.size)
            if (order[1:] > order[:-1]).all():
                rank = None
        table.weighed["rank", name] = rank
    return table.weighed["rank", name]


def assigned(design: Design, table: Table, spec: Spec, wanted: int) -> Design:
    """`design` with the folds that groups, blocks or copies of rows ask for; at most `wanted`."""
    if spec.groups is not None or spec.order is not None:
        _check(table, spec)
    if spec.groups is None and not spec.blocked:
        return _copies(design, table, spec, wanted) if spec.group_copies else design
    if spec.blocked:
        index = used_rows(table, design)
        time = None if spec.order is None else times_of(table, spec.order)[index]
        fold = folds_of_blocks(time, index.size, fold_count(index.size, wanted))
        k = int(fold.max(initial=0)) + 1
        if k < 2:
            raise SpecError(
                f"blocks of rows need an order, and '{spec.order}' has one value in (nearly) all rows;"
                " name another column."
            )
        return dataclasses.replace(design, k=k, assignment=Assignment(index, fold))
    index, label, G = _groups(design, table, spec)
    if G < 2:
        raise SpecError(
            f"groups needs at least 2 groups; '{spec.groups}' has {G} in the {index.size:,} rows used."
        )
    k = min(fold_count(index.size, wanted), G)
    fold = folds_of_groups(label, k, design.seed)
    return dataclasses.replace(design, k=k, assignment=Assignment(index, fold))


def _check(table: Table, spec: Spec) -> None:
    """Whether or not folds need them, the columns named must serve."""
    if spec.groups is not None:
        column_for(table, spec.groups, "groups")
    if spec.order is not None:
        times_of(table, spec.order)


def _copies(design: Design, table: Table, spec: Spec, wanted: int) -> Design:
    keys = row_keys(table, design, compared(table, spec))
    groups = groups_of(keys.features)
    k = fold_count(design.n_used - groups.surplus, wanted)
    together = groups.together(keys.index, k, design.seed)
    return dataclasses.replace(design, k=k, assignment=together)


def _groups(
    design: Design, table: Table, spec: Spec
) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " m"], int]:
    """Used rows, their groups 0..G−1, and G; with `group_copies` two groups that share a row are one."""
    index = used_rows(table, design)
    label = labels_of(table, spec.groups or "")[index]
    if spec.group_copies:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        copies = groups_of(row_keys(table, design, compared(table, spec)).features)
        ends = label[copies.places], label[copies.first]
        size = int(label.max(initial=0)) + 1
        graph = coo_array((np.ones(ends[0].size), ends), shape=(size, size))
        label = connected_components(graph, directed=False)[1][label]
    present = np.bincount(label) > 0 if label.size else np.zeros(0, bool)
    number = np.cumsum(present) - 1
    return index, number[label], int(present.sum())

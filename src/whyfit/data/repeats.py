"""Rows that say the same as an earlier row: found by hashing, kept in one fold.

The key of a row is Σ_j mix(cell_j + salt_j) modulo 2⁶⁴, `mix` being the splitmix64 finaliser: every cell is scattered
over 64 bits and the sum does not care for the order of the columns, so the key without column j is a subtraction.
Cells are compared as they are stored: numbers by their bits (−0 as 0, every gap alike), categories by their code,
texts by a hash of the text. Two different rows of n share a key with probability n²/2⁶⁵: 3·10⁻⁸ in a million rows.

A group of equal rows goes to the fold of its first row, so rows without a copy stay in the fold they had.

Reference: Steele, Lea & Flood (2014), OOPSLA 49(10), 453-472 (splitmix).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int, UInt64

from whyfit.data.assignment import Assignment
from whyfit.data.folds import fold_of
from whyfit.data.schema import Column
from whyfit.data.table import Block, Table
from whyfit.spec import Spec

if TYPE_CHECKING:
    from whyfit.data.design import Design

_COMPARED = ("numeric", "boolean", "categorical", "datetime", "text")
_GOLDEN = 0x9E3779B97F4A7C15
_ALL = (1 << 64) - 1

Keys = UInt64[np.ndarray, " n"]


@dataclass(frozen=True, slots=True)
class Groups:
    """The rows that have a copy: their places, rising, and for each the place of the first of its group."""

    places: Int[np.ndarray, " c"]
    first: Int[np.ndarray, " c"]

    @property
    def surplus(self) -> int:
        """Rows that repeat an earlier one."""
        return int(np.count_nonzero(self.places != self.first))

    @property
    def number(self) -> Int[np.ndarray, " c"]:
        """0, 1, ... for the group of each place."""
        return np.unique(self.first, return_inverse=True)[1]

    @property
    def sizes(self) -> Int[np.ndarray, " g"]:
        """Rows of each group."""
        return np.bincount(self.number) if self.first.size else np.zeros(0, np.int64)

    @property
    def pairs(self) -> int:
        """Pairs of equal rows."""
        return int((self.sizes * (self.sizes - 1) // 2).sum())

    def together(self, index: Int[np.ndarray, " n"], k: int, seed: int) -> Assignment:
        """Every group in the fold of its first row; `index` are the row numbers of all places."""
        first, number = np.unique(index[self.first], return_inverse=True)
        return Assignment(index[self.places], fold_of(first, k, seed)[number])


def groups_of(keys: Keys) -> Groups:
    """Places with the same key. Most tables have none, which a plain sort shows sooner than one with places."""
    ordered = np.sort(keys)
    if not (ordered[1:] == ordered[:-1]).any():
        none = np.zeros(0, np.int64)
        return Groups(none, none)
    order = np.argsort(keys, kind="stable")
    as_before = np.concatenate([[False], ordered[1:] == ordered[:-1]])
    start = np.flatnonzero(~as_before)[np.cumsum(~as_before) - 1]
    member = as_before | np.append(as_before[1:], False)
    places, first = order[member], order[start[member]]
    rising = np.argsort(places)
    return Groups(places[rising], first[rising])


def compared(table: Table, spec: Spec) -> tuple[Column, ...]:
    """Features by which rows are compared: those used, without identifiers and constants."""
    return tuple(
        c
        for c in table.schema.columns
        if c.role in _COMPARED and c.name not in (spec.target, spec.groups, *spec.drop)
    )


@dataclass(frozen=True, slots=True)
class RowKeys:
    """Keys of the used rows by their features, the target's own part, and their row numbers."""

    features: Keys
    target: Keys
    index: Int[np.ndarray, " n"]

    @property
    def whole(self) -> Keys:
        """Features and target together."""
        return self.features + self.target


def row_keys(table: Table, design: Design, columns: Sequence[Column]) -> RowKeys:
    """One pass over the table: the keys of all rows that `design` uses."""
    none = np.zeros(0, np.uint64)
    features, targets, index = [none], [none], [np.zeros(0, np.int64)]
    target = table.schema[design.target.name]
    for block in table.blocks():
        keep = _used(block, table, design)
        key = np.zeros(block.n, np.uint64)
        for place, column in enumerate(columns):
            for part in cell_hashes(block, column, place):
                key += part
        own = next(cell_hashes(block, target, len(columns)))
        features.append(key[keep])
        targets.append(own[keep])
        index.append(block.start + np.flatnonzero(keep))
    return RowKeys(np.concatenate(features), np.concatenate(targets), np.concatenate(index))


def column_hashes(
    table: Table, columns: Sequence[Column], index: Int[np.ndarray, " s"]
) -> UInt64[np.ndarray, "c s"]:
    """The parts that each column adds to the keys of some rows, given by rising row number."""
    out = np.zeros((len(columns), len(index)), np.uint64)
    for block in table.blocks():
        a, b = np.searchsorted(index, (block.start, block.start + block.n))
        if a == b:
            continue
        some = index[a:b] - block.start
        data = {
            name: cells[some] for name, cells in block.data.items() if isinstance(cells, np.ndarray)
        }
        few = Block(block.start, b - a, data)
        for place, column in enumerate(columns):
            for part in cell_hashes(few, column, place):
                out[place, a:b] += part
    return out


def cell_hashes(block: Block, column: Column, place: int) -> Iterator[Keys]:
    """64 scattered bits for every cell of a column; `place` tells equal cells of two columns apart."""
    parts = (
        [f"{column.name}\0{what}" for what in ("text", "characters", "words")]
        if column.role == "text"
        else [column.name]
    )
    for i, name in enumerate(parts):
        if name in block.data:
            yield mix(_bits(block.data[name]), 3 * place + i)


def _bits(cells: np.ndarray) -> Keys:
    if cells.dtype.kind in "iu":
        return cells.astype(np.int64).view(np.uint64)
    plain: Float[np.ndarray, " m"] = cells + 0.0  # −0 becomes 0
    gaps = np.isnan(plain)
    if gaps.any():
        plain[gaps] = np.nan
    return plain.view(np.uint64)


def part_of(keys: Keys, share: float) -> np.ndarray:
    """Which rows belong to a part of about `share`; equal rows always belong together.

    Keys are mixed once more: those of rows that differ in one column of few values have few differences.
    """
    return (mix(keys, 0) >> np.uint64(1)) < np.uint64(share * 2**63)


def mix(z: Keys, place: int) -> Keys:
    """The splitmix64 finaliser of z + (place + 1)·golden."""
    z = z + np.uint64((place + 1) * _GOLDEN & _ALL)
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


def used_rows(table: Table, design: Design) -> Int[np.ndarray, " m"]:
    """Row numbers of all rows that `design` uses, rising."""
    if not design.dropped and table.schema is design.schema:
        return np.arange(table.n)
    parts = [b.start + np.flatnonzero(_used(b, table, design)) for b in table.blocks()]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _used(block: Block, table: Table, design: Design) -> np.ndarray:
    if not design.dropped and table.schema is design.schema:
        return np.ones(block.n, bool)
    name = design.target.name
    y = design.target.values(block.data[name], table.schema[name].levels)
    return design.usable(block.data) & ~np.isnan(y)

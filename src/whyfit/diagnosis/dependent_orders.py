"""Orders in which the rows of a Case may depend on their neighbours, and how much they do.

`Spec.order`; else the order of the file, and those of up to three dates. A file sorted by its target, or by a feature
that is no time, has no order of its own: neighbours are alike there by construction.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from whyfit.data.grouping import ranks_of
from whyfit.data.roles import words_of
from whyfit.data.views import among
from whyfit.diagnosis.working_errors import WIDENING, errors_of
from whyfit.probability.dependence import Serial, serial

if TYPE_CHECKING:
    from whyfit.diagnosis.case import Case

FEWEST_ROWS = 30  # fewer say nothing
MOST_DATES = 3
STRETCHES = 8  # of rows that follow each other, in a table too large to look at all of them
#: A file is sorted by a column that goes the other way in fewer steps than this.
SORTED = 0.02
_TIMES = frozenset((
    "date", "day", "hour", "minute", "month", "period", "quarter", "second", "t", "time",
    "timestamp", "week", "year",
))  # fmt: skip


@dataclass(frozen=True, eq=False)
class Stretch:
    """Rows in order: their errors, on a scale on which the model gives all one variance, and who follows whom."""

    X: Float[np.ndarray, "s p"]
    y: Float[np.ndarray, " s"]
    index: Int[np.ndarray, " s"]
    joined: np.ndarray | None  # (s − 1): whether a row follows the one before; None: all do


@dataclass(frozen=True, eq=False)
class OrderLook:
    """`name` of the column that orders the rows; None: the file does."""

    name: str | None
    serial: Serial
    stretch: Stretch
    e: Float[np.ndarray, " s"]

    @property
    def limit(self) -> float:
        """The autocorrelation that makes the standard error of a mean too small by a tenth: (1 + r)/(1 − r) = 1.1²."""
        return (WIDENING**2 - 1) / (WIDENING**2 + 1)

    @property
    def p_value(self) -> float:
        """Of "the autocorrelation is at most `limit`"."""
        return self.serial.p_above(self.limit)

    @property
    def words(self) -> str:
        return f"in order of {self.name}" if self.name else "in the order of the file"


def orders_in(case: Case) -> list[OrderLook]:
    looks = []
    for name in order_names(case):
        rank = ranks_of(case.table, name)
        stretch = stretch_of(case, rank)
        if len(stretch.y) < FEWEST_ROWS:
            continue
        if name is None or rank is None:
            by = sorted_by(case, stretch)
            if name is None and by is not None:
                if not _is_time(case, by, stretch):
                    continue
                name = by
            elif name is None and sorted_by_target(case, stretch):
                continue
        e = errors_of(case, stretch.X, stretch.y)
        looks.append(OrderLook(name, serial(e, stretch.joined), stretch, e))
    return looks


def order_names(case: Case) -> list[str | None]:
    """Columns whose order is looked at; None is the file's, unless one of them is the same."""
    if case.spec.order is not None:
        return [case.spec.order]
    dates = [
        c.name for c in case.schema.columns if c.role == "datetime" and c.name != case.spec.target
    ]
    names: list[str | None] = [*dates[:MOST_DATES]]
    if all(ranks_of(case.table, n) is not None for n in names):
        names.append(None)
    return names


def stretch_of(case: Case, rank: Int[np.ndarray, " n"] | None) -> Stretch:
    """All rows by `rank`, or in a large table some of them that follow each other."""
    s = case.sample
    if s.share == 1.0:
        order = slice(None) if rank is None else np.argsort(rank[s.index], kind="stable")
        return Stretch(s.X[order], s.y[order], s.index[order], None)
    n = case.table.n
    length = max(len(s.y) // STRETCHES, 2)
    first = (n - length) * np.arange(STRETCHES) // (STRETCHES - 1)
    places = (first[:, None] + np.arange(length)).ravel()
    if rank is None:
        only = np.unique(places)
    else:
        wanted = np.zeros(n, bool)
        wanted[places] = True
        only = np.flatnonzero(wanted[rank])
    rows = dataclasses.replace(case.design.rows(case.table), only=only)
    out = frozenset(case.spec.exclude_rows)
    blocks = list((among(rows, out, inside=False) if out else rows).blocks())
    X, y, index = (
        np.concatenate([getattr(b, what) for b in blocks]) for what in ("X", "y", "index")
    )
    place = index if rank is None else rank[index]
    order = np.argsort(place, kind="stable")
    which = np.searchsorted(first, place[order], side="right")
    return Stretch(X[order], y[order], index[order], which[1:] == which[:-1])


def sorted_by(case: Case, stretch: Stretch) -> str | None:
    """A column by which the rows are sorted as they stand; None if there is none."""
    for j, name in enumerate(case.names):
        if case.design.kinds[j] in ("numeric", "boolean") and _is_sorted(stretch.X[:, j], stretch):
            return case.design.origin[j] if case.design.origin[j] in case.schema else name
    return None


def sorted_by_target(case: Case, stretch: Stretch) -> bool:
    """Whether the target goes one way, or classes come one after the other."""
    if case.task == "regression":
        return _is_sorted(stretch.y, stretch)
    turns = np.count_nonzero(np.diff(stretch.y))
    return bool(turns <= max(3 * (len(case.design.classes) - 1), SORTED / 2 * len(stretch.y)))


def _is_sorted(x: np.ndarray, stretch: Stretch) -> bool:
    step = np.diff(x)
    if stretch.joined is not None:
        step = step[stretch.joined]
    against = min(np.count_nonzero(step < 0), np.count_nonzero(step > 0))
    return bool(step.any() and against <= SORTED * step.size)


def _is_time(case: Case, name: str, stretch: Stretch) -> bool:
    """A column that counts the rows off evenly, or whose name says time."""
    if name not in case.schema or _TIMES & set(words_of(name)):
        return name in case.schema
    if name not in case.names:
        return False
    step = np.diff(stretch.X[:, case.names.index(name)])
    if stretch.joined is not None:
        step = step[stretch.joined]
    uneven = 0.1 * abs(float(np.mean(step)))  # months are of unequal length
    return bool(np.ptp(step) <= uneven)

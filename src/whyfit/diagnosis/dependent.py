"""Where the rows of a Case may depend on each other: the orders and groups looked at, and what was found there.

All is worked out on the sample, or for orders of large tables on stretches of rows that follow each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from whyfit.diagnosis.dependent_groups import GroupLook, demeaned, groups_in
from whyfit.diagnosis.dependent_orders import FEWEST_ROWS, OrderLook, orders_in
from whyfit.diagnosis.working_errors import can_judge, errors_of, few_rows, weights_of
from whyfit.probability.dependence import Serial, serial

if TYPE_CHECKING:
    from whyfit.diagnosis.case import Case


@dataclass(frozen=True, eq=False)
class Looks:
    """Everything looked at in one case; errors `e` of the sampled rows."""

    e: Float[np.ndarray, " s"]
    orders: tuple[OrderLook, ...]
    groups: tuple[GroupLook, ...]
    case: Case

    @cached_property
    def weights(self) -> tuple[Float[np.ndarray, "m c"], Int[np.ndarray, " m"], float]:
        """U of the sampled rows (see `weights_of`), which of them, and their share of all rows."""
        s = self.case.sample
        some = few_rows(len(s.y), s.X.shape[1])
        return weights_of(self.case, s.X[some], s.y[some]), some, s.share * some.size / len(s.y)


def looks_of(case: Case) -> Looks | None:
    """What was looked at, worked out once; None of several classes and of few rows.

    Where the fit itself has no errors to judge (no maximum, an exact fit) only groups that it codes are looked at.
    """
    return case.remembered("looks at dependence", lambda: _looks(case))


def _looks(case: Case) -> Looks | None:
    if case.task == "multiclass" or len(case.sample.y) < FEWEST_ROWS:
        return None
    if not can_judge(case):
        return Looks(
            np.zeros(len(case.sample.y)), (), tuple(groups_in(case, coded_only=True)), case
        )
    e = errors_of(case, case.sample.X, case.sample.y)
    return Looks(e, tuple(orders_in(case)), tuple(groups_in(case)), case)


def without(looks: Looks, order: OrderLook, group: GroupLook) -> Serial:
    """The autocorrelation that is left within groups; the table must be sampled whole."""
    place = np.empty(int(order.stretch.index.max()) + 1, np.int64)
    place[looks.case.sample.index] = np.arange(len(looks.e))
    e = demeaned(group, looks.e)[place[order.stretch.index]]
    return serial(e, order.stretch.joined)

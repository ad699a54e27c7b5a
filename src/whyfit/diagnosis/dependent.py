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
from whyfit.diagnosis.working_errors import errors_of, few_rows, weights_of
from whyfit.probability.dependence import Serial, serial
from whyfit.probability.glm import GLMFit
from whyfit.probability.linear import LinearFit
from whyfit.probability.logistic import LogisticFit

if TYPE_CHECKING:
    from whyfit.diagnosis.case import Case

_EXACT = 1e-20  # residuals below this share of the variance are rounding


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
    """What was looked at, worked out once; None where errors cannot be judged (no maximum, an exact fit, classes)."""
    kept = vars(case)  # as cached_property keeps what it has worked out
    if "_dependence" not in kept:
        kept["_dependence"] = _looks(case)
    return kept["_dependence"]


def _looks(case: Case) -> Looks | None:
    fit = case.fit
    if not isinstance(fit, LinearFit | LogisticFit | GLMFit) or fit.df < FEWEST_ROWS / 2:
        return None
    if isinstance(fit, LinearFit):
        if not fit.rss > _EXACT * fit.tss:
            return None
    elif not fit.converged:
        return None
    s = case.sample
    if len(s.y) < FEWEST_ROWS:
        return None
    e = errors_of(case, s.X, s.y)
    if not np.isfinite(e).all() or not e.any():
        return None
    return Looks(e, tuple(orders_in(case)), tuple(groups_in(case)), case)


def without(looks: Looks, order: OrderLook, group: GroupLook) -> Serial:
    """The autocorrelation that is left within groups; the table must be sampled whole."""
    place = np.empty(int(order.stretch.index.max()) + 1, np.int64)
    place[looks.case.sample.index] = np.arange(len(looks.e))
    e = demeaned(group, looks.e)[place[order.stretch.index]]
    return serial(e, order.stretch.joined)

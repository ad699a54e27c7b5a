"""The road: source ─► Table ─► Case (design, moments, fit, validation) ─► findings ─► Result.

Data flows one way. Trying a remedy starts the road again with an edited Spec (`Case.rerun`); fixing
(`Result.fix`) walks it again with the remedies that helped.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from whyfit.data.new_sample import read_new_sample
from whyfit.data.table import Table, read_table
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.diagnose import diagnose
from whyfit.diagnosis.registry import chosen
from whyfit.diagnosis.rule import Rule
from whyfit.engines.local import LocalEngine, one_blas_thread
from whyfit.fold import Engine
from whyfit.result import Result
from whyfit.spec import Spec

Progress = Callable[[float], None]  # share of the road travelled, 0 to 1

_READ, _FITTED = 0.5, 0.65  # how much of the road reading and fitting usually take


def fit(
    source: Any,
    spec: Spec,
    *,
    select: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
    new: Any = None,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> Result:
    """Walk the road once.

    Parameters
    ----------
    source : path of a CSV, TSV, Parquet, Arrow, Feather or NDJSON file (.gz too), a data frame, or (X, y).
    spec : every choice, the target among them.
    select, ignore : rules by code, prefix or name; default all.
    new : rows to come, of any source that `source` may be, their target known or not: are they like these?
    progress : called with the share of the work done.

    Raises
    ------
    InputError
        The data or the specification cannot be used; the message says what to try.
    """
    rules = chosen(tuple(select), tuple(ignore))
    tell = progress or (lambda _: None)
    start = time.perf_counter()
    table = read_table(source, spec, progress=lambda share: tell(_READ * share))
    read = time.perf_counter()
    road = _Road(table, rules, engine or LocalEngine(), new)
    return _walk(road, spec, tell, {"read": read - start})


@dataclass(frozen=True)
class _Road:
    """What stays the same however often the road is walked."""

    table: Table
    rules: tuple[Rule, ...]
    engine: Engine
    new: Any = None

    def case(self, spec: Spec) -> Case:
        case = Case.of(self.table, spec, self.engine)
        if self.new is None:
            return case
        return dataclasses.replace(case, new=read_new_sample(case.design, self.new))


def _walk(road: _Road, spec: Spec, tell: Progress, timings: dict[str, float]) -> Result:
    done = 0

    def tick(_: str) -> None:
        nonlocal done
        done += 1
        tell(min(_FITTED + (1 - _FITTED) * done / (2 * len(road.rules) + 1), 1.0))

    start = time.perf_counter()
    with one_blas_thread():
        case = road.case(spec)
        _ = case.moments
        moments = time.perf_counter()
        _ = case.fit, case.scores
        fitted = time.perf_counter()
        tell(_FITTED)
        findings = diagnose(case, road.rules, tick)
    end = time.perf_counter()
    timings = timings | {
        "moments": moments - start,
        "fit": fitted - moments,
        "findings": end - fitted,
    }
    tell(1.0)

    def again(edited: Spec) -> Result:
        return _walk(road, edited, lambda _: None, {"read": 0.0})

    return Result(case, findings, timings, again)

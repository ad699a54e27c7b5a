"""Tables made in memory, and how often a rule may speak on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from whyfit.data.table import read_table
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.diagnose import diagnose
from whyfit.diagnosis.finding import Finding
from whyfit.diagnosis.registry import chosen
from whyfit.spec import Spec


def case_of(X: Any, y: Any, **choices: Any) -> Case:
    """The Case of arrays; columns are called x1, x2, ... and the target y."""
    spec = Spec(target="y", **choices)
    return Case.of(read_table((np.asarray(X, dtype=float), np.asarray(y)), spec), spec)


def table_case(columns: dict[str, Any], target: str, **choices: Any) -> Case:
    """The Case of named columns."""
    import pandas as pd

    spec = Spec(target=target, **choices)
    return Case.of(read_table(pd.DataFrame(columns), spec), spec)


def file_case(path: Any, target: str, **choices: Any) -> Case:
    spec = Spec(target=target, **choices)
    return Case.of(read_table(path, spec), spec)


def findings(case: Case, *codes: str) -> tuple[Finding, ...]:
    return diagnose(case, chosen(select=codes))


def rarely(alarms: int, runs: int, rate: float = 0.05) -> bool:
    """Whether so many alarms are compatible with a rate of at most `rate` (one-sided, 1 %)."""
    return alarms == 0 or special.bdtrc(alarms - 1, runs, rate) > 0.01


def usually(hits: int, runs: int, rate: float = 0.9) -> bool:
    """Whether so many hits are compatible with a rate of at least `rate` (one-sided, 1 %)."""
    return special.bdtr(hits, runs, rate) > 0.01

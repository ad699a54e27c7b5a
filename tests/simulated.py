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


def source_case(source: Any, **choices: Any) -> Case:
    """The Case of (X, y), a frame or a path; the target of arrays is "y"."""
    if isinstance(source, tuple):
        choices.setdefault("target", "y")
    spec = Spec(**choices)
    return Case.of(read_table(source, spec), spec)


def findings(case: Case, *codes: str) -> tuple[Finding, ...]:
    """Findings of some rules on a case."""
    return diagnose(case, chosen(select=codes))


def findings_in(code: str, source: Any, **choices: Any) -> tuple[Finding, ...]:
    """Findings of one rule in a source."""
    return findings(source_case(source, **choices), code)


def rarely(alarms: int, runs: int, rate: float = 0.05) -> bool:
    """Whether so many alarms are compatible with a rate of at most `rate` (one-sided, 1 %)."""
    return alarms == 0 or special.bdtrc(alarms - 1, runs, rate) > 0.01


def usually(hits: int, runs: int, rate: float = 0.9) -> bool:
    """Whether so many hits are compatible with a rate of at least `rate` (one-sided, 1 %)."""
    return special.bdtr(hits, runs, rate) > 0.01


def linear_data(
    rng: np.random.Generator, n: int, p: int, r2: float, *, binary: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Mildly correlated normal features and a target with population R² `r2` (binary: as log odds)."""
    X = rng.standard_normal((n, p)) + 0.3 * rng.standard_normal((n, 1))
    w = rng.standard_normal(p)
    s = X @ w / np.sqrt(w @ w + 0.09 * w.sum() ** 2)
    if binary:
        strength = 3.0 * np.sqrt(r2 / (1 - r2))
        return X, (rng.random(n) < special.expit(strength * s)).astype(float)
    return X, np.sqrt(r2) * s + np.sqrt(1 - r2) * rng.standard_normal(n)

"""What the tests of rules share: a case or the findings of one rule from arrays, and binomial bounds."""

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

SURE = 1e-3  # a correct claim about a rate fails its bound at most this often


def case_of(source: Any, **spec: Any) -> Case:
    """The Case of (X, y), a frame or a path; the target of arrays is "y"."""
    if isinstance(source, tuple):
        spec.setdefault("target", "y")
    made = Spec(**spec)
    return Case.of(read_table(source, made), made)


def findings(code: str, source: Any, **spec: Any) -> tuple[Finding, ...]:
    """Findings of one rule."""
    return diagnose(case_of(source, **spec), chosen(select=(code,)))


def at_most(hits: int, of: int, rate: float) -> bool:
    """Whether `hits` in `of` trials can come from a probability of at most `rate`."""
    return hits == 0 or bool(special.bdtrc(hits - 1, of, rate) > SURE)


def at_least(hits: int, of: int, rate: float) -> bool:
    """Whether `hits` in `of` trials can come from a probability of at least `rate`."""
    return bool(special.bdtr(hits, of, rate) > SURE)


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

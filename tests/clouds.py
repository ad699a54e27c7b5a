"""Clouds made in memory, and the rules that look at them."""

from __future__ import annotations

from typing import Any

from whyfit.diagnosis.cloud import CloudCase
from whyfit.diagnosis.diagnose import diagnose
from whyfit.diagnosis.finding import Finding
from whyfit.diagnosis.registry import chosen, rules_on_clouds


def cloud_of(X: Any, metric: str = "cosine", **more: Any) -> CloudCase:
    """The case of rows X, called p1, p2 ..., with coordinates x1, x2 ..."""
    n, p = X.shape
    more.setdefault("labels", tuple(f"p{i + 1}" for i in range(n)))
    axes = tuple(f"x{j + 1}" for j in range(p))
    return CloudCase(X, metric, axes=axes, **more)  # type: ignore[arg-type]


def found(X: Any, *codes: str, metric: str = "cosine", **more: Any) -> tuple[Finding, ...]:
    """Findings of the rules on clouds (default: all of them)."""
    rules = chosen(codes, (), rules_on_clouds())
    return diagnose(cloud_of(X, metric, **more), rules)

"""Descents to render: one that failed in every way a report shows, one of a race alone, one with hostile names."""

from __future__ import annotations

import numpy as np
import pandas as pd

import whyfit
from report.builders import EVIL
from whyfit.report.descend_document import DescendDocument


def _frame(names=("area", "rooms", "age"), n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, len(names))) * [3.0, 1.0, 0.3] + [5, 0, 0]
    frame = pd.DataFrame(X, columns=list(names))
    frame["price"] = X @ [1.0, -2.0, 3.0] + rng.normal(size=n)
    return frame


def diverged() -> DescendDocument:
    return whyfit.descend(_frame(), "price", lr=1.0).document


def noisy() -> DescendDocument:
    return whyfit.descend(
        _frame(), "price", optimizer="sgd", lr=0.01, batch=4, steps=600, standardise=True, race=False
    ).document  # fmt: skip


def raced() -> DescendDocument:
    return whyfit.descend(_frame(), "price", optimizer="all", standardise=True).document


def hostile() -> DescendDocument:
    return whyfit.descend(
        _frame((EVIL, "b</script>", "ünï")), "price", lr=1e-4, race=False
    ).document

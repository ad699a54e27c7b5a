"""Faults of probability: numbers that are less certain than they look."""

from __future__ import annotations

import numpy as np
from scipy import special

from power.plants.plant import (
    CLASSES,
    LIMIT,
    REGRESSIONS,
    TABLES,
    Made,
    Plant,
    answer,
    classes,
    features,
)


def weak_signal(rng, n, r2):
    X = rng.normal(size=(n, 4))
    return Made((X, np.sqrt(r2) * X[:, 0] + np.sqrt(1 - r2) * rng.normal(size=n)))


def oversized(rng, n, share):
    """A law of the first columns among share · n columns."""
    X = rng.normal(size=(n, round(share * n)))
    return Made((X, X[:, :10].sum(axis=1) / np.sqrt(10) + rng.normal(size=n)))


def right_sized(rng, n):
    """Fifteen rows to a column, each column tells something."""
    X = features(rng, n, n // 15 if n < 400 else 20, 0.1)
    return Made((X, answer(rng, X, 0.6)))


def uneven(rng, n, ratio):
    """sd of the errors grows along x2 from one end to the other by `ratio`."""
    X = rng.uniform(size=(n, 3))
    y = X[:, 0] - X[:, 2] + ratio ** X[:, 1] * rng.normal(size=n)
    return Made((X, y), subject=frozenset({"x2"}))


def turning(rng, n, distance):
    """Three rows c √n out, where the line would be if its slope were turned."""
    X = features(rng, n, 2, 0.0)
    y = 0.6 * X[:, 0] + 0.5 * rng.normal(size=n)
    bad = rng.choice(n, 3, replace=False)
    X[bad, 0] = distance * np.sqrt(n) + rng.normal(size=3)
    y[bad] = -X[bad, 0] + rng.normal(size=3)
    return Made((X, y), subject=frozenset(f"row {i + 1}" for i in bad))


def capped(rng, n, edge):
    """A steep logistic law kept within [edge, 1 − edge]."""
    X = rng.normal(size=(n, 3))
    p = np.clip(special.expit(6 * X[:, 0]), edge, 1 - edge)
    return Made((X, (rng.random(n) < p).astype(float)))


def rare(rng, n, share):
    y = rng.random(n) < share
    y[:4] = True
    return Made((rng.normal(size=(n, 2)) + y[:, None], y.astype(float)), subject=frozenset({"y"}))


def even(rng, n):
    y = (rng.random(n) < rng.choice([0.35, 0.5])).astype(float)
    return Made((rng.normal(size=(n, 2)), y))


PLANTS = (
    Plant("PR301", "a target that the columns have little to do with: population R²",
          (("2 %", 0.02), ("0.5 %", 0.005), ("0", 0.0)), weak_signal, TABLES, LIMIT,
          remark="speaks where no test finds a signal: weak ones are found by many rows, rightly"),
    Plant("PR302", "ten columns that matter among so many, a share of the rows",
          (("0.3", 0.3), ("0.5", 0.5), ("0.75", 0.75)), oversized, (*TABLES, right_sized),
          fewer={400: 100, 2000: 0},
          remark="not simulated with thousands of columns"),
    Plant("PR304", "the errors' sd grows along x2, from end to end",
          (("× 2", 2.0), ("× 3", 3.0), ("× 15", 15.0)), uneven, REGRESSIONS),
    Plant("PR307", "three rows that turn the slope, at a distance of",
          (("0.3 √n sd", 0.3), ("0.6 √n sd", 0.6), ("1 √n sd", 1.0)), turning, REGRESSIONS,
          names="of"),
    Plant("PR308", "a steep law of two classes that stays within",
          (("[0.03, 0.97]", 0.03), ("[0.07, 0.93]", 0.07), ("[0.15, 0.85]", 0.15)), capped,
          (classes,), remark="what recalibration saves has to be certain, which takes a thousand rows"),
    Plant("PR309", "a class of so few rows", (("15 %", 0.15), ("8 %", 0.08), ("3 %", 0.03)), rare,
          (even, *CLASSES)),
)  # fmt: skip

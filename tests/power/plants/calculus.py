"""Faults of calculus: losses without a minimum, far from it, or of the wrong shape."""

from __future__ import annotations

import numpy as np
from scipy import special

from power.plants.plant import (
    CERTAIN,
    CLASSES,
    REGRESSIONS,
    TABLES,
    Made,
    Plant,
    answer,
    classes,
    features,
)


def one_factor(rng, n, p):
    """p columns with one factor in common, that holds 80 % of each."""
    X = np.sqrt(0.8) * rng.normal(size=(n, 1)) + np.sqrt(0.2) * rng.normal(size=(n, p))
    w = rng.normal(size=p)
    return Made((X * 10.0 ** rng.uniform(-2, 2, p), X @ (w - w.mean()) + rng.normal(size=n)))


def any_units(rng, n):
    X = features(rng, n, 12, rng.choice([0.0, 0.5])) * 10.0 ** rng.uniform(-3, 3, 12)
    return Made((X + 100, answer(rng, X)))


def counts(rng, n, empty):
    """Counts, and a level of `empty` of the rows without any."""
    x = rng.normal(size=n)
    g = np.where(rng.random(n) < empty, "d", rng.choice(list("abc"), n))
    g[:12] = "d"  # a level of its own
    y = rng.poisson(np.exp(0.5 + 0.5 * x + 0.5 * (g == "b"))).astype(float)
    y[g == "d"] = 0.0
    made = {"x": x, "z": rng.normal(size=n), "g": g, "y": y}
    return Made(made, {"loss": "poisson"}, frozenset({"g"}))


def good_counts(rng, n):
    x, g = rng.normal(size=n), rng.choice(list("abc"), n)
    y = rng.poisson(np.exp(rng.uniform(-0.5, 1) + 0.5 * x + 0.5 * (g == "b"))).astype(float)
    return Made({"x": x, "z": rng.normal(size=n), "g": g, "y": y}, {"loss": "poisson"})


def separable(rng, n, how):
    X = rng.normal(size=(n, 4))
    if how == "column":
        return Made((X, (X[:, 0] > 0).astype(float)), subject=frozenset({"x1"}))
    if how == "pair":
        y = (X[:, 0] - X[:, 2] > 0).astype(float)
        return Made((X, y), subject=frozenset({"x1", "x3"}))
    X[:, 1] = rng.random(n) < 0.1
    X[0, 1], X[1, 1] = 1, 0
    y = (rng.random(n) < special.expit(X[:, 0])).astype(float)
    y[X[:, 1] == 1] = 1.0
    return Made((X, y), subject=frozenset({"x2"}))


def nearly_separable(rng, n):
    """One row on the wrong side is enough for a minimum."""
    X = rng.normal(size=(n, 3))
    eta = X @ [2.0, -1.0, 0.5]
    y = (eta > 0).astype(float)
    y[np.argsort(eta)[-n // 10]] = 0.0
    return Made((X, y))


def bent(rng, n, size):
    X = features(rng, n, 4, 0.0)
    y = X[:, 0] + size * X[:, 1] ** 2 + X[:, 2] + rng.normal(size=n)
    return Made((X, y), subject=frozenset({"x2"}))


def multiplied(rng, n, spread):
    X = features(rng, n, 3)
    y = np.exp(2 + 0.4 * X[:, 0] + spread * rng.normal(size=n))
    return Made((X, y), subject=frozenset({"y"}))


def large_counts(rng, n):
    """So large that they are normal."""
    X = rng.normal(size=(n, 2))
    return Made((X, rng.poisson(400 + 5 * X[:, 0]).astype(float)))


PLANTS = (
    Plant("CA203", "columns that share 80 % of their variance, so many",
          (("80", 80), ("110", 110), ("140", 140)), one_factor, (*TABLES, any_units), CERTAIN,
          remark="at 100 rows so many columns inflate variances beyond 10, which LA107 tells"),
    Plant("CA204", "Poisson loss; counts are all 0 at one level, which holds",
          (("15 %", 0.15), ("25 %", 0.25), ("40 %", 0.4)), counts, (good_counts,), CERTAIN),
    Plant("CA205", "classes told apart without error by",
          (("a level", "level"), ("a pair", "pair"), ("one column", "column")), separable,
          (*CLASSES, nearly_separable), CERTAIN),
    Plant("CA206", "a bend b·x₂² beside errors of sd 1; b is",
          (("0.2", 0.2), ("0.4", 0.4), ("2.5", 2.5)), bent, (*REGRESSIONS, classes)),
    Plant("CA207", "errors that multiply: sd of log y about its law",
          (("0.3", 0.3), ("0.5", 0.5), ("1.2", 1.2)), multiplied, (*REGRESSIONS, large_counts)),
)  # fmt: skip

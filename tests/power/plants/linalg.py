"""Faults of linear algebra: cells, columns and rows that should not be as they are."""

from __future__ import annotations

import numpy as np
from scipy import special

from power.plants.plant import (
    CERTAIN,
    LIMIT,
    REGRESSIONS,
    TABLES,
    Made,
    Plant,
    answer,
    features,
)


def _named(X: np.ndarray, y: np.ndarray, **more: np.ndarray) -> dict[str, np.ndarray]:
    return {f"x{j + 1}": x for j, x in enumerate(X.T)} | more | {"y": y}


def csv(**columns: np.ndarray) -> str:
    rows = [
        ",".join(columns),
        *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True)),
    ]
    return "\n".join(rows) + "\n"


def unreadable(rng, n, share):
    X = features(rng, n, 2)
    y = answer(rng, X)
    cells = np.array([f"{v:.3f}" for v in 10 + X[:, 0]], dtype=object)
    cells[rng.choice(n, max(1, round(share * n)), replace=False)] = "ca. 9 to 10"
    return Made(csv(x1=cells, x2=X[:, 1], y=y), subject=frozenset({"x1"}))


def readable(rng, n):
    """Numbers, words and gaps: nothing that could not be read."""
    X = features(rng, n, 2)
    y = answer(rng, X)
    cells = np.array([f"{v:.3f}" for v in X[:, 0]], dtype=object)
    cells[rng.random(n) < 0.1] = "NA"
    return Made(csv(x1=cells, x2=X[:, 1], word=rng.choice(["a", "b"], n), y=y))


def gaps(rng, n, strength):
    X = features(rng, n, 4)
    y = answer(rng, X, 0.4)
    X[rng.random(n) < 0.25 * (1 + strength * np.sign(y - y.mean())), 0] = np.nan
    X[rng.random(n) < 0.1, 1] = np.nan
    return Made((X, y))


def random_gaps(rng, n):
    return gaps(rng, n, 0.0)


def constant(rng, n, how):
    X = features(rng, n, 3)
    y = answer(rng, X)
    X[:, 1] = 7.0
    if how == "gaps":
        X[rng.random(n) < 0.2, 1] = np.nan
        X[0, 1], X[1, 1] = np.nan, 7.0
    if how == "rounding":
        X[:, 1] = 1e9 + 1e-7 * rng.integers(0, 2, n)
    return Made((X, y), subject=frozenset({"x2"}))


def copies(rng, n, share):
    X = np.round(features(rng, n, 4), 2)
    y = np.round(answer(rng, X), 2)
    m = max(1, round(share * n))
    X[-m:], y[-m:] = X[:m], y[:m]
    order = rng.permutation(n)
    return Made((X[order], y[order]))


def repeats(rng, n):
    """Coarse columns, so that many rows are equal by chance."""
    X = np.round(features(rng, n, int(rng.integers(2, 5)), 0.5) * rng.choice([1, 2]))
    return Made((X, np.round(X.sum(axis=1) + rng.normal(size=n))))


def numbered(X, y):
    return Made(_named(X, y, number=np.arange(1, len(y) + 1)), subject=frozenset({"number"}))


def sorted_file(rng, n, noise):
    X = features(rng, n, 3)
    y = answer(rng, X, 0.3)
    order = np.argsort(y + noise * y.std() * rng.normal(size=n), kind="stable")
    return numbered(X[order], y[order])


def shuffled_file(rng, n):
    X = features(rng, n, 3)
    return numbered(X, answer(rng, X, 0.3))


def shuffled_classes(rng, n):
    X = features(rng, n, 3)
    return numbered(X, (rng.random(n) < special.expit(X[:, 0])).astype(int))


def sums(rng, n, many):
    X = features(rng, n, 8) * 10.0 ** rng.integers(-3, 4, 8)
    y = answer(rng, X)
    X[:, 0] = X[:, 1 : 1 + many] @ rng.choice([1.0, 2.0, -1.0], many)
    return Made((X, y), subject=frozenset(f"x{j + 1}" for j in range(many + 1)))


def units(rng, n):
    X = features(rng, n, 4) * 10.0 ** rng.integers(-6, 7, 4)
    return Made((X, answer(rng, X)))


def inflated(rng, n, vif):
    """x4 = x1 − x2 and noise, so that its population variance inflation is `vif`."""
    X = rng.normal(size=(n, 5))
    X[:, 3] = X[:, 0] - X[:, 1] + np.sqrt(2 / (vif - 1)) * rng.normal(size=n)
    y = X[:, 2] + rng.normal(size=n)
    return Made((X, y), subject=frozenset({"x1", "x2", "x4"}))


def at_the_limit(rng, n):
    """Two columns whose population variance inflation is 5."""
    X = rng.normal(size=(n, 4))
    X[:, 1] = np.sqrt(0.8) * X[:, 0] + np.sqrt(0.2) * X[:, 1]
    return Made((X, answer(rng, X)))


def unscaled(rng, n, ratio):
    X = features(rng, n, 4)
    y = answer(rng, X)
    X[:, 1] *= ratio
    return Made((X, y), subject=frozenset({"x2"}))


def like_units(rng, n):
    X = features(rng, n, 6, 0.4) * rng.uniform(0.5, 3, 6)
    return Made((X + 100, answer(rng, X)))


def flat(rng, n, noise):
    """24 columns along 4 directions, and noise."""
    F = rng.normal(size=(n, 4))
    L = rng.normal(size=(4, 24))
    X = F @ (L / np.sqrt((L**2).sum(axis=0))) + noise * rng.normal(size=(n, 24))
    return Made((X, F @ rng.normal(size=4) + rng.normal(size=n)))


def full(rng, n):
    X = features(rng, n, 24, 0.6)
    return Made((X, answer(rng, X)))


def few_rows(rng, n, rows_per_coefficient):
    p = round(n / rows_per_coefficient)
    X = rng.normal(size=(n, p))
    return Made((X, X[:, 0] + rng.normal(size=n)))


def far_rows(rng, n, distance):
    """Three rows, c √n standard deviations out in x1 and off the line."""
    X = features(rng, n, 3)
    y = X @ [0.6, 0.3, 0.0] + rng.normal(size=n)
    bad = rng.choice(n, 3, replace=False)
    X[bad, 0], y[bad] = distance * np.sqrt(n) + rng.normal(size=3), -4
    return Made((X, y), subject=frozenset(f"row {i + 1}" for i in bad))


def far_units(rng, n, ratio):
    X = features(rng, n, 4)
    y = answer(rng, X)
    X[:, 1] *= ratio
    return Made((X, y))


def leaking(rng, n, noise):
    X = features(rng, n, 4)
    y = answer(rng, X, 0.3)
    leak = 2.54 * y + 3 + 2.54 * noise * y.std() * rng.normal(size=n)
    return Made(_named(X, y, leak=leak), subject=frozenset({"leak"}))


def strong_feature(rng, n):
    """One column explains 95 %, the others nothing more."""
    X = features(rng, n, 4)
    return Made((X, X[:, 0] + 0.23 * rng.normal(size=n)))


def idle_levels(rng, n, rows):
    """A category without effect, with `rows` rows to a level."""
    town = np.array([f"l{v}" for v in rng.integers(0, round(n / rows), n)])
    x = rng.normal(size=n)
    return Made({"town": town, "x": x, "y": x + rng.normal(size=n)}, subject=frozenset({"town"}))


def telling_levels(rng, n):
    levels = min(15, n // 20)
    town, x = rng.integers(0, levels, n), rng.normal(size=n)
    y = x + 1.2 * rng.normal(size=levels)[town] + rng.normal(size=n)
    return Made({"town": np.array([f"l{v}" for v in town]), "x": x, "y": y})


PLANTS = (
    Plant("LA101", "cells of a column of numbers that hold words",
          (("0.5 %", 0.005), ("2 %", 0.02), ("10 %", 0.1)), unreadable, (readable,), CERTAIN),
    Plant("LA102", "gaps of x1 (25 %) more likely where the target is high, less where it is low",
          (("± 30 %", 0.3), ("± 60 %", 0.6), ("± 90 %", 0.9)), gaps, (random_gaps,),
          counts=lambda f: "gaps of x1 go with y" in f.message),
    Plant("LA103", "a column without variance",
          (("but for rounding", "rounding"), ("but for gaps", "gaps"), ("none", "none")),
          constant, TABLES, CERTAIN),
    Plant("LA104", "rows copied within the table", (("2 %", 0.02), ("8 %", 0.08), ("30 %", 0.3)),
          copies, (*TABLES, repeats), remark="says nothing of fewer than 1 % of the rows, or of what chance makes"),
    Plant("LA105", "rows sorted by the target and numbered; the sort is as noisy as",
          (("3 sd", 3.0), ("1 sd", 1.0), ("0.3 sd", 0.3)), sorted_file,
          (shuffled_file, shuffled_classes), counts=lambda f: f.severity == "warning"),
    Plant("LA106", "a column that is an exact sum of others, of any units",
          (("6 others", 6), ("3 others", 3), ("2 others", 2)), sums, (*TABLES, units), CERTAIN),
    Plant("LA107", "a column that is nearly a difference of two others: variance inflation",
          (("15", 15.0), ("40", 40.0), ("200", 200.0)), inflated, (*TABLES, at_the_limit)),
    Plant("LA108", "a column in smaller units: its spread over that of the others",
          (("30", 30.0), ("300", 300.0), ("10⁴", 1e4)), unscaled, (*TABLES, like_units), CERTAIN,
          names="among", remark="speaks from a κ 1,000 times larger: a ratio of spreads of about 32"),
    Plant("LA109", "24 columns along 4 directions; noise beside them",
          (("0.095 sd", 0.095), ("0.07 sd", 0.07), ("0.03 sd", 0.03)), flat, (*TABLES, full)),
    Plant("LA110", "rows for each coefficient", (("4", 4.0), ("2", 2.0), ("0.8", 0.8)), few_rows,
          TABLES, LIMIT, fewer={400: 20, 2000: 0},
          remark="not simulated with thousands of columns"),
    Plant("LA111", "three rows far out and off the line, at a distance of",
          (("0.7 √n sd", 0.7), ("1 √n sd", 1.0), ("1.5 √n sd", 1.5)), far_rows, REGRESSIONS),
    Plant("LA112", "a column in other units: its spread over that of the others",
          (("10⁵", 1e5), ("10⁶", 1e6), ("10⁸", 1e8)), far_units, (*TABLES, like_units), CERTAIN,
          remark="six digits are left up to about 10⁶"),
    Plant("LA113", "a copy of the target in other units, with noise of",
          (("10 %", 0.1), ("5 %", 0.05), ("1 %", 0.01)), leaking, (*TABLES, strong_feature)),
    Plant("LA114", "a category without effect; rows to a level",
          (("12", 12), ("6", 6), ("3", 3)), idle_levels, (telling_levels, *REGRESSIONS), LIMIT,
          remark="says nothing of fewer than 20 levels"),
)  # fmt: skip

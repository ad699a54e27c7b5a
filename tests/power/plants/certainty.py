"""Faults of what is said of a fit: its score, its intervals, its stars, and whether more rows or bends would help."""

from __future__ import annotations

import numpy as np

from power.plants.plant import CLASSES, REGRESSIONS, TABLES, Made, Plant, answer, features


def product_of_three(rng, n, size):
    """The sign of a product of three columns: no bend and no product of two sees it."""
    X = rng.uniform(-1, 1, (n, 3))
    y = size * np.sign(X[:, 0] * X[:, 1] * X[:, 2]) + X[:, 0] + rng.normal(size=n)
    return Made((X, y))


def bent(rng, n):
    X = rng.normal(size=(n, 3))
    return Made((X, 2 * X[:, 0] ** 2 + X[:, 1] + 0.5 * rng.normal(size=n)))


def tails(rng, n, df):
    X = features(rng, n, 3, 0.2)
    return Made((X, X.sum(axis=1) + rng.standard_t(df, size=n)), subject=frozenset({"y"}))


def wide(rng, n, share):
    """A law of R² 0.3 of share · n columns."""
    X = features(rng, n, round(share * n), 0.05)
    return Made((X, answer(rng, X, 0.3)))


def few_rows(rng, n, rows):
    X = features(rng, n, round(n / rows), 0.05)
    return Made((X, answer(rng, X, 0.5)))


def right_sized(rng, n):
    X = features(rng, n, max(n // 25, 4) if n < 500 else 20)
    return Made((X, answer(rng, X, 0.6)))


def slice_(rng, n, ratio):
    """Errors × ratio in the upper fifth of x3."""
    X = rng.uniform(size=(n, 4))
    y = X.sum(axis=1) + np.where(X[:, 2] > 0.8, ratio, 1.0) * rng.normal(size=n)
    return Made((X, y), subject=frozenset({"x3", "y"}))


def one_star(rng, n, share):
    """The errors' sd is (1 − share) + share·|x1|, and the slope of x1 lies 2.6 classic standard errors from zero."""
    X = rng.normal(size=(n, 3))
    y = 1 + 0.5 * X[:, 1] + ((1 - share) + share * np.abs(X[:, 0])) * rng.normal(size=n)
    Z = np.column_stack([np.ones(n), X])
    b, V = np.linalg.lstsq(Z, y, rcond=None)[0], np.linalg.inv(Z.T @ Z)
    e = y - Z @ b
    y += (2.6 * np.sqrt(e @ e / (n - 4) * V[1, 1]) - b[1]) * X[:, 0]
    return Made((X, y), subject=frozenset({"x1"}))


def stars(rng, n, p):
    X = rng.normal(size=(n, min(p, n // 3)))
    return Made((X, X[:, 0] + rng.normal(size=n)))


WIDE = {400: 60, 2000: 0}
PLANTS = (
    Plant("PR303", "the sign of a product of three columns, beside errors of 1",
          (("± 0.5", 0.5), ("± 1", 1.0), ("± 6", 6.0)), product_of_three, (*TABLES, bent)),
    Plant("PR305", "errors of Student's t, degrees of freedom", (("4", 4.0), ("2.5", 2.5), ("1.8", 1.8)),
          tails, REGRESSIONS, remark="what intervals miss has to be certain, which takes hundreds of rows"),
    Plant("PR310", "so many columns, a share of the rows, that the training score flatters",
          (("0.3", 0.3), ("0.5", 0.5), ("0.7", 0.7)), wide, (*TABLES, right_sized), fewer=WIDE,
          remark="not simulated with thousands of columns"),
    Plant("PR311", "rows to a coefficient", (("6", 6.0), ("4", 4.0), ("2.5", 2.5)), few_rows,
          (*TABLES, right_sized), fewer=WIDE, remark="not simulated with thousands of columns"),
    Plant("PR312", "errors larger in the upper fifth of a column", (("× 2", 2.0), ("× 4", 4.0), ("× 12", 12.0)),
          slice_, REGRESSIONS),
    Plant("PR313", "errors in proportion to |x1|, beside even ones; a star at t = 2.6 that rests on them",
          (("half", 0.5), ("three quarters", 0.75), ("all", 1.0)), one_star, REGRESSIONS),
    Plant("PR317", "slopes of columns that do nothing (at most a third of the rows)",
          (("30", 30), ("60", 60), ("100", 100)), stars, (*REGRESSIONS, *CLASSES),
          remark="stars that noise alone makes come by chance: 30 columns often have none"),
)  # fmt: skip

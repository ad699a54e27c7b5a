"""Problems to descend on: the same rows as a quadratic of moments and as rows."""

from __future__ import annotations

import numpy as np

from whyfit.calculus.descent import Quadratic
from whyfit.calculus.losses import Logistic, Squared
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.stability import excess_loss
from whyfit.linalg.moments import Moments


def linear(seed: int, n: int = 500, p: int = 4, noise: float = 1.0) -> tuple[Quadratic, RowLoss]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * 2.0 ** rng.integers(-1, 2, p) + rng.normal(size=p)
    y = 1 + X @ rng.normal(size=p) + noise * rng.normal(size=n)
    rows = RowLoss(Squared(), np.column_stack([np.ones(n), X]), y)
    return Quadratic.with_intercept(Moments.of(np.column_stack([X, y]))), rows


def logistic(seed: int, n: int = 1000, p: int = 4) -> RowLoss:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * 2.0 ** rng.integers(-1, 2, p)
    eta = X @ rng.normal(size=p) / np.sqrt(p)
    y = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
    return RowLoss(Logistic(), np.column_stack([np.ones(n), X]), y)


def minimum(loss: RowLoss, steps: int = 12) -> np.ndarray:
    """By Newton's method."""
    w = np.zeros(loss.size)
    for _ in range(steps):
        w = w - excess_loss(loss.gradient(w), loss.hessian(w))[1]
    return w

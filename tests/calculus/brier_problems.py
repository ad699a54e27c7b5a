"""Rows for the Brier loss: two classes with a logit that is linear, and four clusters that no line divides."""

from __future__ import annotations

import numpy as np
from scipy.optimize import root

from whyfit.calculus.objective import RowLoss


def classes(rng: np.random.Generator, n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """(1, X) and y with P(y = 1) = 1/(1 + exp(−xᵀw))."""
    X, w = rng.normal(size=(n, p)), rng.normal(size=p)
    y = (rng.random(n) < 1 / (1 + np.exp(-2 * X @ w / np.linalg.norm(w)))).astype(float)
    y[:2] = 0, 1
    return np.column_stack([np.ones(n), X]), y


def four_clusters(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Exclusive or: (1, X) standardised; a line has one cluster of four on the wrong side, whichever it is."""
    rng = np.random.default_rng(0)
    which = rng.integers(0, 4, n)
    X = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]])[which] + 0.3 * rng.normal(size=(n, 2))
    return (
        np.column_stack([np.ones(n), (X - X.mean(axis=0)) / X.std(axis=0)]),
        (which < 2).astype(float),
    )


def saddle_of(loss: RowLoss) -> np.ndarray:
    """Where the gradient of `four_clusters` vanishes on the way from the middle to one of the four lines."""
    found = root(loss.gradient, np.array([-0.9, 0.8, 0.7]), jac=loss.hessian, tol=1e-13)
    assert found.success
    return found.x

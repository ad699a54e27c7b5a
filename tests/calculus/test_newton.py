"""Newton's method on hard but regular problems, and where there is no maximum: the flag says which."""

import numpy as np
import pytest
from scipy.optimize import linprog

from whyfit.data.arrays import ArrayRows
from whyfit.probability import logistic, multinomial


def labels(rng, eta):
    """0/1 with both classes present."""
    y = (rng.random(len(eta)) < 1 / (1 + np.exp(-np.clip(eta, -500, 500)))).astype(float)
    if y.min() == y.max():
        y[rng.integers(len(y))] = 1 - y[0]
    return y


def separated(X, y, classes):
    """By linear programme: some B with (b_yi − b_k)ᵀx̃_i ≥ 0 for all rows and classes, not all zero."""
    Z = np.column_stack([np.ones(len(y)), (X - X.mean(axis=0)) / X.std(axis=0)])
    c, rows = Z.shape[1], []
    for k in range(classes):
        other = np.flatnonzero(y != k)
        A = np.zeros((len(other), classes, c))
        A[np.arange(len(other)), y[other].astype(int)] = Z[other]
        A[:, k] -= Z[other]
        rows.append(A.reshape(len(other), -1))
    A = np.vstack(rows)
    done = linprog(-A.sum(axis=0), A_ub=-A, b_ub=np.zeros(len(A)), bounds=(-1, 1), method="highs")
    return -done.fun > 1e-6


def rare_class(rng, Z):
    return Z, labels(rng, Z.sum(axis=1) - np.log(len(Z)))


def steep(rng, Z):
    return Z, labels(rng, 8 * Z.sum(axis=1))


def wild_scales(rng, Z):
    return Z * 10.0 ** rng.integers(-12, 13, Z.shape[1]), labels(rng, Z.sum(axis=1))


def far_off(rng, Z):
    return Z + 1e6, labels(rng, Z[:, 0])


def heavy_tails(rng, Z):
    X = np.tan(np.pi * (rng.random(Z.shape) - 0.5))
    return X, labels(rng, 0.5 * X[:, 0])


def one_row_level(rng, Z):
    return np.column_stack([Z, np.arange(len(Z)) == 0]).astype(float), labels(rng, Z[:, 0])


def nearly_told_apart(rng, Z):
    y = labels(rng, 3 * Z[:, 0])
    return np.column_stack([Z, 10 * (y - 0.5) + 2.5 * rng.standard_normal(len(y))]), y


PROBLEMS = (rare_class, steep, wild_scales, far_off, heavy_tails, one_row_level, nearly_told_apart)


def fitted(X, y, classes, ridge=0.0):
    rows, n = ArrayRows(X, y, 2), len(y)
    if classes == 2:
        fit = logistic.fit_rows(rows, n, X.mean(axis=0), X.std(axis=0), ridge)
    else:
        names = tuple("abc")
        fit = multinomial.fit_rows(rows, n, X.mean(axis=0), X.std(axis=0), ridge, classes=names)
    fit.inference()
    return fit


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_converges_exactly_where_a_maximum_exists(problem, classes):
    for seed in range(12):
        rng = np.random.default_rng(seed)
        n = int(rng.choice([25, 100, 400]))
        X, y = problem(rng, rng.standard_normal((n, int(rng.integers(1, 4)))))
        if classes == 3:
            y = np.where(rng.random(n) < 0.3, 2.0, y)
            y[:3] = [0, 1, 2]
        fit = fitted(X, y, classes)
        none = separated(X, y, classes)
        assert fit.converged != none, seed
        assert fit.optimum.runaway == none, seed


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("ridge", [1e-3, 1.0])
def test_any_penalty_has_a_maximum(classes, ridge):
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X, y = one_row_level(rng, rng.standard_normal((300, 2)))
        if classes == 3:
            y = np.where(X[:, 1] > 1, 2.0, y)
        fit = fitted(X, y, classes, ridge)
        assert fit.converged
        assert not fit.optimum.runaway


def test_multinomial_digits_are_those_of_another_start():
    """Two roads to the same maximum agree in every digit claimed."""
    rng = np.random.default_rng(3)
    X = rng.normal([0, 1e4], 1.0, (300, 2))
    y = (np.column_stack([np.zeros(300), X[:, 0], -X[:, 0]]) + rng.gumbel(size=(300, 3))).argmax(1)
    there = fitted(X, y.astype(float), 3)
    order = rng.permutation(300)
    back = multinomial.fit_rows(
        ArrayRows(X[order], y[order].astype(float), 2),
        300,
        X.mean(axis=0) + 0.3,
        X.std(axis=0),
        classes=tuple("abc"),
    )
    assert there.digits.min() > 5
    for a, b, digits in (
        (there.intercept, back.intercept, there.digits[:, 0]),
        (there.coef, back.coef, there.digits[:, 1:]),
    ):
        assert (np.abs(a - b) <= 2 * 10.0**-digits * np.abs(a)).all()

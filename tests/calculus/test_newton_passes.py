"""How often all rows are read: four times, once a few of them have told where to start and what the Hessian is like."""

import numpy as np
import pytest

from whyfit.calculus.losses import Logistic, Poisson
from whyfit.calculus.newton import LEND_PER_COLUMN, WARM_ROWS, Problem, loss_sums, newton
from whyfit.data.arrays import ArrayRows
from whyfit.engines.local import LocalEngine

N = 130_000  # WARM_ROWS of them lend their Hessian to three coefficients


def rows_of(kind, rng):
    X = rng.standard_normal((N, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    eta = 0.3 + X @ [0.5, -0.4]
    if kind is Poisson:
        return X, rng.poisson(np.exp(eta)).astype(float)
    return X, (rng.random(N) < 1 / (1 + np.exp(-eta))).astype(float)


def plain_newton(kind, X, y):
    """Full steps over all rows from 0, a fresh Hessian each."""
    Z = np.column_stack([np.ones(len(y)), X])
    b = np.zeros(3)
    H = np.eye(3)
    for _ in range(12):
        eta = Z @ b
        g = Z.T @ kind().slope(eta, y)
        H = (Z.T * kind().curvature(eta, y)) @ Z
        b = b - np.linalg.solve(H, g)
    return b, H


def problem_of(kind, X, y):
    rows = ArrayRows(X, y, 2)
    return Problem(
        loss_sums(kind(), np.zeros(2)), rows.blocks, len(y), np.zeros(2), np.ones(2), LocalEngine()
    )


@pytest.mark.parametrize("kind", [Logistic, Poisson])
def test_four_passes_suffice_and_leave_nine_digits(kind):
    assert WARM_ROWS * N >= LEND_PER_COLUMN * 3
    X, y = rows_of(kind, np.random.default_rng(11))
    o = newton(problem_of(kind, X, y))
    b, H = plain_newton(kind, X, y)
    assert o.converged
    assert len(o.losses) == 4
    assert o.passes <= 4.5
    np.testing.assert_allclose(o.b, b, rtol=1e-10)
    se, there = (np.sqrt(np.diag(np.linalg.inv(M))) for M in (o.hessian, H))
    np.testing.assert_allclose(se, there, rtol=1e-9)


@pytest.mark.parametrize("kind", [Logistic, Poisson])
def test_first_rows_unlike_the_others_do_not_mislead(kind):
    """Rows sorted by a column: their Hessian knows nothing of the rest."""
    X, y = rows_of(kind, np.random.default_rng(12))
    order = np.argsort(X[:, 0])
    X, y = X[order], y[order]
    o = newton(problem_of(kind, X, y))
    b, H = plain_newton(kind, X, y)
    assert o.converged
    np.testing.assert_allclose(o.b, b, rtol=1e-9)
    np.testing.assert_allclose(o.hessian, H, rtol=1e-8)


def test_no_more_passes_where_the_first_rows_hold_one_class():
    X, y = rows_of(Logistic, np.random.default_rng(13))
    order = np.argsort(y, kind="stable")
    o = newton(problem_of(Logistic, X[order], y[order]))
    b, _ = plain_newton(Logistic, X, y)
    assert o.converged
    np.testing.assert_allclose(o.b, b, rtol=1e-9)

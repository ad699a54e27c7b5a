"""Newton's method for any loss: against its fast twin, against optimality, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.calculus.logistic import newton_sums
from whyfit.calculus.losses import Gamma, Huber, Logistic, Loss, Poisson, Squared
from whyfit.calculus.newton import NewtonSums, Problem, loss_sums, newton
from whyfit.data.arrays import ArrayRows
from whyfit.engines.local import LocalEngine
from whyfit.errors import NotFiniteError
from whyfit.fold import fold


def _rows(loss: Loss, n: int = 3000, p: int = 3, seed: int = 0) -> tuple[ArrayRows, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * [1.0, 3.0, 0.2] + [0.0, 5.0, -1.0]
    eta = 0.3 + X @ [0.4, -0.1, 1.0]
    y = {
        "poisson": lambda: rng.poisson(np.exp(eta)),
        "gamma": lambda: rng.gamma(2.0, np.exp(eta) / 2),
        "logistic": lambda: rng.random(n) < 1 / (1 + np.exp(-eta)),
    }.get(loss.name, lambda: eta + rng.standard_t(2, n))()
    return ArrayRows(X, y.astype(float), 2), X


def _problem(loss: Loss, rows: ArrayRows, X: np.ndarray, ridge: float = 0.0) -> Problem:
    centre = X.mean(axis=0)
    y = np.concatenate([b.y for b in rows.blocks()])
    origin = np.zeros(X.shape[1] + 1)
    origin[0] = float(loss.constant(y))
    return Problem(
        loss_sums(loss, centre), rows.blocks, len(X), centre, X.std(axis=0), LocalEngine(1), ridge,
        origin=origin,
    )  # fmt: skip


def test_logistic_sums_are_those_of_the_loss() -> None:
    rows, X = _rows(Logistic())
    b, centre = np.array([0.2, 0.5, -0.3, 1.0]), X.mean(axis=0)
    slow, fast = (
        fold(rows.blocks(), of, NewtonSums.empty(4, True), LocalEngine(1))
        for of in (loss_sums(Logistic(), centre)(b, True), newton_sums(b, centre, True))
    )
    assert slow.loss == pytest.approx(fast.loss, rel=1e-12)
    assert slow.gradient == pytest.approx(fast.gradient, rel=1e-9, abs=1e-9)
    assert slow.hessian == pytest.approx(fast.hessian, rel=1e-11)


@pytest.mark.parametrize("loss", [Poisson(), Gamma(), Logistic(), Squared()], ids=lambda x: x.name)
@pytest.mark.parametrize("ridge", [0.0, 5.0])
def test_gradient_is_zero_where_it_stops(loss: Loss, ridge: float) -> None:
    rows, X = _rows(loss)
    problem = _problem(loss, rows, X, ridge)
    found = newton(problem)
    assert found.converged
    at = fold(
        rows.blocks(), problem.sums_at(found.b, True), NewtonSums.empty(4, True), LocalEngine(1)
    )
    g = at.gradient + np.concatenate([[0.0], ridge * problem.scale**2]) * found.b
    assert at.hessian is not None
    assert np.abs(g / np.sqrt(np.diag(at.hessian))).max() < 1e-7


def test_squared_loss_takes_one_step_to_least_squares() -> None:
    rows, X = _rows(Squared())
    y = np.concatenate([b.y for b in rows.blocks()])
    w = np.linalg.lstsq(np.column_stack([np.ones(len(X)), X]), y)[0]
    found = newton(_problem(Squared(), rows, X))
    assert found.b[1:] == pytest.approx(w[1:], rel=1e-10)


def test_huber_from_least_squares_settles_where_its_pulls_balance() -> None:
    rows, X = _rows(Huber())
    problem = _problem(Huber(), rows, X)
    start = newton(_problem(Squared(), rows, X)).b
    found = newton(problem, start)
    assert found.converged
    Z = np.column_stack([np.ones(len(X)), X - problem.centre])
    y = np.concatenate([b.y for b in rows.blocks()])
    assert Huber().slope(Z @ found.b, y) @ Z == pytest.approx(np.zeros(4), abs=1e-6)


def test_large_counts_do_not_overflow_on_the_way() -> None:
    """From η = 0 the first step of counts near 10⁶ would overflow e^η; it is halved, not refused."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 1))
    y = rng.poisson(np.exp(13 + 0.5 * x[:, 0])).astype(float)
    rows = ArrayRows(x, y, 2)
    problem = Problem(
        loss_sums(Poisson(), np.zeros(1)), rows.blocks, 500, np.zeros(1), np.ones(1), LocalEngine(1)
    )
    found = newton(problem)
    assert found.converged
    assert found.b == pytest.approx([13, 0.5], abs=0.01)


def test_a_loss_that_is_not_finite_at_the_start_is_refused() -> None:
    rows = ArrayRows(np.array([[1.0], [np.inf]]), np.array([0.0, 1.0]), 2)
    problem = Problem(
        loss_sums(Squared(), np.zeros(1)), rows.blocks, 2, np.zeros(1), np.ones(1), LocalEngine(1)
    )
    with pytest.raises(NotFiniteError, match="not finite at the start"):
        newton(problem, np.array([0.0, 1.0]))

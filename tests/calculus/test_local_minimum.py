"""The lowest point of a loss that is not convex: Newton's steps with |H|, and what does not exist."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from calculus.brier_problems import classes, four_clusters, saddle_of
from whyfit.calculus.local_minimum import lowest
from whyfit.calculus.losses import Brier, Logistic, SoftmaxBrier
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.problem import Problem
from whyfit.calculus.second_order import saddle_free_step, second_order_walk


def moved(Z):
    return lambda s: float(np.abs(Z @ s).max())


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_scipy_from_the_same_start(seed):
    rng = np.random.default_rng(seed)
    Z, y = classes(rng, 300, 4)
    loss = RowLoss(Brier(), Z, y)
    found = lowest(loss, [np.zeros(5)], moved(Z))
    ref = minimize(loss.loss, np.zeros(5), jac=loss.gradient, method="BFGS", options={"gtol": 1e-9})
    assert found.exists
    assert found.loss == pytest.approx(ref.fun, rel=1e-9)
    assert found.w == pytest.approx(ref.x, abs=1e-3)
    assert np.linalg.norm(loss.gradient(found.w)) < 1e-7
    assert np.linalg.eigvalsh(loss.hessian(found.w))[0] > 0


def test_the_step_is_newtons_where_the_hessian_is_positive_definite():
    rng = np.random.default_rng(1)
    A = rng.normal(size=(5, 5))
    H, g = A @ A.T + np.eye(5), rng.normal(size=5)
    assert saddle_free_step(g, H) == pytest.approx(np.linalg.solve(H, g), rel=1e-9)
    lam, V = np.linalg.eigh(np.diag([3.0, -2.0, 1.0]))
    step = saddle_free_step(np.ones(3), np.diag([3.0, -2.0, 1.0]))
    assert step == pytest.approx(V @ ((V.T @ np.ones(3)) / np.abs(lam)))
    assert saddle_free_step(np.array([1.0, 0.0]), np.diag([2.0, 0.0])) == pytest.approx([0.5, 0.0])


def test_newton_leaves_a_saddle_that_the_plain_step_runs_into():
    Z, y = four_clusters()
    loss = RowLoss(Brier(), Z, y)
    w = saddle_of(loss)
    near = w + 0.05 * np.linalg.eigh(loss.hessian(w))[1][:, 0]
    plain = near - np.linalg.solve(loss.hessian(near), loss.gradient(near))
    assert np.linalg.norm(plain - w) < np.linalg.norm(near - w)
    run = second_order_walk(loss, "Newton", 100, start=near)
    assert run.losses[-1] < loss.loss(w) - 0.01
    assert np.linalg.norm(loss.gradient(run.w)) < 1e-6


def test_of_several_starts_the_lowest_counts():
    Z, y = four_clusters()
    loss = RowLoss(Brier(), Z, y)
    starts = [np.zeros(3), np.array([-10.0, -10.0, -10.0])]
    each = [lowest(loss, [w], moved(Z)).loss for w in starts]
    assert lowest(loss, starts, moved(Z)).loss == min(each) < max(each)


def test_what_falls_for_ever_is_no_minimum():
    """One row far on the wrong side: the log-loss holds it, the Brier loss gives it up and goes on."""
    x = np.concatenate([np.linspace(0.5, 3, 20), -np.linspace(0.5, 3, 20), [30.0]])
    y = np.concatenate([np.ones(20), np.zeros(20), [0.0]])
    problem = Problem.of_rows(Brier(), x[:, None], y)
    assert problem.log_loss.lowest.exists
    assert not problem.lowest.exists
    assert problem.lowest.loss == pytest.approx(1 / 41, abs=1e-6)
    held = Problem.of_rows(Brier(), x[:, None], y, ridge=1.0)
    assert held.lowest.exists
    divided = Problem.of_rows(Brier(), x[:40, None], y[:40])
    assert not divided.lowest.exists
    assert divided.least == 0.0


@pytest.mark.parametrize("kind", [Brier(), SoftmaxBrier(2)])
def test_a_problem_starts_where_it_is_told_in_either_coordinates(kind):
    rng = np.random.default_rng(4)
    Z, y = classes(rng, 200, 2)
    X = Z[:, 1:] * [3.0, 0.2] + 5
    problem = Problem.of_rows(kind, X, y)
    start = rng.normal(size=problem.objective.size)
    begun = problem.starting(start)
    assert begun.start_loss == pytest.approx(begun.raw.loss(start))
    assert begun.on(True).start_loss == pytest.approx(begun.unit.loss(start))
    assert begun.lowest is problem.lowest
    assert problem.start_loss == pytest.approx(problem.raw.loss(np.zeros_like(start)))
    shares = np.bincount(y.astype(int)) / len(y)
    assert problem.constant_loss == pytest.approx(kind.outputs * shares.prod(), rel=1e-9)


def test_a_lower_point_that_was_met_becomes_the_reference():
    Z, y = four_clusters()
    problem = Problem.of_rows(Brier(), Z[:, 1:], y, standardise=True)
    deep = lowest(problem.unit, [np.array([-20.0, 20.0, 20.0])], moved(Z))
    assert problem.lowest.loss > deep.loss
    assert problem.knowing(deep.w + 0.1).least <= deep.loss * (1 + 1e-9)
    assert problem.knowing(np.zeros(3)) is problem
    convex = Problem.of_rows(Logistic(), Z[:, 1:], y)
    assert convex.knowing(np.ones(3)) is convex


def test_the_log_loss_of_a_problem_is_that_of_its_rows():
    Z, y = classes(np.random.default_rng(6), 100, 2)
    problem = Problem.of_rows(Brier(), Z[:, 1:], y, ridge=2.0)
    w = np.array([0.1, 0.5, -0.3])
    direct = Problem.of_rows(Logistic(), Z[:, 1:], y, ridge=2.0)
    assert problem.log_loss.raw.loss(w) == pytest.approx(direct.raw.loss(w), rel=1e-14)
    assert problem.log_loss.lowest.w == pytest.approx(direct.lowest.w)

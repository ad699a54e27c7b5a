"""One loss in two coordinates, its minimum, and forecasts of descents on it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from whyfit.calculus.blunt import Blunt
from whyfit.calculus.derivatives import check_gradient
from whyfit.calculus.forecast import Spectrum
from whyfit.calculus.losses import (
    Gamma,
    Hinge,
    Huber,
    Logistic,
    Multinomial,
    Poisson,
    Quantile,
    Squared,
)
from whyfit.calculus.objective import Plane, RowLoss
from whyfit.calculus.optimizers import GradientDescent, Momentum, Nesterov
from whyfit.calculus.problem import Problem
from whyfit.calculus.schedules import Cosine
from whyfit.calculus.walk import Plan, walk
from whyfit.errors import ShapeError, TargetError
from whyfit.linalg.moments import Moments

RULES = (GradientDescent(), Momentum(0.9), Nesterov(0.8))


def _data(
    seed: int, n: int = 300, p: int = 3
) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * 10.0 ** rng.uniform(-2, 2, p) + 10.0 ** rng.uniform(-1, 3, p)
    eta = ((X - X.mean(0)) / X.std(0)) @ rng.normal(size=p) / np.sqrt(p)
    return X, eta, rng


def _problem(name: str, seed: int, ridge: float = 0.0) -> Problem:
    X, eta, rng = _data(seed)
    n = len(eta)
    kind, y = {
        "squared": (Squared(), eta + rng.normal(size=n)),
        "huber": (Huber(1.0), eta + rng.standard_t(2, size=n)),
        "logistic": (Logistic(), (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)),
        "poisson": (Poisson(), rng.poisson(np.exp(eta)).astype(float)),
        "gamma": (Gamma(), np.exp(eta) * rng.gamma(2.0, 1.0, n) + 1e-9),
        "multinomial": (
            Multinomial(3),
            np.argmax(np.column_stack([eta, 0 * eta, -eta]) + rng.gumbel(size=(n, 3)), 1) * 1.0,
        ),
    }[name]
    return Problem.of_rows(kind, X, y, ridge)


SMOOTH = ("squared", "huber", "logistic", "poisson", "gamma", "multinomial")


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("ridge", [0.0, 5.0])
def test_both_coordinates_have_the_same_loss_and_minimum(name, ridge):
    problem = _problem(name, 1, ridge)
    rng = np.random.default_rng(0)
    for _ in range(3):
        b = 0.3 * rng.normal(size=problem.unit.size)
        w = problem.to_raw(b)
        np.testing.assert_allclose(problem.to_unit(w), b, rtol=1e-6, atol=1e-8)
        assert problem.raw.loss(w) == pytest.approx(problem.unit.loss(b), rel=1e-9)
    assert problem.lowest.exists
    g = problem.unit.gradient(problem.lowest.w)
    assert np.abs(g).max() < 1e-6
    assert problem.left_at(problem.minimum) < 1e-10
    assert problem.on(True).least == problem.least


@pytest.mark.parametrize("name", SMOOTH)
def test_the_minimum_is_scipys(name):
    problem = _problem(name, 2)
    found = minimize(problem.unit.loss, np.zeros(problem.unit.size), jac=problem.unit.gradient,
                     method="BFGS", options={"gtol": 1e-9})  # fmt: skip
    assert problem.least == pytest.approx(found.fun, rel=1e-9, abs=1e-9)


def test_the_median_is_that_of_a_linear_programme():
    X, eta, rng = _data(3, n=150)
    y = eta + rng.standard_t(2, size=150)
    problem = Problem.of_rows(Quantile(0.3), X, y)
    assert isinstance(problem.kind, Blunt)
    Z = problem.unit.Z
    n, c = Z.shape
    cost = np.concatenate([np.zeros(c), np.full(n, 0.3), np.full(n, 0.7)]) / n
    bounds = [(None, None)] * c + [(0, None)] * 2 * n
    best = linprog(cost, A_eq=np.hstack([Z, np.eye(n), -np.eye(n)]), b_eq=y, bounds=bounds)
    assert best.fun <= problem.least * (1 + 1e-12)
    assert problem.least == pytest.approx(best.fun, rel=2e-3)


def test_the_hinge_minimum_is_that_of_a_linear_programme():
    X, eta, rng = _data(4, n=150)
    y = (rng.random(150) < 1 / (1 + np.exp(-3 * eta))).astype(float)
    problem = Problem.of_rows(Hinge(), X, y)
    S = problem.unit.Z * (2 * y - 1)[:, None]
    n, c = S.shape
    best = linprog(np.concatenate([np.zeros(c), np.full(n, 1 / n)]), A_ub=-np.hstack([S, np.eye(n)]),
                   b_ub=-np.ones(n), bounds=[(None, None)] * c + [(0, None)] * n)  # fmt: skip
    assert problem.least == pytest.approx(best.fun, rel=5e-3)
    assert best.fun <= problem.least * (1 + 1e-12)


@given(st.integers(0, 10_000))
def test_moments_and_rows_are_one_problem(seed):
    X, eta, rng = _data(seed, n=60)
    y = eta + rng.normal(size=60)
    rows, folded = (
        Problem.of_rows(Squared(), X, y),
        Problem.of_moments(Moments.of(np.column_stack([X, y]))),
    )
    assert rows.least == pytest.approx(folded.least, rel=1e-8)
    assert rows.condensed.least == pytest.approx(folded.least, rel=1e-12)
    b = rng.normal(size=4)
    assert rows.unit.loss(b) == pytest.approx(folded.unit.loss(b), rel=1e-9)


def test_separated_classes_have_no_minimum_and_near_separated_ones_do():
    X, eta, rng = _data(5)
    y = (eta > 0).astype(float)
    separated = Problem.of_rows(Logistic(), X, y)
    assert not separated.lowest.exists
    assert separated.least == 0.0
    assert Problem.of_rows(Logistic(), X, y, ridge=0.1).lowest.exists
    y[np.argmax(eta)] = 0.0
    assert Problem.of_rows(Logistic(), X, y).lowest.exists
    three = np.digitize(eta, [-0.5, 0.5]).astype(float)
    del rng
    assert (
        Problem.of_rows(Multinomial(3), X[:, :1] * 0 + eta[:, None], three).lowest.exists is False
    )


def test_constant_and_repeated_columns_do_no_harm():
    X, eta, rng = _data(6)
    X = np.column_stack([X, np.full(len(X), 7.0), X[:, 0] - X[:, 1]])
    problem = Problem.of_rows(Poisson(), X, rng.poisson(np.exp(eta)).astype(float))
    assert problem.live.tolist() == [0, 1, 2, 4]
    assert problem.lowest.exists
    assert np.abs(problem.unit.gradient(problem.lowest.w)).max() < 1e-6


def test_a_target_that_does_not_suit_is_refused():
    X, eta, _ = _data(7)
    with pytest.raises(TargetError, match="counts"):
        Problem.of_rows(Poisson(), X, eta)


class TestSeveralClasses:
    def test_derivatives(self):
        loss = _problem("multinomial", 8, ridge=2.0).unit
        assert isinstance(loss, RowLoss)
        assert loss.several
        w = 0.3 * np.random.default_rng(0).normal(size=loss.size)
        assert check_gradient(loss.loss, loss.gradient, w).agrees
        H, v = loss.hessian(w), np.arange(loss.size) / loss.size
        np.testing.assert_allclose(H @ v, loss.hessian_vector(w, v), atol=1e-12)
        h = 1e-5
        numeric = (loss.gradient(w + h * v) - loss.gradient(w - h * v)) / (2 * h)
        np.testing.assert_allclose(numeric, H @ v, atol=1e-7)

    def test_batches_of_all_rows_and_the_plane(self):
        loss = _problem("multinomial", 9).unit
        assert isinstance(loss, RowLoss)
        assert loss.several
        w = np.linspace(-1, 1, loss.size)
        np.testing.assert_allclose(loss.batch_gradient(w, np.arange(loss.n)), loss.gradient(w))
        d = np.eye(loss.size)[:2]
        plane = Plane(w, d, np.array([-1.0, 0.0, 2.0]), np.array([0.5, 1.0]))
        points = plane.points()
        values = [[loss.loss(points[i, j]) for j in range(2)] for i in range(3)]
        np.testing.assert_allclose(loss.on_plane(plane), values, rtol=1e-12)

    def test_shapes(self):
        with pytest.raises(ShapeError, match="expected"):
            RowLoss(Multinomial(2), np.ones((3, 1)), np.zeros(2))
        loss = RowLoss(Multinomial(2), np.ones((3, 1)), np.array([0.0, 1.0, 1.0]))
        with pytest.raises(ShapeError, match="no rows"):
            loss.batch_gradient(np.zeros(2), np.zeros(0, dtype=int))


class TestForecast:
    @pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
    @pytest.mark.parametrize("share", [0.3, 0.97, 1.1])
    def test_the_path_is_the_one_taken(self, rule, share):
        problem = Problem.of_moments(Moments.of(_square(10)))
        loss, best = problem.objective, problem.minimum
        seen = Spectrum.of(loss.hessian(best), best)
        rate = share * rule.largest_rate(seen.top)
        for schedule in (None, Cosine(60)):
            plan = Plan(rule, rate, 60, **({} if schedule is None else {"schedule": schedule}))
            taken = walk(loss, plan)
            told = seen.path(rule, rate * plan.schedule.factors(60), taken.at)
            np.testing.assert_allclose(
                told, taken.losses - problem.least, rtol=1e-6, atol=1e-9 * told[0]
            )

    @pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
    def test_steps_are_counted_to_the_first_time(self, rule):
        problem = Problem.of_moments(Moments.of(_square(11)), standardise=True)
        loss, best = problem.objective, problem.minimum
        seen = Spectrum.of(loss.hessian(best), best)
        rate = 0.3 * rule.largest_rate(seen.top)
        excess = walk(loss, Plan(rule, rate, 2000)).losses - problem.least
        first = int(np.flatnonzero(excess <= 0.01 * excess[0])[0])
        assert seen.steps_to(rule, rate, 0.01) == first

    def test_far_and_never(self):
        seen = Spectrum(np.array([1e-9, 1.0]), np.eye(2), np.array([1e5, 1e-6]))
        steps = seen.steps_to(GradientDescent(), 1.0, 0.01)
        assert steps == pytest.approx(np.log(100) / 2e-9, rel=1e-3)
        assert np.isinf(seen.steps_to(GradientDescent(), 3.0, 0.01))
        assert seen.condition == pytest.approx(1e9)
        assert (
            Spectrum(np.zeros(2), np.eye(2), np.ones(2)).steps_to(GradientDescent(), 1.0, 0.01) == 0
        )


def _square(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(200, 3)) * [1.0, 2.0, 0.5] + [0.0, 1.0, 0.0]
    return np.column_stack([X, X @ [1.0, -1.0, 2.0] + rng.normal(size=200)])

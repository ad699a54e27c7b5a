"""Gradient descent on the squared loss: closed form against steps that are really taken."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.calculus.descent import Quadratic
from whyfit.linalg.moments import Moments


def data(seed: int = 0, n: int = 300):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)) @ np.diag([1.0, 3.0, 10.0, 30.0]) + 7
    y = X @ np.array([2.0, -1.0, 0.3, 0.05]) + rng.normal(size=n)
    return X, y


def loss_of(X, y, standardise=False) -> Quadratic:
    return Quadratic.of(Moments.of(np.column_stack([X, y])), standardise)


def test_loss_and_gradient_are_those_of_the_rows():
    X, y = data()
    q = loss_of(X, y)
    w = np.array([0.5, -0.2, 1.0, 0.0])
    C, r = X - X.mean(axis=0), y - y.mean()
    e = r - C @ w
    assert q.loss(w) == pytest.approx(e @ e / len(y), rel=1e-10)
    np.testing.assert_allclose(q.gradient(w), -2 / len(y) * C.T @ e, rtol=1e-8)
    step = 1e-6 * np.eye(4)
    numeric = [(q.loss(w + h) - q.loss(w - h)) / 2e-6 for h in step]
    np.testing.assert_allclose(q.gradient(w), numeric, rtol=1e-4)


@pytest.mark.parametrize("standardise", [False, True])
@pytest.mark.parametrize("epsilon", [0.5, 0.1, 0.01])
def test_predicted_steps_are_the_steps_taken(standardise, epsilon):
    q = loss_of(*data(), standardise)
    predicted = q.steps_to(epsilon)
    losses = q.run(int(predicted) + 10, until=epsilon)
    assert len(losses) - 1 == predicted
    assert q.remaining(predicted) <= epsilon < q.remaining(predicted - 1)


def test_no_direction_needs_more_than_the_bound():
    """The closed form never exceeds (κ/2) ln(1/ε), and reaches it when only the flattest direction is left."""
    q = loss_of(*data())
    assert q.steps_to(0.01) <= np.ceil(q.bound(0.01))
    lam, V = q.spectrum
    alone = Quadratic(q.A, q.A @ V[:, -1], float(V[:, -1] @ q.A @ V[:, -1]))
    assert alone.steps_to(0.01) == pytest.approx(q.bound(0.01), rel=0.01)
    assert lam[0] / lam[-1] > 100


def test_above_two_over_lambda_the_loss_grows_by_the_predicted_factor():
    q = loss_of(*data())
    rate = 2.1 / q.largest_curvature
    losses = q.run(60, rate)
    assert q.steps_to(0.01, rate) == np.inf or losses[-1] > losses[-2]
    assert losses[-1] / losses[-2] == pytest.approx((1 - rate * q.largest_curvature) ** 2, rel=0.01)


def test_billions_of_steps_are_counted_without_taking_them():
    X, y = data()
    slow = loss_of(np.column_stack([X[:, :1] * 1e-3, X[:, 1:] * 1e3]), y)
    assert 1e9 < slow.steps_to(0.01) < np.inf


def test_constant_columns_take_no_part():
    X, y = data()
    q = loss_of(np.column_stack([X, np.full(len(y), 4.0)]), y)
    assert q.g.size == 4


def test_nothing_to_learn_needs_no_step():
    X, y = data()
    q = loss_of(X, np.full(len(y), 2.0))
    assert q.steps_to(0.01) == 0.0
    assert loss_of(np.ones((10, 2)), np.arange(10.0)).steps_to() == 0.0

"""What copies in the training set are worth: the formula against refitting without them."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.probability.straddling import leverages, log_loss_change, squared_error_change

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("t", [1, 2, 5])
def test_squared_error_without_copies_is_that_of_a_refit(t):
    X, y = RNG.normal(size=(40, 3)), RNG.normal(size=40)
    x, own = RNG.normal(size=3), 4.0
    A, b = np.vstack([X, [x] * t]), np.concatenate([y, [own] * t])
    one = np.column_stack([np.ones(len(A)), A])
    V = np.linalg.inv(one.T @ one)
    r = own - np.concatenate([[1], x]) @ V @ one.T @ b
    h = leverages(x[None], V, 1.0)
    without = np.linalg.lstsq(np.column_stack([np.ones(40), X]), y, rcond=None)[0]
    expected = (own - np.concatenate([[1], x]) @ without) ** 2 - r**2
    assert squared_error_change(np.array([r]), h, np.array([t]))[0] == pytest.approx(expected)


def test_log_loss_without_a_copy_is_nearly_that_of_a_refit():
    n = 600
    X = RNG.normal(size=(n, 2))
    y = (RNG.random(n) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)

    def logistic(A, b):
        one, w = np.column_stack([np.ones(len(A)), A]), np.zeros(3)
        for _ in range(30):
            p = 1 / (1 + np.exp(-one @ w))
            w += np.linalg.solve((one * (p * (1 - p))[:, None]).T @ one, one.T @ (b - p))
        p = 1 / (1 + np.exp(-one @ w))
        return w, np.linalg.inv((one * (p * (1 - p))[:, None]).T @ one)

    for i in range(5):
        w, V = logistic(np.vstack([X, X[i]]), np.append(y, y[i]))  # row i twice
        u, _ = logistic(np.delete(X, i, axis=0), np.delete(y, i))  # without either
        x = np.concatenate([[1], X[i]])

        def loss(v, x=x, i=i):
            return np.log1p(np.exp(-(2 * y[i] - 1) * (x @ v)))

        p = np.array([1 / (1 + np.exp(-x @ w))])
        change = log_loss_change(y[i : i + 1], p, leverages(X[i : i + 1], V, 1.0), np.array([2.0]))
        assert change[0] == pytest.approx(loss(u) - loss(w), rel=0.05)


def test_no_copies_change_nothing():
    none = np.zeros(3)
    assert not squared_error_change(np.arange(3.0), np.full(3, 0.2), none).any()
    p = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(
        log_loss_change(np.array([0, 1, 1.0]), p, np.ones(3), none), 0, atol=1e-15
    )


def test_a_training_set_is_a_share_of_the_rows():
    X = RNG.normal(size=(10, 2))
    np.testing.assert_allclose(leverages(X, np.eye(3), 0.5), 2 * leverages(X, np.eye(3), 1.0))

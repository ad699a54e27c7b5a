"""The pairs bootstrap against its theory, its naive twin, and its degenerate cases."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.probability.bootstrap import budgeted, pairs_bootstrap, poisson_weights


def simulated(n: int, p: int, seed: int = 0, spread=None):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * np.arange(1, p + 1) + 5
    noise = rng.normal(size=n) * (1.0 if spread is None else spread(X))
    return X, X.sum(axis=1) + noise


def standard_errors(X, y, robust: bool):
    A = np.column_stack([np.ones(len(y)), X])
    G = np.linalg.inv(A.T @ A)
    e = y - A @ (G @ (A.T @ y))
    if robust:
        return np.sqrt(np.diag(G @ ((A * (e * e)[:, None]).T @ A) @ G))
    return np.sqrt(e @ e / (len(y) - A.shape[1]) * np.diag(G))


@pytest.mark.parametrize(("n", "p"), [(400, 3), (30_000, 6)])
def test_spread_is_the_standard_error_of_theory(n, p):
    X, y = simulated(n, p)
    W = pairs_bootstrap(X, y, 400, np.random.default_rng(1))
    ratio = W.std(axis=0) / standard_errors(X, y, robust=False)
    assert np.all(np.abs(ratio - 1) < 0.15)  # 1/√800 = 3.5 %, four of them
    np.testing.assert_allclose(W.mean(axis=0)[1:], 1.0, atol=0.2)


def test_unequal_variances_are_in_the_spread():
    X, y = simulated(4000, 2, spread=lambda X: np.abs(X[:, 0] - 5) ** 2)
    W = pairs_bootstrap(X, y, 500, np.random.default_rng(1))
    robust, classic = standard_errors(X, y, robust=True), standard_errors(X, y, robust=False)
    assert robust[1] / classic[1] > 1.8
    assert abs(W[:, 1].std() / robust[1] - 1) < 0.15


def test_every_replicate_is_a_weighted_fit():
    """Naive twin: the same weights through an ordinary weighted least-squares solve."""
    X, y = simulated(60, 3)
    W = poisson_weights(5, 60, np.random.default_rng(7)).astype(float)
    fast = pairs_bootstrap(X, y, 5, np.random.default_rng(7))
    A = np.column_stack([np.ones(60), X])
    for w, b in zip(W, fast, strict=True):
        slow = np.linalg.lstsq(A * np.sqrt(w)[:, None], y * np.sqrt(w), rcond=None)[0]
        np.testing.assert_allclose(b, slow, rtol=1e-7)


def test_weights_are_poisson():
    w = poisson_weights(400, 500, np.random.default_rng(0))
    share = np.bincount(w.ravel(), minlength=5)[:5] / w.size
    expected = np.exp(-1) / np.array([1, 1, 2, 6, 24])
    np.testing.assert_allclose(share, expected, atol=5 * np.sqrt(0.25 / w.size))


@pytest.mark.parametrize("n", [50, 5_000, 50_000])
@pytest.mark.parametrize("p", [1, 20, 100, 300])
def test_work_stays_within_its_budget(n, p):
    units, B = budgeted(n, p, 200)
    assert 1 <= units <= n
    assert 25 <= B <= 200
    assert 2.0 * units * (p + 2) ** 2 * B < 2e10


def test_many_columns_keep_the_scale_of_all_rows():
    X, y = simulated(20_000, 180)
    assert budgeted(20_000, 180, 40)[0] < 20_000
    W = pairs_bootstrap(X, y, 40, np.random.default_rng(2))
    ratio = np.median(W.std(axis=0) / standard_errors(X, y, robust=False))
    assert 0.8 < ratio < 1.35


def test_constant_and_copied_columns_do_not_stop_it():
    X, y = simulated(200, 2)
    X = np.column_stack([X, np.full(200, 3.0), X[:, 0]])
    W = pairs_bootstrap(X, y, 20, np.random.default_rng(0))
    assert np.isfinite(W).all()
    np.testing.assert_allclose((W[:, 1] + W[:, 4]).mean(), 1.0, atol=0.3)


def test_no_rows_give_nan():
    W = pairs_bootstrap(np.zeros((0, 2)), np.zeros(0), 7, np.random.default_rng(0))
    assert W.shape == (7, 3)
    assert np.isnan(W).all()


@pytest.mark.parametrize("apart", [1e-5, 1e-7, 1e-9])
def test_near_copies_spread_as_their_inflation_says(apart):
    rng = np.random.default_rng(8)
    x, z = rng.standard_normal((2, 1000))
    y = x + rng.standard_normal(1000)
    W = pairs_bootstrap(np.column_stack([x, x + apart * z]), y, 400, np.random.default_rng(9))
    assert W[:, 2].std() * apart == pytest.approx(1 / np.sqrt(1000), rel=0.15)


def test_a_dependent_column_leaves_the_others_finite():
    rng = np.random.default_rng(8)
    x, z = rng.standard_normal((2, 300))
    W = pairs_bootstrap(np.column_stack([x, 2 * x + 1, z]), x + z, 50, np.random.default_rng(9))
    assert np.isfinite(W).all()
    np.testing.assert_allclose(W[:, 3], 1.0, rtol=1e-8)

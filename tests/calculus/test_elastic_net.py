"""Coordinate descent on moments: optimality, the certificate, and scikit-learn's coefficients."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet as Peer

from whyfit.calculus.elastic_net import coordinate_descent, largest_penalty, path_of
from whyfit.calculus.penalties import ElasticNet
from whyfit.errors import SpecError


def standardised(n: int, p: int, seed: int, shared: float = 1.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + shared * rng.normal(size=(n, 1))
    y = X[:, :3] @ rng.normal(size=3) + rng.normal(size=n)
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    return X, y, X.T @ X / n, X.T @ y / n


@pytest.mark.parametrize("l1_ratio", [0.1, 0.7, 1.0])
@pytest.mark.parametrize(("n", "p", "shared"), [(300, 10, 0.5), (60, 40, 3.0), (30, 60, 1.0)])
def test_the_whole_path_is_optimal(n: int, p: int, shared: float, l1_ratio: float) -> None:
    """At every penalty the least subgradient is 0 to the accuracy of the certificate."""
    _, _, C, c = standardised(n, p, 1, shared)
    z = None
    for alpha in path_of(c, l1_ratio)[::7]:
        omega = ElasticNet(float(alpha), l1_ratio)
        found = coordinate_descent(C, c, omega, z)
        z = found.z
        assert found.converged
        assert found.gap >= -1e-14
        assert np.abs(omega.least_slope(z, C @ z - c)).max() < 1e-6


@pytest.mark.parametrize("l1_ratio", [0.2, 1.0])
def test_coefficients_are_those_of_scikit_learn(l1_ratio: float) -> None:
    X, y, C, c = standardised(200, 12, 2)
    alpha = 0.1 * largest_penalty(c, l1_ratio)
    peer = Peer(alpha=alpha, l1_ratio=l1_ratio, tol=1e-14, max_iter=1_000_000, fit_intercept=False)
    found = coordinate_descent(C, c, ElasticNet(alpha, l1_ratio))
    np.testing.assert_allclose(found.z, peer.fit(X, y).coef_, atol=1e-9)


def test_orthogonal_columns_are_soft_thresholded() -> None:
    c = np.array([0.8, -0.5, 0.1])
    found = coordinate_descent(np.eye(3), c, ElasticNet(0.3, 1.0))
    assert found.z == pytest.approx([0.5, -0.2, 0.0], abs=1e-12)


def test_all_are_zero_at_the_largest_penalty_and_none_more_below() -> None:
    _, _, C, c = standardised(200, 8, 3)
    top = largest_penalty(c, 0.5)
    assert not coordinate_descent(C, c, ElasticNet(top * (1 + 1e-9), 0.5)).z.any()
    assert np.count_nonzero(coordinate_descent(C, c, ElasticNet(top * 0.999, 0.5)).z) == 1


def test_no_penalty_is_least_squares() -> None:
    _, _, C, c = standardised(200, 8, 4)
    found = coordinate_descent(C, c, ElasticNet(0.0, 1.0))
    assert found.z == pytest.approx(np.linalg.solve(C, c), abs=1e-8)


def test_copies_share_under_ridge_and_either_serves_under_the_lasso() -> None:
    C, c = np.ones((2, 2)), np.array([0.6, 0.6])
    both = coordinate_descent(C, c, ElasticNet(0.1, 0.5))
    assert both.z[0] == pytest.approx(both.z[1], abs=1e-6)
    one = coordinate_descent(C, c, ElasticNet(0.1, 1.0))
    assert one.z.sum() == pytest.approx(0.5, abs=1e-9)


def test_degenerate_and_messages() -> None:
    assert coordinate_descent(np.zeros((0, 0)), np.zeros(0), ElasticNet(1.0, 1.0)).converged
    assert path_of(np.zeros(2), 1.0).tolist() == [0.0]
    with pytest.raises(SpecError, match="use Ridge"):
        path_of(np.ones(2), 0.0)

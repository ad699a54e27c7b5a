"""Ridge by evidence: agreement with the definition, and with what the data were made from."""

import numpy as np
import pytest

from whyfit.linalg.moments import Moments
from whyfit.probability.evidence import effective_parameters, ridge_by_evidence
from whyfit.probability.multiple import holm, holm_adjust


def log_evidence(X, y, lam):
    """log p(y | λ) up to a constant, σ² and β₀ integrated out, straight from the n × n covariance."""
    Z = (X - X.mean(0)) / X.std(0)
    n = len(y)
    Q = np.linalg.svd(np.eye(n) - 1 / n)[0][:, : n - 1]  # contrasts: the flat intercept is gone
    K = Q.T @ (np.eye(n) + Z @ Z.T / lam) @ Q
    v = Q.T @ y
    return -0.5 * np.linalg.slogdet(K)[1] - 0.5 * (n - 1) * np.log(v @ np.linalg.solve(K, v))


def test_penalty_maximises_the_evidence():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 12)) @ rng.normal(size=(12, 12))
    y = X @ rng.normal(size=12) * 0.1 + rng.normal(size=60)
    best = ridge_by_evidence(Moments.of(np.column_stack([X, y])))
    top = log_evidence(X, y, best)
    assert all(log_evidence(X, y, best * f) < top for f in (0.5, 0.8, 1.25, 2.0))


def test_no_signal_asks_for_a_large_penalty():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(200, 10)), rng.normal(size=200)
    m = Moments.of(np.column_stack([X, y]))
    C = np.corrcoef(X, rowvar=False)
    assert effective_parameters(C, ridge_by_evidence(m), 200) < 5
    assert effective_parameters(C, 0.0, 200) == 10


def test_holm_by_hand():
    p = np.array([0.01, 0.04, 0.03, np.nan])
    np.testing.assert_allclose(holm_adjust(p), [0.04, 0.09, 0.09, 1.0])
    assert holm(p).tolist() == [True, False, False, False]


def test_holm_keeps_the_family_wise_rate():
    rng = np.random.default_rng(2)
    false = sum(holm(rng.random(8)).any() for _ in range(4000))
    assert false <= 200 + 3.3 * np.sqrt(4000 * 0.05 * 0.95)


@pytest.mark.parametrize("m", [0, 1])
def test_holm_of_few(m):
    assert len(holm(np.full(m, 0.5))) == m

import numpy as np
import pytest
from scipy import stats

from whyfit.probability.hidden import largest_r2, largest_skill


def test_upper_limit_inverts_the_noncentral_f():
    rho2 = largest_r2(2.0, 5, 194, 200, 0.05)
    delta = 200 * rho2 / (1 - rho2)
    assert stats.ncf.cdf(2.0, 5, 194, delta) == pytest.approx(0.05, abs=1e-6)


def test_upper_limit_inverts_the_noncentral_chi_square():
    skill = largest_skill(7.0, 4, 300, 0.6, 0.05)
    assert stats.ncx2.cdf(7.0, 4, skill * 2 * 300 * 0.6) == pytest.approx(0.05, abs=1e-6)


def test_it_covers_the_truth_at_least_at_its_level():
    rng = np.random.default_rng(0)
    n, p, rho2, runs = 100, 3, 0.05, 400
    covered = 0
    X = rng.standard_normal((n, p))
    X -= X.mean(axis=0)
    Q = np.linalg.qr(X)[0]
    mean = np.sqrt(n * rho2 / (1 - rho2)) * Q[:, 0]  # population R² given X, σ = 1
    for _ in range(runs):
        y = mean + rng.standard_normal(n)
        y -= y.mean()
        fitted = float(((Q.T @ y) ** 2).sum())
        f = fitted / p / ((float(y @ y) - fitted) / (n - p - 1))
        covered += largest_r2(f, p, n - p - 1, n, 0.05) >= rho2
    assert covered >= stats.binom.ppf(0.001, runs, 0.95)


def test_degenerate_input():
    assert np.isnan(largest_r2(float("nan"), 3, 10, 14, 0.05))
    assert np.isnan(largest_r2(1.0, 3, 0, 4, 0.05))
    median = stats.f.ppf(0.5, 3, 100)
    assert largest_r2(0.0, 3, 100, 104, 0.05) == largest_r2(median, 3, 100, 104, 0.05) > 0
    assert np.isnan(largest_skill(float("nan"), 3, 10, 0.6, 0.05))

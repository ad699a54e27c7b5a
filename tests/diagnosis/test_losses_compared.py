"""Losses beside each other: scales, tails and variances of slopes against their theory."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of
from whyfit.diagnosis.losses_compared import (
    MOST_NATS,
    Rival,
    bootstrap_steps,
    efficiency,
    looked_at,
    normal_inside,
    scale_of,
    slope_errors,
    tail_gain,
    tail_index,
)


def test_the_scale_of_normal_errors_is_their_standard_deviation():
    e = 3.0 * np.random.default_rng(0).normal(size=200_000)
    assert scale_of(e) == pytest.approx(3.0, rel=0.01)
    wild = e.copy()
    wild[:200] = 1e9
    assert scale_of(wild) == pytest.approx(3.0, rel=0.01)
    assert scale_of(np.zeros(9)) == 0.0


@pytest.mark.parametrize("alpha", [1.5, 3.0])
def test_hills_index_is_that_of_a_pareto_law(alpha):
    e = np.random.default_rng(1).pareto(alpha, size=100_000) + 1
    assert tail_index(e) == pytest.approx(alpha, rel=0.05)
    assert np.isnan(tail_index(np.ones(4)))


def test_normal_errors_gain_nothing_and_heavy_ones_do():
    rng = np.random.default_rng(2)
    fold = rng.integers(0, 5, 20_000)
    # the relative entropy of Huber's law to the normal one: log C/√2π − E[z²/2 − ρ(z)] = 0.026
    assert tail_gain(rng.normal(size=20_000), fold, 5).mean() == pytest.approx(-0.026, abs=0.005)
    assert tail_gain(rng.standard_t(2, size=20_000), fold, 5).mean() > 0.15
    wild = rng.normal(size=20_000)
    wild[:2] = 1e6
    assert tail_gain(wild, fold, 5).max() < 0
    assert np.isnan(tail_gain(np.array([1.0, 2.0]), np.array([0, 1]), 2)).all()
    assert tail_gain(1e9 * rng.standard_cauchy(5000), fold[:5000], 5).max() <= MOST_NATS


def test_bootstrap_steps_vary_as_least_squares_does():
    rng = np.random.default_rng(3)
    Z = np.column_stack([np.ones(800), rng.normal(size=(800, 2))])
    e = rng.normal(size=800)
    e -= Z @ np.linalg.lstsq(Z, e, rcond=None)[0]
    seen = bootstrap_steps(Z, e, np.ones(800), rng, 600).var(axis=0)
    inverse = np.linalg.inv(Z.T @ Z)
    theory = np.diag(inverse @ (Z.T * e**2) @ Z @ inverse)
    np.testing.assert_allclose(seen, theory, rtol=0.2)


def test_the_efficiency_of_huber_under_contamination():
    """Asymptotic relative efficiency σ²(Eψ′)²/Eψ² of normal errors with 10 % of five times the size."""
    rng = np.random.default_rng(4)
    n = 4000
    X = rng.normal(size=(n, 3))
    y = X[:, 0] + np.where(rng.random(n) < 0.1, 5.0, 1.0) * rng.normal(size=n)
    case = case_of(X, y)
    s = looked_at(case)
    rival = Rival.of(case, "huber", s)
    assert rival is not None
    gain = efficiency(s, rival.fit, np.random.default_rng(5))
    big = np.where(rng.random(400_000) < 0.1, 5.0, 1.0) * rng.normal(size=400_000)
    sigma = scale_of(big)
    psi = np.clip(big / sigma, -1.345, 1.345)
    inside = np.mean(np.abs(big / sigma) <= 1.345)
    theory = np.var(big) * inside**2 / (sigma**2 * np.mean(psi**2))
    assert gain.predicted == pytest.approx(theory, rel=0.12)
    assert gain.observed == pytest.approx(theory, rel=0.25)


def test_slopes_of_normal_errors_are_no_more_certain_under_huber():
    """ARE 0.95: standard errors grow by 2.6 %."""
    rng = np.random.default_rng(6)
    X = rng.normal(size=(2000, 3))
    case = case_of(X, X[:, 0] + rng.normal(size=2000))
    measure = slope_errors(case)
    ratio = measure.of(case.rerun({"loss": "huber"})) / measure.of(case)
    assert ratio.mean() == pytest.approx(1.026, abs=0.02)


def test_a_rival_that_cannot_be_fitted_is_none():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(100, 2))
    case = case_of(X, X[:, 0] + rng.normal(size=100))  # values below 0
    assert Rival.of(case, "poisson", looked_at(case)) is None
    assert Rival.of(case, "gamma", looked_at(case)) is None


def test_densities_of_the_rows_seen():
    """The normal law's own density per row, and a rival's on the truth of its law is higher."""
    rng = np.random.default_rng(8)
    X = rng.normal(size=(3000, 1))
    y = rng.poisson(np.exp(1 + 0.6 * X[:, 0])).astype(float)
    case = case_of(X, y)
    e = y - case.linear.predict(X)
    theory = -0.5 * np.log(2 * np.pi * np.mean(e**2)) - 0.5
    assert normal_inside(case.linear) == pytest.approx(theory)
    rival = Rival.of(case, "poisson", looked_at(case))
    assert rival is not None
    assert rival.inside > theory
    assert rival.inside == pytest.approx(rival.scores["log_score"].mean(), abs=0.01)

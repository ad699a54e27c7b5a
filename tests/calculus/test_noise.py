"""The noise floor and the noise scale: predicted, then run."""

from __future__ import annotations

import numpy as np
import pytest

from calculus.problems import linear, logistic, minimum
from whyfit.calculus.noise import gradient_covariance, noise_floor, noise_scale
from whyfit.calculus.optimizers import Adam, GradientDescent, Momentum, Nesterov, Rule
from whyfit.calculus.walk import Plan, walk
from whyfit.errors import SpecError

CASES = [
    (GradientDescent(), 0.1, 8),
    (GradientDescent(), 0.4, 16),
    (Momentum(0.9), 0.02, 16),
    (Nesterov(0.5), 0.1, 8),
]


@pytest.mark.parametrize(("rule", "share", "batch"), CASES, ids=lambda v: getattr(v, "name", v))
def test_floor_is_where_the_descent_settles(rule: Rule, share: float, batch: int) -> None:
    """Least squares: the average excess loss over 15,000 steps is within 10 % of the prediction."""
    quadratic, rows = linear(7)
    rate = share * rule.largest_rate(quadratic.largest_curvature)
    best = minimum(rows, 3)
    floor = noise_floor(rows, best, rule, rate, batch)
    assert floor.settles
    assert floor.additive < floor.excess
    seen = walk(rows, Plan(rule, rate, 15_000, batch=batch, look=5, seed=1), best)
    assert seen.losses[100:].mean() - quadratic.minimum == pytest.approx(floor.excess, rel=0.1)


def test_small_steps_have_the_textbook_floor() -> None:
    """η tr Σ_g/(4B), the limit for η → 0 and n → ∞."""
    _, rows = linear(8, n=20_000)
    best = minimum(rows, 3)
    _, S = gradient_covariance(rows, best)
    floor = noise_floor(rows, best, GradientDescent(), 1e-5, 4)
    assert floor.excess == pytest.approx(1e-5 * np.trace(S) / 16, rel=1e-3)


def test_logistic_floor_close_to_the_minimum() -> None:
    rows = logistic(3)
    best = minimum(rows)
    rate = 0.05 * 2 / np.linalg.eigvalsh(rows.hessian(best))[-1]
    floor = noise_floor(rows, best, GradientDescent(), rate, 16)
    seen = walk(rows, Plan(GradientDescent(), rate, 15_000, batch=16, look=5), best)
    assert seen.losses[100:].mean() - rows.loss(best) == pytest.approx(floor.excess, rel=0.15)


def test_beyond_the_mean_square_limit_nothing_settles() -> None:
    """η is stable for full batches, and batches of one row blow up all the same."""
    quadratic, rows = linear(7)
    rate = 0.6 * 2 / quadratic.largest_curvature
    floor = noise_floor(rows, minimum(rows, 3), GradientDescent(), rate, 1)
    assert not floor.settles
    assert floor.excess == np.inf
    run = walk(rows, Plan(GradientDescent(), rate, 5000, batch=1, look=10))
    assert run.outcome == "diverged" or run.losses[50:].mean() > 100 * quadratic.minimum
    whole = noise_floor(rows, minimum(rows, 3), GradientDescent(), rate, rows.n)
    assert whole.excess == pytest.approx(0.0, abs=1e-12)


def test_noise_scale_covers_the_truth() -> None:
    """Known trace and square; 95 % intervals over 100 draws cover at least 88 (binomial bound at 0.1 %)."""
    rows = logistic(1)
    w = np.zeros(rows.size)
    mean, S = gradient_covariance(rows, w)
    n = rows.n
    truth = np.trace(S) * n / (n - 1) / (mean @ mean)
    covered = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        pairs = [
            np.array([rows.batch_gradient(w, rng.integers(0, n, size)) for _ in range(60)])
            for size in (4, 128)
        ]
        seen = noise_scale(pairs[0], pairs[1], (4, 128))
        covered += seen.low <= truth <= seen.high
    assert covered >= 86


def test_messages() -> None:
    _, rows = linear(0)
    w = np.zeros(5)
    with pytest.raises(SpecError, match="no floor in closed form"):
        noise_floor(rows, w, Adam(), 0.1, 4)
    with pytest.raises(SpecError, match="learning rate is -1"):
        noise_floor(rows, w, GradientDescent(), -1.0, 4)
    with pytest.raises(SpecError, match="batch size is 0"):
        noise_floor(rows, w, GradientDescent(), 0.1, 0)
    with pytest.raises(SpecError, match="rising"):
        noise_scale(np.ones((3, 2)), np.ones((3, 2)), (8, 8))
    with pytest.raises(SpecError, match="same number"):
        noise_scale(np.ones((1, 2)), np.ones((1, 2)), (2, 8))

"""What theory predicts of a descent, against the descent."""

from __future__ import annotations

import numpy as np
import pytest

from calculus.problems import linear, logistic, minimum
from whyfit.calculus.descent import Quadratic
from whyfit.calculus.optimizers import GradientDescent, Momentum, Nesterov, Rule
from whyfit.calculus.stability import (
    best_rate,
    critical_step,
    excess_loss,
    preconditioned,
    stability,
)  # fmt: skip
from whyfit.calculus.walk import Plan, quadratic_walk
from whyfit.errors import SpecError

RULES: tuple[Rule, ...] = (GradientDescent(), Momentum(0.9), Nesterov(0.8))


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
@pytest.mark.parametrize("seed", range(3))
def test_contraction_is_what_the_loss_does(rule: Rule, seed: int) -> None:
    """From 10⁻³⁰ to 10⁻⁹⁰ of the start the loss falls by ρ² per step, within 5 % (the minimum is exactly 0)."""
    lam, _ = linear(seed)[0].spectrum
    quadratic = Quadratic(np.diag(lam) / 2, np.zeros(lam.size), 0.0)
    rate = 0.3 * rule.largest_rate(lam[0])
    told = stability(rule, lam, rate)
    assert told.stable
    steps = int(told.steps_to(1e-90))
    seen = quadratic_walk(quadratic, Plan(rule, rate, steps), np.ones(lam.size))
    late = seen.at > steps / 3
    slope = np.polyfit(seen.at[late], np.log(seen.losses[late]), 1)[0]
    assert slope == pytest.approx(2 * np.log(told.growth), rel=0.05)


def test_best_rate_of_gradient_descent_is_known() -> None:
    lam = np.array([0.5, 3.0, 10.0])
    rate = best_rate(GradientDescent(), lam)
    assert rate == pytest.approx(2 / 10.5, rel=1e-4)
    kappa = 20
    assert stability(GradientDescent(), lam, rate).growth == pytest.approx(
        (kappa - 1) / (kappa + 1), rel=1e-4
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_no_step_is_faster_than_the_best(rule: Rule) -> None:
    lam = np.array([0.2, 1.0, 8.0])
    best = stability(rule, lam, best_rate(rule, lam)).growth
    for share in np.linspace(0.02, 0.98, 97):
        assert stability(rule, lam, share * rule.largest_rate(8.0)).growth >= best - 1e-6


def test_critical_step_is_where_the_loss_returns() -> None:
    quadratic, rows = linear(1)
    rng = np.random.default_rng(0)
    for _ in range(20):
        w = rng.normal(size=5)
        u = quadratic.gradient(w) * rng.uniform(0.5, 2, 5)
        c = critical_step(quadratic, w, u)
        assert quadratic.loss(w - c * u) == pytest.approx(quadratic.loss(w), rel=1e-9)
        assert critical_step(rows, w, u) == pytest.approx(c, rel=1e-9)
        assert critical_step(quadratic, w, -u) == 0


def test_excess_loss_is_exact_on_a_quadratic_and_close_on_a_logistic() -> None:
    quadratic, _ = linear(2)
    w = np.ones(5)
    told, step = excess_loss(quadratic.gradient(w), 2 * quadratic.A)
    assert told == pytest.approx(quadratic.loss(w) - quadratic.minimum, rel=1e-9)
    assert quadratic.loss(w - step) == pytest.approx(quadratic.minimum, rel=1e-12)
    rows = logistic(2)
    best = minimum(rows)
    near = best + 0.01
    told, _ = excess_loss(rows.gradient(near), rows.hessian(near))
    assert told == pytest.approx(rows.loss(near) - rows.loss(best), rel=0.02)


def test_preconditioned_by_its_own_diagonal_is_a_correlation() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 4)) * [1, 100, 0.01, 3]
    H = X.T @ X
    assert preconditioned(H, np.diag(H)).sum() == pytest.approx(4)
    assert preconditioned(H, None) == pytest.approx(np.linalg.eigvalsh(H))


def test_flat_and_degenerate() -> None:
    assert stability(GradientDescent(), np.zeros(3), 0.1).stable
    assert best_rate(GradientDescent(), np.zeros(2)) == 0
    assert excess_loss(np.ones(2), np.zeros((2, 2)))[0] == np.inf
    assert stability(GradientDescent(), np.array([30.0]), 0.1).steps_to(0.1) == np.inf
    with pytest.raises(SpecError, match="learning rate"):
        stability(GradientDescent(), np.ones(2), 0.0)

"""Planted step sizes are told apart, for every rule, and predictions agree with what happened."""

from __future__ import annotations

import numpy as np
import pytest

from calculus.problems import linear, logistic, minimum
from whyfit.calculus.losses import Squared
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.optimizers import SGD, Adam, GradientDescent, Momentum, Nesterov, RMSProp, Rule
from whyfit.calculus.reading import read
from whyfit.calculus.walk import Plan, walk

RULES: tuple[Rule, ...] = (GradientDescent(), Momentum(0.9), Nesterov(0.9))


def _read(rows, rule: Rule, share: float, steps: int = 300, batch: int | None = None):
    best = minimum(rows)
    top = np.linalg.eigvalsh(rows.hessian(best))[-1]
    rate = share if rule.adaptive else share * rule.largest_rate(top)
    return read(rows, best, walk(rows, Plan(rule, rate, steps, batch=batch)))


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
@pytest.mark.parametrize("seed", range(4))
def test_linear_problems(rule: Rule, seed: int) -> None:
    _, rows = linear(seed)
    large = _read(rows, rule, 1.05)
    assert large.outcome == "diverged"
    assert large.told[0].agrees, large.told
    assert _read(rows, rule, 0.4, 3000).outcome == "done"
    assert _read(rows, rule, 1e-5).outcome == "step too small"


@pytest.mark.parametrize("seed", range(4))
def test_logistic_problems(seed: int) -> None:
    rows = logistic(seed)
    large = _read(rows, GradientDescent(), 1.3)
    assert large.outcome in ("bounces", "diverged")
    assert not large.stability.stable
    assert _read(rows, GradientDescent(), 0.4).outcome == "done"
    assert _read(rows, GradientDescent(), 1e-4).outcome == "step too small"
    assert _read(rows, Adam(), 0.05).outcome == "done"
    assert _read(rows, Adam(), 1e-5).outcome == "step too small"
    assert _read(rows, RMSProp(), 1e-5).outcome in ("step too small", "ill-conditioned")


@pytest.mark.parametrize("seed", range(4))
def test_small_batches_end_at_their_floor(seed: int) -> None:
    rows = logistic(seed)
    seen = _read(rows, SGD(), 0.2, 4000, batch=4)
    assert seen.outcome in ("noise floor", "done")
    floor = seen.told[1]
    assert floor.what == "noise floor"
    assert floor.agrees in (True, None), floor


def test_an_ill_conditioned_problem_is_not_blamed_on_the_step() -> None:
    rng = np.random.default_rng(0)
    _, rows = linear(0)
    Z = rows.Z * [1.0, 1.0, 100.0, 1.0, 0.01]
    bad = RowLoss(Squared(), Z, Z @ [1.0, 1.0, 0.01, 1.0, 200.0] + rng.normal(size=len(Z)))
    seen = _read(bad, GradientDescent(), 0.5)
    assert seen.outcome == "ill-conditioned"
    assert seen.condition > 1e6

"""Descents on moments, on rows and in closed form are one and the same."""

from __future__ import annotations

import numpy as np
import pytest

from calculus.problems import linear, logistic, minimum
from whyfit.calculus.descent import Quadratic
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.optimizers import Adam, GradientDescent, Momentum, Nesterov, Rule
from whyfit.calculus.schedules import Constant, Cosine, Harmonic, Plateau, StepDecay, WarmUp
from whyfit.calculus.walk import Plan, quadratic_walk, walk
from whyfit.errors import NotFiniteError, ShapeError, SpecError
from whyfit.linalg.moments import Moments


@pytest.mark.parametrize(
    "rule", [GradientDescent(), Momentum(0.9), Nesterov(0.7)], ids=lambda r: r.name
)
@pytest.mark.parametrize("seed", range(3))
def test_three_ways_agree_to_rounding(rule: Rule, seed: int) -> None:
    quadratic, rows = linear(seed)
    plan = Plan(rule, 0.7 * rule.largest_rate(quadratic.largest_curvature), 400)
    start = np.random.default_rng(seed).normal(size=quadratic.size)
    a, b, c = (
        walk(quadratic, plan, start), walk(rows, plan, start), quadratic_walk(quadratic, plan, start)
    )  # fmt: skip
    assert a.losses == pytest.approx(b.losses, rel=1e-11)
    assert c.losses == pytest.approx(b.losses, rel=1e-11)
    assert a.points == pytest.approx(b.points, abs=1e-11)
    assert c.points == pytest.approx(b.points, abs=1e-11)


def test_adam_on_moments_and_rows_agrees() -> None:
    quadratic, rows = linear(5)
    plan = Plan(Adam(), 0.01, 500)
    assert walk(quadratic, plan).losses == pytest.approx(walk(rows, plan).losses, rel=1e-9)


def test_a_hundred_thousand_steps_at_once() -> None:
    quadratic, _ = linear(2)
    rate = 1e-4 / quadratic.largest_curvature
    far = quadratic_walk(quadratic, Plan(GradientDescent(), rate, 100_000))
    near = walk(quadratic, Plan(GradientDescent(), rate, 100_000, look=50_000))
    assert far.steps == 100_000
    assert far.losses[-1] == pytest.approx(near.losses[-1], rel=1e-9)
    assert len(far.at) <= 10_002


def test_a_flat_direction_stays_where_it_was() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=100)
    quadratic = Quadratic.with_intercept(Moments.of(np.column_stack([x, x, 2 * x])))
    start = np.array([0.0, 1.0, -1.0])
    end = quadratic_walk(quadratic, Plan(GradientDescent(), 0.1, 5000), start).w
    assert end == pytest.approx([0.0, 2.0, 0.0], abs=1e-8)  # x₁ + x₂ learns 2, x₁ − x₂ keeps 2


def test_batches_are_reproducible_and_whole_batches_are_full_descent() -> None:
    _, rows = linear(3)
    plan = Plan(GradientDescent(), 0.01, 50, batch=16, seed=4)
    assert (walk(rows, plan).losses == walk(rows, plan).losses).all()
    full = walk(rows, Plan(GradientDescent(), 0.01, 50, batch=rows.n))
    assert (full.losses == walk(rows, Plan(GradientDescent(), 0.01, 50)).losses).all()


def test_stops_when_it_has_diverged_or_arrived() -> None:
    quadratic, rows = linear(4)
    edge = 2 / quadratic.largest_curvature
    gone = walk(rows, Plan(GradientDescent(), 3 * edge, 10_000))
    assert gone.outcome == "diverged"
    assert gone.steps < 100
    there = quadratic.minimum * 1.01
    assert walk(rows, Plan(GradientDescent(), edge / 2, 10_000, until=there)).outcome == "reached"
    assert (
        quadratic_walk(quadratic, Plan(GradientDescent(), 3 * edge, 10_000)).outcome == "diverged"
    )


def test_logistic_descent_reaches_the_newton_minimum() -> None:
    rows = logistic(0)
    best = minimum(rows)
    rate = 1 / np.linalg.eigvalsh(rows.hessian(np.zeros(rows.size)))[-1]
    assert walk(rows, Plan(GradientDescent(), rate, 3000, look=100)).w == pytest.approx(
        best, abs=1e-6
    )


def test_schedules_in_numbers() -> None:
    assert StepDecay(10, 0.5).factors(25)[[0, 9, 10, 20]] == pytest.approx([1, 1, 0.5, 0.25])
    assert Cosine(100, 0.1).factors(101)[[0, 50, 100]] == pytest.approx([1, 0.55, 0.1])
    assert Cosine(100).at(1000) == 0
    assert Harmonic(10).factors(21)[[0, 10, 20]] == pytest.approx([1, 1 / 2, 1 / 3])
    assert WarmUp(4, Cosine(10)).factors(5) == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert (Constant().factors(3) == 1).all()


def test_plateau_waits_for_its_patience() -> None:
    schedule = Plateau(patience=2, factor=0.5)
    state, seen = schedule.init(), []
    for t, loss in enumerate([10.0, 9.0, 9.0, 9.0, None, 9.0, 9.0, 1.0]):
        factor, state = schedule.next(state, t, loss)
        seen.append(factor)
    assert seen == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_schedule_multiplies_the_rate() -> None:
    quadratic, _ = linear(6)
    seen = walk(quadratic, Plan(GradientDescent(), 0.01, 20, WarmUp(10)))
    assert seen.rates[1:] == pytest.approx(0.01 * WarmUp(10).factors(20))


def test_messages() -> None:
    quadratic, rows = linear(0)
    for make, words in (
        (lambda: Plan(GradientDescent(), 0.0, 10), "learning rate is 0"),
        (lambda: Plan(GradientDescent(), np.nan, 10), "learning rate is nan"),
        (lambda: Plan(GradientDescent(), 0.1, 0), "steps is 0"),
        (lambda: Plan(GradientDescent(), 0.1, 10, batch=0), "batch size is 0"),
        (lambda: walk(rows, Plan(GradientDescent(), 0.1, 10, batch=501)), "at most 500"),
        (lambda: walk(quadratic, Plan(GradientDescent(), 0.1, 10, batch=5)), "need rows"),
        (lambda: quadratic_walk(quadratic, Plan(Adam(), 0.1, 10)), "no closed form"),
        (lambda: StepDecay(0), "every is 0"),
        (lambda: Plateau(factor=1.5), "factor is 1.5"),
        (lambda: Cosine(10, 2.0), "floor is 2"),
    ):
        with pytest.raises(SpecError, match=words):
            make()
    with pytest.raises(ShapeError, match="no rows"):
        rows.batch_gradient(np.zeros(5), np.array([], dtype=int))
    with pytest.raises(ShapeError, match="expected"):
        RowLoss(rows.kind, rows.Z, rows.y[:5])
    with pytest.raises(NotFiniteError, match="at the start"):
        walk(rows, Plan(GradientDescent(), 0.1, 10), np.full(5, np.inf))

"""Where RMSProp and Adam come to rest: signs against all of them, levels against long runs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from calculus.problems import linear, logistic, minimum
from whyfit.calculus.adaptive_floor import AdaptiveFloor, largest_cycle
from whyfit.calculus.losses import Multinomial
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.optimizers import Adam, RMSProp
from whyfit.calculus.walk import Plan, walk


def _floor(loss, rule, batch=None) -> AdaptiveFloor:
    best = minimum(loss)
    return AdaptiveFloor(loss, best, loss.hessian(best), rule, batch)


def _tail(loss, rule, rate, steps, batch=None, seed=0) -> float:
    taken = walk(loss, Plan(rule, rate, steps, batch=batch, seed=seed, look=5))
    return float(taken.losses[len(taken.losses) // 2 :].mean()) - loss.loss(minimum(loss))


@pytest.mark.parametrize("seed", range(6))
def test_the_cycle_is_the_largest_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(12, 7))
    H = A.T @ A
    signs = largest_cycle(H)
    np.testing.assert_array_equal(np.sign(H @ signs), signs)
    every = [np.array(s) @ H @ np.array(s) for s in itertools.product((-1.0, 1.0), repeat=7)]
    assert signs @ H @ signs == pytest.approx(max(every))


def test_flat_parameters_take_no_part() -> None:
    H = np.diag([2.0, 0.0, 1.0])
    np.testing.assert_array_equal(np.abs(largest_cycle(H)), [1.0, 0.0, 1.0])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("rule", "within"), [(RMSProp(), 1.5), (Adam(), 2.5)])
def test_all_rows_hover_at_the_edge(seed: int, rule, within: float) -> None:
    moments, _ = linear(seed)
    best = np.linalg.solve(moments.A, moments.g)
    floor = AdaptiveFloor(moments, best, moments.hessian(best), rule)
    rate = 0.3 * rule.limit(1.0) / 2
    told = floor.level(rate)
    taken = walk(moments, Plan(rule, rate, 6_000))
    seen = float(taken.losses[3_000:].mean()) - moments.loss(best)
    assert told is not None
    assert told / within < seen < told * within
    assert floor.level(2 * rate) == pytest.approx(4 * told)


def test_a_cycle_of_rmsprop_is_met_to_four_digits() -> None:
    moments, _ = linear(0)
    best = np.linalg.solve(moments.A, moments.g)
    floor = AdaptiveFloor(moments, best, moments.hessian(best), RMSProp())
    levels = []
    for s in itertools.product((-1.0, 1.0), repeat=moments.size):
        sigma = np.array(s)
        if (np.sign(moments.hessian(best) @ sigma) == sigma).all():
            levels.append(0.5 * (0.3 / 2) ** 2 * sigma @ moments.hessian(best) @ sigma)
    taken = walk(moments, Plan(RMSProp(), 0.3, 6_000))
    seen = float(taken.losses[-200:].mean()) - moments.loss(best)
    assert min(abs(seen / level - 1) for level in levels) < 1e-4
    assert floor.level(0.3) == pytest.approx(max(levels))


@pytest.mark.parametrize("made", [linear(1)[1], logistic(1)], ids=["squared", "logistic"])
@pytest.mark.parametrize("rule", [RMSProp(), Adam()], ids=["RMSProp", "Adam"])
def test_batches_rest_at_their_floor(made: RowLoss, rule) -> None:
    told = _floor(made, rule, 8).level(0.03)
    seen = np.mean([_tail(made, rule, 0.03, 2_500, 8, seed) for seed in range(3)])
    assert told is not None
    assert told / 1.5 < seen < told * 1.5


def test_batches_of_all_rows_are_all_rows() -> None:
    _, rows = linear(0, n=60)
    assert _floor(rows, Adam(), 60).level(0.1) == _floor(rows, Adam()).level(0.1)


def test_large_steps_on_batches_end_at_the_edge() -> None:
    _, rows = linear(2)
    floor = _floor(rows, RMSProp(), 256)
    assert floor.level(1.0) == pytest.approx(floor.at_edge(1.0))
    seen = _tail(rows, RMSProp(), 1.0, 1_500, 256)
    assert floor.at_edge(1.0) / 2 < seen < 2 * floor.at_edge(1.0)


def test_several_eta_a_row_have_an_edge_and_no_floor() -> None:
    rng = np.random.default_rng(0)
    Z = np.column_stack([np.ones(90), rng.normal(size=(90, 2))])
    loss = RowLoss(Multinomial(3), Z, rng.integers(0, 3, 90).astype(float))
    H = loss.hessian(np.zeros(loss.size))
    assert AdaptiveFloor(loss, np.zeros(loss.size), H, Adam(), 8).level(0.1) is None
    edge = AdaptiveFloor(loss, np.zeros(loss.size), H, Adam()).level(0.1)
    assert edge is not None
    assert edge > 0

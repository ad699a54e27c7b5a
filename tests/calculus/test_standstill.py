"""The promise of a slope, and the kinds of place where a loss that is not convex holds a descent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calculus.brier_problems import classes, four_clusters, saddle_of
from whyfit.calculus.local_minimum import lowest
from whyfit.calculus.losses import Brier, Huber, Logistic, Multinomial, Poisson, Squared
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.standstill import FLAT, PROMISED, promise, standstill
from whyfit.calculus.stationary import stationary


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.01, 30),
       kind=st.sampled_from([Squared(), Huber(), Logistic(), Poisson(), Multinomial(2)]))  # fmt: skip
def test_a_convex_loss_promises_all_of_the_difference(seed, scale, kind):
    rng = np.random.default_rng(seed)
    Z, y = classes(rng, 60, 3)
    loss = RowLoss(kind, Z, y)
    one, two = rng.normal(size=(2, loss.size)) * min(scale, 3.0 if kind.name == "poisson" else 30.0)
    if loss.loss(one) < loss.loss(two):
        one, two = two, one
    assert promise(loss, one, two) >= 1 - 1e-9
    assert standstill(loss, one, [two]) is None


@given(st.integers(0, 10**6))
def test_the_promise_does_not_depend_on_units(seed):
    rng = np.random.default_rng(seed)
    Z, y = classes(rng, 50, 2)
    T = rng.normal(size=(3, 3)) + 3 * np.eye(3)
    w, lower = rng.normal(size=3) * 5, np.zeros(3)
    here, there = RowLoss(Brier(), Z, y), RowLoss(Brier(), Z @ T, y)
    if here.loss(w) > here.loss(lower) + 1e-6:
        told = promise(there, np.linalg.solve(T, w), np.linalg.solve(T, lower))
        assert told == pytest.approx(promise(here, w, lower), rel=1e-6, abs=1e-9)


def test_no_promise_to_a_point_that_is_not_lower():
    Z, y = classes(np.random.default_rng(0), 50, 2)
    loss = RowLoss(Brier(), Z, y)
    assert promise(loss, np.zeros(3), np.full(3, 50.0)) == np.inf
    assert standstill(loss, np.zeros(3), [np.full(3, 50.0)]) is None


def test_far_out_the_slope_falls_like_the_inverse_distance():
    """At w = t d the loss is the error rate of d but for a strip |xᵀd| ~ 1/t, so that ‖∇L‖ ~ 1/t."""
    rng = np.random.default_rng(1)
    Z, y = classes(rng, 200_000, 2)
    loss, d = RowLoss(Brier(), Z, y), np.array([0.3, -1.0, 0.6])
    slopes = [t * np.linalg.norm(loss.gradient(t * d)) for t in (20.0, 40.0, 80.0)]
    assert slopes[1:] == pytest.approx(slopes[:-1], rel=0.1)
    rate = np.mean((Z @ d > 0) != y)
    assert loss.loss(500 * d) == pytest.approx(rate, abs=2e-3)


def test_a_saturated_start_is_a_plateau():
    rng = np.random.default_rng(2)
    for _ in range(5):
        Z, y = classes(rng, 500, 3)
        loss = RowLoss(Brier(), Z, y)
        w = 60 * rng.normal(size=4)
        low = lowest(loss, [np.zeros(4)], lambda s: float(np.abs(Z @ s).max()))  # noqa: B023
        found = standstill(loss, w, [low.w])
        assert found is not None
        assert found.kind == "plateau"
        assert found.promise < PROMISED
        assert found.gradient <= FLAT
        assert found.excess == pytest.approx(loss.loss(w) - low.loss)
        assert standstill(loss, np.zeros(4), [low.w]) is None  # a slope like any other


def test_the_saddle_between_two_ways_to_draw_a_line_through_four_clusters():
    Z, y = four_clusters()
    loss = RowLoss(Brier(), Z, y)
    w = saddle_of(loss)
    low = lowest(loss, [np.zeros(3)], lambda s: float(np.abs(Z @ s).max()))
    found = standstill(loss, w, [low.w])
    assert found is not None
    assert found.kind == "saddle"
    lam, V = np.linalg.eigh(loss.hessian(w))
    assert lam[0] < -0.01
    fall = found.point.fall
    assert abs(fall.direction @ V[:, 0]) == pytest.approx(1.0, abs=1e-6)
    assert fall.observed == pytest.approx(fall.predicted, rel=0.5)
    seen = loss.loss(w + fall.step * fall.direction) - loss.loss(w)
    assert seen == pytest.approx(fall.observed)


def test_a_bowl_beside_a_deeper_valley_is_a_local_minimum():
    Z, y = four_clusters()
    loss = RowLoss(Brier(), Z, y)
    moved = lambda s: float(np.abs(Z @ s).max())  # noqa: E731
    shallow = lowest(loss, [np.zeros(3)], moved)
    deep = lowest(loss, [np.zeros(3), np.array([-20.0, 20.0, 20.0])], moved)
    assert deep.loss < shallow.loss - 0.01
    found = standstill(loss, shallow.w, [deep.w])
    assert found is not None
    assert found.kind == "local minimum"
    assert found.point.smallest[0] > 0
    assert standstill(loss, deep.w, [shallow.w]) is None


def test_what_counts_as_flat_can_be_chosen():
    Z, y = classes(np.random.default_rng(3), 300, 2)
    loss = RowLoss(Brier(), Z, y)
    w = 80 * np.array([0.2, -1.0, 0.5])
    noise = float(np.linalg.norm(loss.gradient(w)))
    assert stationary(loss, w, gradient_noise=noise, slack=0.1).kind == "plateau"
    assert stationary(loss, w, gradient_noise=noise, slack=1e-9).kind != "plateau"

"""The second-moment map: its limit and floor against descents that were taken, and against the scalar case."""

from __future__ import annotations

import numpy as np
import pytest

from calculus.problems import linear, minimum
from whyfit.calculus.batch_stability import batch_limit, floor, fourth_moments, growth, path
from whyfit.calculus.losses import Squared
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.optimizers import GradientDescent, Momentum, Nesterov
from whyfit.calculus.walk import Plan, walk

RULES = (GradientDescent(), Momentum(0.9), Nesterov(0.9))


def _highest(rows, best, rule):
    return rule.largest_rate(np.linalg.eigvalsh(rows.hessian(best))[-1])


def test_one_parameter_has_its_limit_on_paper():
    # E(1 − ηx²)² < 1 with batches of one row drawn from n: η < 2 E h / E h², h = 2z²
    rng = np.random.default_rng(0)
    z = rng.standard_t(5, size=400)
    rows = RowLoss(Squared(), z[:, None], 3 * z)
    h = 2 * z**2
    seen = fourth_moments(rows, np.array([3.0]))
    assert seen is not None
    limit = batch_limit(seen, GradientDescent(), 1, 2 / h.mean())
    assert limit == pytest.approx(2 * h.mean() / (h**2).mean(), rel=1e-3)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_growth_changes_sign_at_the_limit(rule):
    _, rows = linear(1)
    best = minimum(rows)
    seen = fourth_moments(rows, best)
    limit = batch_limit(seen, rule, 2, _highest(rows, best, rule))
    assert limit < _highest(rows, best, rule)
    assert growth(seen, rule, 0.97 * limit, 2) < 0 < growth(seen, rule, 1.03 * limit, 2)
    assert np.isinf(floor(seen, rule, 1.1 * limit, 2))


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_floor_is_where_descents_settle(rule, share):
    _, rows = linear(2)
    best = minimum(rows)
    seen = fourth_moments(rows, best)
    rate = share * batch_limit(seen, rule, 4, _highest(rows, best, rule))
    told = floor(seen, rule, rate, 4)
    taken = walk(rows, Plan(rule, rate, 12_000, batch=4, look=5), best)
    settled = taken.losses[len(taken.losses) // 5 :] - rows.loss(best)
    assert settled.mean() == pytest.approx(told, rel=0.15)


def test_the_path_is_the_mean_over_many_draws():
    _, rows = linear(3, n=200)
    best, rule = minimum(rows), Momentum(0.5)
    seen = fourth_moments(rows, best)
    rate = 0.2 * batch_limit(seen, rule, 4, _highest(rows, best, rule))
    told = path(seen, rule, rate, 4, 30, -best)
    taken = [walk(rows, Plan(rule, rate, 30, batch=4, seed=s)).losses for s in range(150)]
    mean = np.mean(taken, axis=0) - rows.loss(best)
    np.testing.assert_allclose(mean[::5], told[::5], rtol=0.12)


def test_a_row_of_high_leverage_lowers_the_limit():
    _, rows = linear(4)
    Z = rows.Z.copy()
    Z[0] *= 30
    far = RowLoss(Squared(), Z, Z @ np.ones(Z.shape[1]))
    calm = RowLoss(Squared(), rows.Z, rows.Z @ np.ones(Z.shape[1]))
    rule = GradientDescent()
    limits = [
        batch_limit(fourth_moments(r, np.ones(Z.shape[1])), rule, 4, _highest(r, np.ones(Z.shape[1]), rule))
        / _highest(r, np.ones(Z.shape[1]), rule)
        for r in (far, calm)
    ]  # fmt: skip
    assert limits[0] < limits[1] / 5


def test_too_many_parameters_are_declined():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(100, 40))
    assert fourth_moments(RowLoss(Squared(), Z, Z[:, 0]), np.zeros(40)) is None

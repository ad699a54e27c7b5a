"""The noise floor: what theory says of planted functions, of replicates, copies and heavy tails."""

import numpy as np
import pytest

from simulated import rarely
from whyfit.probability.noise_floor import USED, noise_floor


def _labels(rng, n, k=10):
    return rng.permutation(np.arange(n) % k)


def test_replicates_give_the_share_itself():
    """g is +1 or −1 by group and σ = 1: half of the error is not noise, whatever the distance of groups."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, 40, 2000)
    g = rng.permutation(np.repeat([-1.0, 1.0], 20))[group]
    floor = noise_floor(group[:, None] * 10.0, g + rng.normal(size=2000), _labels(rng, 2000), 10)
    assert floor is not None
    assert floor.share.low < 0.5 < floor.share.high
    assert floor.share.value == pytest.approx(0.5, abs=0.08)
    assert floor.replicates == 2000
    s = 0.5
    assert floor.smoothed.value == pytest.approx(s**2 / (s + (1 - s) / USED), abs=0.06)
    assert floor.expected_fall == pytest.approx(floor.smoothed.value, abs=0.05)


def test_a_smooth_function_is_seen_from_below():
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, (2000, 2))
    g = np.sin(8 * X[:, 0]) * np.cos(6 * X[:, 1])
    r = g + 0.5 * rng.normal(size=2000)
    floor = noise_floor(X, r - r.mean(), _labels(rng, 2000), 10)
    assert floor is not None
    true = np.var(g) / np.var(r)
    assert 0.8 * true < floor.share.value < floor.share.high
    assert floor.by_rank[0] > floor.by_rank[-1]
    assert (np.diff(floor.distance2) > 0).all()
    assert floor.extrapolated >= floor.by_rank[0]


@pytest.mark.parametrize("law", ["normal", "t2", "skewed"])
def test_noise_is_noise(law):
    """One-sided 2.5 % alarms of "share > 0"."""
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        e = {
            "normal": rng.normal(size=300),
            "t2": rng.standard_t(2, 300),
            "skewed": rng.exponential(size=300) ** 2 - 2,
        }[law]
        floor = noise_floor(rng.normal(size=(300, 3)), e, _labels(rng, 300), 10)
        assert floor is not None
        alarms += floor.share.low > 0
    assert rarely(alarms, 40, 0.05)


def test_copies_pass_for_knowledge_unless_the_target_tells():
    rng = np.random.default_rng(2)
    X, e = rng.normal(size=(300, 2)), rng.normal(size=300)
    X, e = np.repeat(X, 2, axis=0), np.repeat(e, 2)
    label = _labels(rng, 600)
    fooled, told = noise_floor(X, e, label, 10), noise_floor(X, e, label, 10, target=e)
    assert fooled is not None
    assert told is not None
    assert fooled.share.value > 0.7
    assert told.share.low < 0.0 < told.share.high
    assert told.rows == 300


def test_own_folds_are_not_asked():
    """Rows of a group share an error and a fold: nothing is learned from their likeness."""
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(100), 5)
    e = rng.normal(size=100)[group] + 0.1 * rng.normal(size=500)
    X = group[:, None] + 0.001 * rng.normal(size=(500, 1))
    apart = noise_floor(X[:, [0, 0]], e, rng.permutation(100)[group] % 10, 10)
    mixed = noise_floor(X[:, [0, 0]], e, _labels(rng, 500), 10)
    assert apart is not None
    assert mixed is not None
    assert mixed.share.value > 0.8
    assert apart.share.value < 0.5


def test_degenerate():
    rng = np.random.default_rng(4)
    assert noise_floor(rng.normal(size=(5, 2)), rng.normal(size=5), np.arange(5) % 3, 3) is None
    assert noise_floor(rng.normal(size=(50, 2)), np.zeros(50), np.arange(50) % 5, 5) is None
    assert noise_floor(rng.normal(size=(50, 2)), rng.normal(size=50), np.zeros(50, int), 1) is None
    same = noise_floor(np.zeros((60, 1)), rng.normal(size=60), np.arange(60) % 5, 5)
    assert same is not None
    assert np.isfinite(same.share.value)

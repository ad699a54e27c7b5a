"""LA102: gaps at random are never linked to the target; gaps that depend on it are."""

import numpy as np
import pytest

from simulated import findings_in, linear_data, rarely, usually

RUNS = 60


def _linked(rng, n, p, *, binary, strength):
    X, y = linear_data(rng, n, p, 0.4, binary=binary)
    z = (y - y.mean()) / y.std()
    chance = 0.15 * (1 + strength * np.sign(z))
    X[rng.random(n) < chance, 0] = np.nan
    X[rng.random(n) < 0.1, 1] = np.nan
    return X, y


@pytest.mark.parametrize(("n", "p", "binary"), [(60, 3, False), (400, 8, False), (300, 4, True)])
def test_random_gaps_are_not_linked(n, p, binary):
    alarms = 0
    for seed in range(RUNS):
        data = _linked(np.random.default_rng(seed), n, p, binary=binary, strength=0.0)
        (found,) = findings_in("LA102", data)
        alarms += "go with" in found.message
    assert rarely(alarms, RUNS, 0.05)


@pytest.mark.parametrize("binary", [False, True])
def test_gaps_that_depend_on_the_target_are_linked(binary):
    hits = 0
    for seed in range(RUNS):
        data = _linked(np.random.default_rng(seed), 500, 4, binary=binary, strength=0.9)
        (found,) = findings_in("LA102", data)
        hits += "gaps of x1 go with y" in found.message
    assert usually(hits, RUNS, 0.9)

"""PR314: silent on rows in random order and on new rows of the same law; names the column that moved."""

from __future__ import annotations

import numpy as np

from power import simulation
from power.plants import dependence
from simulated import rarely, usually

PLANT = next(p for p in dependence.PLANTS if p.code == "PR314")
HEALTHY, PLANTED = 105, 25


def test_silent_on_rows_in_random_order():
    assert rarely(simulation.hits(PLANT, "healthy", 400, HEALTHY, simulation.FRESH), HEALTHY)


def test_finds_the_column():
    assert usually(simulation.hits(PLANT, "strong", 400, PLANTED, simulation.FRESH), PLANTED)


def test_a_drift_at_the_limit_is_an_alarm_in_few_runs():
    """A single column shifted by 0.2 sd, the worst case of the null."""
    rule = simulation.registered()["PR314"]
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        alarms += bool(simulation.spoken(dependence.moved(rng, 1000, 0.2), "fit", [rule]))
    assert rarely(alarms, 60)

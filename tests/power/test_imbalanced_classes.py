"""PR309: classes equal but for chance are silent, rare ones are found."""

import numpy as np
import pytest

from simulated import findings_in, rarely, usually

RUNS = 60


@pytest.mark.parametrize(("n", "share"), [(30, 0.5), (60, 0.5), (500, 0.3)])
def test_no_rare_class(n, share):
    alarms = 0
    for seed in range(RUNS):
        rng = np.random.default_rng(seed)
        y = (rng.random(n) < share).astype(float)
        alarms += bool(findings_in("PR309", (rng.standard_normal((n, 2)), y)))
    assert rarely(alarms, RUNS, 0.05)


def test_ten_equal_classes():
    alarms = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 10, 100)
        alarms += bool(findings_in("PR309", (rng.standard_normal((100, 1)), y), task="multiclass"))
    assert rarely(alarms, 20, 0.05)


@pytest.mark.parametrize(("n", "share"), [(200, 0.1), (2000, 0.03)])
def test_rare_class(n, share):
    hits = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        y = (rng.random(n) < share).astype(float)
        found = findings_in("PR309", (rng.standard_normal((n, 2)) + y[:, None], y))
        hits += bool(found) and found[0].subject == ("y",)
    assert usually(hits, 30, 0.9)

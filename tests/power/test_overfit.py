"""PR302: silent for models of a size the rows can pay for, heard for those they cannot."""

import numpy as np
import pytest

from simulated import findings_in, linear_data, rarely, usually

RUNS = 40
FEWER = 25


@pytest.mark.parametrize(
    ("n", "p", "r2", "binary"),
    [(100, 4, 0.5, False), (300, 20, 0.5, False), (150, 15, 0.7, False), (300, 8, 0.3, True)],
)
def test_right_sized(n, p, r2, binary):
    alarms = sum(
        bool(findings_in("PR302", linear_data(np.random.default_rng(s), n, p, r2, binary=binary)))
        for s in range(RUNS)
    )
    assert rarely(alarms, RUNS, 0.05)


@pytest.mark.parametrize(("n", "p", "r2"), [(60, 45, 0.5), (80, 50, 0.3)])
def test_oversized(n, p, r2):
    hits = 0
    for seed in range(FEWER):
        found = findings_in("PR302", linear_data(np.random.default_rng(seed), n, p, r2))
        hits += bool(found)
        if found:
            assert found[0].remedy is not None
            assert found[0].remedy.trial is not None
            assert found[0].remedy.trial.difference > 0
    assert usually(hits, FEWER, 0.9)

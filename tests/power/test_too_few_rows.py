"""PR311: silent where rows suffice for the columns, heard where doubling them would save a fifth of the error."""

import numpy as np
import pytest

from simulated import findings_in, linear_data, rarely, usually

RUNS, FEWER = 25, 15


@pytest.mark.parametrize(
    ("n", "p", "r2", "binary"),
    [(100, 5, 0.5, False), (200, 10, 0.2, False), (150, 12, 0.7, False), (300, 10, 0.4, True)],
)
def test_rows_enough(n, p, r2, binary):
    alarms = sum(
        bool(findings_in("PR311", linear_data(np.random.default_rng(s), n, p, r2, binary=binary)))
        for s in range(RUNS)
    )
    assert rarely(alarms, RUNS, 0.05)


def test_heavy_tails_are_no_want_of_rows():
    alarms = 0
    for seed in range(RUNS):
        rng = np.random.default_rng(seed)
        X = rng.standard_t(3, (150, 6))
        alarms += bool(findings_in("PR311", (X, X[:, 0] + rng.standard_t(3, 150))))
    assert rarely(alarms, RUNS, 0.05)


@pytest.mark.parametrize(("n", "p"), [(100, 32), (200, 60)])
def test_three_rows_to_a_coefficient(n, p):
    hits = 0
    for seed in range(FEWER):
        found = findings_in("PR311", linear_data(np.random.default_rng(seed), n, p, 0.5))
        hits += bool(found)
        if found:
            assert found[0].severity in ("note", "warning")
    assert usually(hits, FEWER, 0.9)

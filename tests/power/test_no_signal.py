"""PR301: silent where there is signal, heard where there is none."""

import numpy as np
import pytest

from simulated import findings_in, linear_data, rarely, usually

RUNS = 60


@pytest.mark.parametrize(
    ("n", "p", "r2", "binary"),
    [(200, 3, 0.1, False), (400, 15, 0.1, False), (60, 2, 0.5, False), (300, 4, 0.1, True)],
)
def test_signal(n, p, r2, binary):
    alarms = sum(
        bool(findings_in("PR301", linear_data(np.random.default_rng(s), n, p, r2, binary=binary)))
        for s in range(RUNS)
    )
    assert rarely(alarms, RUNS, 0.05)


@pytest.mark.parametrize(("n", "p", "binary"), [(60, 3, False), (400, 10, False), (300, 4, True)])
def test_noise(n, p, binary):
    """Of pure noise 5 % pass the overall test, 5 % the permutations: most of them are the same."""
    hits = sum(
        bool(findings_in("PR301", linear_data(np.random.default_rng(s), n, p, 0.0, binary=binary)))
        for s in range(RUNS)
    )
    assert usually(hits, RUNS, 0.9)

"""PR301: silent where there is signal, heard where there is none."""

import numpy as np
import pytest

from diagnosing import at_least, at_most, findings, linear_data

RUNS = 60


@pytest.mark.parametrize(
    ("n", "p", "r2", "binary"),
    [(200, 3, 0.1, False), (400, 15, 0.1, False), (60, 2, 0.5, False), (300, 4, 0.1, True)],
)
def test_signal(n, p, r2, binary):
    alarms = sum(
        bool(findings("PR301", linear_data(np.random.default_rng(s), n, p, r2, binary=binary)))
        for s in range(RUNS)
    )
    assert at_most(alarms, RUNS, 0.05)


@pytest.mark.parametrize(("n", "p", "binary"), [(60, 3, False), (400, 10, False), (300, 4, True)])
def test_noise(n, p, binary):
    """Of pure noise 5 % pass the overall test, 5 % the permutations: most of them are the same."""
    hits = sum(
        bool(findings("PR301", linear_data(np.random.default_rng(s), n, p, 0.0, binary=binary)))
        for s in range(RUNS)
    )
    assert at_least(hits, RUNS, 0.9)

"""PR308: silent where a logistic law is true, heard where a share of the labels is wrong.

Measured with 200 healthy tables each of 300 × 3, 1,000 × 10 and 5,000 × 4: no alarm. Planted, a law 1/(1 + exp(−6x))
kept within [0.08, 0.92], 20 tables each: found in 40 % of 500 rows, in all of 2,000 and 8,000.
"""

import numpy as np
import pytest
from scipy import special

from simulated import findings_in, linear_data, rarely, usually


@pytest.mark.parametrize(("n", "p"), [(300, 3), (1000, 10)])
def test_healthy(n, p):
    runs = 60
    alarms = sum(
        bool(findings_in("PR308", linear_data(np.random.default_rng(s), n, p, 0.2, binary=True)))
        for s in range(runs)
    )
    assert rarely(alarms, runs, 0.02)


def test_planted():
    runs = 20
    hits = 0
    for s in range(runs):
        rng = np.random.default_rng(s)
        X = rng.normal(size=(2000, 3))
        p = np.clip(special.expit(6 * X[:, 0]), 0.08, 0.92)
        hits += bool(findings_in("PR308", (X, (rng.random(2000) < p).astype(float))))
    assert usually(hits, runs, 0.9)

"""PR317: silent on few slopes and where columns matter; speaks of stars that noise alone makes."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, rarely, usually
from whyfit.diagnosis.diagnose import standing
from whyfit.diagnosis.probability_rules.multiple_comparisons import RULE

HEALTHY, PLANTED = 60, 25


def spoken(X, y, **choices):
    return [c.finding for c in standing(case_of(X, y, **choices), (RULE,))]


def test_silent_where_every_column_matters():
    alarms = 0
    for seed in range(HEALTHY):
        rng = np.random.default_rng(seed)
        p = int(rng.choice([3, 12, 30]))
        n = int(rng.choice([20, 40])) * p
        X = rng.normal(size=(n, p))
        w = rng.choice([-1, 1], p) * rng.uniform(0.3, 1.0, p)
        alarms += bool(spoken(X, X @ w + rng.normal(size=n)))
    assert rarely(alarms, HEALTHY)


def test_silent_on_noise_of_few_columns():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        assert not spoken(rng.normal(size=(150, 19)), rng.normal(size=150))


@pytest.mark.parametrize("binary", [False, True])
def test_finds_stars_among_a_hundred_columns_of_noise(binary):
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(500, 100))
        y = X[:, 0] + rng.normal(size=500)
        if binary:
            X, y = X[:, :60], (y > 0).astype(int)
        found = spoken(X, y)
        hits += [f.severity for f in found] == ["note"] and "x1" not in found[0].subject
    # two or more of 59 that do nothing: 80 %
    assert usually(hits, PLANTED, 0.8 if binary else 0.9)

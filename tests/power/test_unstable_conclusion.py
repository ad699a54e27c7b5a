"""PR313: silent where classic errors are right; finds slopes that only they call significant."""

from __future__ import annotations

import numpy as np

from simulated import case_of, rarely, usually
from whyfit.diagnosis.diagnose import standing
from whyfit.diagnosis.probability_rules.unstable_conclusion import RULE

HEALTHY, PLANTED = 120, 30


def spoken(X, y, **choices):
    return [c.finding for c in standing(case_of(X, y, **choices), (RULE,))]


def test_silent_where_errors_are_alike():
    alarms = 0
    for seed in range(HEALTHY):
        rng = np.random.default_rng(seed)
        n, p = int(rng.choice([60, 200, 1000])), int(rng.choice([2, 8]))
        X = (rng.normal(size=(n, p)), rng.standard_t(4, size=(n, p)), rng.exponential(size=(n, p)))[
            seed % 3
        ]
        e = rng.standard_t(5, size=n) if seed % 2 else rng.normal(size=n)
        alarms += bool(spoken(X, 0.15 * X @ rng.normal(size=p) + e))
    assert rarely(alarms, HEALTHY)


def planted(seed, t, n=1000):
    """σ is proportional to |x1|, and the slope of x1 is t classic standard errors from zero."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = 1 + 0.5 * X[:, 1] + X[:, 0] * rng.normal(size=n)
    Z = np.column_stack([np.ones(n), X])
    b, V = np.linalg.lstsq(Z, y, rcond=None)[0], np.linalg.inv(Z.T @ Z)
    e = y - Z @ b
    return X, y + (t * np.sqrt(e @ e / (n - 4) * V[1, 1]) - b[1]) * X[:, 0]


def test_finds_stars_that_robust_errors_take_away():
    hits = 0
    for seed in range(PLANTED):
        found = spoken(*planted(seed, 2.6))
        hits += len(found) == 1 and found[0].subject == ("x1",)
    assert usually(hits, PLANTED)


def test_a_slope_that_is_significant_either_way_stands():
    assert not any(spoken(*planted(seed, 9.0)) for seed in range(10))


def test_robust_errors_have_nothing_to_fear():
    assert not any(spoken(*planted(seed, 2.6), covariance="HC3") for seed in range(5))

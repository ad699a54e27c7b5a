"""PR312: silent where intervals are kept; finds the slice where they are not, and intervals that never fail."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, rarely, usually
from whyfit.diagnosis.diagnose import standing
from whyfit.diagnosis.probability_rules.intervals_miscover import RULE

HEALTHY, PLANTED = 80, 25


def spoken(X, y, **choices):
    return [c.finding for c in standing(case_of(X, y, **choices), (RULE,))]


@pytest.mark.parametrize("kind", ["normal", "conformal"])
def test_silent_where_the_law_holds(kind):
    alarms = 0
    for seed in range(HEALTHY):
        rng = np.random.default_rng(seed)
        n, p = int(rng.choice([100, 300, 2000])), int(rng.choice([1, 5, 20]))
        X = rng.normal(size=(n, p)) + 0.5 * rng.normal(size=(n, 1))
        if seed % 3 == 0:
            X[:, 0] = np.exp(X[:, 0])
        e = (rng.normal(size=n), rng.standard_t(5, size=n), rng.gamma(5.0, size=n))[seed % 3]
        alarms += bool(spoken(X, X @ rng.normal(size=p) + e, intervals=kind))
    assert rarely(alarms, HEALTHY)


def test_a_slice_at_the_limit_is_an_alarm_in_few_runs():
    """Rows of a slice fail twice as often as they say: its spread is 1.26 times that of the others."""
    alarms = 0
    for seed in range(HEALTHY):
        rng = np.random.default_rng(300 + seed)
        X = rng.uniform(size=(1500, 3))
        spread = np.where(X[:, 1] > 0.8, 1.26, 1.0)
        alarms += bool(spoken(X, X.sum(axis=1) + spread * rng.normal(size=1500)))
    assert rarely(alarms, HEALTHY)


def test_finds_the_slice():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.uniform(size=(1500, 4))
        y = X.sum(axis=1) + np.where(X[:, 2] > 0.8, 3.0, 1.0) * rng.normal(size=1500)
        found = spoken(X, y)
        hits += len(found) == 1 and found[0].subject == ("x3", "y")
    assert usually(hits, PLANTED)


def test_finds_a_middle_that_ends_do_not_show():
    """Errors are large in the middle of a column, where the rule heteroscedastic does not look."""
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.uniform(size=(1500, 3))
        y = X.sum(axis=1) + np.where(np.abs(X[:, 0] - 0.5) < 0.1, 4.0, 1.0) * rng.normal(size=1500)
        found = spoken(X, y)
        hits += len(found) == 1 and found[0].subject == ("x1", "y")
    assert usually(hits, PLANTED)


def test_finds_intervals_that_never_fail():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(600, 2))
        found = spoken(X, X.sum(axis=1) + rng.uniform(size=600))
        hits += [f.severity for f in found] == ["note"]
    assert usually(hits, PLANTED)


def test_finds_a_law_of_counts_that_is_too_narrow():
    """Amounts with a point of zero-like values: the gamma law's intervals miss many of them."""
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(800, 2))
        y = np.where(rng.random(800) < 0.12, 1e-6, 1.0) * rng.gamma(40.0, np.exp(X[:, 0]) / 40)
        found = spoken(X, y, loss="gamma")
        hits += len(found) == 1 and "hold" in found[0].message
    assert usually(hits, PLANTED)

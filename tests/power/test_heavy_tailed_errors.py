"""PR305: silent on errors that are nearly normal, on curves, wild rows and uneven spreads; speaks of tails and skew."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, rarely, usually
from whyfit.diagnosis.diagnose import standing
from whyfit.diagnosis.probability_rules.heavy_tailed_errors import RULE

HEALTHY, PLANTED = 60, 20


def spoken(X, y, **choices):
    return [c.finding for c in standing(case_of(X, y, **choices), (RULE,))]


def columns(rng, n, p=3):
    return rng.normal(size=(n, p)) + 0.5 * rng.normal(size=(n, 1))


ERRORS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "t6": lambda rng, n: rng.standard_t(6, size=n),
    "gamma 6": lambda rng, n: rng.gamma(6.0, size=n),
    "uniform": lambda rng, n: rng.uniform(size=n),
    "wild rows": lambda rng, n: rng.normal(size=n) + np.where(np.arange(n) < 3, 25.0, 0.0),
}


@pytest.mark.parametrize("law", ERRORS)
def test_silent_on_errors_within_the_limits(law):
    alarms = 0
    for seed in range(HEALTHY):
        rng = np.random.default_rng(seed)
        n, p = int(rng.choice([60, 120, 400, 2000])), int(rng.choice([1, 4, 12]))
        X = columns(rng, n, p)
        alarms += bool(spoken(X, 5 + X @ rng.normal(size=p) + ERRORS[law](rng, n)))
    assert rarely(alarms, HEALTHY)


@pytest.mark.parametrize("tails", [True, False])
def test_at_the_limit_an_alarm_is_rare(tails):
    """t₅ and gamma(4), the worst cases of the nulls."""
    alarms = 0
    for seed in range(HEALTHY):
        rng = np.random.default_rng(100 + seed)
        n = int(rng.choice([200, 1000, 3000]))
        X = columns(rng, n)
        e = rng.standard_t(5, size=n) if tails else rng.gamma(4.0, size=n)
        alarms += bool(spoken(X, X.sum(axis=1) + e))
    assert rarely(alarms, HEALTHY)


FAULTS_OF_OTHERS = {
    "curve": lambda rng, X: X[:, 0] ** 2 + rng.normal(size=len(X)),
    "interaction": lambda rng, X: X[:, 0] * X[:, 1] + 0.3 * rng.normal(size=len(X)),
    "spread along a column": lambda rng, X: np.exp(X[:, 0]) * rng.normal(size=len(X)),
    "spread at both ends": lambda rng, X: X[:, 0] * rng.normal(size=len(X)),
}


@pytest.mark.parametrize("fault", FAULTS_OF_OTHERS)
def test_curves_and_uneven_spreads_are_not_its_business(fault):
    alarms = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(600, 3))
        alarms += bool(spoken(X, 3 + X.sum(axis=1) + FAULTS_OF_OTHERS[fault](rng, X)))
    assert rarely(alarms, 20)


HEAVY = {
    "t2": lambda rng, n: rng.standard_t(2, size=n),
    "contaminated": lambda rng, n: rng.normal(size=n) * np.where(rng.random(n) < 0.1, 6, 1),
    "squares": lambda rng, n: np.sign(rng.normal(size=n)) * rng.exponential(size=n) ** 2,
}


@pytest.mark.parametrize("law", HEAVY)
def test_finds_heavy_tails(law):
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = columns(rng, 600)
        found = spoken(X, X.sum(axis=1) + HEAVY[law](rng, 600))
        hits += [f.subject for f in found] == [("y",)] and "heavy tails" in found[0].message
    assert usually(hits, PLANTED)


@pytest.mark.parametrize("sign", [1, -1])
def test_finds_errors_that_are_long_on_one_side(sign):
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = columns(rng, 500)
        found = spoken(X, X.sum(axis=1) + sign * rng.exponential(size=500))
        side = "above" if sign > 0 else "below"
        hits += bool(found) and f"of rows {side}" in found[0].message
    assert usually(hits, PLANTED)

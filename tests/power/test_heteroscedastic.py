"""PR304: silent where one σ holds, speaks where the spread depends on a column."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, findings, rarely, usually

HEALTHY = 120
PLANTED = 30


def healthy(seed: int):
    rng = np.random.default_rng(seed)
    n = int(rng.choice([70, 200, 1000]))
    p = int(rng.choice([1, 4, 10]))
    X = rng.normal(size=(n, p)) + 0.5 * rng.normal(size=(n, 1))
    if seed % 3 == 0:
        X[:, 0] = np.exp(X[:, 0])
    if seed % 4 == 0:
        X[:, -1] = X[:, -1] > 0.5
    errors = rng.standard_t(6, size=n) if seed % 5 == 0 else rng.normal(size=n)
    return X, 20 + X @ rng.normal(size=p) + errors


def test_silent_on_one_sigma():
    alarms = 0
    for seed in range(HEALTHY):
        found = findings(case_of(*healthy(seed)), "PR304")
        assert not [f for f in found if f.severity == "error"]
        alarms += bool(found)
    assert rarely(alarms, HEALTHY)


def test_a_ratio_at_the_limit_is_an_alarm_in_few_runs():
    """Two groups whose spreads differ by exactly 1.5: the worst case of the null."""
    alarms = 0
    for seed in range(HEALTHY):
        rng = np.random.default_rng(500 + seed)
        x = np.repeat([0.0, 1.0], 150)
        alarms += bool(findings(case_of(x[:, None], rng.normal(size=300) * 1.5**x), "PR304"))
    assert rarely(alarms, HEALTHY)


@pytest.mark.parametrize("curved", [False, True])
def test_a_curve_is_not_spread(curved: bool):
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = rng.uniform(0, 3, size=400)
        y = (x**2 if curved else x) + 0.5 * rng.normal(size=400)
        alarms += bool(findings(case_of(x[:, None], y), "PR304"))
    assert rarely(alarms, 40)


def test_finds_the_column():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.uniform(size=(600, 3))
        y = X[:, 0] - X[:, 2] + np.exp(1.5 * X[:, 1]) * rng.normal(size=600)
        found = findings(case_of(X, y), "PR304")
        hits += len(found) == 1 and found[0].subject == ("x2",)
    assert usually(hits, PLANTED)


def test_finds_spread_that_grows_with_the_target():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(500, 2))
        y = np.exp(3 + 0.6 * X[:, 0] + 0.3 * X[:, 1] + 0.3 * rng.normal(size=500))
        (found,) = findings(case_of(X, y), "PR304") or (None,)
        hits += bool(
            found
            and found.subject == ("y",)
            and found.remedy
            and found.remedy.edit == {"target_transform": "log"}
            and found.remedy.trial.helped
        )
    assert usually(hits, PLANTED)

"""LA109: silent on healthy tables, speaks on planted low dimensions."""

from __future__ import annotations

import numpy as np

from simulated import case_of, findings, rarely, usually

HEALTHY = 120
PLANTED = 40


def test_silent_on_healthy_data():
    alarms = 0
    for seed in range(HEALTHY):
        rng = np.random.default_rng(seed)
        n, p = int(rng.choice([30, 150, 1000])), int(rng.choice([3, 8, 30]))
        rho = rng.choice([0.0, 0.5, 0.9])
        X = np.sqrt(1 - rho) * rng.normal(size=(n, p)) + np.sqrt(rho) * rng.normal(size=(n, 1))
        y = X @ rng.normal(size=p) + rng.normal(size=n)
        alarms += bool(findings(case_of(X, (y > 0).astype(float) if seed % 4 == 0 else y), "LA109"))
    assert rarely(alarms, HEALTHY)


def test_a_population_at_the_limit_is_an_alarm_in_few_runs():
    """The first third of the components holds exactly 99 % of the variance: the worst case of the null."""
    alarms = 0
    for seed in range(HEALTHY):
        rng = np.random.default_rng(1000 + seed)
        p, k = 12, 4
        F = rng.normal(size=(200, k))
        L = np.linalg.qr(rng.normal(size=(p, p)))[0][:, :k] * np.sqrt(p / k)
        noise = 0.01 / 0.99 * (L**2).sum(axis=1) * p / (p - k)
        X = F @ L.T + np.sqrt(noise) * rng.normal(size=(200, p))
        alarms += bool(findings(case_of(X, F[:, 0] + rng.normal(size=200)), "LA109"))
    assert rarely(alarms, HEALTHY)


def test_finds_planted_low_dimensions():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        n, p = int(rng.choice([80, 300, 1000])), int(rng.choice([12, 40]))
        k = p // 6
        F = rng.normal(size=(n, k))
        X = F @ rng.normal(size=(k, p)) + 0.03 * rng.normal(size=(n, p))
        y = F @ rng.normal(size=k) + rng.normal(size=n)
        found = findings(case_of(X, y), "LA109")
        hits += len(found) == 1 and found[0].remedy.edit["components"] <= p // 3
    assert usually(hits, PLANTED)

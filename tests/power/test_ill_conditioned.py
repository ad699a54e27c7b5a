"""LA107: silent on healthy data, speaks on planted near-relations."""

from __future__ import annotations

import numpy as np

from simulated import case_of, findings, rarely, usually

HEALTHY = 150
PLANTED = 40


def healthy(seed: int):
    rng = np.random.default_rng(seed)
    n = int(rng.choice([40, 150, 600, 2000]))
    p = int(rng.choice([2, 5, 12]))
    rho = rng.choice([0.0, 0.5, 0.8])
    X = rng.normal(size=(n, p)) @ np.linalg.cholesky((1 - rho) * np.eye(p) + rho).T
    return X, X @ rng.normal(size=p) + rng.normal(size=n)


def test_silent_on_healthy_data():
    alarms = 0
    for seed in range(HEALTHY):
        found = findings(case_of(*healthy(seed)), "LA107")
        assert not [f for f in found if f.severity == "error"]
        alarms += bool(found)
    assert rarely(alarms, HEALTHY)


def test_a_population_at_the_limit_is_an_alarm_in_few_runs():
    """Two columns whose population VIF is exactly 10: the worst case of the null."""
    alarms = 0
    for seed in range(HEALTHY):
        rng = np.random.default_rng(1000 + seed)
        a = rng.normal(size=120)
        b = np.sqrt(0.9) * a + np.sqrt(0.1) * rng.normal(size=120)
        X = np.column_stack([a, b, rng.normal(size=(120, 2))])
        alarms += bool(findings(case_of(X, a + rng.normal(size=120)), "LA107"))
    assert rarely(alarms, HEALTHY)


def test_finds_planted_relations():
    right = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(300, 5))
        X[:, 3] = X[:, 0] - X[:, 1] + 0.15 * rng.normal(size=300)  # population VIF 90
        found = findings(case_of(X, X[:, 2] + rng.normal(size=300)), "LA107")
        right += len(found) == 1 and set(found[0].subject) == {"x1", "x2", "x4"}
    assert usually(right, PLANTED)


def test_finds_it_for_classes_too():
    right = 0
    for seed in range(PLANTED // 2):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(400, 4))
        X[:, 3] = X[:, 0] + 0.1 * rng.normal(size=400)
        y = (rng.random(400) < 1 / (1 + np.exp(-X[:, 1]))).astype(float)
        found = findings(case_of(X, y), "LA107")
        right += len(found) == 1 and set(found[0].subject) == {"x1", "x4"}
    assert usually(right, PLANTED // 2)

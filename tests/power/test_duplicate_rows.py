"""LA104: silent on tables whose rows are equal by nature, finds planted copies."""

from __future__ import annotations

import numpy as np

from simulated import case_of, findings, rarely, usually

HEALTHY = 150
PLANTED = 40


def healthy(seed: int):
    """Continuous, coarse, binary, correlated, clustered and related columns."""
    rng = np.random.default_rng(seed)
    n, p = int(rng.choice([60, 300, 2000])), int(rng.choice([2, 4, 8]))
    match seed % 6:
        case 0:
            X = rng.normal(size=(n, p))
        case 1:
            X = np.round(2 * (rng.normal(size=(n, 1)) + rng.normal(size=(n, p))))
        case 2:
            X = (rng.normal(size=(n, 1)) + rng.normal(size=(n, p)) > 0).astype(float)
        case 3:
            X = rng.poisson(np.exp(rng.normal(size=(n, 1))), size=(n, p)).astype(float)
        case 4:
            own, middle = rng.integers(0, 5, n), rng.integers(0, 6, (5, p))
            X = np.where(rng.random((n, p)) < 0.8, middle[own], rng.integers(0, 6, (n, p)))
        case _:
            X = rng.integers(0, 8, (n, p)).astype(float)
            X[:, -1] = X[:, :-1].sum(axis=1)
    X = np.column_stack([X, rng.normal(size=n)]) if seed % 4 == 3 else X.astype(float)
    y = X.sum(axis=1) + X.std() * rng.normal(size=n)
    return X, y > np.median(y) if seed % 3 == 0 else np.round(y) if seed % 3 == 1 else y


def test_silent_on_tables_that_repeat_by_nature():
    alarms = 0
    for seed in range(HEALTHY):
        found = findings(case_of(*healthy(seed)), "LA104")
        assert not [f for f in found if f.severity == "error"]
        alarms += bool(found)
    assert rarely(alarms, HEALTHY)


def test_finds_planted_copies():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        n, p = int(rng.choice([300, 1000, 4000])), int(rng.choice([3, 8]))
        X = np.round(rng.normal(size=(n, p)), int(rng.choice([1, 2, 8])))
        y = np.round(X[:, 0] + rng.normal(size=n), 1)
        m = int(0.08 * n)
        X, y = np.vstack([X, X[:m]]), np.concatenate([y, y[:m]])
        order = rng.permutation(n + m)
        found = findings(case_of(X[order], y[order]), "LA104")
        hits += bool(found and found[0].evidence[0].value >= m)
    assert usually(hits, PLANTED)

"""LA111: silent where far rows follow the others, names the planted rows."""

from __future__ import annotations

import numpy as np

from simulated import case_of, findings, rarely, usually

HEALTHY = 120
PLANTED = 30


def healthy(seed: int):
    """Normal, heavy-tailed, lognormal, binary and rare columns; errors that grow with lognormal columns."""
    rng = np.random.default_rng(seed)
    n, p = int(rng.choice([30, 60, 200, 1000])), int(rng.choice([1, 3, 8]))
    X = rng.normal(size=(n, p))
    match seed % 7:
        case 1:
            X = rng.standard_t(3, size=(n, p))
        case 2:
            X[:, 0] = np.exp(X[:, 0])
        case 3:
            X = (X > 0).astype(float)
        case 4:
            X[:, 0] = rng.random(n) < max(0.05, 8 / n)
        case 5 | 6:
            X = np.exp(X)
    w = rng.choice([0, 1, 3, 5], size=p) / np.sqrt(n) / np.maximum(X.std(axis=0), 0.1)
    scale = X.sum(axis=1) / X.sum(axis=1).std() if seed % 7 == 6 else 1.0
    return X, X @ w + scale * rng.normal(size=n)


def test_silent_on_healthy_data():
    alarms = 0
    for seed in range(HEALTHY):
        found = findings(case_of(*healthy(seed)), "LA111")
        assert not [f for f in found if f.severity == "error"]
        alarms += bool(found)
    assert rarely(alarms, HEALTHY)


def test_finds_rows_far_out_and_off_the_line():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        n, k = int(rng.choice([60, 300, 2000])), int(rng.integers(1, 5))
        X = rng.normal(size=(n, 3))
        y = X @ [0.6, 0.3, 0.0] + rng.normal(size=n)
        bad = rng.choice(n, size=k, replace=False)
        X[bad, 0] = 1.5 * np.sqrt(n) + rng.normal(size=k)  # k rows beside n of variance 1
        y[bad] = -4
        found = findings(case_of(X, y), "LA111")
        hits += bool(found and set(found[0].subject) == {f"row {i + 1}" for i in bad})
    assert usually(hits, PLANTED)

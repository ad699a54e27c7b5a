"""PR307: silent where influence is spread as theory says, names the planted rows."""

from __future__ import annotations

import numpy as np

from simulated import case_of, findings, rarely, usually

HEALTHY = 200
PLANTED = 30


def healthy(seed: int):
    rng = np.random.default_rng(seed)
    n = int(rng.choice([30, 60, 200, 1000]))
    p = int(rng.choice([1, 3, 8]))
    X = rng.normal(size=(n, p))
    kind = seed % 5
    if kind == 1:
        X = rng.standard_t(5, size=(n, p))
    if kind == 2:
        X[:, 0] = np.exp(X[:, 0])
    if kind == 3:
        X = (X > 0).astype(float)
    if kind == 4:
        X[:, 0] = rng.random(n) < max(0.05, 8 / n)
    w = rng.choice([0, 1, 3, 5], size=p) / np.sqrt(n) / np.maximum(X.std(axis=0), 0.1)
    return X, X @ w + rng.normal(size=n)


def test_silent_on_healthy_data():
    alarms = 0
    for seed in range(HEALTHY):
        found = findings(case_of(*healthy(seed)), "PR307")
        assert not [f for f in found if f.severity == "error"]
        alarms += bool(found)
    assert rarely(alarms, HEALTHY)


def test_finds_rows_that_turn_a_slope():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=80)
        y = 0.6 * x + 0.5 * rng.normal(size=80)
        bad = rng.choice(80, size=3, replace=False)
        x[bad], y[bad] = 8 + rng.normal(size=3), -8 + rng.normal(size=3)
        (found,) = findings(case_of(x[:, None], y), "PR307") or (None,)
        hits += bool(found and set(found.subject) == {f"row {i + 1}" for i in bad})
    assert usually(hits, PLANTED)


def test_finds_a_wrong_unit_in_a_large_table():
    hits = 0
    for seed in range(PLANTED // 2):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(5000, 3))
        y = X @ [1.0, 0.5, 0.0] + rng.normal(size=5000)
        X[77, 1] = 100 * abs(X[77, 1]) + 100
        (found,) = findings(case_of(X, y), "PR307") or (None,)
        hits += bool(found and found.subject == ("row 78",) and "x2" in found.message)
    assert usually(hits, PLANTED // 2)

"""CA206: silent on linear data, names the column that bends and the pair that interacts."""

from __future__ import annotations

import numpy as np

from simulated import case_of, findings, rarely, usually

HEALTHY = 100
PLANTED = 25


def healthy(seed: int):
    rng = np.random.default_rng(seed)
    n = int(rng.choice([80, 300, 1500]))
    p = int(rng.choice([1, 4, 8]))
    X = rng.normal(size=(n, p)) + 0.5 * rng.normal(size=(n, 1))
    if seed % 3 == 0:
        X[:, 0] = np.exp(X[:, 0])
    if seed % 4 == 0:
        X[:, -1] = X[:, -1] > np.median(X[:, -1])
    errors = rng.standard_t(5, size=n) if seed % 5 == 0 else rng.normal(size=n)
    return X, X @ rng.normal(size=p) + errors


def test_silent_on_linear_data():
    alarms = sum(bool(findings(case_of(*healthy(seed)), "CA206")) for seed in range(HEALTHY))
    assert rarely(alarms, HEALTHY)


def test_silent_on_logistic_data():
    """Strong signal: a straight line in the log odds is curved in the probabilities, and must not pass for a bend."""
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(int(rng.choice([200, 1000])), 3))
        y = (rng.random(len(X)) < 1 / (1 + np.exp(-3 * X[:, 0] - X[:, 1]))).astype(float)
        alarms += bool(findings(case_of(X, y), "CA206"))
    assert rarely(alarms, 40)


def test_names_the_column_that_bends():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(400, 4))
        y = X[:, 0] + 0.6 * X[:, 1] ** 2 + X[:, 2] + rng.normal(size=400)
        (found,) = findings(case_of(X, y), "CA206") or (None,)
        hits += bool(found and found.subject == ("x2",) and found.remedy.trial.helped)
    assert usually(hits, PLANTED)


def test_names_the_pair_that_interacts():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(400, 4))
        y = X[:, 0] + X[:, 2] + 0.7 * X[:, 0] * X[:, 2] + rng.normal(size=400)
        (found,) = findings(case_of(X, y), "CA206") or (None,)
        hits += bool(found and set(found.subject) == {"x1", "x3"} and found.remedy.trial.helped)
    assert usually(hits, PLANTED)


def test_finds_a_bend_in_the_log_odds():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(1000, 3))
        eta = X[:, 0] + 1.2 * X[:, 1] ** 2 - 1
        y = (rng.random(1000) < 1 / (1 + np.exp(-eta))).astype(float)
        (found,) = findings(case_of(X, y), "CA206") or (None,)
        hits += bool(found and found.subject == ("x2",))
    assert usually(hits, PLANTED)

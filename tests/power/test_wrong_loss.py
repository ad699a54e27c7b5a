"""CA207: silent where errors are added, speaks where they multiply and on counts."""

from __future__ import annotations

import numpy as np

from simulated import case_of, findings, rarely, usually

HEALTHY = 120
PLANTED = 30


def test_silent_where_errors_are_added():
    alarms = 0
    for seed in range(HEALTHY):
        rng = np.random.default_rng(seed)
        n, p = int(rng.choice([60, 300, 1500])), int(rng.choice([1, 5]))
        X = rng.normal(size=(n, p))
        e = rng.standard_t(5, size=n) if seed % 4 == 0 else rng.normal(size=n)
        w = rng.normal(size=p)
        y = X @ w / np.sqrt(w @ w) + e
        y = (
            np.round(y - y.min() + 1, 2) if seed % 2 else y + 100
        )  # positive, so that a logarithm exists
        alarms += bool(findings(case_of(X, y), "CA207"))
    assert rarely(alarms, HEALTHY)


def test_finds_multiplied_errors():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(300, 3))
        y = np.exp(2 + 0.4 * X[:, 0] + 0.4 * rng.normal(size=300))
        (found,) = findings(case_of(X, y), "CA207") or (None,)
        hits += bool(found and found.subject == ("y",) and found.remedy.trial.helped)
    assert usually(hits, PLANTED)


def test_finds_counts():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(800, 2))
        y = rng.poisson(np.exp(1 + X[:, 0]))
        (found,) = findings(case_of(X, y.astype(float)), "CA207") or (None,)
        hits += bool(
            found and found.remedy.edit == {"loss": "poisson"} and found.remedy.trial.helped
        )
    assert usually(hits, PLANTED)


def test_finds_contaminated_errors():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(800, 2))
        wild = rng.random(800) < 0.08
        y = X[:, 0] + np.where(wild, 8.0, 1.0) * rng.normal(size=800)
        (found,) = findings(case_of(X, y), "CA207") or (None,)
        hits += bool(found and found.remedy.edit == {"loss": "huber"} and found.remedy.trial.helped)
    assert usually(hits, PLANTED)


def test_silent_on_the_right_loss():
    """Poisson counts under Poisson loss; counts so large that they are normal under squared loss."""
    alarms = 0
    for seed in range(HEALTHY // 2):
        rng = np.random.default_rng(seed)
        n = int(rng.choice([100, 500, 1500]))
        X = rng.normal(size=(n, 2))
        y = rng.poisson(np.exp(1 + 0.5 * X[:, 0])).astype(float)
        alarms += bool(findings(case_of(X, y, loss="poisson"), "CA207"))
        y = rng.poisson(400 + 5 * X[:, 0]).astype(float)
        alarms += bool(findings(case_of(X, y), "CA207"))
    assert rarely(alarms, HEALTHY)

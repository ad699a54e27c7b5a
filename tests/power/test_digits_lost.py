"""LA112: silent on ordinary tables, finds planted losses."""

from __future__ import annotations

import numpy as np

from simulated import case_of, findings
from whyfit.term import polynomial


def test_silent_on_ordinary_tables():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n, p = int(rng.choice([40, 300, 1000])), int(rng.choice([2, 6, 12]))
        rho = rng.choice([0.0, 0.9, 0.999])
        X = rng.normal(size=(n, p)) @ np.linalg.cholesky((1 - rho) * np.eye(p) + rho).T
        X = (X + rng.choice([0.0, 100.0])) * 10.0 ** rng.uniform(-1.5, 1.5, p)
        y = (X / X.std(axis=0)) @ rng.normal(size=p) + rng.normal(size=n)
        assert not findings(case_of(X.round(6), y), "LA112"), seed


def test_silent_on_modest_polynomials():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x = rng.uniform(0, 10, 200)
        y = np.sin(x) + 0.3 * rng.normal(size=200)
        case = case_of(x[:, None], y, terms=polynomial("x1", int(rng.integers(2, 5))))
        assert not findings(case, "LA112"), seed


def test_finds_planted_units():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(200, 4))
        y = X.sum(axis=1) + rng.normal(size=200)
        j = int(rng.integers(4))
        X[:, j] *= 10.0 ** rng.uniform(7, 11)
        found = findings(case_of(X, y), "LA112")
        assert len(found) == 1
        assert found[0].severity == "note"
        assert set(found[0].subject) >= {f"x{i + 1}" for i in range(4) if i != j}
        assert found[0].remedy.trial.helped


def test_finds_planted_near_copies():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(200, 4))
        X[:, 3] = X[:, 1] + 10.0 ** rng.uniform(-8, -6.5) * rng.normal(size=200)
        y = X @ rng.normal(size=4)  # without noise every digit counts
        found = findings(case_of(X, y), "LA112")
        assert len(found) == 1
        assert {"x2", "x4"} <= set(found[0].subject)

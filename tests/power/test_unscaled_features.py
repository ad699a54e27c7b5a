"""LA108: silent where the scales agree, finds planted units."""

from __future__ import annotations

import numpy as np

from simulated import case_of, findings


def test_silent_on_columns_of_one_scale():
    for seed in range(80):
        rng = np.random.default_rng(seed)
        n, p = int(rng.choice([50, 400, 1500])), int(rng.choice([2, 6, 12]))
        rho = rng.choice([0.0, 0.9])
        X = rng.normal(size=(n, p)) @ np.linalg.cholesky((1 - rho) * np.eye(p) + rho).T
        X *= rng.uniform(0.5, 3, p)
        y = X @ rng.normal(size=p) + rng.normal(size=n)
        if seed % 4 == 0:
            y = (y > 0).astype(float)
        assert not findings(case_of(X + 100, y), "LA108")


def test_finds_planted_units():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(200, 4))
        y = X.sum(axis=1) + rng.normal(size=200)
        X[:, 1] *= 1e4
        X[:, 2] *= 1e-2
        found = findings(case_of(X, y), "LA108")
        assert len(found) == 1
        assert set(found[0].subject) == {"x2", "x3"}
        assert found[0].severity == "note"
        assert found[0].remedy.trial.helped

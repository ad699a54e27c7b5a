"""CA203 on fits: silent on ordinary tables, finds many columns with one factor in common."""

from __future__ import annotations

import numpy as np

from simulated import case_of, findings


def test_silent_on_columns_of_all_kinds():
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n, p = int(rng.choice([50, 400, 1500])), int(rng.choice([2, 6, 12, 30]))
        rho = rng.choice([0.0, 0.5, 0.9])
        X = rng.normal(size=(n, p)) @ np.linalg.cholesky((1 - rho) * np.eye(p) + rho).T
        X *= 10.0 ** rng.uniform(-3, 3, p)
        y = (X / X.std(axis=0)) @ rng.normal(size=p) + rng.normal(size=n)
        assert not findings(case_of(X + 100, y), "CA203")


def test_finds_one_common_factor():
    for seed in range(4):
        rng = np.random.default_rng(seed)
        n, p = 1500, 120
        X = np.sqrt(0.85) * rng.normal(size=(n, 1)) + np.sqrt(0.15) * rng.normal(size=(n, p))
        w = rng.normal(size=p)
        y = X @ (w - w.mean()) + rng.normal(size=n)
        (found,) = findings(case_of(X * 10.0 ** rng.uniform(-2, 2, p), y), "CA203")
        assert found.severity == "note"
        assert found.remedy.trial.helped

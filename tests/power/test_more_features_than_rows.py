"""LA110: silent with rows enough, speaks with too few."""

from __future__ import annotations

import numpy as np

from simulated import case_of, findings


def test_silent_with_rows_enough():
    for seed in range(60):
        rng = np.random.default_rng(seed)
        p = int(rng.choice([1, 5, 20]))
        n = int(p * rng.choice([5, 8, 50])) + 10
        y = rng.normal(size=n)
        y = (y > 0).astype(float) if seed % 4 == 0 else y
        assert not findings(case_of(rng.normal(size=(n, p)), y), "LA110")


def test_finds_too_few_rows():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        n, p = (60, 20) if seed % 2 else (30, 40)
        X = rng.normal(size=(n, p))
        found = findings(case_of(X, X[:, 0] + rng.normal(size=n)), "LA110")
        assert [f.severity for f in found] == ["warning" if seed % 2 else "error"]

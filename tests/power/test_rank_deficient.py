"""LA106: silent on healthy data, finds every planted exact relation."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, findings, table_case

HEALTHY = 80
PLANTED = 30


@pytest.mark.parametrize("binary", [False, True])
def test_silent_on_healthy_data(binary):
    for seed in range(HEALTHY // (1 + 3 * binary)):
        rng = np.random.default_rng(seed)
        n, p = int(rng.choice([30, 200, 1000])), int(rng.choice([1, 4, 12]))
        scale = 10.0 ** rng.integers(-6, 7, p)
        X = rng.normal(size=(n, p)) * scale + scale * rng.choice([0, 1000], p)
        y = rng.normal(size=n)
        assert not findings(case_of(X, (y > 0).astype(float) if binary else y), "LA106")


def test_nearly_dependent_is_not_dependent():
    """A distance of 10⁻⁸ is far above rounding: the coefficients are determined, however poorly."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(200, 3))
        X[:, 2] = X[:, 0] + X[:, 1] + 1e-8 * rng.normal(size=200)
        assert not findings(case_of(X, rng.normal(size=200)), "LA106")


def test_finds_planted_sums_whatever_the_units():
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        a, b = rng.normal(size=(2, 150)) * 10.0 ** rng.integers(-3, 4, (2, 1))
        columns = {"a": a, "other": rng.normal(size=150), "b": b, "total": a + 2 * b}
        found = findings(table_case(columns | {"y": rng.normal(size=150)}, "y"), "LA106")
        assert len(found) == 1
        assert set(found[0].subject) == {"a", "b", "total"}
        assert found[0].severity == "error"
        assert "total = " in found[0].message
        assert found[0].remedy.edit == {"drop": ["total"]}
        assert found[0].remedy.trial.helped

"""CA204 on fits: silent wherever a minimum exists, finds levels without a single count."""

from __future__ import annotations

import numpy as np

from simulated import findings, table_case


def counts(rng, n, empty):
    x, g = rng.normal(size=n), rng.choice(list("abcd"), n)
    y = rng.poisson(np.exp(rng.uniform(-0.5, 1) + 0.5 * x + 0.5 * (g == "b"))).astype(float)
    return {"x": x, "z": rng.normal(size=n), "g": g, "y": np.where((g == "d") & empty, 0.0, y)}


def test_silent_where_counts_are_everywhere():
    for seed in range(25):
        rng = np.random.default_rng(seed)
        columns = counts(rng, int(rng.choice([60, 400, 1500])), False)
        assert not findings(table_case(columns, "y", loss="poisson"), "CA204")


def test_finds_a_level_without_counts():
    for seed in range(6):
        rng = np.random.default_rng(seed)
        columns = counts(rng, int(rng.choice([200, 1000])), True)
        (found,) = findings(table_case(columns, "y", loss="poisson"), "CA204")
        assert found.subject == ("g",)
        assert found.remedy.trial is not None

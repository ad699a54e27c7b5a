"""LA114: silent where categories are few or matter, finds rare levels and idle columns."""

from __future__ import annotations

import numpy as np

from simulated import findings, rarely, table_case, usually

HEALTHY = 40
PLANTED = 20


def category(rng: np.random.Generator, n: int, levels: int) -> np.ndarray:
    weight = rng.dirichlet(np.full(levels, 2.0))
    return np.array([f"l{v}" for v in rng.choice(levels, n, p=weight)])


def healthy(seed: int):
    rng = np.random.default_rng(seed)
    n = int(rng.choice([200, 600, 2000]))
    few, many = category(rng, n, int(rng.integers(2, 9))), category(rng, n, 15)
    x = rng.normal(size=n)
    effect = {v: 1.2 * rng.normal() for v in np.unique(many)}
    y = x + np.array([effect[v] for v in many]) + rng.normal(size=n)
    binary = seed % 2
    return {"few": few, "many": many, "x": x, "y": (y > 0).astype(int) if binary else y}


def test_silent_on_ordinary_categories():
    alarms = 0
    for seed in range(HEALTHY):
        found = findings(table_case(healthy(seed), "y"), "LA114")
        assert not [f for f in found if f.severity != "note"]
        alarms += bool(found)
    assert rarely(alarms, HEALTHY)


def test_finds_dozens_of_columns_that_buy_nothing():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        n = 3000
        x = rng.normal(size=n)
        c = {"town": category(rng, n, 40), "x": x, "y": x + rng.normal(size=n)}
        found = findings(table_case(c, "y"), "LA114")
        hits += any(f.subject == ("town",) for f in found)
    assert usually(hits, PLANTED)


def test_finds_levels_of_two_rows():
    hits = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        level = np.array(["a"] * 700 + ["b"] * 700 + ["c", "c", "d", "d"])
        x = rng.normal(size=1404)
        case = table_case(
            {"g": level, "x": x, "y": 0.5 * x + rng.normal(size=1404)}, "y", rare_level=1
        )
        hits += any(f.subject == ("g",) for f in findings(case, "LA114"))
    assert usually(hits, PLANTED)

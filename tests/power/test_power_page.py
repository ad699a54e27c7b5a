"""docs/power.md is what its numbers say, its numbers are what a few cells drawn afresh say, and no rule is missing."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from power import simulation
from power.plants import PLANTS, SIZES, STRENGTHS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("power_page", ROOT / "tools" / "power_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_rule_has_a_line(tool):
    page = tool.PAGE.read_text(encoding="utf-8")
    lines = page.splitlines()
    for key, rule in simulation.registered().items():
        row = any(line.startswith(f"| {key} [{rule.slug}]") for line in lines)
        assert row or f"{key} {rule.slug}" in page.split("## Rules without a line")[1], key


def test_the_page_is_current_and_cells_drawn_afresh_agree(tool):
    assert tool.stale(cells=5, runs=12, seed=1) == []


def test_no_rule_raises_more_false_alarms_than_it_says():
    """Of all healthy tables of a rule, taken together: at most 5 %, and none where nothing is sampled."""
    entries = json.loads((ROOT / "docs" / "power.json").read_text(encoding="utf-8"))["rules"]
    for entry in entries:
        healthy = [c for c in entry["cells"] if c["state"] == simulation.HEALTHY and c["runs"]]
        hits, runs = (sum(c[k] for c in healthy) for k in ("hits", "runs"))
        assert runs >= 40, entry["key"]
        if entry["guarantee"].startswith("certain"):
            assert hits == 0, entry["key"]
        assert simulation.clopper_pearson(hits, runs)[0] <= 0.05, entry["key"]


def test_plants_are_declared_whole():
    keys = [plant.key for plant in PLANTS]
    assert len(set(keys)) == len(keys)
    assert set(keys) <= set(simulation.registered())
    for plant in PLANTS:
        assert len(plant.strengths) == len(STRENGTHS)
        rng = np.random.default_rng(0)
        for family in plant.healthy:
            assert len(family(rng, SIZES[0]).source), plant.key
        made = plant.make(rng, SIZES[0], plant.strengths[-1][1])
        assert made.subject is None or made.subject, plant.key


def test_a_cell_is_a_function_of_its_name():
    plant = simulation.planted()["PR304"]
    a, b = (simulation.made(plant, "weak", 100, 3).source for _ in range(2))
    np.testing.assert_array_equal(a[0], b[0])
    other = simulation.made(plant, "weak", 100, 3, simulation.FRESH).source
    assert not np.array_equal(a[1], other[1])
    assert simulation.hits(plant, "strong", 400, 4) == simulation.hits(plant, "strong", 400, 4)


@pytest.mark.parametrize(("k", "n", "j", "m"), [(3, 40, 9, 25), (0, 10, 5, 10), (20, 20, 3, 12)])
def test_intervals_and_agreement_are_those_of_scipy(k, n, j, m):
    exact = stats.binomtest(k, n).proportion_ci(0.95, method="exact")
    assert simulation.clopper_pearson(k, n) == pytest.approx((exact.low, exact.high))
    p = stats.fisher_exact([[k, n - k], [j, m - j]]).pvalue
    assert simulation.agree(k, n, j, m, p - 1e-6)
    assert not simulation.agree(k, n, j, m, p + 1e-6)

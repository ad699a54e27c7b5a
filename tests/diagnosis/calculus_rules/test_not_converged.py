"""CA204 on fits: counts without a minimum are named with their columns; fits that settle are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import findings, table_case


def counts(seed, empty=True, n=1500):
    rng = np.random.default_rng(seed)
    x, g = rng.standard_normal(n), rng.choice(list("abc"), n)
    y = rng.poisson(np.exp(0.5 + 0.3 * x)).astype(float)
    if empty:
        y[g == "c"] = 0
    return {"x": x, "g": g, "y": y}


@pytest.mark.parametrize("seed", range(4))
def test_a_level_without_counts_has_no_coefficient(seed):
    (found,) = findings(table_case(counts(seed), "y", loss="poisson"), "CA204")
    assert found.severity == "error"
    assert found.subject == ("g",)
    assert "no minimum" in found.message
    fall = found.evidence[0]
    # L = e^−t: Newton's certificate is L/2, and a step of 1 gains L (1 − 1/e)
    assert fall.predicted / fall.value == pytest.approx(0.5 / (1 - np.exp(-1)), rel=0.05)
    assert found.remedy.edit == {"ridge": 1.0}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("loss", ["poisson", "gamma", "huber"])
def test_fits_that_settle_are_left_alone(seed, loss):
    columns = counts(seed, empty=False, n=[40, 300, 1500][seed % 3])
    if loss != "poisson":
        rng = np.random.default_rng(seed)
        columns["y"] = columns["y"] + rng.gamma(2.0, size=len(columns["y"])) + 0.1
    assert not findings(table_case(columns, "y", loss=loss), "CA204")


def test_a_penalty_gives_it_a_minimum():
    assert not findings(table_case(counts(0), "y", loss="poisson", ridge=1.0), "CA204")

"""The benchmarks solve one problem: every contender of a comparison finds the same coefficients.

Without this a benchmark could rot, or compare whyfit with a peer that does less. No times here.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"

#: The peers of the logistic fit stop at their own default tolerances, which are looser than ours.
TOLERANCE = {"least_squares": 1e-9, "logistic": 1e-4}


@pytest.mark.parametrize("name", sorted(TOLERANCE))
def test_contenders_agree(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, name, raising=False)
    calls = importlib.import_module(name).problem(3_000, 4)
    found = {contender: np.asarray(call()) for contender, call in calls.items()}
    assert len(found) >= 4
    for contender, w in found.items():
        np.testing.assert_allclose(
            w, found["whyfit"], rtol=0, atol=TOLERANCE[name], err_msg=contender
        )


def test_targets_name_contenders(monkeypatch: pytest.MonkeyPatch):
    """A misspelt target would never be checked."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in TOLERANCE:
        module = importlib.import_module(name)
        contenders = set(module.problem(50, 2))
        for targets in module.SPEED.values():
            assert set(targets) <= contenders

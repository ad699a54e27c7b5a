"""The benchmarks solve one problem: every contender of a comparison finds the same coefficients.

Without this a benchmark could rot, or compare whyfit with a peer that does less. No times here.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"

#: The peers of the Newton fits stop at their own default tolerances, which are looser than ours.
TOLERANCE = {
    "glm": 1e-6,
    "least_squares": 1e-9,
    "logistic": 1e-4,
    "multinomial": 0.1,
    "neighbours": 1e-9,
    "pca": 1e-9,
}


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


def test_every_certified_set_has_its_digits(monkeypatch: pytest.MonkeyPatch, shared_data: Path):
    monkeypatch.syspath_prepend(str(FOLDER))
    accuracy = importlib.import_module("accuracy")
    certified = json.loads((shared_data / "nist_strd" / "certified.json").read_text())
    assert {p.name for p in accuracy.linear_sets(certified)} == set(accuracy.TARGETS[accuracy.OURS])
    ours = {c: accuracy.CONTENDERS[c] for c in accuracy.TARGETS}
    monkeypatch.setattr(accuracy, "CONTENDERS", ours)
    monkeypatch.setattr(accuracy, "FOLDER", shared_data)
    assert accuracy.linear(certified) == []


def test_learning_curves_agree(monkeypatch: pytest.MonkeyPatch):
    """Two contenders: the mean squared error at nine sizes from moments and by scikit-learn's ninety fits."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "learning_curve", raising=False)
    calls = importlib.import_module("learning_curve").problem(1_000, 4)
    ours, theirs = (np.asarray(call()) for call in calls.values())
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)

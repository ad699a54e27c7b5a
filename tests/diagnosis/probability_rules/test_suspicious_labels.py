"""PR316: the rows it lists, what it promises of them, and what it refuses to call noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from simulated import case_of, findings


def planted(seed, n=1500, share=0.08, C=2):
    """A clear law, and the rows whose label was replaced."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    if C == 2:
        y = (rng.random(n) < special.expit(6 * X[:, 0] + 2 * X[:, 1])).astype(int)
    else:
        scores = np.column_stack([5 * X[:, 0], 5 * X[:, 1], np.zeros(n)])
        y = (scores + rng.gumbel(size=(n, 3))).argmax(axis=1)
    wrong = np.flatnonzero(rng.random(n) < share)
    y[wrong] = (y[wrong] + rng.integers(1, C, len(wrong))) % C
    return X, (y.astype(float) if C == 2 else np.array(list("abc"))[y]), wrong


def rows(finding):
    return [int(name.removeprefix("row ")) - 1 for name in finding.subject]


@pytest.mark.parametrize("C", [2, 3])
def test_lists_the_rows_with_the_precision_it_states(C):
    right = listed = 0
    stated = []
    for seed in range(4):
        X, y, wrong = planted(seed, C=C)
        (f,) = findings(case_of(X, y), "PR316")
        assert f.severity == "warning"
        assert f.evidence[0].low <= 0.09
        assert f.evidence[0].high >= 0.07
        right += len(set(rows(f)) & set(wrong))
        listed += len(f.subject)
        stated.append(f.evidence[2].value)
    assert right / listed == pytest.approx(np.mean(stated), abs=0.06)
    assert np.mean(stated) > 0.8


def test_leaving_them_out_gains_what_is_promised():
    X, y, _ = planted(10)
    (f,) = findings(case_of(X, y), "PR316")
    assert set(f.remedy.edit) == {"exclude_rows"}
    assert f.remedy.edit["exclude_rows"] == tuple(rows(f))
    trial = f.remedy.trial
    assert trial.helped
    told = float(f.prediction.split("→ ")[1].split()[0])
    assert trial.after == pytest.approx(told, abs=0.03)
    assert trial.before - told > 0.05


@pytest.mark.parametrize("law", ["bend", "product", "island"])
def test_a_region_predicted_badly_is_no_noise(law):
    """The labels are right; a straight line is wrong about some of them for sure."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(1500, 3))
        eta = {
            "bend": 6 * X[:, 0] + 3 * X[:, 1] ** 2 - 3,
            "product": 6 * X[:, 0] * X[:, 1] + 3 * X[:, 2],
            "island": np.where((X[:, 0] < -1) & (X[:, 1] > 0.5), 6.0, 6 * X[:, 0]),
        }[law]
        y = (rng.random(1500) < special.expit(eta)).astype(float)
        assert not findings(case_of(X, y), "PR316"), seed


def test_says_nothing_of_other_faults_and_degenerate_input():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    separable = (X[:, 0] > 0).astype(float)
    assert not findings(case_of(X, separable), "PR316")
    assert not findings(case_of(X, X[:, 0] + rng.normal(size=200)), "PR316")  # a number
    coin = (rng.random(200) < 0.5).astype(float)
    assert not findings(case_of(X, coin), "PR316")
    assert not findings(case_of(X[:30], separable[:30]), "PR316")
    rare = np.zeros(200)
    rare[:3] = 1
    assert not findings(case_of(X, rare), "PR316")


def test_explains_probabilities_that_stay_away_from_the_ends():
    X, y, _ = planted(3, n=4000)
    codes = {f.code for f in findings(case_of(X, y), "PR316", "PR308")}
    assert "PR316" in codes
    (f,) = findings(case_of(X, y), "PR316")
    assert f.explains == ("PR308",)
    assert "rows listed about" in f.message
    assert len(f.message) < 200

"""Spread at two ends: theory of its error, groups, and curves."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.diagnostic import het_breuschpagan

from whyfit.probability.spread import END_ROWS, ends, koenker, normal_coverage_around, ratio_of


@pytest.mark.parametrize("tails", ["normal", "t8"])
def test_the_standard_error_is_that_of_many_samples(tails: str):
    rng = np.random.default_rng(0)
    found = []
    for _ in range(400):
        e = rng.normal(size=1000) if tails == "normal" else rng.standard_t(8, size=1000)
        r = ratio_of(e, rng.normal(size=1000))
        assert r is not None
        found.append((r.log, r.std_error))
    logs, errors = np.array(found).T
    assert errors.mean() == pytest.approx(logs.std(ddof=1), rel=0.12)
    assert abs(logs.mean()) < 4 * logs.std() / 20


def test_a_known_ratio_lies_in_its_interval():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        d = np.repeat([0.0, 1.0], 100)
        r = ratio_of(rng.normal(size=200) * (1 + 2 * d), d)
        low, high = r.interval(0.95)
        hits += low <= 3 <= high
    assert 180 <= hits <= 199
    assert r.wide.sum() == 100
    assert r.wide_sd == pytest.approx(3, rel=0.3)


def test_a_parabola_has_no_spread():
    d = np.linspace(-1, 1, 1001)
    rng = np.random.default_rng(2)
    r = ratio_of(d**2 * 5 + 0.3 * rng.normal(size=1001), d)
    assert r.size < 1.4


def test_ends():
    low, high = ends(np.arange(1000.0))
    assert low.sum() == high.sum() == 100
    low, high = ends(np.arange(90.0))
    assert low.sum() == high.sum() == END_ROWS
    low, high = ends(np.repeat([0.0, 1.0], [900, 100]))  # piled up: one value against the others
    assert (low.sum(), high.sum()) == (900, 100)
    low, high = ends(np.concatenate([np.zeros(900), np.arange(1.0, 101.0)]))
    assert (low.sum(), high.sum()) == (900, 100)
    assert ends(np.zeros(1000)) is None
    assert ends(np.arange(50.0)) is None
    assert ends(np.repeat([0.0, 1.0], [995, 5])) is None


def test_koenker_is_statsmodels():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200, 3))
    e = rng.normal(size=200) * np.exp(0.3 * X[:, 0])
    lm, p, _, _ = het_breuschpagan(e, sm.add_constant(X))
    ours = koenker(e, X)
    assert ours[0] == pytest.approx(lm)
    assert ours[1] == 3
    assert ours[2] == pytest.approx(p)


def test_coverage_of_normal_errors():
    assert normal_coverage_around(np.array([1.96]), 0.0, 1.0) == pytest.approx(0.95, abs=1e-4)
    assert normal_coverage_around(np.array([1.96]), 0.0, 2.0) == pytest.approx(0.6729, abs=1e-3)

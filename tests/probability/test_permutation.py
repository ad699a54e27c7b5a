"""Freedman–Lane against refitting every permuted target, its level, and where it has no answer."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from whyfit.errors import NotFiniteError, ShapeError, SpecError
from whyfit.probability.permutation import freedman_lane

rng = np.random.default_rng(0)
X = rng.normal(size=(30, 3)) * [0.01, 1, 100] + 10
y = 1 + X @ [100, 0.4, 0] + rng.normal(size=30)


def t_of(X, y, j):
    return sm.OLS(y, sm.add_constant(X, has_constant="add")).fit().tvalues[j + 1]


def test_t_is_that_of_the_fit_and_every_permutation_a_refit():
    found = freedman_lane(X, y, 1, B=20, seed=4)
    assert found.t == pytest.approx(t_of(X, y, 1), rel=1e-9)
    less = sm.OLS(y, sm.add_constant(np.delete(X, 1, axis=1))).fit()
    # the same permutations of the residuals, of which E holds 20 rows
    again = np.random.default_rng(4)
    E = again.permuted(np.tile(less.resid, (20, 1)), axis=1)
    slow = [t_of(X, less.fittedvalues + e, 1) for e in E]
    np.testing.assert_allclose(found.null, slow, rtol=1e-7)


def test_p_value_is_near_the_one_of_all_permutations():
    """Six rows, one column: all 720 orders can be tried, and the test is exact."""
    x, z = np.arange(6.0), np.array([0.3, 1.9, 1.1, 4.2, 3.0, 6.1])
    r = np.corrcoef(x, z)[0, 1]
    every = [np.corrcoef(x, z[list(o)])[0, 1] for o in itertools.permutations(range(6))]
    share = np.mean(np.abs(every) >= abs(r) - 1e-12)
    found = freedman_lane(x[:, None], z, 0, B=20_000)
    assert abs(found.p_value - share) < 4 * np.sqrt(share / 20_000)


def test_level_with_heavy_tails_and_a_dependent_column():
    """Cauchy errors would spoil no permutation test: 5 % of 400 tables within binomial bounds."""
    rng, rejected = np.random.default_rng(5), 0
    for seed in range(400):
        Z = rng.normal(size=(25, 2))
        Z[:, 1] += Z[:, 0]
        target = 1 + Z[:, 0] + rng.standard_cauchy(25)
        rejected += freedman_lane(Z, target, 1, B=99, seed=seed).p_value <= 0.05
    assert stats.binomtest(rejected, 400, 0.05).pvalue > 0.01


def test_strata_keep_rows_at_home():
    """Errors far larger in one stratum: only permutations within it keep the level."""
    g = np.repeat([0, 1], 15)
    found = freedman_lane(X, y, 1, B=50, strata=g)
    one_row_each = freedman_lane(X, y, 1, B=50, strata=np.arange(30))
    assert len(set(np.round(found.null, 9))) > 40
    np.testing.assert_allclose(one_row_each.null, found.t)  # nothing can move
    assert one_row_each.p_value == 1.0


def test_batches_of_permutations_do_not_matter(monkeypatch):
    from whyfit.probability import permutation

    whole = freedman_lane(X, y, 0, B=64, seed=2).null
    monkeypatch.setattr(permutation, "_HELD", 30 * 5)
    np.testing.assert_allclose(freedman_lane(X, y, 0, B=64, seed=2).null, whole, rtol=1e-9)


def test_no_answer():
    constant = X.copy()
    constant[:, 1] = 3.0
    copy = X.copy()
    copy[:, 1] = X[:, 0] * 2
    for Z, target in ((constant, y), (copy, y), (X[:4], y[:4]), (X, X[:, 0]), (X, np.ones(30))):
        found = freedman_lane(Z, target, 1, B=9)
        assert np.isnan(found.t)
        assert np.isnan(found.p_value)


def test_messages():
    with pytest.raises(ShapeError, match=r"X has shape \(30, 3\) and y \(29,\)"):
        freedman_lane(X, y[1:], 0)
    with pytest.raises(NotFiniteError):
        freedman_lane(X, np.where(y > 0, y, np.nan) * np.nan, 0)
    with pytest.raises(SpecError, match="column 3 of 3"):
        freedman_lane(X, y, 3)
    with pytest.raises(ShapeError, match=r"strata have shape \(29,\)"):
        freedman_lane(X, y, 0, strata=np.zeros(29))

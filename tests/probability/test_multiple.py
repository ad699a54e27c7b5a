"""Holm and Benjamini–Hochberg: against scipy and statsmodels, and what each promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from whyfit.probability.multiple import (
    benjamini_hochberg,
    benjamini_hochberg_adjust,
    holm,
    holm_adjust,
)

p = np.random.default_rng(0).beta(0.4, 1, size=40)


def test_adjusted_values_agree_with_others():
    np.testing.assert_allclose(holm_adjust(p), multipletests(p, method="holm")[1])
    np.testing.assert_allclose(benjamini_hochberg_adjust(p), stats.false_discovery_control(p))
    assert np.array_equal(benjamini_hochberg(p), multipletests(p, method="fdr_bh")[0])


def test_ties_missing_values_and_none_at_all():
    assert benjamini_hochberg_adjust(np.array([0.02, 0.02, np.nan])) == pytest.approx(
        [0.03, 0.03, 1]
    )
    assert not holm(np.array([np.nan])).any()
    assert benjamini_hochberg_adjust(np.zeros(0)).shape == holm_adjust(np.zeros(0)).shape == (0,)


def test_share_of_false_discoveries_and_of_any_false_one():
    """60 true hypotheses, 40 shifted by 3: E(false share) = 0.6·α exactly; P(any) ≤ α for Holm."""
    rng = np.random.default_rng(2)
    share, any_false, more = [], [], []
    for _ in range(2000):
        z = rng.normal(size=100)
        z[60:] += 3
        q = 2 * stats.norm.sf(np.abs(z))
        found, sure = benjamini_hochberg(q, 0.1), holm(q, 0.1)
        share.append(found[:60].sum() / max(found.sum(), 1))
        any_false.append(sure[:60].any())
        more.append(found.sum() > sure.sum())
    assert abs(np.mean(share) - 0.06) < 4 * np.std(share) / np.sqrt(2000)
    assert np.mean(any_false) < 0.1
    assert np.mean(more) > 0.95


def test_weighted_holm_is_plain_holm_for_equal_weights_and_spares_the_heavy() -> None:
    p = np.array([0.011, 0.02, 0.6, 0.04, np.nan])
    np.testing.assert_allclose(holm_adjust(p, np.full(5, 0.3)), holm_adjust(p))
    # by hand: p/w = 0.011, 0.2, ...; 0.011/1 · (1 + 0.1 + 0.1) = 0.0132, then 0.02/0.1 · 0.2 = 0.04
    np.testing.assert_allclose(
        holm_adjust(np.array([0.02, 0.011, 0.9]), np.array([0.1, 1.0, 0.1])), [0.04, 0.0132, 0.9]
    )


def test_weighted_holm_keeps_its_promise() -> None:
    """Ten true hypotheses of one rule, one of another: any false rejection in at most 5 % (4,000 families)."""
    rng = np.random.default_rng(5)
    w = np.array([0.1] * 10 + [1.0])
    false = sum(holm(rng.random(11), weights=w).any() for _ in range(4_000))
    assert false <= 4_000 * 0.05 + 3 * np.sqrt(4_000 * 0.05 * 0.95)
    assert false >= 4_000 * 0.03  # nor is it wasted

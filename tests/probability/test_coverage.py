import numpy as np
import pytest
from scipy import stats

from whyfit.errors import ShapeError, SpecError
from whyfit.probability.coverage import realised


def test_overall_is_the_binomial():
    hit = np.arange(100) < 88
    got = realised(hit, 0.95)
    ci = stats.binomtest(88, 100).proportion_ci(method="wilson")
    assert (got.covered, got.low, got.high) == pytest.approx((0.88, ci.low, ci.high))
    assert got.p_value == pytest.approx(stats.binom.cdf(88, 100, 0.95))
    assert got.worst is None


def test_a_slice_that_fails_is_named():
    rng = np.random.default_rng(0)
    Z = np.column_stack([rng.normal(size=3000), rng.uniform(size=3000), rng.integers(0, 3, 3000)])
    hit = rng.random(3000) < np.where(Z[:, 1] > 0.8, 0.8, 0.96)
    worst = realised(hit, 0.95, Z, ("a", "b", "c")).worst
    assert worst is not None
    assert worst.name == "b"
    assert worst.low == pytest.approx(0.8, abs=0.03)
    assert worst.covered_high < 0.95
    assert worst.p_value < 1e-6


def test_the_worst_of_many_slices_is_seldom_believed_by_chance():
    rng, runs = np.random.default_rng(1), 300
    false = 0
    for _ in range(runs):
        worst = realised(rng.random(300) < 0.9, 0.9, rng.normal(size=(300, 4))).worst
        assert worst is not None
        false += worst.p_value < 0.05
    assert false <= stats.binom.ppf(0.999, runs, 0.05)


def test_degenerate():
    none = realised(np.zeros(0, dtype=bool), 0.9)
    assert np.isnan(none.covered)
    assert (none.low, none.high, none.p_value) == (0.0, 1.0, 1.0)
    Z = np.column_stack([np.ones(40), np.full(40, np.nan), np.arange(40) % 2])
    got = realised(np.ones(40, dtype=bool), 0.9, Z)
    assert got.worst is None  # twenty rows a slice are too few
    with pytest.raises(ShapeError, match="columns"):
        realised(np.ones(4, dtype=bool), 0.9, np.ones(3))
    with pytest.raises(SpecError, match="level"):
        realised(np.ones(4, dtype=bool), 90)

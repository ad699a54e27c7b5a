import numpy as np
import pytest
from scipy import stats

from whyfit.errors import ShapeError, SpecError
from whyfit.probability.coverage import interval_score, realised, slices


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


def test_the_interval_score_is_length_and_misses():
    y, low, high = np.array([0.0, -1.5, 4.0]), np.full(3, -1.0), np.full(3, 1.0)
    assert interval_score(y, low, high, 0.9) == pytest.approx([2.0, 2.0 + 20 * 0.5, 2.0 + 20 * 3.0])


def test_the_interval_score_is_least_for_the_quantiles():
    """Of exponential values: 2.5 and 97.5 % quantiles against other intervals of the same coverage."""
    y = np.random.default_rng(5).exponential(size=100_000)
    best = interval_score(y, -np.log(0.975), -np.log(0.025), 0.95).mean()
    for a in (0.001, 0.01, 0.04):
        assert interval_score(y, -np.log1p(-a), -np.log(0.05 - a), 0.95).mean() > best


def test_all_slices_come_worst_first_and_pay_for_their_number():
    rng = np.random.default_rng(6)
    X = rng.normal(size=(2000, 3))
    covered = rng.random(2000) < np.where(X[:, 1] > 1, 0.7, 0.95)
    found = slices(covered, 0.95, X, ("a", "b", "c"))
    assert len(found) == 15
    assert found[0] == realised(covered, 0.95, X, ("a", "b", "c")).worst
    assert found[0].name == "b"
    mine = (found[0].low <= X[:, 1]) & (X[:, 1] <= found[0].high)
    assert (found[0].rows, found[0].covered) == (mine.sum(), covered[mine].mean())
    assert found[0].p_value == pytest.approx(
        min(1.0, 15 * stats.binom.cdf(covered[mine].sum(), mine.sum(), 0.95))
    )
    assert [s.p_value for s in found] == sorted(s.p_value for s in found)

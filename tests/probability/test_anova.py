"""One-way analysis of variance against exact arithmetic, SciPy and theory."""

from __future__ import annotations

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from scipy import stats

from whyfit.errors import NotFiniteError, ShapeError
from whyfit.probability.anova import one_way


def exact(label, y) -> tuple[Fraction, Fraction]:
    """B and W in rational arithmetic."""
    groups: dict = {}
    for g, v in zip(label, y, strict=True):
        groups.setdefault(g, []).append(Fraction(float(v)))
    whole = sum(map(sum, groups.values())) / len(y)
    means = {g: sum(v) / len(v) for g, v in groups.items()}
    between = sum(len(v) * (means[g] - whole) ** 2 for g, v in groups.items())
    return between, sum((x - means[g]) ** 2 for g, v in groups.items() for x in v)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.floats(-1, 1)), min_size=6, max_size=30),
    st.sampled_from([0.0, 1e3, -1e8, 1e12]),
)
def test_sums_of_squares_are_exact_to_the_last_digits(pairs, offset):
    label = np.array([g for g, _ in pairs])
    y = np.array([v for _, v in pairs]).round(6) + offset
    got, (between, within) = one_way(label, y), exact(label, y)
    # rounding of a mean, at twice the digits: nothing beside the data's own
    floor = 1e-30 * len(y) * max(1.0, offset**2)
    assert got.between_ss == pytest.approx(float(between), rel=2e-14, abs=floor)
    assert got.within_ss == pytest.approx(float(within), rel=2e-14, abs=floor)


def test_scipy_agrees_and_labels_may_be_anything():
    rng = np.random.default_rng(0)
    label = np.array(["b", "a", "c", "d"])[rng.integers(0, 4, 200)]
    y = rng.normal(size=200) + (label == "a")
    got = one_way(label, y)
    theirs = stats.f_oneway(*(y[label == g] for g in "abcd"))
    assert got.f == pytest.approx(theirs.statistic, rel=1e-12)
    assert got.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    assert (got.between_df, got.within_df) == (3, 196)
    total = ((y - y.mean()) ** 2).sum()
    assert got.r2 == pytest.approx(got.between_ss / total, rel=1e-12)
    assert got.residual_sd == pytest.approx(np.sqrt(got.within_ss / 196), rel=1e-12)


def test_p_values_are_uniform_without_a_difference():
    rng = np.random.default_rng(1)
    label = np.repeat(np.arange(5), 8)
    p = [one_way(label, rng.normal(size=40)).p_value for _ in range(400)]
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_degenerate_tables():
    one_group = one_way(np.zeros(4), np.arange(4.0))
    assert one_group.between_ss == 0
    assert np.isnan([one_group.f, one_group.p_value]).all()
    assert one_group.residual_sd == pytest.approx(np.sqrt(5 / 3))
    singles = one_way(np.arange(3), np.array([1.0, 2.0, 4.0]))
    assert singles.within_df == 0
    assert np.isnan([singles.f, singles.residual_sd]).all()
    assert singles.r2 == 1
    apart = one_way(np.array([0, 0, 1, 1]), np.array([1.0, 1.0, 2.0, 2.0]))
    assert (apart.f, apart.p_value) == (np.inf, 0.0)
    constant = one_way(np.array([0, 0, 1, 1]), np.full(4, 1e9))
    assert np.isnan([constant.f, constant.r2, constant.p_value]).all()
    row = one_way(np.array([3]), np.array([5.0]))
    assert (row.between_df, row.within_df) == (0, 0)


def test_bad_input():
    with pytest.raises(ShapeError, match=r"labels have shape \(2,\) and y \(3,\)"):
        one_way(np.zeros(2), np.zeros(3))
    with pytest.raises(ShapeError, match="one length n ≥ 1"):
        one_way(np.zeros(0), np.zeros(0))
    with pytest.raises(NotFiniteError, match="y holds NaN or infinity"):
        one_way(np.zeros(2), np.array([1.0, np.nan]))

"""Numerical and effective rank."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyfit.errors import NotFiniteError, ShapeError
from whyfit.linalg.rank import components_holding, effective_rank, numerical_rank


@pytest.mark.parametrize("n", [5, 40])
@pytest.mark.parametrize("r", [0, 1, 3, 5])
def test_a_product_of_thin_factors_has_their_rank(n, r):
    rng = np.random.default_rng(r)
    A = rng.normal(size=(n, r)) @ rng.normal(size=(r, 5)) * 1e8
    rank = numerical_rank(np.linalg.svd(A, compute_uv=False), A.shape)
    assert rank.value == r == np.linalg.matrix_rank(A)
    assert rank.certain
    if 0 < r < 5:
        assert rank.gap > 1e10
    assert str(r) in rank.why or r == 0


def test_a_value_near_the_limit_is_doubt():
    s = np.array([1.0, 1e-15, 1e-17])
    rank = numerical_rank(s, (3, 3))
    assert rank.value == 2
    assert not rank.certain
    assert "not certain" in rank.why
    assert numerical_rank(s, (3, 3), tolerance=1e-6).certain
    assert not numerical_rank(np.array([1, 3e-6, 0.5e-6]), (9, 3), tolerance=1e-6).certain


def test_the_gap():
    rank = numerical_rank(np.array([4.0, 2.0, 1e-20]), (9, 3))
    assert rank.gap == pytest.approx(2e20)
    assert numerical_rank(np.array([1.0, 0.0]), (2, 2)).gap == np.inf


@given(st.integers(1, 50), st.floats(1e-300, 1e300))
def test_equal_variances_count_each_and_one_counts_one(p, size):
    e = effective_rank(np.full(p, size))
    assert (e.participation, e.entropy, e.stable) == pytest.approx((p, p, p))
    e = effective_rank(np.append(size, np.zeros(p)))
    assert (e.participation, e.entropy, e.stable) == pytest.approx((1, 1, 1))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_the_three_are_ordered(values):
    e = effective_rank(np.array(values))
    r = np.count_nonzero(values)
    assert e.stable <= e.participation * (1 + 1e-9)
    assert e.participation <= e.entropy * (1 + 1e-9)
    assert e.entropy <= r * (1 + 1e-9)


def test_participation_of_a_known_spectrum():
    lam = np.array([3.0, 1.0])
    e = effective_rank(lam)
    assert e.participation == pytest.approx(16 / 10)
    assert e.entropy == pytest.approx(np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25))))
    assert e.stable == pytest.approx(4 / 3)


def test_components_holding_a_share():
    lam = np.array([1.0, 6.0, 3.0])
    assert [components_holding(lam, s) for s in (0.5, 0.6, 0.61, 0.9, 0.95, 1.0)] == [
        1, 1, 2, 2, 3, 3,
    ]  # fmt: skip
    assert components_holding(np.zeros(3), 0.5) == 0
    assert components_holding(np.full(10, 0.1), 0.3) == 3


def test_degenerate_input():
    assert numerical_rank(np.zeros(0), (0, 3)).value == 0
    assert effective_rank(np.zeros(4)).entropy == 0
    with pytest.raises(NotFiniteError, match="NaN or infinite"):
        effective_rank(np.array([np.nan]))
    with pytest.raises(ShapeError, match="-1; expected none below 0"):
        numerical_rank(np.array([-1.0]), (1, 1))

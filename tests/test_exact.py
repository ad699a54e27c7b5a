"""Error-free transformations against exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from whyfit.exact import quick_two_sum, split, times, two_product, two_sum

U = 2.0**-53
plain = hnp.arrays(np.float64, 8, elements=st.floats(allow_nan=False, allow_infinity=False))
middling = hnp.arrays(
    np.float64, 8,
    elements=st.one_of(st.just(0.0), st.floats(1e-100, 1e100), st.floats(-1e100, -1e-100)),
)  # fmt: skip


def rational(x: np.ndarray) -> list[Fraction]:
    return [Fraction(float(v)) for v in x]


@given(middling, middling)
def test_sums_lose_nothing(a, b):
    for s, e in (two_sum(a, b), two_sum(b, a), quick_two_sum(a + b, np.full(8, 0.0))):
        assert (s == a + b).all()
        assert (np.abs(e) <= U * np.abs(s)).all()
    s, e = two_sum(a, b)
    for x, y, got, lost in zip(*map(rational, (a, b, s, e)), strict=True):
        assert x + y == got + lost


@given(middling, middling)
def test_products_lose_nothing(a, b):
    p, e = two_product(a, b)
    assert (p == a * b).all()
    for x, y, got, lost in zip(*map(rational, (a, b, p, e)), strict=True):
        assert x * y == got + lost
    square, rest = two_product(a, a)
    for x, got, lost in zip(*map(rational, (a, square, rest)), strict=True):
        assert x * x == got + lost


@given(plain)
def test_halves_add_up(a):
    with np.errstate(over="ignore", invalid="ignore"):
        high, low = split(a)
    inside = np.isfinite(high)
    assert inside[np.abs(a) < 1e308].all()
    assert (high[inside] + low[inside] == a[inside]).all()


@given(hnp.arrays(np.float64, 8, elements=st.floats(-3.0, 3.0)), st.integers(2, 30))
def test_powers_keep_twice_the_digits(x, degree):
    x[np.abs(x) < 1e-6] = 0.0
    high, low = one = x, np.zeros(8)
    for _ in range(degree - 1):
        high, low = times((high, low), one)
    assert (np.abs(low) <= U * np.abs(high)).all()
    for base, got, lost in zip(*map(rational, (x, high, low)), strict=True):
        assert abs(base**degree - got - lost) <= 7 * degree * Fraction(U) ** 2 * abs(base**degree)


@given(middling, middling, middling, middling)
def test_pairs_multiply_to_pairs(a, b, c, d):
    one, two = two_sum(a, b), two_sum(c, d)
    high, low = times(one, two)
    assert (np.abs(low) <= U * np.abs(high)).all()
    for x, y, got, lost in zip(
        map(sum, zip(*map(rational, one), strict=True)),
        map(sum, zip(*map(rational, two), strict=True)),
        *map(rational, (high, low)),
        strict=True,
    ):
        assert abs(x * y - got - lost) <= 7 * Fraction(U) ** 2 * abs(x * y)


@pytest.mark.parametrize("a", [1.7e308, 1e200, 1e-200, 5e-324, np.inf, np.nan, 0.0])
def test_beyond_the_range_nothing_is_left_over(a):
    a = np.array([a])
    with np.errstate(over="ignore"):
        square = a * a
    for p, e in (two_product(a, a), times((a, np.zeros(1)), (a, np.zeros(1)))):
        np.testing.assert_array_equal(p, square)
        assert e[0] == 0

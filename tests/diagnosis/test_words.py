"""Names, numbers and shares for people: separators, digits, signs."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyfit.diagnosis import words


@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (20640, "20,640"),
        (68810.0, "68,810"),
        (0.6402, "0.6402"),
        (41.236, "41.24"),
        (-6.1934, "−6.193"),
        (1234567.8, "1,235,000"),
        (0.1, "0.1"),
        (1e-5, "1e−5"),
        (1.2344e-7, "1.234e−7"),
        (3.2e15, "3.2e15"),
        (0.0, "0"),
        (-0.0, "0"),
        (0.99999, "1"),
        (math.nan, "–"),
        (None, "–"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_number(x, shown):
    assert words.number(x) == shown


@given(st.floats(-1e300, 1e300), st.integers(2, 8))
def test_a_number_read_back_differs_in_its_last_digit_at_most(x, digits):
    text = words.number(x, digits).replace("−", "-").replace(",", "")
    assert float(text) == pytest.approx(x, rel=0.51 * 10 ** (1 - digits), abs=5e-324)


@given(st.floats())
def test_no_hyphen_stands_in_for_a_minus(x):
    assert not re.search("-", words.number(x))


def test_plural():
    assert words.plural(1, "row") == "1 row"
    assert words.plural(20640, "row") == "20,640 rows"


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c", "d"], "a, b, c and d"),
        (["a", "b", "c", "d", "e", "f"], "a, b, c and 3 more"),
    ],
)
def test_listed(names, shown):
    assert words.listed(names) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.5, "50 %"),
        (0.0123, "1.2 %"),
        (0.9996, "99.96 %"),
        (0.999999, "99.99 %"),
        (0.00002, "under 0.01 %"),
        (math.nan, "–"),
    ],
)
def test_a_share_is_neither_none_nor_all_unless_it_is(share, shown):
    assert words.percent(share) == shown


def test_a_difference_that_rounds_to_nothing_is_plus_nothing():
    assert words.signed(-0.0123) == "−0.012"
    assert words.signed(-0.0001) == "+0.000"
    assert words.between(-0.001, 0.0042) == "[−0.001, +0.004]"


@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (0.0, "0"),
        (1.5, "1.5"),
        (-2.0, "-2"),
        (3.4e-9, r"3.4\times 10^{-9}"),
        (2e5, r"2.0\times 10^{5}"),
    ],
)
def test_latex(x, shown):
    assert words.latex(x) == shown


def test_a_power_of_ten_has_a_true_minus():
    assert words.power(4e-11, 1) == "4e−11"
    assert words.power(0.0, 1) == "0"

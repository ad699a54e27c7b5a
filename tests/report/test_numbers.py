"""Numbers beside their uncertainty: decimals, intervals, p-values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyfit.diagnosis.finding import Evidence
from whyfit.report import numbers


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e6))
def test_plus_minus_rounds_value_and_half_width_alike(value, half):
    text = numbers.plus_minus(value, value - half, value + half)
    shown, _, width = text.partition(" ± ")
    decimals = [len(t.partition(".")[2]) for t in (shown, width)]
    assert decimals[0] == decimals[1]
    assert float(width.replace(",", "")) == pytest.approx(half, rel=0.5)


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (0.6402, 0.6372, 0.6432, "0.640 ± 0.003"),
        (0.64, 0.628, 0.652, "0.640 ± 0.012"),
        (68812.0, 68412.0, 69212.0, "68,800 ± 400"),
        (0.94, 0.65, 1.23, "0.94 ± 0.29"),
        (0.02, -0.28, 0.32, "0.0 ± 0.3"),
        (2.277e-10, 2.2769e-10, 2.2771e-10, "2.277e−10"),
        (0.5, None, None, "0.5"),
        (0.5, math.nan, 1.0, "0.5"),
        (0.5, 0.5, 0.5, "0.5"),
    ],
)
def test_plus_minus(value, low, high, shown):
    assert numbers.plus_minus(value, low, high) == shown


@pytest.mark.parametrize(
    ("p", "shown"),
    [(0.0456, "0.046"), (0.0, "< 1e−16"), (5e-15, "5e−15"), (0.00099, "9.9e−4"), (1.0, "1.000")],
)
def test_p_value(p, shown):
    assert numbers.p_value(p) == shown


def test_interval_shows_signs_when_its_decimals_are_given():
    assert numbers.interval(-0.0006, 0.0014, 4) == "[−0.0006, +0.0014]"
    assert numbers.interval(-0.00001, 0.0014, 4) == "[+0.0000, +0.0014]"
    assert numbers.interval(1.0, math.nan) == "[1, –]"


def test_seconds():
    assert [numbers.seconds(t) for t in (0.0004, 0.025, 0.62, 75.2)] == [
        "0.001 s", "0.025 s", "0.6 s", "1 min 15 s"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (1.0, "cells", "cell"),
        (2.0, "cells", "cells"),
        (1.0, "nats per row", "nats per row"),
        (1.0, "×", "×"),
        (1.0, "", ""),
    ],
)
def test_one_of_a_thing_is_not_said_as_many(value: float, unit: str, said: str):
    assert numbers.unit_of(Evidence("x", value, unit=unit)) == said

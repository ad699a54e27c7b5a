"""Autocorrelation against exact arithmetic and theory."""

from __future__ import annotations

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from whyfit.probability.serial import autocorrelation


@given(
    st.lists(st.floats(-1, 1), min_size=5, max_size=30),
    st.sampled_from([0.0, 1e5, -1e9]),
    st.integers(1, 3),
)
def test_exact_to_the_last_digits(values, offset, lag):
    y = np.array(values).round(4) + offset
    f = [Fraction(v) for v in y.tolist()]
    mean = sum(f) / len(f)
    whole = sum((v - mean) ** 2 for v in f)
    got = autocorrelation(y, lag)
    if not whole:
        assert np.isnan(got)
        return
    r = sum((a - mean) * (b - mean) for a, b in zip(f, f[lag:], strict=False)) / whole
    assert got == pytest.approx(float(r), abs=1e-14)


def test_an_autoregression_has_the_correlation_it_was_given():
    rng = np.random.default_rng(0)
    n, rho = 20_000, 0.7
    y = np.zeros(n)
    for i in range(1, n):
        y[i] = rho * y[i - 1] + rng.normal()
    error = np.sqrt((1 - rho**2) / n)  # Bartlett
    assert autocorrelation(y) == pytest.approx(rho, abs=4 * error)
    assert autocorrelation(y, 2) == pytest.approx(rho**2, abs=8 * error)
    assert autocorrelation(rng.permutation(y)) == pytest.approx(0, abs=4 / np.sqrt(n))


@pytest.mark.parametrize("y", [[], [1.0], [2.0, 2.0, 2.0], [0.1 + 0.2] * 7])
def test_nothing_to_correlate(y):
    assert np.isnan(autocorrelation(np.array(y)))

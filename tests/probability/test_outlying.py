"""Variance far out: 1 for equal variances, the square of the distance where errors grow with it."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.probability.outlying import variance_far_out


def test_equal_variances_give_one():
    rng = np.random.default_rng(0)
    ratios = [
        variance_far_out(rng.normal(size=200) ** 2, rng.random(200), 50.0) for _ in range(200)
    ]
    assert np.mean(np.array(ratios) == 1) > 0.98


def test_errors_proportional_to_the_distance_are_extrapolated():
    """e = r z with r exponential: E e² = 2, and at r = 20 the variance is 400, 200 times as much."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(50):
        r = rng.exponential(size=2000)
        found.append(variance_far_out((r * rng.normal(size=2000)) ** 2, r**2, 400.0))
    assert np.mean(found) == pytest.approx(200, rel=0.1)


def test_degenerate_input():
    assert variance_far_out(np.zeros(0), np.zeros(0), 1.0) == 1
    assert variance_far_out(np.ones(10), np.arange(10.0), 99.0) == 1  # a fifth is two rows
    assert variance_far_out(np.zeros(100), np.arange(100.0), 1e3) == 1
    assert variance_far_out(np.ones(100), np.zeros(100), 1e3) == 1

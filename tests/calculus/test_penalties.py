"""Penalties: the proximal operator is the minimiser it claims to be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyfit.calculus.penalties import ElasticNet, lasso, ridge
from whyfit.errors import SpecError

number = st.floats(-50, 50, allow_nan=False)


@given(number, st.floats(0, 5), st.floats(0, 1), st.floats(0.01, 3), number)
def test_no_other_point_is_better_than_prox(
    v: float, penalty: float, l1_ratio: float, step: float, other: float
) -> None:
    omega = ElasticNet(penalty, l1_ratio)

    def cost(u: float) -> float:
        return 0.5 * (u - v) ** 2 + step * omega.value(np.array([u]))

    best = float(omega.prox(np.array([v]), step)[0])
    assert cost(best) <= cost(other) + 1e-9 * (1 + abs(cost(other)))


def test_prox_of_ridge_and_lasso_in_closed_form() -> None:
    v = np.array([-3.0, 0.5, 2.0])
    assert ridge(2.0).prox(v) == pytest.approx(v / 3)
    assert lasso(1.0).prox(v) == pytest.approx([-2.0, 0.0, 1.0])
    assert ridge(2.0).value(v) == pytest.approx(v @ v)
    assert lasso(1.0).value(v) == pytest.approx(5.5)


def test_least_slope_is_zero_exactly_at_the_minimum() -> None:
    """min ½(w − v)² + Ω(w) has its optimum at prox(v), where g = w − v."""
    v, omega = np.array([-3.0, 0.5, 2.0, -0.9]), ElasticNet(1.0, 0.8)
    w = omega.prox(v)
    assert omega.least_slope(w, w - v) == pytest.approx(np.zeros(4), abs=1e-15)
    assert np.abs(omega.least_slope(w + 0.1, w + 0.1 - v)).min() > 0.05


def test_messages() -> None:
    with pytest.raises(SpecError, match="penalty is -1"):
        ridge(-1.0)
    with pytest.raises(SpecError, match="l1_ratio is 2"):
        ElasticNet(1.0, 2.0)

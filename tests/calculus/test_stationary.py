"""Points whose kind is known: planted saddles, minima, plateaux, and Hessians known only through noisy products."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyfit.calculus.losses import Logistic
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.stationary import DENSE, SLACK, stationary
from whyfit.errors import NotFiniteError, SpecError


@dataclass(frozen=True)
class Function:
    loss: object
    gradient: object
    product: object

    def hessian_vector(self, w, v):
        return self.product(w, v)


def quadratic(A, c=1.0):
    return Function(lambda w: c + 0.5 * w @ A @ w, lambda w: A @ w, lambda _, v: A @ v)


def spectrum(lam, seed=0):
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(lam), len(lam))))[0]
    return (Q * lam) @ Q.T, Q


MONKEY = Function(
    lambda w: w[0] ** 3 - 3 * w[0] * w[1] ** 2,
    lambda w: np.array([3 * w[0] ** 2 - 3 * w[1] ** 2, -6 * w[0] * w[1]]),
    lambda w, v: np.array([[6 * w[0], -6 * w[1]], [-6 * w[1], -6 * w[0]]]) @ v,
)


def test_the_saddle_of_the_textbook():
    found = stationary(quadratic(np.diag([2.0, -2.0]), 0.0), np.zeros(2))
    assert found.kind == "saddle"
    assert abs(found.fall.direction[1]) == pytest.approx(1.0)
    assert found.fall.observed == pytest.approx(-(found.fall.step**2))
    assert found.fall.predicted == pytest.approx(found.fall.observed)
    assert found.smallest[0] <= -2 <= found.smallest[1]
    assert found.largest[0] <= 2 <= found.largest[1]


def test_the_monkey_saddle_falls_in_the_third_order_only():
    found = stationary(MONKEY, np.zeros(2))
    assert found.kind == "saddle"
    assert found.fall.observed < 0
    assert MONKEY.loss(found.fall.step * found.fall.direction) == pytest.approx(found.fall.observed)
    assert "beyond the second order" in found.why


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), p=st.integers(2, 12), down=st.booleans())
def test_planted_signs_are_found_and_the_fall_is_that_of_the_curvature(seed, p, down):
    rng = np.random.default_rng(seed)
    lam = 10.0 ** rng.uniform(-2, 2, p)
    if down:
        lam[0] = -(10.0 ** rng.uniform(-2, 2))
    A, Q = spectrum(lam, seed)
    found = stationary(quadratic(A), np.zeros(p))
    assert found.kind == ("saddle" if down else "minimum")
    made = 1e-14 * np.abs(lam).max()  # rounding of A itself
    assert found.smallest[0] - made <= lam.min() <= found.smallest[1] + made
    assert found.largest[0] - made <= lam.max() <= found.largest[1] + made
    if down:
        assert abs(found.fall.direction @ Q[:, 0]) == pytest.approx(1.0, abs=1e-6)
        assert found.fall.observed == pytest.approx(0.5 * lam[0] * found.fall.step**2, rel=1e-3)


@pytest.mark.parametrize("bottom", [-0.5, 0.5])
def test_many_parameters_by_lanczos(bottom):
    lam = np.linspace(1.0, 10.0, DENSE + 100)
    lam[0] = bottom
    A, Q = spectrum(lam)
    found = stationary(quadratic(A), np.zeros(len(lam)))
    assert found.kind == ("saddle" if bottom < 0 else "minimum")
    assert found.smallest[0] <= bottom <= found.smallest[1]
    if bottom < 0:
        assert abs(found.fall.direction @ Q[:, 0]) > 0.99


def test_a_gradient_above_its_floor_is_no_stationary_point_and_below_it_is():
    A = np.diag([1.0, 3.0])
    w = np.array([1e-3, 0.0])
    found = stationary(quadratic(A), w)
    assert found.kind == "not stationary"
    assert found.fall.observed < 0
    assert stationary(quadratic(A), w, gradient_noise=2e-3).kind == "minimum"
    assert stationary(quadratic(np.diag([1.0, -3.0])), w, gradient_noise=2e-3).kind == "saddle"


def test_flat_regions_are_plateaux_and_gentle_bowls_are_not():
    far = np.full(2, 40.0)  # where tanh has long saturated

    def saturated(w):
        return 0.5 * (1 - np.tanh(w).mean()) + 0.7

    def slope(w):
        return -0.25 / np.cosh(w) ** 2

    def product(w, v):
        return 0.5 * np.tanh(w) / np.cosh(w) ** 2 * v

    assert stationary(Function(saturated, slope, product), far).kind == "plateau"
    assert stationary(quadratic(np.zeros((3, 3))), np.zeros(3)).kind == "plateau"
    for times, kind in ((0.01, "plateau"), (100.0, "minimum")):
        bowl = quadratic(2 * times * SLACK * np.eye(3))
        assert stationary(bowl, np.zeros(3)).kind == kind
    # what is flat over one unit is not over a hundred
    assert (
        stationary(quadratic(0.02 * SLACK * np.eye(3)), np.zeros(3), reach=100.0).kind == "minimum"
    )


def test_a_valley_is_a_minimum_and_another_basin_is_not_a_saddle():
    assert stationary(quadratic(np.diag([1.0, 0.0])), np.zeros(2)).kind == "minimum"
    # x⁴/4 − ... : at 0 a flat-bottomed minimum, beyond a ridge a lower one
    well = Function(
        lambda w: float(10 + w[0] ** 4 - 2 * w[0] ** 6),
        lambda w: np.array([4 * w[0] ** 3 - 12 * w[0] ** 5]),
        lambda w, v: (12 * w[0] ** 2 - 60 * w[0] ** 4) * v,
    )
    assert well.loss(np.ones(1)) < well.loss(np.zeros(1))
    assert stationary(well, np.zeros(1)).kind != "saddle"


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_a_logistic_fit_is_at_a_minimum(l2):
    rng = np.random.default_rng(0)
    Z = np.column_stack([np.ones(300), rng.standard_normal((300, 3))])
    y = (rng.random(300) < 1 / (1 + np.exp(-Z @ [0.2, 1, -1, 0.5]))).astype(float)
    rows = RowLoss(Logistic(), Z, y, np.full(4, l2))
    w = np.zeros(4)
    for _ in range(12):
        w = w - np.linalg.solve(rows.hessian(w), rows.gradient(w))
    found = stationary(rows, w)
    assert found.kind == "minimum"
    lam = np.linalg.eigvalsh(rows.hessian(w))
    assert found.smallest[0] <= lam[0] <= found.smallest[1]
    assert stationary(rows, np.zeros(4)).kind == "not stationary"


def test_noise_of_products_widens_the_interval_until_nothing_is_claimed():
    rng = np.random.default_rng(1)
    lam = np.concatenate([[-1.0], np.linspace(1, 5, 9)])
    A, _ = spectrum(lam)

    def noisy(size):
        def product(_, v):
            e = rng.standard_normal(len(v))
            return A @ v + size * np.linalg.norm(v) * e / np.linalg.norm(e)

        return Function(quadratic(A).loss, quadratic(A).gradient, product)

    found = stationary(noisy(0.05), np.zeros(10), hessian_noise=0.05)
    assert found.kind == "saddle"
    assert found.smallest[0] <= -1 <= found.smallest[1]
    bowl = quadratic(np.diag(np.linspace(0.01, 5, 10)))
    assert stationary(bowl, np.zeros(10)).kind == "minimum"
    assert stationary(bowl, np.zeros(10), hessian_noise=0.5).kind == "unknown"


def test_nonsense_is_refused():
    bad = Function(lambda _: np.nan, lambda w: w, lambda _, v: v)
    with pytest.raises(NotFiniteError, match="not finite at this point"):
        stationary(bad, np.zeros(2))
    infinite = Function(lambda _: 1.0, lambda w: w, lambda _, v: np.full_like(v, np.inf))
    with pytest.raises(NotFiniteError, match="product with the Hessian"):
        stationary(infinite, np.zeros(2))
    with pytest.raises(SpecError, match="reach > 0"):
        stationary(quadratic(np.eye(2)), np.zeros(2), reach=0.0)

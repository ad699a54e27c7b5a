"""Every loss, one suite: derivatives, convexity, constants, extremes, messages."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from whyfit.calculus.derivatives import check_gradient
from whyfit.calculus.losses import (
    Brier,
    Gamma,
    Hinge,
    Huber,
    Logistic,
    Loss,
    Multinomial,
    Poisson,
    Quantile,
    SoftmaxBrier,
    Squared,
)  # fmt: skip
from whyfit.calculus.losses.base import gradient, hessian, hessian_vector
from whyfit.errors import NotFiniteError, ShapeError, SpecError, TargetError

SCALAR: tuple[Loss, ...] = (
    Squared(), Huber(0.7), Quantile(0.3), Logistic(), Poisson(), Gamma(), Hinge(), Brier()
)  # fmt: skip
SEVERAL: tuple[Loss, ...] = (Multinomial(3), SoftmaxBrier(3))
ids = [loss.name for loss in SCALAR]


def target(loss: Loss, m: int, rng: np.random.Generator) -> np.ndarray:
    if loss.outputs > 1:
        return rng.integers(0, loss.outputs, m).astype(float)
    match loss.name:
        case "logistic" | "hinge" | "brier":
            return rng.integers(0, 2, m).astype(float)
        case "poisson":
            return rng.poisson(2.0, m).astype(float)
        case "gamma":
            return rng.gamma(2.0, size=m)
    return rng.normal(size=m)


def problem(loss: Loss, seed: int, m: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    Z = np.column_stack([np.ones(m), rng.normal(size=(m, 3)) * [1.0, 0.1, 5.0]])
    shape = (4, loss.outputs) if loss.outputs > 1 else (4,)
    return Z, target(loss, m, rng), rng.normal(size=shape) * 0.4


@pytest.mark.parametrize("loss", [*SCALAR, *SEVERAL], ids=[*ids, "multinomial", "brier of 3"])
@pytest.mark.parametrize("seed", range(5))
def test_gradient_is_the_derivative(loss: Loss, seed: int) -> None:
    Z, y, b = problem(loss, seed)
    shape = b.shape

    def value(w: np.ndarray) -> float:
        return float(loss.value(Z @ w.reshape(shape), y).mean())

    def slope(w: np.ndarray) -> np.ndarray:
        return gradient(loss, Z, y, w.reshape(shape)).ravel()

    seen = check_gradient(value, slope, b.ravel())
    assert seen.agrees, str(seen)
    assert not check_gradient(value, lambda w: slope(w) * (1 + 1e-4), b.ravel()).agrees


@pytest.mark.parametrize(
    "loss", [*[x for x in SCALAR if x.smooth], *SEVERAL], ids=lambda loss: loss.name
)
def test_hessian_is_the_derivative_of_the_gradient(loss: Loss) -> None:
    Z, y, b = problem(loss, 11)
    H, h = hessian(loss, Z, y, b), 1e-6
    for j in range(b.size):
        e = np.zeros(b.size)
        e[j] = h
        up, down = b + e.reshape(b.shape), b - e.reshape(b.shape)
        column = (gradient(loss, Z, y, up) - gradient(loss, Z, y, down)).ravel() / (2 * h)
        assert H[:, j] == pytest.approx(column, abs=1e-7 * max(1.0, np.abs(H).max()))
    v = np.random.default_rng(1).normal(size=b.shape)
    assert hessian_vector(loss, Z, y, b, v).ravel() == pytest.approx(H @ v.ravel(), rel=1e-12)
    if loss.convex:
        assert np.linalg.eigvalsh(H).min() > -1e-12 * np.abs(H).max()


@pytest.mark.parametrize("loss", SCALAR, ids=ids)
def test_constant_minimises_over_constants(loss: Loss) -> None:
    y = target(loss, 41, np.random.default_rng(3))
    constant = float(loss.constant(y))

    def total(c: float) -> float:
        return float(loss.value(np.full(len(y), c), y).sum())

    best = minimize_scalar(total, bracket=(constant - 1, constant + 1)).fun
    assert total(constant) <= best + 1e-9 * abs(best)


@pytest.mark.parametrize("loss", SCALAR, ids=ids)
def test_curvature_stays_below_its_bound(loss: Loss) -> None:
    rng = np.random.default_rng(5)
    y = target(loss, 500, rng)
    curvature = loss.curvature(rng.normal(size=500) * 3, y)
    assert (curvature >= 0).all() == loss.convex
    assert np.abs(curvature).max() <= loss.curvature_bound


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("size", [40.0, 700.0, 1e6])
def test_logistic_keeps_its_digits_at_the_ends(sign: float, size: float) -> None:
    eta, loss = np.array([sign * size]), Logistic()
    for y in (np.zeros(1), np.ones(1)):
        right = (y[0] == 1) == (sign > 0)
        tail = np.exp(-size)  # π or 1 − π to first order
        assert loss.value(eta, y)[0] == pytest.approx(tail if right else size, rel=1e-14)
        assert abs(loss.slope(eta, y)[0]) == pytest.approx(tail if right else 1.0, rel=1e-14)
        assert loss.curvature(eta, y)[0] == pytest.approx(tail, rel=1e-14)


def test_multinomial_of_two_classes_is_logistic() -> None:
    rng = np.random.default_rng(2)
    eta, y = rng.normal(size=50) * 5, rng.integers(0, 2, 50).astype(float)
    both = np.column_stack([np.zeros(50), eta]) + 1e3  # a shift of all classes changes nothing
    two = Multinomial(2)
    assert two.value(both, y) == pytest.approx(Logistic().value(eta, y), rel=1e-9, abs=1e-12)
    assert two.slope(both, y)[:, 1] == pytest.approx(Logistic().slope(eta, y), rel=1e-9, abs=1e-12)
    assert two.slope(both, y).sum(axis=1) == pytest.approx(np.zeros(50), abs=1e-15)
    shares = np.bincount(y.astype(int)) / 50
    assert two.constant(y) == pytest.approx(np.log(shares))


def test_quantile_constant_is_the_quantile() -> None:
    y = np.arange(1.0, 11.0)
    assert Quantile(0.25).constant(y) == 3.0


def test_huber_between_mean_and_median() -> None:
    y = np.array([0.0, 1.0, 2.0, 3.0, 1000.0])
    assert Huber(1e6).constant(y) == pytest.approx(np.mean(y), rel=1e-12)
    assert Huber(1e-6).constant(y) == pytest.approx(2.0, abs=1e-5)


@pytest.mark.parametrize(
    ("loss", "y", "error", "words"),
    [
        (Squared(), [], ShapeError, "no rows"),
        (Squared(), [1.0, np.nan], NotFiniteError, "row 2"),
        (Logistic(), [0.0, 2.0], TargetError, "expects 0 or 1"),
        (Hinge(), [-1.0, 1.0], TargetError, "expects 0 or 1"),
        (Poisson(), [1.0, -3.0], TargetError, "counts"),
        (Gamma(), [1.0, 0.0], TargetError, "> 0"),
        (Brier(), [0.0, 0.5], TargetError, "expects 0 or 1"),
        (SoftmaxBrier(3), [0.0, 1.5], TargetError, "0 to 2"),
        (Multinomial(3), [0.0, 3.0], TargetError, "0 to 2"),
    ],
)
def test_targets_without_meaning_are_refused(
    loss: Loss, y: list[float], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        loss.check(np.array(y))


def test_constants_of_losses_are_checked() -> None:
    with pytest.raises(SpecError, match="tau is 1"):
        Quantile(1.0)
    with pytest.raises(SpecError, match="delta is 0"):
        Huber(0.0)
    for several in (Multinomial, SoftmaxBrier):
        with pytest.raises(TargetError, match="two or more"):
            several(1)

"""The derivative checker: its bound holds, and it is tight enough to catch an error."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.calculus.derivatives import check_gradient, function_noise
from whyfit.errors import NotFiniteError, ShapeError, SpecError


@pytest.mark.parametrize("seed", range(40))
def test_bound_holds_over_functions_of_all_sizes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = int(rng.integers(1, 5))
    a, scale = rng.normal(size=p), 10.0 ** rng.integers(-6, 7)
    w = rng.normal(size=p) * 10.0 ** rng.integers(-3, 2)

    def f(w: np.ndarray) -> float:
        return scale * float(np.exp(0.1 * np.sin(a @ w)) + (w @ w) ** 2 / (1 + w @ w))

    def gradient(w: np.ndarray) -> np.ndarray:
        s, q = a @ w, w @ w
        return scale * (
            np.exp(0.1 * np.sin(s)) * 0.1 * np.cos(s) * a + 2 * w * q * (2 + q) / (1 + q) ** 2
        )

    seen = check_gradient(f, gradient, w)
    assert seen.agrees, str(seen)
    assert (seen.bound <= 1e-6 * (np.linalg.norm(seen.given) + scale * 1e-3)).all()


def test_complex_step_is_exact_to_rounding() -> None:
    w = np.array([1.5, -0.3])
    seen = check_gradient(
        lambda w: np.exp(w[0]) / (np.sin(w[0]) ** 3 + np.cos(w[1]) ** 3),
        lambda w: np.array(
            [
                np.exp(w[0]) / (d := np.sin(w[0]) ** 3 + np.cos(w[1]) ** 3)
                - np.exp(w[0]) * 3 * np.sin(w[0]) ** 2 * np.cos(w[0]) / d**2,
                np.exp(w[0]) * 3 * np.cos(w[1]) ** 2 * np.sin(w[1]) / d**2,
            ]
        ),
        w,
        method="complex",
    )
    assert seen.agrees, str(seen)
    assert (seen.gap <= 1e-14 * np.abs(seen.given).max()).all()


def test_a_wrong_sign_is_named_with_both_numbers() -> None:
    seen = check_gradient(
        lambda w: float(w @ w), lambda w: 2 * w * [1.0, -1.0], np.array([1.0, 3.0])
    )
    assert not seen.agrees
    assert seen.worst == 1
    assert "DISAGREES" in str(seen)
    assert "given -6" in str(seen)


def test_noise_of_a_rounded_function_is_measured() -> None:
    """f computed in float32 jumps by about 2⁻²⁴ |f|, which no reading of float64 would tell."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3)).astype(np.float32)

    def f(w: np.ndarray) -> float:
        return float(((X @ w.astype(np.float32)) ** 2).sum())

    w = rng.normal(size=3)
    seen = check_gradient(f, lambda w: 2.0 * X.T.astype(float) @ (X.astype(float) @ w), w)
    assert seen.agrees, str(seen)
    exact = check_gradient(lambda w: float(((X.astype(float) @ w) ** 2).sum()), lambda w: w, w)
    assert function_noise(lambda w: float(np.sum(w)), np.zeros(2)) >= 0
    assert seen.noise > 1e3 * exact.noise


def test_a_kink_disagrees() -> None:
    assert not check_gradient(
        lambda w: float(np.abs(w).sum() + 2 * max(w[0], 0)), lambda _: np.zeros(1), np.zeros(1)
    ).agrees


def test_messages() -> None:
    with pytest.raises(ShapeError, match=r"shape \(\)"):
        check_gradient(lambda _: 0.0, lambda w: w, np.array(1.0))
    with pytest.raises(ShapeError, match="the same"):
        check_gradient(lambda _: 0.0, lambda _: np.zeros(3), np.zeros(2))
    with pytest.raises(NotFiniteError, match="not finite at w"):
        check_gradient(lambda _: np.inf, lambda w: w, np.zeros(2))
    with pytest.raises(SpecError, match="complex"):
        check_gradient(lambda w: float(np.abs(w).sum()), lambda w: 2 * w, np.ones(2), "complex")

"""L-moments: location, spread, skewness and tails from linear functions of the ordered values.

    λ_r = ∫₀¹ x(u) P*_{r−1}(u) du,   x(u) the quantile function, P* the shifted Legendre polynomials
    τ₃ = λ₃/λ₂ (skewness),  τ₄ = λ₄/λ₂ (tails);   both lie in (−1, 1)

          normal  logistic  t₅     t₃     exponential  uniform
    τ₃    0       0         0      0      1/3          0
    τ₄    0.1226  1/6       0.194  0.261  1/6          0

They exist wherever the mean does, and a row moves them in proportion to its distance, not to its third or fourth power:
sample skewness and kurtosis of 200 rows say little of their law, τ₃ and τ₄ do. Standard errors are those of their
influence values, L_i = Σ_j [j/n − 1(i ≤ j)] P*(j/n) (x₍ⱼ₊₁₎ − x₍ⱼ₎).

Reference: Hosking (1990), J. R. Stat. Soc. B 52, 105-124; Serfling (1980), Approximation Theorems, §8.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special

_NODES = 80  # of quadrature in u; the tails in u^2 and (1 − u)^2


@dataclass(frozen=True, slots=True)
class LMoments:
    """Mean, λ₂, and the two ratios with their standard errors; NaN below four values or for equal ones."""

    n: int
    mean: float
    scale: float  # λ₂; 0.5642 σ of a normal law
    skew: float
    tails: float
    skew_error: float
    tails_error: float


def lmoments(values: Float[np.ndarray, " n"]) -> LMoments:
    """Of a sample, from unbiased probability-weighted moments."""
    x = np.sort(np.asarray(values, dtype=float))
    n = len(x)
    nan = float("nan")
    mean = float(x.mean()) if n else nan
    if n < 4 or not x[-1] > x[0]:
        return LMoments(n, mean, nan, nan, nan, nan, nan)
    i = np.arange(n)
    w = i / (n - 1)
    b1 = float(np.mean(w * x))
    w = w * (i - 1) / (n - 2)
    b2 = float(np.mean(w * x))
    w = w * (i - 2) / (n - 3)
    b3 = float(np.mean(w * x))
    l2 = 2 * b1 - mean
    l3 = 6 * b2 - 6 * b1 + mean
    l4 = 20 * b3 - 30 * b2 + 12 * b1 - mean
    skew, tails = l3 / l2, l4 / l2
    u, gap = np.arange(1, n) / n, np.diff(x)

    def influence(weight: np.ndarray) -> np.ndarray:
        s = weight * gap
        after = np.append(np.cumsum(s[::-1])[::-1], 0.0)
        return float(u @ s) - after

    one, two, three = (influence(P(u)) for P in _LEGENDRE[1:])
    root = np.sqrt(n)
    return LMoments(
        n, mean, l2, skew, tails,
        float(np.std((two - skew * one) / l2) / root),
        float(np.std((three - tails * one) / l2) / root),
    )  # fmt: skip


_LEGENDRE: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda u: np.ones_like(u),
    lambda u: 2 * u - 1,
    lambda u: (6 * u - 6) * u + 1,
    lambda u: ((20 * u - 30) * u + 12) * u - 1,
)


def of_quantiles(quantile: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float, float, float]:
    """λ₁, λ₂, τ₃, τ₄ of a law with this quantile function, by quadrature."""
    v, weight = np.polynomial.legendre.leggauss(_NODES)
    v = (v + 1) / 2
    u = v * v * (3 - 2 * v)  # crowds the nodes at both ends
    weight = weight / 2 * 6 * v * (1 - v)
    x = quantile(u)
    l1, l2, l3, l4 = (float((weight * x * P(u)).sum()) for P in _LEGENDRE)
    return l1, l2, l3 / l2, l4 / l2


@dataclass(frozen=True, slots=True)
class StudentLaw:
    """μ + s T with ν degrees of freedom."""

    df: float
    centre: float
    scale: float

    def beyond(self, low: float, high: float) -> tuple[float, float]:
        """P(X < low) and P(X > high)."""
        a, b = (low - self.centre) / self.scale, (high - self.centre) / self.scale
        return float(special.stdtr(self.df, a)), float(special.stdtr(self.df, -b))


@dataclass(frozen=True, slots=True)
class GammaLaw:
    """c ± s G, G gamma with this shape: skewed to the right for +, to the left for −."""

    shape: float
    centre: float
    scale: float  # negative: skewed to the left

    def beyond(self, low: float, high: float) -> tuple[float, float]:
        """P(X < low) and P(X > high)."""
        if self.scale < 0:
            above, below = GammaLaw(self.shape, -self.centre, -self.scale).beyond(-high, -low)
            return below, above
        a, b = (np.maximum((v - self.centre) / self.scale, 0.0) for v in (low, high))
        return float(special.gammainc(self.shape, a)), float(special.gammaincc(self.shape, b))


def student_of(made: LMoments) -> StudentLaw:
    """The t law with these tails, ν between 1.2 and 200."""

    def law(df: float) -> tuple[float, float, float, float]:
        return of_quantiles(lambda u: special.stdtrit(df, u))

    df = 1 / -_solve(lambda v: law(-1 / v)[3], made.tails, -1 / 1.2, -1 / 200)
    return StudentLaw(df, made.mean, made.scale / law(df)[1])


def gamma_of(made: LMoments) -> GammaLaw:
    """The shifted gamma law with this skewness, of shape between 0.05 and 10⁴.

    λ₂ = Γ(a + ½)/(√π Γ(a)), τ₃ = 6 I_{1/3}(a, 2a) − 3 with I the incomplete beta function.
    """
    shape = np.exp(
        _solve(lambda v: _gamma_skew(np.exp(v)), abs(made.skew), np.log(0.05), np.log(1e4))
    )
    spread = float(special.poch(shape, 0.5)) / np.sqrt(np.pi)
    scale = float(np.copysign(made.scale / spread, made.skew))
    return GammaLaw(float(shape), float(made.mean - scale * shape), scale)


def _gamma_skew(shape: float) -> float:
    return float(6 * special.betainc(shape, 2 * shape, 1 / 3) - 3)


def _solve(falling: Callable[[float], float], value: float, low: float, high: float) -> float:
    """x with falling(x) = value, by the Illinois method; an end if there is none between."""
    a, b = falling(low) - value, falling(high) - value
    if a <= 0 or b >= 0:
        return low if a <= 0 else high
    for _ in range(40):
        x = (a * high - b * low) / (a - b)
        c = falling(x) - value
        if abs(c) < 1e-6:
            return x
        if c > 0:
            low, a, b = x, c, b / 2
        else:
            high, b, a = x, c, a / 2
    return (low + high) / 2

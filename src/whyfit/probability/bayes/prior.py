"""Priors of a linear model y = β₀ + Xw + ε, ε ~ N(0, σ²), and where they are stated.

*Conjugate*, the normal–inverse-gamma law, flat in directions that `precision` does not touch:

    β | σ² ~ N(m₀, σ²Λ₀⁻¹),    σ² ~ IG(a₀, b₀),    p(σ²) ∝ (σ²)^−(a₀+1) exp(−b₀/σ²)

Improper members: p(β, σ) ∝ 1 is Λ₀ = 0, a₀ = −½, b₀ = 0, because dσ = dσ²/(2σ); the reference prior p(β, log σ) ∝ 1,
that is p(β, σ) ∝ 1/σ, is Λ₀ = 0, a₀ = b₀ = 0. With c coefficients the former leaves n − c − 1 degrees of freedom, the
latter n − c, those of classical least squares.

*Independent*, β ~ N(m₀, P₀⁻¹) whatever σ is, with any law of σ; its posterior is a one-dimensional mixture
(`bayes.mixture`).

References: Gelman et al. (2013), Bayesian Data Analysis, §14.2; Liang et al. (2008), JASA 103, 410-423 (g-prior).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.errors import ShapeError, SpecError
from whyfit.linalg.moments import Moments


@dataclass(frozen=True, eq=False)
class NormalInverseGamma:
    """The conjugate prior; `mean` and `precision` are of (β₀, w), the intercept first.

    Attributes
    ----------
    mean : (c,). precision : (c, c), Λ₀ ≥ 0 symmetric; 0 rows where the prior is flat.
    a, b : shape and scale of σ² ~ IG(a, b).
    """

    mean: Float[np.ndarray, " c"]
    precision: Float[np.ndarray, "c c"]
    a: float = 0.0
    b: float = 0.0

    def __post_init__(self) -> None:
        check_normal(self.mean, self.precision)
        if not (np.isfinite(self.a) and np.isfinite(self.b) and self.b >= 0):
            raise SpecError(f"a = {self.a} and b = {self.b}; expected finite numbers and b ≥ 0.")

    @property
    def proper_scale(self) -> bool:
        """Whether σ² has a proper prior."""
        return self.a > 0 and self.b > 0


def flat(p: int) -> NormalInverseGamma:
    """p(β, σ) ∝ 1 of an intercept and p slopes."""
    return NormalInverseGamma(np.zeros(p + 1), np.zeros((p + 1, p + 1)), -0.5, 0.0)


def reference(p: int) -> NormalInverseGamma:
    """p(β, log σ) ∝ 1: the posterior whose intervals are those of classical least squares."""
    return NormalInverseGamma(np.zeros(p + 1), np.zeros((p + 1, p + 1)), 0.0, 0.0)


def g_prior(moments: Moments, g: float | None = None) -> NormalInverseGamma:
    """Zellner's: w | σ² ~ N(0, g σ²(XᶜᵀXᶜ)⁻¹), flat on β₀ and on log σ.

    g = n, the default, is the prior worth one row (unit information). Raises SpecError unless g > 0.
    """
    g = float(moments.n) if g is None else float(g)
    if not 0 < g < np.inf:
        raise SpecError(f"g is {g}; expected a number > 0, e.g. the number of rows.")
    return on_slopes(moments.scatter[:-1, :-1] / g)


def on_slopes(slopes: Float[np.ndarray, "p p"]) -> NormalInverseGamma:
    """Precision `slopes`/σ² of w about 0, flat on β₀ and on log σ."""
    p = len(slopes)
    precision = np.zeros((p + 1, p + 1))
    precision[1:, 1:] = (slopes + slopes.T) / 2
    return NormalInverseGamma(np.zeros(p + 1), precision)


def standardised(moments: Moments, ridge: float) -> NormalInverseGamma:
    """s_j w_j | σ² ~ N(0, σ²/ridge) each, s_j the standard deviation (divisor n) of column j: no unit matters."""
    return on_slopes(np.diag(ridge * np.diag(moments.scatter)[:-1] / max(moments.n, 1)))


LogDensity = Callable[[Float[np.ndarray, " s"]], Float[np.ndarray, " s"]]


@dataclass(frozen=True, eq=False)
class IndependentPrior:
    """β ~ N(mean, precision⁻¹) independently of σ, whose log density is `log_sigma` (on σ > 0, up to a constant).

    `precision` may be 0 where the prior is flat; None for `log_sigma` is p(σ) ∝ 1.
    """

    mean: Float[np.ndarray, " c"]
    precision: Float[np.ndarray, "c c"]
    log_sigma: LogDensity | None = None

    def __post_init__(self) -> None:
        check_normal(self.mean, self.precision)


@dataclass(frozen=True)
class HalfNormal:
    """log p(σ) of σ = |z|, z ~ N(0, scale²)."""

    scale: float

    def __call__(self, sigma: np.ndarray) -> np.ndarray:
        return -0.5 * (sigma / self.scale) ** 2


@dataclass(frozen=True)
class HalfT:
    """log p(σ) of σ = |t|, t ~ Student's t with `df` degrees of freedom times `scale`; df = 1 is half-Cauchy."""

    scale: float
    df: float = 1.0

    def __call__(self, sigma: np.ndarray) -> np.ndarray:
        return -0.5 * (self.df + 1) * np.log1p((sigma / self.scale) ** 2 / self.df)


def check_normal(mean: np.ndarray, precision: np.ndarray) -> None:
    """ShapeError, or SpecError where the precision is not symmetric and ≥ 0."""
    c = np.shape(mean)
    if len(c) != 1 or np.shape(precision) != c + c:
        raise ShapeError(
            f"the prior's mean has shape {c} and its precision {np.shape(precision)}; expected (c,) and (c, c)."
        )
    if not np.isfinite(mean).all() or not np.isfinite(precision).all():
        raise SpecError(
            "the prior holds NaN or infinity; expected finite numbers, 0 for a flat direction."
        )
    size = np.abs(precision).max(initial=0.0)
    if np.abs(precision - precision.T).max(initial=0.0) > 1e-10 * size:
        raise SpecError("the prior's precision is not symmetric; expected a covariance inverted.")
    if size and np.linalg.eigvalsh(_unit(precision)).min() < -1e-8:
        raise SpecError("the prior's precision is not ≥ 0; expected a covariance inverted.")


def _unit(A: np.ndarray) -> np.ndarray:
    """A with its diagonal scaled to 1, so that units do not decide what is negative."""
    d = np.sqrt(np.maximum(np.diag(A), 0.0))
    d = np.where(d > 0, d, np.sqrt(np.abs(A).max()))
    return A / d / d[:, None]

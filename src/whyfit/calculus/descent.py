"""Gradient descent on the squared loss, from moments alone.

With centred columns (the intercept follows from them) and S = Σ (x − μ)(x − μ)ᵀ, s = Σ (x − μ)(y − ȳ),

    L(w) = (1/n) Σ (y − ŷ)²,    ∇L = −(2/n)(s − Sw),    H = (2/n) S,    w ← w − η∇L

is exact in p dimensions whatever the number of rows. In the eigen-coordinates H = VΛVᵀ every direction shrinks by
itself, w_i − w*_i ∝ (1 − ηλ_i)ᵗ, so that from w = 0 the excess loss is known for every t without taking a step:

    L_t − L* = Σ_i e_i (1 − ηλ_i)²ᵗ,     e_i = (v_iᵀs)²/(n² λ_i/2)

It falls while η < 2/λ_max. At η = 1/λ_max the slowest direction shrinks by 1 − 1/κ, κ = λ_max/λ_min, and needs
about (κ/2) ln(1/ε) steps to reach a share ε of its excess loss.

Reference: Boyd & Vandenberghe (2004), Convex Optimization, §9.3; Nesterov (2018), Lectures on Convex
Optimization, §2.1.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from whyfit.calculus.objective import Plane
from whyfit.linalg.conditioning import live_columns
from whyfit.linalg.moments import Moments

#: Steps beyond which counting has no meaning: t is reported as infinite.
_FOREVER = 1e18


@dataclass(frozen=True)
class Quadratic:
    """L(w) = c − 2 gᵀw + wᵀAw with A = S/n, g = s/n, c = S_yy/n (all of centred columns)."""

    A: Float[np.ndarray, "p p"]
    g: Float[np.ndarray, " p"]
    c: float

    @classmethod
    def of(cls, moments: Moments, standardise: bool = False) -> Quadratic:
        """The loss of [X y]; with `standardise`, of columns divided by their standard deviation.

        Constant columns are left out: they take no part in a centred fit.
        """
        A = moments.scatter / max(moments.n, 1)
        d = np.sqrt(np.maximum(np.diag(A), 0.0))
        live = np.flatnonzero(live_columns(moments))
        unit = d[live] if standardise else np.ones(live.size)
        return cls(
            A[np.ix_(live, live)] / unit / unit[:, None], A[live, -1] / unit, float(A[-1, -1])
        )

    @classmethod
    def with_intercept(cls, moments: Moments, standardise: bool = False) -> Quadratic:
        """As `of`, of the columns (1, x) as they are: what a descent that also learns β₀ works on.

        Far-off columns make it much worse conditioned; with `standardise` columns have mean 0 and variance 1.
        """
        centred = cls.of(moments, standardise)
        live = np.flatnonzero(live_columns(moments))
        mean = np.zeros(live.size) if standardise else moments.mean[live]
        target, A = float(moments.mean[-1]), np.empty((live.size + 1,) * 2)
        A[0, 0], A[0, 1:], A[1:, 0] = 1.0, mean, mean
        A[1:, 1:] = centred.A + np.outer(mean, mean)
        g = np.concatenate([[target], centred.g + mean * target])
        return cls(A, g, centred.c + target**2)

    @property
    def size(self) -> int:
        """Parameters."""
        return self.g.size

    def hessian_vector(
        self, w: Float[np.ndarray, " p"], v: Float[np.ndarray, " p"]
    ) -> Float[np.ndarray, " p"]:
        del w  # the same everywhere
        return 2 * (self.A @ v)

    def hessian(self, w: Float[np.ndarray, " p"]) -> Float[np.ndarray, "p p"]:
        del w
        return 2 * self.A

    def on_plane(self, plane: Plane) -> Float[np.ndarray, "a b"]:
        """Loss at every point of a plane, from p × p numbers."""
        W = plane.points()
        return self.c - 2 * W @ self.g + np.einsum("abi,ij,abj->ab", W, self.A, W)

    @cached_property
    def spectrum(self) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, "p p"]]:
        """Eigenvalues λ (falling) and directions of the Hessian H = 2A."""
        lam, V = np.linalg.eigh(2 * self.A)
        return np.maximum(lam[::-1], 0.0), V[:, ::-1]

    @property
    def largest_curvature(self) -> float:
        """λ_max of the Hessian; steps beyond 2/λ_max diverge."""
        return float(self.spectrum[0][0]) if self.g.size else 0.0

    def loss(self, w: Float[np.ndarray, " p"]) -> float:
        return float(self.c - 2 * self.g @ w + w @ self.A @ w)

    def gradient(self, w: Float[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
        return 2 * (self.A @ w - self.g)

    @cached_property
    def excess(self) -> Float[np.ndarray, " p"]:
        """e_i: loss at w = 0 beyond the minimum, by eigen-direction."""
        lam, V = self.spectrum
        floor = lam.max(initial=0.0) * np.finfo(float).eps * max(len(lam), 1)
        b = V.T @ (2 * self.g)
        return np.divide(b * b, 2 * lam, out=np.zeros_like(b), where=lam > floor)

    def remaining(self, t: float, rate: float | None = None) -> float:
        """(L_t − L*)/(L_0 − L*) after t steps of size `rate` (default 1/λ_max), in closed form."""
        lam, _ = self.spectrum
        total = float(self.excess.sum())
        if total <= 0:
            return 0.0
        rate = 1 / self.largest_curvature if rate is None else rate
        with np.errstate(divide="ignore", over="ignore"):
            shrink = np.exp(2 * t * np.log(np.abs(1 - rate * lam))) if t else np.ones_like(lam)
        return float(self.excess @ shrink) / total

    def steps_to(self, epsilon: float = 0.01, rate: float | None = None) -> float:
        """Steps until the excess loss is a share ε of its start; inf if it never falls there."""
        if not self.g.size or self.remaining(0) <= epsilon:
            return 0.0
        low, high = 0.0, 1.0
        while self.remaining(high, rate) > epsilon:
            low, high = high, high * 2
            if high > _FOREVER:
                return float("inf")
        while high - low > max(0.5, 1e-9 * high):  # remaining falls with t: bisection
            middle = (low + high) / 2
            low, high = (middle, high) if self.remaining(middle, rate) > epsilon else (low, middle)
        return float(np.ceil(high - 1e-9))

    def bound(self, epsilon: float = 0.01) -> float:
        """(κ/2) ln(1/ε): what the slowest direction needs at η = 1/λ_max."""
        lam, _ = self.spectrum
        return (
            float(lam[0] / lam[-1] / 2 * np.log(1 / epsilon))
            if lam.size and lam[-1] > 0
            else np.inf
        )

    def run(
        self, steps: int, rate: float | None = None, until: float = 0.0
    ) -> Float[np.ndarray, " t"]:
        """Losses of a descent from w = 0 that is really taken, the start included.

        Stops early once the share of the excess loss left is ≤ `until` (L* from the solved system).
        """
        rate = 1 / self.largest_curvature if rate is None else rate
        best = self.minimum
        w = np.zeros(self.g.size)
        losses = [self.loss(w)]
        target = best + until * (losses[0] - best)
        for _ in range(steps):
            w = w - rate * self.gradient(w)
            losses.append(self.loss(w))
            if until and losses[-1] <= target:
                break
        return np.array(losses)

    @cached_property
    def minimum(self) -> float:
        """L*, by solving Aw = g with unit-diagonal A, apart from the eigen-coordinates of the prediction."""
        d = np.sqrt(np.maximum(np.diag(self.A), np.finfo(float).tiny))
        z = np.linalg.lstsq(self.A / d / d[:, None], self.g / d, rcond=1e-13)[0]
        return max(0.0, float(self.c - (self.g / d) @ z))

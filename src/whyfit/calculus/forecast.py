"""What a descent will do, before a step is taken: the excess loss after t steps.

Near its minimum a loss is ½ zᵀHz in z = w − w*. In the eigen-directions of H every linear rule moves (z_i, s_i) by
its own 2 × 2 matrix M(λ_i, η_t), so that

    L_t − L* = ½ Σ_i λ_i z_i(t)²,      (z_i, s_i)(t) = M(λ_i, η_{t−1}) ⋯ M(λ_i, η_0) (z_i(0), 0)

exactly on a quadratic and to second order elsewhere. Powers replace the product where η is constant.

Reference: as in calculus.optimizers.base.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from whyfit.calculus.optimizers.base import Rule

_STEP = 1e-3  # of an adaptive rule where nothing bends: Adam's own default
_COUNTED = 4_096  # steps that are gone through one by one
_FOREVER = 1e15  # steps beyond which counting has no meaning


@dataclass(frozen=True)
class Spectrum:
    """H = VΛVᵀ at the minimum (λ rising) and the start z = Vᵀ(w₀ − w*) as eigen-coordinates."""

    lam: Float[np.ndarray, " c"]
    V: Float[np.ndarray, "c c"]
    z: Float[np.ndarray, " c"]

    @classmethod
    def of(
        cls,
        H: Float[np.ndarray, "c c"],
        minimum: Float[np.ndarray, " c"],
        start: Float[np.ndarray, " c"] | None = None,
    ) -> Spectrum:
        """`start` is 0 by default. Curvatures below the rounding of the largest count as 0."""
        lam, V = np.linalg.eigh(H)
        floor = float(lam[-1]) * lam.size * np.finfo(float).eps
        begin = -minimum if start is None else start - minimum
        return cls(np.where(lam > floor, lam, 0.0), V, V.T @ begin)

    @property
    def top(self) -> float:
        return float(self.lam[-1]) if self.lam.size else 0.0

    @property
    def live(self) -> Float[np.ndarray, " k"]:
        return self.lam[self.lam > 0]

    @property
    def condition(self) -> float:
        """λ_max/λ_min over the live directions."""
        live = self.live
        return float(live[-1] / live[0]) if live.size else 1.0

    @property
    def excess(self) -> Float[np.ndarray, " c"]:
        """½λ_i z_i², by direction."""
        return 0.5 * self.lam * self.z**2

    def left_by_direction(self, rule: Rule, rate: float, steps: int) -> Float[np.ndarray, " c"]:
        """½λ_i z_i² after so many steps of size `rate`."""
        with np.errstate(over="ignore", invalid="ignore"):
            P = np.linalg.matrix_power(rule.transition(self.lam, rate), steps)
            out = self.excess * P[:, 0, 0] ** 2
        return np.where(self.excess > 0, np.nan_to_num(out, nan=np.inf, posinf=np.inf), 0.0)

    def path(
        self,
        rule: Rule,
        rates: Float[np.ndarray, " t"],
        at: Int[np.ndarray, " k"],
        powers: bool = True,
        speed: Float[np.ndarray, " c"] | None = None,
    ) -> Float[np.ndarray, " k"]:
        """Excess loss after `at` (rising) steps, the step sizes being `rates`; inf once it overflows.

        `speed` (c) is the second number of a rule with momentum at the start, 0 by default.
        """
        constant = len(rates) > 0 and bool((rates == rates[0]).all())
        if powers and constant and int(at[-1]) > _COUNTED:
            return np.array(
                [self.left_by_direction(rule, float(rates[0]), int(t)).sum() for t in at]
            )
        width = rule.entry(1.0).size
        state = np.zeros((self.lam.size, width))
        state[:, 0] = self.z
        if speed is not None:
            state[:, 1] = self.V.T @ speed
        M = np.zeros((0, width, width))
        out, wanted = np.full(len(at), np.inf), {int(t): i for i, t in enumerate(at)}
        with np.errstate(over="ignore", invalid="ignore"):
            for t in range(int(at[-1]) + 1):
                if t in wanted:
                    out[wanted[t]] = 0.5 * float(self.lam @ state[:, 0] ** 2)
                if t < len(rates):
                    if not (constant and t):
                        M = rule.transition(self.lam, float(rates[t]))
                    state = (M @ state[:, :, None])[:, :, 0]
        return np.where(np.isnan(out), np.inf, out)

    def steps_to(self, rule: Rule, rate: float, share: float) -> float:
        """Steps until the excess loss is a share of its start; inf if it never falls there."""
        total = float(self.excess.sum())
        if not total > 0:
            return 0.0

        def left(t: float) -> float:
            return float(self.left_by_direction(rule, rate, int(t)).sum()) / total

        low, high = 0.0, 1.0
        while left(high) > share:
            low, high = high, 2 * high
            if high > _FOREVER:
                return float("inf")
        if high <= _COUNTED:  # momentum dips below and comes back: the first time counts
            path = self.path(rule, np.full(int(high), rate), np.arange(int(high) + 1), powers=False)
            return float(np.flatnonzero(path <= share * total)[0])
        while high - low > 1:
            middle = float(np.floor((low + high) / 2))
            if middle in (low, high):
                break
            low, high = (middle, high) if left(middle) > share else (low, middle)
        return high


def adaptive_step(
    spectrum: Spectrum, minimum: Float[np.ndarray, " c"], steps: int, share: float = 0.01
) -> float:
    """η of a rule that moves every coordinate by about η per step.

    Small enough to end below a share of the excess loss (½η² tr H), large enough to get to the minimum (max|w*| in
    `steps` steps); the smaller one if both cannot be.
    """
    total, trace = float(spectrum.excess.sum()), float(spectrum.lam.sum())
    reach = float(np.abs(minimum).max(initial=0.0)) / max(steps / 4, 1)
    if not (trace > 0 and total > 0):
        return reach or _STEP
    bounce = float(np.sqrt(2 * share * total / trace))
    return max(min(bounce, reach) if reach > 0 else bounce, np.finfo(float).tiny)

"""Sums of scores that robust covariances are made of: over clusters, and over neighbours in time.

    clusters   u_g = Σ_{i in g} s_i
    in order   Σ_l κ_l Γ_l,  Γ_l = Σ_t s_t s_{t−l}ᵀ,  Bartlett's κ_l = 1 − l/(L + 1)

See `sandwich`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

#: Lags from which the automatic lag is estimated: 4 (n/100)^(2/9), Newey & West (1994) for the Bartlett kernel.
_PILOT = 2 / 9


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """Score sums of the clusters in a block, by rising code."""

    code: Int[np.ndarray, " g"]
    sums: Float[np.ndarray, "g c"]

    @classmethod
    def of(cls, code: Int[np.ndarray, " m"], S: Float[np.ndarray, "m c"]) -> ClusterSums:
        order = np.argsort(code, kind="stable")
        known, starts = np.unique(code[order], return_index=True)
        return cls(known, np.add.reduceat(S[order], starts, axis=0) if len(S) else S)


def of_all(parts: Iterable[ClusterSums], G: int, c: int) -> Float[np.ndarray, "g c"]:
    """u_g of those of the clusters 0 … G − 1 that have rows."""
    total, seen = np.zeros((G, c)), np.zeros(G, bool)
    for part in parts:
        total[part.code] += part.sums
        seen[part.code] = True
    return total[seen]


@dataclass(frozen=True, slots=True)
class LaggedSums:
    """Σ_l κ_l Γ_l of rows in order, with their first and last L scores. `+` joins in order of time."""

    weight: Float[np.ndarray, " l"]  # κ_0 = 1/2, κ_1 … κ_L
    half: Float[np.ndarray, "c c"]  # M = half + halfᵀ
    head: Float[np.ndarray, "a c"]
    tail: Float[np.ndarray, "b c"]

    @classmethod
    def of(cls, weight: Float[np.ndarray, " l"], S: Float[np.ndarray, "m c"]) -> LaggedSums:
        L, m = len(weight) - 1, len(S)
        half = np.zeros((S.shape[1], S.shape[1]))
        for lag, kappa in enumerate(weight[:m]):
            half += kappa * (S[lag:].T @ S[: m - lag])
        return cls(weight, half, S[:L], S[max(0, m - L) :])

    def __add__(self, other: LaggedSums) -> LaggedSums:
        L, a = len(self.weight) - 1, len(self.tail)
        half = self.half + other.half
        for lag, kappa in enumerate(self.weight):
            # pairs (row a − lag + j of the tail, row j of the head)
            first, last = max(0, lag - a), min(lag, len(other.head))
            if first < last:
                before = self.tail[a - lag + first : a - lag + last]
                half += kappa * (other.head[first:last].T @ before)
        head = self.head if len(self.head) == L else np.vstack([self.head, other.head])[:L]
        tail = np.vstack([self.tail, other.tail])
        return LaggedSums(self.weight, half, head, tail[max(0, len(tail) - L) :])


def bartlett(lag: int) -> Float[np.ndarray, " l"]:
    """κ_0/2, κ_1 … κ_lag: M is the sum and its transpose."""
    weight = 1 - np.arange(lag + 1) / (lag + 1)
    weight[0] = 0.5
    return weight


def lag_of(h: Float[np.ndarray, " n"]) -> int:
    """L = ⌊1.1447 (s₁/s₀)^(2/3) n^(1/3)⌋ of Newey & West (1994) for the Bartlett kernel, from one series of scores.

    s₀ = γ_0 + 2Σγ_l and s₁ = 2Σ lγ_l, l ≤ 4 (n/100)^(2/9). At most n − 1; 0 where the scores are all zero.
    """
    n = h.size
    pilot = min(int(4 * (n / 100) ** _PILOT), n - 1)
    gamma = [float(h[lag:] @ h[: n - lag]) for lag in range(pilot + 1)]
    lags = np.arange(1, pilot + 1)
    s0 = gamma[0] + 2 * sum(gamma[1:])
    s1 = 2 * float(lags @ gamma[1:])
    if not s0:
        return 0
    return int(min(1.1447 * ((s1 / s0) ** 2) ** (1 / 3) * n ** (1 / 3), n - 1))

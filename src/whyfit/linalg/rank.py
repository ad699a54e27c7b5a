"""How many dimensions a matrix really has.

Numerical rank: the number of singular values above what rounding alone can make of a zero,

    r = #{σ_i > τ},   τ = max(n, p) u σ₁,      gap = σ_r/σ_{r+1}

A singular value moves by no more than the matrix is perturbed (Weyl), and storing and decomposing it perturbs it by at
most about τ. The rank is *certain* when σ_r clears τ by a factor of ten and the gap is as wide: nothing between.

Effective rank: how many directions share the variance λ_i = σ_i² (p equal ones count p, one dominating counts 1):

    participation ratio  (Σλ)²/Σλ²      entropy rank  exp(−Σ s ln s), s = λ/Σλ      stable rank  Σλ/λ₁

All three are 1 for one direction and p for p equal ones; stable ≤ participation ≤ entropy ≤ rank.

References: Golub & Van Loan (2013), §5.4.1; Roy & Vetterli (2007), EUSIPCO; Rudelson & Vershynin (2007), J. ACM 54(4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.errors import NotFiniteError, ShapeError

EPS = float(np.finfo(np.float64).eps)
#: How far the last singular value kept must clear the tolerance and the first one lost, for a rank to be certain.
CLEAR = 10.0


@dataclass(frozen=True, slots=True)
class Rank:
    """`value` singular values exceed `tolerance`; `gap` = σ_r/σ_{r+1} (infinite without a σ_{r+1} > 0)."""

    value: int
    tolerance: float
    gap: float
    certain: bool

    @property
    def why(self) -> str:
        """One sentence."""
        if not self.value:
            return (
                f"no singular value exceeds {self.tolerance:.2g}: the matrix is zero to rounding."
            )
        wide = "infinite" if np.isinf(self.gap) else f"{self.gap:.2g} ×"
        doubt = "certain" if self.certain else "not certain: a singular value lies near the limit"
        return f"rank {self.value} at tolerance {self.tolerance:.2g}, gap {wide}; {doubt}."


@dataclass(frozen=True, slots=True)
class EffectiveRank:
    """Three counts of directions; 0 for a matrix of zeros."""

    participation: float
    entropy: float
    stable: float


def numerical_rank(
    singular_values: Float[np.ndarray, " r"],
    shape: tuple[int, int],
    tolerance: float | None = None,
) -> Rank:
    """The rank of a matrix of `shape` from its singular values (any order).

    `tolerance` defaults to max(n, p) ε σ₁, ε = 2⁻⁵²; a larger one says how exact the data are.

    Raises
    ------
    NotFiniteError : a singular value is NaN or infinite. ShapeError : one is negative.
    """
    s = _falling(singular_values, "singular value")
    first = float(s[0]) if s.size else 0.0
    limit = max(shape) * EPS * first if tolerance is None else float(tolerance)
    r = int((s > limit).sum())
    if r == 0:
        return Rank(0, limit, float("inf"), True)
    after = float(s[r]) if r < s.size else 0.0
    gap = float(s[r - 1]) / after if after > 0 else float("inf")
    return Rank(r, limit, gap, bool(s[r - 1] >= CLEAR * limit and gap >= CLEAR))


def effective_rank(eigenvalues: Float[np.ndarray, " p"]) -> EffectiveRank:
    """Of variances λ ≥ 0 (any order); rounding below zero counts as zero.

    Raises NotFiniteError if one is NaN or infinite.
    """
    lam = np.maximum(np.asarray(eigenvalues, dtype=np.float64), 0.0)
    if not np.isfinite(lam).all():
        raise NotFiniteError("an eigenvalue is NaN or infinite; an effective rank needs numbers.")
    top = float(lam.max(initial=0.0))
    if top == 0:
        return EffectiveRank(0.0, 0.0, 0.0)
    share = lam / top
    share /= share.sum()  # by way of λ/λ₁: sums of tiny or huge variances stay in range
    held = share[share > 0]
    return EffectiveRank(
        float(1 / (share @ share)),
        float(np.exp(-(held @ np.log(held)))),
        float(1 / share.max()),
    )


def components_holding(eigenvalues: Float[np.ndarray, " p"], share: float) -> int:
    """The least number of leading eigenvalues that hold `share` of their sum; 0 for a sum of 0."""
    lam = np.sort(np.maximum(np.asarray(eigenvalues, dtype=np.float64), 0.0))[::-1]
    total = float(lam.sum())
    if total <= 0:
        return 0
    held = np.cumsum(lam) / total
    return min(int(np.searchsorted(held, share * (1 - lam.size * EPS))) + 1, lam.size)


def _falling(values: np.ndarray, what: str) -> Float[np.ndarray, " r"]:
    s = np.asarray(values, dtype=np.float64).ravel()
    if not np.isfinite(s).all():
        raise NotFiniteError(f"a {what} is NaN or infinite; a rank needs numbers.")
    if (s < 0).any():
        raise ShapeError(f"a {what} is {s.min():.3g}; expected none below 0.")
    return np.sort(s)[::-1]

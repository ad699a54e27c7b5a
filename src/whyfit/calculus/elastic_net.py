"""The elastic net by coordinate descent on moments: no row is read, whatever n.

For unit-variance columns with correlation matrix C and correlations c with the unit-variance target,

    f(z) = ½ zᵀCz − cᵀz + α ρ ‖z‖₁ + ½ α (1 − ρ) ‖z‖²

A step minimises over one z_j exactly, z_j ← S(c_j − Σ_{k≠j} C_jk z_k, αρ) / (1 + α(1 − ρ)), S the soft threshold. A
sweep finds which coefficients are not 0 and their signs σ_A; among these f is a quadratic, minimised at once by

    (C_AA + α(1 − ρ)I) z_A = c_A − αρ σ_A

unless a coefficient would change its sign on the way: then it stops at 0 and leaves A. (Plain descent creeps where
columns are correlated.) It ends by the duality gap, an upper bound on f(z) − f*: with r² = 1 − 2cᵀz + zᵀCz,
u = c − Cz − α(1 − ρ)z and s = min(1, αρ/‖u‖_∞),

    gap = ½(1 + s²)(r² + α(1 − ρ)‖z‖²) + αρ‖z‖₁ − s (1 − cᵀz)

A path starts at α_max = ‖c‖_∞/ρ, where all z are 0, and each α begins at the solution of the last.

References: Friedman, Hastie & Tibshirani (2010), J. Stat. Softw. 33(1); Zou & Hastie (2005), J. R. Statist. Soc. B 67;
Kim, Koh, Lustig, Boyd & Gorinevsky (2007), IEEE J. Sel. Top. Signal Process. 1, for the gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from whyfit.calculus.penalties import ElasticNet
from whyfit.errors import SpecError

GAP = 1e-13  # of ½, the loss at z = 0: coefficients then hold six digits and more
MOST_SWEEPS = 1_000
PATH_LENGTH, PATH_DEPTH = 100, 1e-3  # as glmnet and scikit-learn


@dataclass(frozen=True, slots=True)
class Sparse:
    """z with the bound on how far f(z) lies above the minimum, in units of the target's variance."""

    z: Float[np.ndarray, " p"]
    gap: float
    sweeps: int
    converged: bool


def largest_penalty(c: Float[np.ndarray, " p"], l1_ratio: float) -> float:
    """The smallest α at which every coefficient is 0. Raises SpecError for ρ = 0, where there is none."""
    if not l1_ratio > 0:
        raise SpecError("with l1_ratio = 0 no penalty makes a coefficient zero; use Ridge.")
    return float(np.abs(c).max(initial=0.0)) / l1_ratio


def path_of(c: Float[np.ndarray, " p"], l1_ratio: float) -> Float[np.ndarray, " a"]:
    """PATH_LENGTH falling penalties from the largest to PATH_DEPTH of it."""
    top = largest_penalty(c, l1_ratio)
    return top * np.geomspace(1.0, PATH_DEPTH, PATH_LENGTH) if top > 0 else np.zeros(1)


def coordinate_descent(
    C: Float[np.ndarray, "p p"],
    c: Float[np.ndarray, " p"],
    penalty: ElasticNet,
    start: Float[np.ndarray, " p"] | None = None,
    tolerance: float = GAP,
) -> Sparse:
    """Minimise f; C has a unit diagonal. Not converging within MOST_SWEEPS is a value, not an error."""
    z = np.zeros(len(c)) if start is None else start.copy()
    if not z.size:
        return Sparse(z, 0.0, 0, True)
    pull = c - C @ z  # c − Cz, kept up to date
    sweeps, gap = 0, _gap(z, c, pull, penalty)
    while gap > 0.5 * tolerance and sweeps < MOST_SWEEPS:
        _sweep(z, pull, C, penalty)
        sweeps += 1
        z = _among_signs(z, C, c, penalty)
        pull = c - C @ z
        gap = _gap(z, c, pull, penalty)
    return Sparse(z, gap, sweeps, gap <= 0.5 * tolerance)


def _sweep(z: np.ndarray, pull: np.ndarray, C: np.ndarray, penalty: ElasticNet) -> None:
    """One pass over all coordinates, in place."""
    l1, below = penalty.l1, 1 + penalty.l2
    for j in range(len(z)):
        old = float(z[j])
        b = float(pull[j]) + old
        new = (b - l1 if b > l1 else b + l1 if b < -l1 else 0.0) / below
        if new != old:
            pull -= (new - old) * C[j]
            z[j] = new


def _among_signs(z: np.ndarray, C: np.ndarray, c: np.ndarray, penalty: ElasticNet) -> np.ndarray:
    """The minimum among vectors of z's signs, some of them given up on the way; f never rises."""
    z, active = z.copy(), np.flatnonzero(z)
    while active.size:
        sign = np.sign(z[active])
        A = C[np.ix_(active, active)] + penalty.l2 * np.eye(active.size)
        try:
            goal = cho_solve(cho_factor(A, lower=True), c[active] - penalty.l1 * sign)
        except LinAlgError:  # as many columns as rows: the sweeps go on alone
            return z
        turned = np.flatnonzero(goal * sign <= 0)
        if not turned.size:
            z[active] = goal
            return z
        now = z[active]
        share = now[turned] / (now[turned] - goal[turned])  # of the way at which each reaches 0
        z[active] = now + float(share.min()) * (goal - now)
        z[active[turned[np.argmin(share)]]] = 0.0
        active = np.flatnonzero(z)
    return z


def _gap(z: np.ndarray, c: np.ndarray, pull: np.ndarray, penalty: ElasticNet) -> float:
    size = float(z @ z)
    r2 = max(1 - float(z @ (c + pull)), 0.0) + penalty.l2 * size
    u = float(np.abs(pull - penalty.l2 * z).max())
    s = 1.0 if u <= penalty.l1 or u == 0 else penalty.l1 / u
    return 0.5 * (1 + s * s) * r2 + penalty.l1 * float(np.abs(z).sum()) - s * (1 - float(c @ z))

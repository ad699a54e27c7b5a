"""Huber's regression with its scale, as one smooth convex problem, and its sums for Newton's method.

    f(β, σ) = Σ_i [aσ + σ H(r_i/σ)],    r = η − y,    H(z) = z² if |z| ≤ ε else 2ε|z| − ε²

At the minimum Σψ(r/σ)x̃ = 0 and Σψ(r/σ)² = na with ψ(z) = clip(z, −ε, ε): Huber's Proposal 2. With a = E ψ(z)² over
standard normal z, σ is the standard deviation of normal errors (a = 1 is scikit-learn's HuberRegressor, whose σ is
smaller). No residual scale has to be guessed beforehand. With z = r/σ, over inliers and outliers,

    ∂_η  2z | 2ε sign z        ∂_σ  a − z² | a − ε²
    ∂²_ηη  2/σ | 0             ∂²_ησ  −2z/σ | 0              ∂²_σσ  2z²/σ | 0

Parameters are (β₀, w, σ), coefficients in coordinates x − centre; f is infinite for σ ≤ 0.

References: Huber & Ronchetti (2009), Robust Statistics, §7.7; Owen (2007), Contemp. Math. 443, 59-71.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from whyfit.calculus.newton import NewtonSums, SumsAt
from whyfit.fold import Rows
from whyfit.linalg.columns import tiles


def normal_share(epsilon: float) -> float:
    """E ψ(z)² = E min(z², ε²) over standard normal z."""
    inside = math.erf(epsilon / math.sqrt(2))
    density = math.exp(-0.5 * epsilon**2) / math.sqrt(2 * math.pi)
    return inside - 2 * epsilon * density + epsilon**2 * (1 - inside)


def huber_sums(epsilon: float, centre: Float[np.ndarray, " p"], share: float) -> SumsAt:
    """NewtonSums of f at (β₀, w, σ); `share` is a."""

    def at(b: Float[np.ndarray, " c"], hessian: bool) -> Callable[[Rows], NewtonSums]:
        def of(rows: Rows) -> NewtonSums:
            sigma, c = float(b[-1]), len(b)
            g, H = np.zeros(c), np.zeros((c, c)) if hessian else None
            n, total_y = len(rows.y), float(rows.y.sum())
            if not sigma > 0:
                return NewtonSums(n, np.inf, g, H, total_y)
            loss = n * share * sigma
            block = np.zeros((c - 1, c - 1))
            for part, Z in tiles(rows, centre):
                z = (Z.times(b[:-1]) - part.y) / sigma
                psi = np.clip(z, -epsilon, epsilon)
                square = psi * psi
                loss += sigma * float((2 * psi * z - square).sum())
                g[:-1] += Z.back(2 * psi)
                g[-1] += float((share - square).sum())
                if H is not None:
                    inside = (np.abs(z) <= epsilon).astype(float)
                    Z.add_gram(np.sqrt(2 / sigma) * inside, block)
                    across = Z.back(-2 / sigma * z * inside)
                    H[-1, :-1] += across
                    H[:-1, -1] += across
                    H[-1, -1] += float(2 / sigma * (square @ inside))
            if H is not None:
                H[:-1, :-1] = block
            return NewtonSums(n, loss, g, H, total_y)

        return of

    return at

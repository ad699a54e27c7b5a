"""The triangular factor of a tall matrix, folded over its blocks (TSQR).

For A = [A₁; A₂] the R factor of A is the R factor of [R₁; R₂], so R itself is an accumulator: `+` stacks
two triangles and factors again. Errors grow with κ(A)·u, not with κ(A)²·u as through the Gram matrix.

Reference: Demmel, Grigori, Hoemmen & Langou (2012), SIAM J. Sci. Comput. 34(1), A206-A239.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import qr

from whyfit.errors import ShapeError
from whyfit.fold import Rows


@dataclass(frozen=True, slots=True)
class Triangle:
    """R (r × q, r ≤ q) with RᵀR = AᵀA."""

    R: Float[np.ndarray, "r q"]

    @classmethod
    def empty(cls, q: int) -> Triangle:
        return cls(np.zeros((0, q)))

    @classmethod
    def of(cls, A: Float[np.ndarray, "n q"]) -> Triangle:
        """R of A = QR, with min(n, q) rows."""
        R = qr(A, mode="r", check_finite=False)[0] if len(A) else A
        return cls(np.ascontiguousarray(R[: min(A.shape)]))

    def __add__(self, other: Triangle) -> Triangle:
        if self.R.shape[1] != other.R.shape[1]:
            raise ShapeError(
                f"cannot merge triangles of {self.R.shape[1]} and {other.R.shape[1]} columns."
            )
        return Triangle.of(np.vstack([self.R, other.R]))


def triangle_of(
    mean: Float[np.ndarray, " q"], scale: Float[np.ndarray, " q"], intercept: bool = True
) -> Callable[[Rows], Triangle]:
    """The function that makes the Triangle of [1, (X − mean)/scale, (y − mean_y)/scale_y]; 1 is 0 without intercept."""

    def of(rows: Rows) -> Triangle:
        m, p = len(rows.y), rows.p
        total = Triangle.empty(p + 2)
        step = max(4 * (p + 2), 4096)
        for start in range(0, m, step):
            part = slice(start, start + step)
            A = np.full((len(rows.y[part]), p + 2), float(intercept), order="F")
            A[:, 1:-1] = (rows.take(part).X - mean[:-1]) / scale[:-1]
            A[:, -1] = (rows.y[part] - mean[-1]) / scale[-1]
            total = total + Triangle.of(A)
        return total

    return of

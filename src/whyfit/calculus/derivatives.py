"""Is this the gradient? A derivative checker that knows its own error.

Central differences of f along e_j,

    D(h) = [f(w + h e_j) − f(w − h e_j)] / 2h = ∂f/∂w_j + (h²/6) f‴ + …,     rounding ≤ ε_f / h

trade truncation against rounding. Over a ladder of steps h the truncation is removed by Richardson extrapolation
(Ridders) and read off from how two neighbours in the tableau disagree; ε_f, the noise of f itself, is measured from
a table of differences at points so close that a smooth f would not move (Moré & Wild). The step with the least sum is
taken, and the sum is the bound: a gap beyond it is not rounding.

The complex step, ∂f/∂w_j = Im f(w + ih e_j)/h with h = 10⁻²⁰, subtracts nothing and so loses no digit, but asks f to
take complex numbers and to be analytic (no abs, max, conjugate).

References: Ridders (1982), Adv. Eng. Software 4, 75-76; Moré & Wild (2011), SIAM J. Sci. Comput. 33, 1292-1314;
Squire & Trapp (1998), SIAM Review 40, 110-112.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import factorial
from typing import Literal

import numpy as np
from jaxtyping import Float

from whyfit.errors import NotFiniteError, ShapeError, SpecError

U = float(np.finfo(np.float64).eps) / 2
#: The ladder: from a step where most functions still look like a cubic, down by halves.
_FIRST, _RUNGS = 2.0**-4, 18
#: Points of the difference table (Moré & Wild recommend 7 or 8) and their spacings relative to w: an f that rounds
#: its argument to float32 does not move at all over the smallest.
_POINTS, _SPACINGS = 8, (2.0**-40, 2.0**-30, 2.0**-20)
#: Both errors are estimates. Over all losses of the house four times their sum held in every case (tests).
_SAFETY = 4.0
_COMPLEX_STEP = 1e-20


@dataclass(frozen=True, slots=True)
class GradientCheck:
    """`given` against `numeric`; `bound` (p) is what truncation and rounding of `numeric` explain."""

    given: Float[np.ndarray, " p"]
    numeric: Float[np.ndarray, " p"]
    bound: Float[np.ndarray, " p"]
    noise: float  # of f, in units of f
    method: str

    @property
    def gap(self) -> Float[np.ndarray, " p"]:
        return np.abs(self.given - self.numeric)

    @property
    def agrees(self) -> bool:
        """Whether rounding and truncation explain every gap."""
        return bool((self.gap <= self.bound).all())

    @property
    def worst(self) -> int:
        """The coordinate whose gap exceeds its bound by most (0 where p = 0 never occurs)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(self.gap > 0, self.gap / self.bound, 0.0)
        return int(np.argmax(ratio))

    def __str__(self) -> str:
        j = self.worst
        verdict = "agrees" if self.agrees else "DISAGREES"
        return (
            f"gradient {verdict} ({self.method}): largest gap in w[{j}], given {self.given[j]:.10g}, numeric "
            f"{self.numeric[j]:.10g}, apart by {self.gap[j]:.2g} where rounding and truncation explain "
            f"{self.bound[j]:.2g}"
        )


def check_gradient(
    f: Callable[[Float[np.ndarray, " p"]], float],
    gradient: Callable[[Float[np.ndarray, " p"]], Float[np.ndarray, " p"]],
    w: Float[np.ndarray, " p"],
    method: Literal["central", "complex"] = "central",
) -> GradientCheck:
    """Compare `gradient(w)` with derivatives of `f` taken numerically.

    Parameters
    ----------
    f : scalar function of w (p,). gradient : its claimed gradient, (p,).
    w : where to compare; at a kink of f no derivative exists and the check will disagree.
    method : "central" calls f 36 p + 25 times; "complex" p times, for analytic f that take complex w.

    Raises
    ------
    ShapeError : w is not a vector with at least one entry, or the gradient has another shape.
    NotFiniteError : f or its gradient is not finite at w.
    SpecError : the complex step was asked of an f that does not answer with a complex number.
    """
    w = np.array(w, dtype=np.float64)
    if w.ndim != 1 or not w.size:
        raise ShapeError(f"w has shape {w.shape}; expected a vector with at least one entry.")
    given = np.asarray(gradient(w.copy()), dtype=np.float64)
    if given.shape != w.shape:
        raise ShapeError(
            f"the gradient has shape {given.shape} and w {w.shape}; expected the same."
        )
    here = float(f(w.copy()))
    if not (np.isfinite(here) and np.isfinite(given).all()):
        raise NotFiniteError("f or its gradient is not finite at w; choose a w inside its domain.")
    if method == "complex":
        numeric = _complex(f, w)
        bound = _SAFETY * 64 * U * (np.abs(numeric) + np.linalg.norm(numeric))
        return GradientCheck(given, numeric, bound, 0.0, "complex step")
    noise = function_noise(f, w)
    pairs = [_ridders(f, w, j, noise) for j in range(w.size)]
    numeric, error = (np.array(a) for a in zip(*pairs, strict=True))
    return GradientCheck(given, numeric, _SAFETY * error, noise, "central differences")


def function_noise(f: Callable[[np.ndarray], float], w: Float[np.ndarray, " p"]) -> float:
    """ε_f: by how much rounding makes f(w) jump, in units of f; at least u|f|.

    The k-th differences of f at `_POINTS` points a few ulps apart hold noise only, with variance (2k)!/(k!)² ε_f².
    """
    size = np.maximum(np.abs(w), 1.0) * np.where(np.arange(w.size) % 2, -1.0, 1.0)
    return max(_noise_at(f, w, spacing * size) for spacing in _SPACINGS)


def _noise_at(f: Callable[[np.ndarray], float], w: np.ndarray, step: np.ndarray) -> float:
    values = np.array([float(f(w + i * step)) for i in range(_POINTS)])
    floor = U * max(abs(float(values[0])), np.finfo(float).tiny / U)
    if not np.isfinite(values).all():
        return floor
    levels, table = [], values
    for k in range(1, _POINTS - 1):
        table = np.diff(table)
        scale = factorial(k) ** 2 / factorial(2 * k)
        levels.append(float(np.sqrt(scale * np.mean(table**2))))
    # a smooth drift fills the low levels; where two successive levels agree only noise is left
    for low, high in pairwise(levels):
        if max(low, high) <= 4 * min(low, high):
            return max(low, floor)
    return max(levels[-1], floor)


def _ridders(
    f: Callable[[np.ndarray], float], w: np.ndarray, j: int, noise: float
) -> tuple[float, float]:
    """Derivative along e_j and its error: the entry of the tableau whose doubt is least."""
    size = max(abs(float(w[j])), 1.0)
    best, doubt = np.nan, np.inf
    previous: list[float] = []
    for rung in range(_RUNGS):
        h = _FIRST * size * 0.5**rung
        up, down = w.copy(), w.copy()
        up[j] += h
        down[j] -= h
        h = float(up[j] - down[j]) / 2  # the step that was really taken
        with np.errstate(all="ignore"):
            row = [float((float(f(up)) - float(f(down))) / (2 * h))]
        rounding = noise / h
        for i, old in enumerate(previous):
            factor = 4.0 ** (i + 1)
            row.append((factor * row[i] - old) / (factor - 1))
            error = max(abs(row[i + 1] - row[i]), abs(row[i + 1] - old)) + 2 * rounding
            if np.isfinite(row[i + 1]) and error < doubt:
                best, doubt = row[i + 1], error
        previous = row
    return best, doubt


def _complex(f: Callable[[np.ndarray], float], w: Float[np.ndarray, " p"]) -> np.ndarray:
    out = np.empty(w.size)
    for j in range(w.size):
        z = w.astype(np.complex128)
        h = _COMPLEX_STEP * max(abs(float(w[j])), 1.0)
        z[j] += 1j * h
        value = f(z)
        if not np.iscomplexobj(value):
            raise SpecError(
                "f does not answer a complex w with a complex number; use method='central', or write f "
                "without abs, max and float()."
            )
        out[j] = complex(value).imag / h
    return out

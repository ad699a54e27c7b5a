"""The law of a classifier whose probabilities are passed through a map before they are told.

Of two classes the ends of an interval go through the map as the probability does, since it rises. Of several, softmax
of b log p + c is the multinomial law with coefficients bw and intercepts bβ₀ + c, which has intervals of its own. The
map counts as known: its own uncertainty is not in the interval.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from whyfit.probability.calibration_maps import Isotonic, Logistic
from whyfit.probability.predictive import Interval, LogisticLaw, MultinomialLaw
from whyfit.probability.recalibration import AnyMap
from whyfit.probability.softmax_maps import Softmax


@dataclass(frozen=True)
class RecalibratedLaw:
    """`law` gone through `map`; the threshold of two classes is one of mapped probabilities."""

    law: LogisticLaw | MultinomialLaw
    map: AnyMap

    def codes(self, X: Float[np.ndarray, "m p"]) -> np.ndarray:
        """Class numbers: from the threshold on 1, of several classes the most probable."""
        P = self.probability(X)
        if isinstance(self.law, LogisticLaw):
            return (P[:, 1] >= self.law.threshold).astype(np.int64)
        return P.argmax(axis=1)

    def probability(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, "m C"]:
        return self._mapped(self.law.probability(X))

    def interval(self, X: Float[np.ndarray, "m p"], level: float) -> Interval:
        """Probabilities (m, C) with their ends."""
        if isinstance(self.law, MultinomialLaw):
            return self._stretched(self.law).interval(X, level)
        at, low, high = self.law.interval(X, level)
        up, down = self._mapped(high)[:, 1], self._mapped(low)[:, 1]
        return Interval(
            self._mapped(at), np.column_stack([1 - up, down]), np.column_stack([1 - down, up])
        )

    def _mapped(self, P: Float[np.ndarray, "m C"]) -> Float[np.ndarray, "m C"]:
        if isinstance(self.law, MultinomialLaw):
            return self._known(P, self.map(P))
        q = self._known(P[:, 1], self.map(P[:, 1]))
        return np.column_stack([1 - q, q])

    @staticmethod
    def _known(p: np.ndarray, q: np.ndarray) -> np.ndarray:
        """NaN where the probability itself is not known."""
        return np.where(np.isnan(p), np.nan, q)

    def _stretched(self, law: MultinomialLaw) -> MultinomialLaw:
        m = self.map
        if not isinstance(m, Softmax):
            return law
        centre = m.b * law.centre + m.shift[1:] - m.shift[0]
        return replace(law, centre=centre, coef=m.b * law.coef, covariance=m.b**2 * law.covariance)


def map_to_array(map: AnyMap) -> Float[np.ndarray, "r c"]:
    """The numbers of a map, for a file: knots (2, d), (a, b, c) as (1, 3), or (b, shifts) as (1, 1 + C)."""
    if isinstance(map, Isotonic):
        return np.stack([map.forecast, map.share])
    if isinstance(map, Softmax):
        return np.append(map.b, map.shift)[None]
    assert isinstance(map, Logistic)
    return np.array([[map.a, map.b, map.c]])


def map_from_array(name: str, numbers: np.ndarray, classes: int) -> AnyMap:
    """The inverse; ValueError for numbers that are no such map.

    `name` is that of `Spec.recalibrate`.
    """
    if numbers.dtype != np.float64 or not np.isfinite(numbers).all() or numbers.ndim != 2:
        raise ValueError("a recalibration map needs finite float64 numbers")
    rows, columns = numbers.shape
    if name == "isotonic":
        rising = rows == 2 and columns and (np.diff(numbers, axis=1) >= 0).all()
        if classes != 2 or not rising or numbers.min() < 0 or numbers.max() > 1:
            raise ValueError("isotonic knots must rise within [0, 1]")
        return Isotonic(numbers[0], numbers[1])
    said = {"platt": "Platt"}.get(name, name)
    if classes == 2 and numbers.shape == (1, 3) and numbers[0, :2].min() >= 0:
        a, b, c = map(float, numbers[0])
        return Logistic(said, a, b, c)
    if classes > 2 and name != "beta" and numbers.shape == (1, 1 + classes) and numbers[0, 0] >= 0:
        return Softmax(said, float(numbers[0, 0]), numbers[0, 1:].copy())
    raise ValueError(f"a map of {classes} classes has not the shape {numbers.shape}")

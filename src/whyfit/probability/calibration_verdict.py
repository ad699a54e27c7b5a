"""Is a 0.9 meaningful? Yes, no, or cannot tell, with the numbers that say so.

Of the rows whose forecast lies within `width` of the one asked about, the share observed has a Wilson interval [a, b]
around the mean forecast p̄ of just those rows. With a tolerance τ for what would still be acceptable

    yes           p̄ − τ ≤ a and b ≤ p̄ + τ       an equivalence test: wrong in at most (1 − level)/2 of the cases
    no            b < p̄ − τ or a > p̄ + τ, and so many or so few events have a probability of at most
                  (1 − level)/2 at p̄ ∓ τ         an exact binomial test: wrong in at most (1 − level)/2 of the cases
    cannot tell   otherwise; `rows_needed` says about how many such rows would settle it

A p-value alone could not say yes, and with a million rows it would always say no.

References: Wellek (2010), Testing Statistical Hypotheses of Equivalence, ch. 1; Wilson (1927), JASA 22, 209-212.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from whyfit.errors import SpecError
from whyfit.probability.association import wilson
from whyfit.probability.scores.score import binary, check_level, probabilities

#: A forecast that is right to within five points is taken as meaningful, and rows within five points are its like.
TOLERANCE = 0.05
WIDTH = 0.05


@dataclass(frozen=True, slots=True)
class Meaning:
    """`forecast` is the mean forecast of the `rows` near the one asked about, `observed` their share of events."""

    answer: Literal["yes", "no", "cannot tell"]
    at: float
    forecast: float
    observed: float
    low: float
    high: float
    rows: int
    rows_needed: int
    tolerance: float

    @property
    def sentence(self) -> str:
        """The answer in words."""
        if not self.rows:
            return f"is a {self.at:g} meaningful? cannot tell: no row has such a forecast"
        said = (
            f"is a {self.at:g} meaningful? {self.answer}: of {self.rows:,} row{'s' * (self.rows != 1)} told"
            f" {self.forecast:.2f} on average {self.observed:.2f} happened"
            f" [{self.low:.2f}, {self.high:.2f}]"
        )
        if self.answer == "cannot tell":
            said += f"; about {float(f'{self.rows_needed:.2g}'):,.0f} such rows would settle it"
        return said + f" (tolerance {self.tolerance:g})"


def meaning(
    y: ArrayLike,
    p: ArrayLike,
    at: float = 0.9,
    *,
    tolerance: float = TOLERANCE,
    width: float = WIDTH,
    level: float = 0.95,
) -> Meaning:
    """Whether forecasts near `at` happen as often as they say.

    y, p : outcomes 0/1 and out-of-sample probabilities. No row near: cannot tell. In 3,000 simulated samples with the
    truth exactly at the tolerance a wrong yes came in at most 3.0 % and a wrong no in at most 3.6 %, nominally 2.5 %.
    """
    if not 0 <= at <= 1 or not tolerance > 0 or not width >= 0:
        raise SpecError(
            f"at is {at}, tolerance {tolerance}, width {width}; expected at in [0, 1], tolerance above 0"
            " and width at least 0."
        )
    y = binary(y)
    p = probabilities(p, len(y))
    near = np.abs(p - at) <= width + 1e-12
    m, hits = int(near.sum()), int(y[near].sum())
    low, high = wilson(hits, m, check_level(level))
    if not m:
        nan, needed = float("nan"), _needed(at, at, tolerance, level)
        return Meaning("cannot tell", at, nan, nan, low, high, 0, needed, tolerance)
    forecast, observed = float(p[near].mean()), hits / m
    answer: Literal["yes", "no", "cannot tell"] = "cannot tell"
    if forecast - tolerance <= low and high <= forecast + tolerance:
        answer = "yes"
    elif (high < forecast - tolerance or low > forecast + tolerance) and _excluded(
        hits, m, forecast, tolerance, (1 - level) / 2
    ):
        answer = "no"
    needed = m
    if answer == "cannot tell":
        needed = max(m + 1, _needed(forecast, (hits + 1) / (m + 2), tolerance, level))
    return Meaning(answer, at, forecast, observed, low, high, m, needed, tolerance)


def _excluded(hits: int, m: int, forecast: float, tolerance: float, tail: float) -> bool:
    """Whether `hits` of m are too few, or too many, for any probability within the tolerance.

    Wilson's interval of a row or two is too short to say so.
    """
    few = special.bdtr(hits, m, max(forecast - tolerance, 0.0))
    many = special.bdtrc(hits - 1, m, min(forecast + tolerance, 1.0)) if hits else 1.0
    return bool(min(few, many) <= tail)


def _needed(forecast: float, observed: float, tolerance: float, level: float) -> int:
    """Rows whose interval is as wide as the distance to the nearer edge of the tolerance, at most a million."""
    away = max(abs(abs(observed - forecast) - tolerance), 1e-3 * tolerance)
    z = float(special.ndtri(0.5 + level / 2))
    return int(min(1e6, np.ceil(z * z * max(observed * (1 - observed), 0.01) / away**2)))

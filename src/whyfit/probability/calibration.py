"""Do predicted probabilities mean what they say? CORP reliability, with bands and tests.

Rows are sorted by their forecast p and monotone regression of y on p pools them (PAV): the pooled shares q are the
best-supported event frequency at every forecast, without bins to choose. The mean score S then splits exactly,

    S(p) = miscalibration − discrimination + uncertainty = [S(p) − S(q)] − [S(ȳ) − S(q)] + S(ȳ)

Were the forecasts right, y_i would be Bernoulli(p_i): outcomes drawn so, pooled again, give the consistency band in
which q should lie at each forecast, and a Monte-Carlo p-value for the miscalibration that is valid in any sample,
however small.

Spiegelhalter's z = Σ(y − p)(1 − 2p)/√Σ(1 − 2p)²p(1 − p) asks whether the Brier score is the one forecasts imply; it is
blind where errors cancel (too high here, too low there in equal measure).

References: Dimitriadis, Gneiting & Jordan (2021), PNAS 118(8), e2016191118; Bröcker & Smith (2007), Weather and
Forecasting 22, 651-661; Spiegelhalter (1986), Statistics in Medicine 5, 421-433.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy import special

from whyfit.errors import SpecError
from whyfit.probability.scores.proper import pooled
from whyfit.probability.scores.score import binary, check_level, probabilities

#: Draws of outcomes under calibration: a p-value of 0.05 is then known to ± 0.01 (one standard error).
REPLICATES = 499
#: Above so many distinct forecasts they are first joined into as many groups of equal size; a curve shows no more.
MOST = 2000


class Test(NamedTuple):
    """A statistic and its p-value."""

    __test__ = False  # not for pytest

    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """The curve: forecasts (rising), pooled shares, rows; and the band at `level` where calibrated shares would lie.

    The three parts are of the Brier score. `expected` is the mean miscalibration that chance alone makes, and
    `p_value` that of "the forecasts are calibrated" (Monte Carlo, valid in any sample).
    """

    forecast: Float[np.ndarray, " d"]
    observed: Float[np.ndarray, " d"]
    rows: Int[np.ndarray, " d"]
    band_low: Float[np.ndarray, " d"]
    band_high: Float[np.ndarray, " d"]
    miscalibration: float
    discrimination: float
    uncertainty: float
    expected: float
    p_value: float
    level: float

    @property
    def outside(self) -> float:
        """Share of rows whose pooled share lies outside the band (pointwise: 1 − level of them by chance)."""
        out = (self.observed < self.band_low) | (self.observed > self.band_high)
        return float(self.rows[out].sum() / self.rows.sum())

    @property
    def excess(self) -> float:
        """Miscalibration beyond what chance makes, not below 0: what recalibration can save per row."""
        return max(0.0, self.miscalibration - self.expected)


def reliability(
    y: ArrayLike,
    p: ArrayLike,
    level: float = 0.95,
    *,
    replicates: int = REPLICATES,
    rng: np.random.Generator | None = None,
) -> Reliability:
    """The CORP curve of outcomes 0/1 and probabilities, with its consistency band and test.

    Constant forecasts make one point; probabilities of 0 and 1 are allowed and an impossible event refutes them
    (p-value 1/(replicates + 1)). Cost: `replicates` poolings of at most 2,000 groups.
    """
    y = binary(y)
    p = probabilities(p, len(y))
    if replicates < 19:
        raise SpecError(f"replicates is {replicates}; expected at least 19 (a p-value of 0.05).")
    tail = (1 - check_level(level)) / 2
    rng = rng or np.random.default_rng(0)
    forecast, count, hits, squares = _groups(y, p)
    n = len(y)

    def excess(events: np.ndarray) -> tuple[float, np.ndarray]:
        share = pooled(events / count, count)
        # Σ(p − y)² − Σ(q − y)² by groups: the squares of y cancel
        cost = squares - 2 * forecast * events - count * share**2 + 2 * share * events
        return float(cost.sum() / n), share

    found, observed = excess(hits)
    drawn = np.empty((replicates, len(forecast)))
    null = np.empty(replicates)
    for b in range(replicates):
        null[b], drawn[b] = excess(rng.binomial(count, forecast).astype(float))
    band = np.quantile(drawn, [tail, 1 - tail], axis=0)
    base = float(y.mean())
    refined = float((count * observed**2 - 2 * observed * hits).sum() / n) + base
    uncertainty = base * (1 - base)
    p_value = (1 + int((null >= found - 1e-12).sum())) / (1 + replicates)
    return Reliability(
        forecast, observed, count, band[0], band[1],
        max(found, 0.0), max(uncertainty - refined, 0.0), uncertainty, float(null.mean()), p_value, level,
    )  # fmt: skip


def _groups(y: np.ndarray, p: np.ndarray):
    """Forecast, rows, events, Σp² of each distinct forecast, or of MOST runs of neighbours."""
    distinct, place, count = np.unique(p, return_inverse=True, return_counts=True)
    if len(distinct) > MOST:
        run = np.minimum(np.cumsum(count) - 1, len(p) - 1) * MOST // len(p)
        place = np.unique(run, return_inverse=True)[1][place]
        count = np.bincount(place)
        distinct = np.bincount(place, weights=p) / count
    hits = np.bincount(place, weights=y, minlength=len(distinct))
    return np.clip(distinct, 0, 1), count, hits, np.bincount(place, weights=p * p)


def spiegelhalter(y: ArrayLike, p: ArrayLike) -> Test:
    """Spiegelhalter's z and its two-sided p-value.

    An event of probability 0, or its opposite, has p-value 0. Where every forecast is 0, ½ or 1 and nothing impossible
    happened there is nothing to test: z = 0, p-value 1. Rejects 4-6 % of calibrated samples at 5 % from n = 50 on.
    """
    y = binary(y)
    p = probabilities(p, len(y))
    if ((p == 0) & (y == 1)).any() or ((p == 1) & (y == 0)).any():
        return Test(float("inf"), 0.0)
    variance = float(np.sum((1 - 2 * p) ** 2 * p * (1 - p)))
    if not variance > 0:
        return Test(0.0, 1.0)
    z = float(np.sum((y - p) * (1 - 2 * p)) / np.sqrt(variance))
    return Test(z, float(2 * special.ndtr(-abs(z))))

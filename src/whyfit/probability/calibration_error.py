"""How large the calibration error is, free of the bias that binning adds.

B bins of equal size by forecast; in bin b the gap d_b = ȳ_b − p̄_b estimates δ_b with variance s_b² = v_b/n_b. The
usual ECE, Σ n_b/n |d_b|, is above 0 even for perfect forecasts, by about √(2/π)·√(v̄B/n). Two ways to do without:

    root mean square   RMS² = Σ n_b/n (d_b² − s_b²), unbiased;  n Σ n_b/n d_b² is a sum of v_b χ²(n_b δ_b²/v_b), taken
    as v̄ times a
                       noncentral χ² of matched variance, and inverted for the interval
    mean absolute      the sign of δ_b from one half of a bin, the gap from the other, and the reverse: 0 on average for
                       perfect forecasts, at most the ECE otherwise

The gaps are those of whole bins; within them over- and underestimates may cancel, so both are lower bounds for the
error of single forecasts.

References: Kumar, Liang & Ma (2019), NeurIPS 32; Roelofs et al. (2022), AISTATS; Bröcker (2012), Climate Dynamics 39.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy import special

from whyfit.errors import SpecError
from whyfit.probability.scores.score import binary, check_level, probabilities

#: Bins of equal size; 15 is what the literature reports (Guo et al. 2017, ICML).
BINS = 15


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """`plug_in` is the usual ECE, `ece` the debiased one (not below 0), `rms` the root mean square gap, 0 ≤ low ≤ high.

    The interval [low, high] is of the root mean square, which is at least the ECE: `high` bounds both.
    `p_value` is of "no gap in any bin" (χ², normal approximation).
    """

    plug_in: float
    ece: float
    rms: float
    low: float
    high: float
    p_value: float
    forecast: Float[np.ndarray, " B"]
    observed: Float[np.ndarray, " B"]
    rows: Int[np.ndarray, " B"]


def calibration_error(
    y: ArrayLike,
    p: ArrayLike,
    bins: int = BINS,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> CalibrationError:
    """ECE of outcomes 0/1 and probabilities; equal forecasts are never torn apart, so there may be fewer bins.

    The variance of a bin is that of calibrated forecasts or the observed one, whichever is larger, so that bins without
    an event do not look certain. `rng` halves the bins.

    Coverage of 95 % in 1,500 samples at n = 500 and 2,000: 95.5-96.8 %; `p_value` rejects 4-5 % of calibrated samples
    at 5 %. `ece` of perfect forecasts: 0.011 and 0.006 on average, where the plug-in says 0.063 and 0.031; of an ECE of
    0.038 it finds 0.018 and 0.024, of 0.103 it finds 0.075 and 0.096.
    """
    y = binary(y)
    p = probabilities(p, len(y))
    if bins < 1:
        raise SpecError(f"bins is {bins}; expected at least 1.")
    n, rng = len(y), rng or np.random.default_rng(0)
    edges = np.unique(np.quantile(p, np.arange(1, bins) / bins, method="higher"))
    place = np.unique(np.searchsorted(edges, p, side="right"), return_inverse=True)[1]
    rows = np.bincount(place)
    forecast = np.bincount(place, weights=p) / rows
    observed = np.bincount(place, weights=y) / rows
    gap = observed - forecast
    believed = np.bincount(place, weights=p * (1 - p)) / rows
    v = np.maximum(believed, observed * (1 - observed))
    plug = float(rows @ np.abs(gap) / n)
    square = float(rows @ gap**2 / n)
    if not v.sum() > 0:  # forecasts of 0 and 1 only, all of them right or all wrong
        exact = float(np.sqrt(square))
        p_value = 1.0 if square == 0 else 0.0
        return CalibrationError(plug, plug, exact, exact, exact, p_value, forecast, observed, rows)
    mean = float(v @ v / v.sum())
    df = float(v.sum() ** 2 / (v @ v))
    x = n * square / mean
    tail = (1 - check_level(level)) / 2

    def end(x: float, t: float) -> float:
        """Root mean square gap under which a statistic up to x has probability t; 0 where none is so small."""
        return (
            float(np.sqrt(special.chndtrinc(x, df, t) * mean / n))
            if special.chdtr(df, x) > t
            else 0.0
        )

    # gaps smaller than chance makes them do not prove forecasts perfect: the upper end is that of average chance
    low, high = end(x, 1 - tail), end(max(x, df), tail)
    rms = float(np.sqrt(max(square - v.sum() / n, 0.0)))
    return CalibrationError(
        plug, max(0.0, _crossed(y - p, place, rng)), rms, low, high,
        float(special.chdtrc(df, x)), forecast, observed, rows,
    )  # fmt: skip


def _crossed(gap: np.ndarray, place: np.ndarray, rng: np.random.Generator) -> float:
    """Σ over bins of sign(gap in one half) × gap in the other, both ways, per row."""
    order = np.lexsort((rng.random(len(gap)), place))
    half = np.empty(len(gap), dtype=np.int64)
    half[order] = np.arange(len(gap)) % 2
    sums = np.zeros((2, int(place.max()) + 1))
    np.add.at(sums, (half, place), gap)
    return float((np.sign(sums[0]) @ sums[1] + np.sign(sums[1]) @ sums[0]) / len(gap))

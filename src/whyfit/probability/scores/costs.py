"""What predictions are worth when mistakes have a price: net benefit, decision curve, threshold by cost.

Acting on a row of probability at least t is worth while if a hit is worth (1 − t)/t false alarms. The
net benefit of the model at t, in hits per row, and of acting always or never:

    NB(t) = TP/n − FP/n · t/(1 − t),      always: ȳ − (1 − ȳ)t/(1 − t),      never: 0

With costs c₊ of a false alarm and c₋ of a miss the best threshold of a calibrated model is t* = c₊/(c₊ + c₋). The
threshold that was best on the rows at hand flatters itself; its cost is therefore measured on rows that did not
choose it.

References: Vickers & Elkin (2006), Medical Decision Making 26, 565-574; Elkan (2001), IJCAI, 973-978.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from whyfit.errors import SpecError
from whyfit.probability.distributions import t_quantile
from whyfit.probability.scores.ranking import Curve
from whyfit.probability.scores.score import Mean, binary, check_level, mean_of, probabilities

#: Folds that choose the empirical threshold on the others' rows; ten as in the rest of the house.
FOLDS = 10


@dataclass(frozen=True, slots=True)
class DecisionCurve:
    """Net benefit per threshold with its pointwise interval, and its gain over the better of always and never."""

    thresholds: Float[np.ndarray, " t"]
    model: Float[np.ndarray, " t"]
    low: Float[np.ndarray, " t"]
    high: Float[np.ndarray, " t"]
    always: Float[np.ndarray, " t"]
    gain: Float[np.ndarray, " t"]
    gain_low: Float[np.ndarray, " t"]
    gain_high: Float[np.ndarray, " t"]


def decision_curve(
    y: ArrayLike, p: ArrayLike, thresholds: ArrayLike | None = None, level: float = 0.95
) -> DecisionCurve:
    """Net benefit at `thresholds` in (0, 1) (default 0.01, …, 0.99) from one sort of the rows.

    The gain is paired row by row. SpecError for a threshold of 0 or 1, where the price is 0 or infinite.
    """
    y, t = binary(y), np.arange(1, 100) / 100 if thresholds is None else thresholds
    p, t = probabilities(p, len(y)), np.asarray(t, dtype=float)
    if t.ndim != 1 or not t.size or not ((t > 0) & (t < 1)).all():
        raise SpecError("thresholds must lie strictly between 0 and 1.")
    n, base, odds = len(y), float(y.mean()), t / (1 - t)
    curve = Curve.of(y, p)
    at = np.searchsorted(-curve.thresholds, -t, side="right") - 1
    tp, fp = curve.true_positives[at] / n, curve.false_positives[at] / n
    q = t_quantile(check_level(level), n - 1) if n > 1 else np.nan

    def half(mean, square):
        return q * np.sqrt(np.maximum(square - mean**2, 0.0) / max(n - 1, 1))

    model = tp - odds * fp
    always = base - odds * (1 - base)
    width = half(model, tp + odds**2 * fp)
    # less never: the model itself; less always: only rows not called differ, by −y + odds(1 − y)
    fn, tn = base - tp, 1 - base - fp
    gain = np.where(always > 0, model - always, model)
    wide = np.where(always > 0, half(model - always, fn + odds**2 * tn), width)
    return DecisionCurve(
        t, model, model - width, model + width, always, gain, gain - wide, gain + wide
    )


@dataclass(frozen=True, slots=True)
class CostThreshold:
    """The threshold costs ask for, and the one the data would choose.

    `theory` is right if probabilities are calibrated. `best` has the smallest cost on these rows; `best_cost` is what
    choosing that way costs on rows that did not choose. `saving` is theory_cost − best_cost: above 0 beyond its
    interval the probabilities mislead, and recalibration is due. `trivial_cost` is that of always or never acting.
    """

    theory: float
    best: float
    theory_cost: Mean
    best_cost: Mean
    saving: Mean
    trivial_cost: float


def threshold_by_cost(
    y: ArrayLike,
    p: ArrayLike,
    false_alarm: float = 1.0,
    miss: float = 1.0,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> CostThreshold:
    """Thresholds and their costs per row; costs must not be negative nor both 0.

    A threshold of ∞ means: never act. Ties between thresholds go to the one nearest to the theory.
    """
    if not (false_alarm >= 0 and miss >= 0 and 0 < false_alarm + miss < np.inf):
        raise SpecError(f"costs are {false_alarm} and {miss}; expected numbers ≥ 0, not both 0.")
    y = binary(y)
    p = probabilities(p, len(y))
    rng = rng or np.random.default_rng(0)
    n, theory = len(y), false_alarm / (false_alarm + miss)

    def cost(call: np.ndarray, t: np.ndarray) -> np.ndarray:
        return np.where(t == 1, miss * ~call, false_alarm * call)

    fold = rng.permutation(n) % min(FOLDS, n)
    chosen = np.full(n, theory)
    for j in range(fold.max() + 1 if n > 1 else 0):
        rest = fold != j
        chosen[~rest] = _cheapest(y[rest], p[rest], false_alarm, miss, theory)
    here, held = cost(p >= theory, y), cost(p >= chosen, y)
    return CostThreshold(
        theory,
        _cheapest(y, p, false_alarm, miss, theory),
        mean_of(here, level),
        mean_of(held, level),
        mean_of(here - held, level),
        float(min(miss * y.mean(), false_alarm * (1 - y.mean()))),
    )


def _cheapest(y: np.ndarray, p: np.ndarray, false_alarm: float, miss: float, near: float) -> float:
    """Of the thresholds of least cost the one nearest to `near`, half way to the next probability below."""
    curve = Curve.of(y, p)
    cost = miss * (y.sum() - curve.true_positives) + false_alarm * curve.false_positives
    some = np.flatnonzero(cost <= cost.min() * (1 + 1e-12))
    upper = curve.thresholds
    lower = np.append(upper[1:], 0.0)  # any threshold in (lower, upper] calls the same rows
    inside = (lower[some] < near) & (near <= upper[some])
    if inside.any():
        return near
    i = some[np.argmin(np.minimum(np.abs(upper[some] - near), np.abs(lower[some] - near)))]
    return float(upper[i] + lower[i]) / 2 if np.isfinite(upper[i]) else float("inf")

"""How well a score ranks: ROC curve, its area, the precision-recall curve and average precision.

With m positives and k negatives, midranks R among all rows and R⁺, R⁻ among their own class, every row has a placement

    v_i = (R_i − R⁺_i)/k  of a positive: the share of negatives below it,     v_j = 1 − (R_j − R⁻_j)/m  of a negative

AUC is the mean of either kind; DeLong's variance is s²(v⁺)/m + s²(v⁻)/k, and for two models on the same rows that of
the differences of their placements. Sorting is all the work: O(n log n). The interval is made on the logit scale. Where
the variance vanishes (classes separated) it is Newcombe's score interval, |A − θ| = z√V(θ), V Hanley and McNeil's.

Average precision is Σ(R_k − R_{k−1})P_k over the distinct scores (no interpolation). Its variance is that of the
infinitesimal jackknife, Σ(∂AP/∂w_i)², which suffix sums give for all rows at once.

References: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, 837-845; Sun & Xu (2014), IEEE SPL 21, 1389-1393;
Newcombe (2006), Statistics in Medicine 25, 559-573; Boyd, Eng & Page (2013), ECML, for the logit interval of AP.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from whyfit.probability.association import wilson
from whyfit.probability.copies import ranks
from whyfit.probability.distributions import t_quantile
from whyfit.probability.scores.score import Score, binary, check_level, vector

_NOTHING = 1e-12  # rounding of a mean of placements


@dataclass(frozen=True, slots=True)
class Curve:
    """One point per distinct score, falling, after the point where nothing is called positive (threshold ∞).

    `true_positives` and `false_positives` are numbers of rows with a score of at least the threshold.
    """

    thresholds: Float[np.ndarray, " d"]
    true_positives: Float[np.ndarray, " d"]
    false_positives: Float[np.ndarray, " d"]

    @classmethod
    def of(cls, y: ArrayLike, score: ArrayLike) -> Curve:
        """From outcomes 0/1 and scores, the larger the likelier; O(n log n)."""
        y = binary(y)
        s = vector(score, "the scores", len(y))
        order = np.argsort(-s, kind="stable")
        s, y = s[order], y[order]
        last = np.append(np.flatnonzero(np.diff(s)), len(s) - 1)
        tp = np.cumsum(y)[last]
        thresholds = np.concatenate([[np.inf], s[last]])
        zero = np.zeros(1)
        return cls(thresholds, np.append(zero, tp), np.append(zero, last + 1 - tp))

    @property
    def recall(self) -> Float[np.ndarray, " d"]:
        """True positive rate; NaN without positives."""
        return _shares(self.true_positives, self.true_positives[-1])

    @property
    def false_alarm_rate(self) -> Float[np.ndarray, " d"]:
        """False positive rate; NaN without negatives."""
        return _shares(self.false_positives, self.false_positives[-1])

    @property
    def precision(self) -> Float[np.ndarray, " d"]:
        """Share of positives among the rows called; 1 where none is called."""
        called = self.true_positives + self.false_positives
        return np.where(called > 0, self.true_positives / np.maximum(called, 1), 1.0)


def _shares(count: np.ndarray, total: float) -> np.ndarray:
    return count / total if total else np.full(len(count), np.nan)


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two models on the same rows, first − second, with the p-value of "no difference"."""

    value: float
    std_error: float
    low: float
    high: float
    p_value: float


def _placements(y: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the positives and of the negatives; both have the mean AUC."""
    yes = y == 1
    both, m, k = ranks(s), int(yes.sum()), int((~yes).sum())
    return (both[yes] - ranks(s[yes])) / k, 1 - (both[~yes] - ranks(s[~yes])) / m


def auc(y: ArrayLike, score: ArrayLike, level: float = 0.95) -> Score:
    """Area under the ROC curve: P(a positive scores higher than a negative), ties counted half.

    Of one class alone NaN with the interval (0, 1); all scores equal 0.5. One row of a class has no variance of its own
    and counts as Hanley and McNeil's formula says. The trivial predictor has 0.5.

    Coverage of 95 % in 1,500 samples of normal scores: 94.3-96.6 % at 30 + 30, 10 + 40 and 200 + 200 rows, areas up to
    0.95; above nominal where classes are often separated (97.9 % at 20 + 20 and 0.98, 99 % at 5 + 5).
    """
    y, z = binary(y), float(special.ndtri(0.5 + check_level(level) / 2))
    s = vector(score, "the scores", len(y))
    m, k = int(y.sum()), int(len(y) - y.sum())
    if not (m and k):
        nan = float("nan")
        return Score("AUC", nan, nan, 0.0, 1.0, len(y), "higher", 0.5, nan, -0.5, 0.5, level)
    v, w = _placements(y, s)
    a = float(v.mean())
    variance = float(v.var(ddof=1) / m + w.var(ddof=1) / k) if min(m, k) > 1 else 0.0
    if variance > 1e-20 and 0 < a < 1:
        half = z * np.sqrt(variance) / (a * (1 - a))
        low, high = (float(special.expit(special.logit(a) + h)) for h in (-half, half))
    elif len(np.unique(s)) == 1:  # no ranking at all: there is nothing to be unsure of
        low = high = a
    else:
        low, high = _newcombe(a, m, k, z)
        variance = float(hanley_mcneil(a, m, k))
    se = float(np.sqrt(variance))
    return Score(
        "AUC", a, se, low, high, len(y), "higher", 0.5, a - 0.5, low - 0.5, high - 0.5, level
    )


def hanley_mcneil(a: float, m: int, k: int) -> float:
    """Variance of an AUC under exponential scores.

    Reference: Hanley & McNeil (1982), Radiology 143, 29-36.
    """
    more = (m - 1) * a * (1 - a) ** 2 / (2 - a) + (k - 1) * a**2 * (1 - a) / (1 + a)
    return (a * (1 - a) + more) / (m * k)


def _newcombe(a: float, m: int, k: int, z: float) -> tuple[float, float]:
    """Ends θ with |a − θ| = z√V(θ), V with m and k averaged (Newcombe's method 5)."""
    mean = (m + k) / 2

    def end(outer: float) -> float:
        inner = a  # bisection between the estimate, always inside, and the end of the range
        for _ in range(60):
            theta = (inner + outer) / 2
            spread = hanley_mcneil(theta, 1, 1) + (mean - 1) * (
                theta * (1 - theta) ** 2 / (2 - theta) + theta**2 * (1 - theta) / (1 + theta)
            )
            if abs(a - theta) <= z * np.sqrt(spread / (m * k)):
                inner = theta
            else:
                outer = theta
        return inner

    return end(0.0), end(1.0)


def auc_difference(
    y: ArrayLike, first: ArrayLike, second: ArrayLike, level: float = 0.95
) -> Difference:
    """Paired DeLong difference of two areas; NaN of one class, or where a class has one row.

    Two models that rank alike have the difference 0 with a p-value of 1.
    """
    y = binary(y)
    s, t = (vector(v, "the scores", len(y)) for v in (first, second))
    m, k = int(y.sum()), int(len(y) - y.sum())
    nan = float("nan")
    if not (m and k):
        return Difference(nan, nan, -1.0, 1.0, nan)
    (v1, w1), (v2, w2) = _placements(y, s), _placements(y, t)
    value = float((v1 - v2).mean())
    if min(m, k) < 2:
        return Difference(value, nan, -1.0, 1.0, nan)
    return _normal(
        value, float(np.sqrt((v1 - v2).var(ddof=1) / m + (w1 - w2).var(ddof=1) / k)), level
    )


def _normal(value: float, se: float, level: float) -> Difference:
    half = float(special.ndtri(0.5 + check_level(level) / 2)) * se
    p = float(abs(value) <= _NOTHING)
    if se > _NOTHING:
        p = float(2 * special.ndtr(-abs(value) / se))
    return Difference(value, se, value - half, value + half, p)


def average_precision(y: ArrayLike, score: ArrayLike, level: float = 0.95) -> Score:
    """Average precision; of no positives NaN with the interval (0, 1), of positives alone 1.

    The trivial predictor, which cannot rank, has the share of positives.

    Coverage of 95 % in 4,000 samples of normal scores, AP 0.17 to 0.81: 93.5-94.9 % with 100 positives, 92.9-94.9 %
    with 20, most misses because the estimate is too high: in small samples AP flatters.
    """
    y, z = binary(y), float(special.ndtri(0.5 + check_level(level) / 2))
    s = vector(score, "the scores", len(y))
    n, m = len(y), float(y.sum())
    if not m:
        nan = float("nan")
        return Score(
            "average precision", nan, nan, 0.0, 1.0, n, "higher", 0.0, nan, 0.0, 1.0, level
        )
    value, slope = _average_precision(y, s)
    base = m / n
    se = float(np.sqrt(slope @ slope))
    z = t_quantile(level, m - 1) if m > 1 else z  # m rows carry the mean
    gain = slope - (y - base) / n
    gain_half = z * float(np.sqrt(gain @ gain))
    if 0 < value < 1 and se > 0:
        half = z * se / (value * (1 - value))
        low, high = (float(special.expit(special.logit(value) + h)) for h in (-half, half))
    elif m < n:  # all positives come first: what m rows without a failure leave open
        low, high = wilson(int(m), int(m), level)
        gain_half = max(gain_half, value - low)
    else:
        low = high = value
    return Score(
        "average precision", value, se, low, high, n, "higher", base,
        value - base, value - base - gain_half, value - base + gain_half, level,
    )  # fmt: skip


def _average_precision(y: np.ndarray, s: np.ndarray) -> tuple[float, Float[np.ndarray, " n"]]:
    """AP and its derivatives by the weights of the rows, in the order of the rows."""
    distinct, place = np.unique(-s, return_inverse=True)
    d = len(distinct)
    yes = np.bincount(place, weights=y, minlength=d)
    no = np.bincount(place, weights=1 - y, minlength=d)
    T, F, m = np.cumsum(yes), np.cumsum(no), y.sum()
    P = T / (T + F)
    value = float(yes @ P / m)
    # ∂P_g/∂w of a row that counts in group g or before
    plus = np.cumsum((yes * F / (T + F) ** 2)[::-1])[::-1] / m
    minus = np.cumsum((yes * T / (T + F) ** 2)[::-1])[::-1] / m
    return value, np.where(y == 1, (P[place] - value) / m + plus[place], -minus[place])

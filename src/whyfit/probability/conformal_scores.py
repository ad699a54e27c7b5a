"""What conformal prediction keeps of the rows a model was fitted to, compact enough to be saved with it.

On a scale on which errors are alike in size (`Scale`) let t(y) be the target and r_i the error of row i when it was
held out, in units of a predicted spread s(x_i) if errors grow with x. Of a new row

    held-out scores    [t⁻¹(t(ŷ) + s(x) r₍₎_low), t⁻¹(t(ŷ) + s(x) r₍₎_high)]     split/CV, any model and any n
    leave one out      the same order statistics of ŷ₍₋ᵢ₎(x) + r_i                jackknife+, least squares, n small

with r₍₎_low the ⌊α(n + 1)/2⌋-th smallest, r₍₎_high the ⌈(1 − α/2)(n + 1)⌉-th: each end is missed by α/2, so skewed
errors get an interval that is longer on one side. Where fewer than BEYOND rows lie beyond either (n < 119 at 95 %),
the outermost rows decide too much, and it is ± the ⌈(1 − α)(n + 1)⌉-th smallest |r_i|; fewer than (1 − α)/α rows
cannot promise 1 − α at all.

    class sets         classes c with 1 − p_c(x) up to the ⌈(1 − α)(n_c + 1)⌉-th smallest of their own n_c rows

Held-out scores come from models fitted to 1 − 1/k of the rows, whose errors are no smaller than those of the model
that predicts; there is no theorem for the small difference (Vovk 2015, cross-conformal). Of many scores MOST are
kept, the outer ones all and others by taking the next one outwards, so that intervals are never too short for it.

Measured coverage of 95 % intervals: tests/probability/test_conformal_scores.py.

References: Barber, Candès, Ramdas & Tibshirani (2021), Annals of Statistics 49, 486-507; Vovk (2015), Annals of
Mathematics and Artificial Intelligence 74, 9-28; Lei et al. (2018), JASA 113, 1094-1111, §5.2 for the spread;
Romano, Patterson & Candès (2019) for two tails; Anscombe (1948), Biometrika 35 for the root of counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from whyfit.engines.local import one_blas_thread
from whyfit.errors import SpecError
from whyfit.probability.conformal import JackknifePlus, symmetric_ends, tiles_of
from whyfit.probability.predictive import Interval, check_level
from whyfit.probability.spread_model import LogSpread

#: Scores kept: OUTER of each end, and as many evenly between them.
OUTER = 1024
MOST = 4 * OUTER
#: Rows from which an end is an order statistic of its own: of 60 rows with t₃ errors the outermost one on either side
#: gives intervals half as long again as the third largest |r|.
BEYOND = 3

#: identity; log (amounts, and targets whose logarithm is fitted); root: 2√(y + 3/8) (counts), ends whole if "counts".
Scale = Literal["identity", "log", "root", "counts"]
SCALES: tuple[Scale, ...] = ("identity", "log", "root", "counts")
_SLACK = 1e-9  # of products that would be whole numbers


def to_scale(y: np.ndarray, scale: Scale) -> np.ndarray:
    """t(y)."""
    if scale == "identity":
        return y
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(y) if scale == "log" else 2 * np.sqrt(np.maximum(y, 0.0) + 0.375)


def from_scale(t: np.ndarray, scale: Scale) -> np.ndarray:
    """t⁻¹; of counts 0 for all below t(0)."""
    if scale == "identity":
        return t
    if scale == "log":
        with np.errstate(over="ignore"):
            return np.exp(t)
    return np.maximum(np.square(np.maximum(t, 0.0) / 2) - 0.375, 0.0)


def rows_needed(level: float) -> int:
    """Fewest held-out rows with which a finite interval keeps `level`: (1 − α)/α, 19 for 95 %."""
    return int(np.ceil(check_level(level) / (1 - level) - 1e-6))


def too_few(level: float, n: int, whose: str = "") -> SpecError:
    """The error for n rows at a level they cannot keep."""
    lower = int(100 * n / (n + 1)) / 100
    try_ = f"a level up to {lower:g}" if lower > 0 else "more rows"
    return SpecError(
        f"conformal intervals of {100 * level:g} % need {rows_needed(level):,} held-out rows{whose} and there are"
        f" {n:,}; ask for {try_}, or fit with intervals normal."
    )


@dataclass(frozen=True)
class OrderStatistics:
    """`values[i]` is the `ranks[i]`-th smallest (from 1) of `n` numbers; the first and last OUTER are all there."""

    n: int
    ranks: Int[np.ndarray, " m"]
    values: Float[np.ndarray, " m"]

    @classmethod
    def of(cls, values: Float[np.ndarray, " n"]) -> OrderStatistics:
        v = np.sort(np.asarray(values, dtype=float))
        n = len(v)
        ranks = np.arange(1, n + 1)
        if n > MOST:
            inner = np.linspace(OUTER + 1, n - OUTER, MOST - 2 * OUTER).round().astype(np.int64)
            ranks = np.concatenate([ranks[:OUTER], inner, ranks[-OUTER:]])
        return cls(n, ranks, v[ranks - 1])

    def at_most(self, rank: int) -> float:
        """The value of this rank or, if it was not kept, of the next smaller one; −∞ below the first."""
        i = int(np.searchsorted(self.ranks, rank, side="right")) - 1
        return float(self.values[i]) if i >= 0 else -np.inf

    def at_least(self, rank: int) -> float:
        """The value of this rank or, if it was not kept, of the next larger one; ∞ beyond the last."""
        i = int(np.searchsorted(self.ranks, rank))
        return float(self.values[i]) if i < len(self.values) else np.inf

    def ends(self, level: float) -> tuple[float, float]:
        """Low and high of an interval of signed scores; ∓∞ where n is too small for the level."""
        each, k = ranks_of(self.n, level)
        if each:
            return self.at_most(each), self.at_least(self.n + 1 - each)
        if k > self.n:
            return -np.inf, np.inf
        size = float(np.sort(np.abs(self.values))[::-1][self.n - k])  # among the outermost
        return -size, size


def ranks_of(n: int, level: float) -> tuple[int, int]:
    """⌊α(n + 1)/2⌋ of each end (0 below BEYOND), and ⌈(1 − α)(n + 1)⌉ of absolute scores."""
    each = int((1 - check_level(level)) / 2 * (n + 1) + _SLACK)
    return each if each >= BEYOND else 0, int(np.ceil(level * (n + 1) - _SLACK))


@dataclass(frozen=True)
class HeldOutScores:
    """Errors of held-out rows on `scale`, in units of `spread` if there is one."""

    scale: Scale
    scores: OrderStatistics
    spread: LogSpread | None = None

    @property
    def n(self) -> int:
        return self.scores.n

    def interval(
        self, X: Float[np.ndarray, "m p"], prediction: Float[np.ndarray, " m"], level: float
    ) -> Interval:
        """Of new rows with these predictions; infinite where n is too small for the level."""
        low, high = self.scores.ends(level)
        t = to_scale(prediction, self.scale)
        s = 1.0 if self.spread is None else self.spread.at(X)
        return _back(prediction, t + low * s, t + high * s, self.scale)


@dataclass(frozen=True)
class LeaveOneOut:
    """What ŷ₍₋ᵢ₎(x) − ŷ(x) and r_i are made of; see `conformal.JackknifePlus`, which its fields are of.

    `signed` r_i = e_i/(1 − h_i); `rows` (c × n): ŷ₍₋ᵢ₎(x) = ŷ(x) − (1, x − mean)·rows_i r_i.
    """

    scale: Scale
    mean: Float[np.ndarray, " p"]
    signed: Float[np.ndarray, " n"]
    rows: Float[np.ndarray, "c n"]

    @classmethod
    def of(cls, jackknife: JackknifePlus, scale: Scale) -> LeaveOneOut:
        mean = np.ascontiguousarray(jackknife.fit.mean[:-1])
        return cls(scale, mean, jackknife.signed, jackknife.rows)

    @property
    def n(self) -> int:
        return len(self.signed)

    def interval(
        self, X: Float[np.ndarray, "m p"], prediction: Float[np.ndarray, " m"], level: float
    ) -> Interval:
        """Of new rows with these predictions, O(m n p); infinite where n is too small for the level."""
        t = to_scale(prediction, self.scale)
        n, (each, _) = self.n, ranks_of(self.n, level)
        known = np.isfinite(self.signed)
        moved = np.where(known, self.signed, 0.0)
        low, high = np.empty(len(X)), np.empty(len(X))
        for part in tiles_of(len(X), n):
            with one_blas_thread():
                D = np.column_stack([np.ones(len(t[part])), X[part] - self.mean])
                without = t[part, None] - (D @ self.rows) * moved
            if not each:
                R = np.where(known, np.abs(moved), np.inf)
                low[part], high[part] = symmetric_ends(without - R, without + R, level)
                continue
            v = without + moved
            if known.all():
                v.partition([each - 1, n - each], axis=1)
                low[part], high[part] = v[:, each - 1], v[:, n - each]
            else:
                low[part] = np.partition(np.where(known, v, -np.inf), each - 1, axis=1)[:, each - 1]
                high[part] = np.partition(np.where(known, v, np.inf), n - each, axis=1)[:, n - each]
        return _back(prediction, low, high, self.scale)


def _back(prediction: np.ndarray, low: np.ndarray, high: np.ndarray, scale: Scale) -> Interval:
    """Ends on the scale of the target, the prediction within; those of counts the whole numbers they hold."""
    a, b = from_scale(low, scale), from_scale(high, scale)
    if scale == "counts":
        a, b = np.ceil(a - _SLACK) + 0.0, np.floor(b + _SLACK)  # no −0
        a, b = np.minimum(a, b), np.maximum(a, b)
    return Interval(prediction, np.minimum(a, prediction), np.maximum(b, prediction))


@dataclass(frozen=True)
class ClassScores:
    """1 − p_c of the held-out rows of every class."""

    classes: tuple[OrderStatistics, ...]

    @classmethod
    def of(cls, code: Int[np.ndarray, " n"], P: Float[np.ndarray, "n C"]) -> ClassScores:
        own = 1 - P[np.arange(len(code)), code]
        return cls(tuple(OrderStatistics.of(own[code == c]) for c in range(P.shape[1])))

    def limits(self, level: float) -> Float[np.ndarray, " C"]:
        """Per class; ∞ where it has too few rows for the level."""
        return np.array([q.at_least(ranks_of(q.n, level)[1]) for q in self.classes])

    def sets(self, P: Float[np.ndarray, "m C"], level: float) -> Bool[np.ndarray, "m C"]:
        """Which classes the set of each row holds; of a row without probabilities (NaN) none.

        SpecError if no class has rows enough, as every set would hold all of them.
        """
        limits = self.limits(level)
        if not np.isfinite(limits).any():
            raise too_few(level, max(q.n for q in self.classes), " of a class")
        return (limits >= 1 - P) & np.isfinite(P)


Conformal = HeldOutScores | LeaveOneOut

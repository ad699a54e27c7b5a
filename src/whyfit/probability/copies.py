"""Is one column a copy of the target in disguise? How nearly, in which form, and how surely.

    numbers, numeric target    R² of f(y) on g(x) for simple f and g; Spearman's ρ² for any rising or falling form
    pairs of columns           y ∝ a ± b from moments; log y = log a ± log b + const (product, ratio)
    numbers, two classes       AUC = P(x of a positive row > x of a negative one)
    values or levels, classes  λ = 1 − errors/errors of the majority class, each value's class learned on other folds

P-values are of the null that the copy is no better than a limit: Fisher's z for correlations, Hanley and McNeil's
standard error for the AUC, the binomial for errors.

References: Fisher (1921), Metron 1, 3-32; Hanley & McNeil (1982), Radiology 143, 29-36;
Goodman & Kruskal (1954), JASA 49, 732-764 for λ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy import special

Vector = Float[np.ndarray, " s"]
Transform = Callable[[np.ndarray], Any]

#: Of a column x: what is written, where it is defined, the function. The first is the column itself.
FORMS: tuple[tuple[str, Transform, Transform], ...] = (
    ("{}", lambda x: np.isfinite(x).all(axis=0), lambda x: x),
    ("log({})", lambda x: (x > 0).all(axis=0), np.log),
    ("{}²", lambda x: np.isfinite(x).all(axis=0), np.square),
    ("√{}", lambda x: (x >= 0).all(axis=0), np.sqrt),
    ("1/{}", lambda x: (x != 0).all(axis=0), lambda x: 1 / x),
)
_PERFECT = 1 - 1e-15  # R² whose z still is finite


def r2_p_value(r2: float, n: int, limit: float, columns: int = 1) -> float:
    """Of "the population R² is at most `limit`", R² adjusted for its number of columns."""
    free = n - columns - 2
    if free <= 0 or not np.isfinite(r2):
        return 1.0
    adjusted = 1 - (1 - min(r2, _PERFECT)) * (n - 1) / (n - columns - 1)
    z = np.arctanh(np.sqrt(np.clip(adjusted, 0.0, _PERFECT)))
    return float(special.ndtr(-(z - np.arctanh(np.sqrt(limit))) * np.sqrt(free)))


@dataclass(frozen=True, slots=True)
class Form:
    """g(x) = f(y) with the R² between them; `text` has {x} and {y} filled in by `said`."""

    x: str
    y: str
    r2: float

    def said(self, column: str, target: str) -> str:
        """How the disguise is undone: "lprice = log(price)" where one side is plain."""
        left, right = self.x.format(column), self.y.format(target)
        return f"{left} = {right}" if self.x == "{}" != self.y else f"{right} = {left}"


def best_forms(X: Float[np.ndarray, "s p"], y: Vector, log_y: bool = True) -> list[Form]:
    """For every column the form that goes best with y, the plainest within rounding of the best."""
    p = X.shape[1]
    found = [Form("{}", "{}", 0.0)] * p
    targets = [("{}", y)]
    if log_y and (y > 0).all():
        targets.append(("log({})", np.log(y)))
    for y_text, v in targets:  # a plain target first: log on log would undo every power as well
        for x_text, defined, g in FORMS:
            able = np.flatnonzero(defined(X))
            if not able.size:
                continue
            with np.errstate(all="ignore"):
                r2 = _squared_correlations(g(X[:, able]), v)
            for j, value in zip(able, r2, strict=True):
                if value > found[j].r2 + 1e-6:
                    found[j] = Form(x_text, y_text, float(value))
    return found


def _squared_correlations(Z: Float[np.ndarray, "s p"], v: Vector) -> Float[np.ndarray, " p"]:
    Z, v = Z - Z.mean(axis=0), v - v.mean()
    with np.errstate(all="ignore"):
        r2 = (v @ Z) ** 2 / ((Z * Z).sum(axis=0) * (v @ v))
    return np.nan_to_num(np.clip(r2, 0.0, 1.0), nan=0.0)


def ranks(v: Vector) -> Vector:
    """Ranks from 1, ties sharing their mean rank."""
    _, inverse, counts = np.unique(v, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse.ravel()]


def spearman_squared(X: Float[np.ndarray, "s p"], y: Vector) -> Float[np.ndarray, " p"]:
    """ρ² of the ranks of every column with those of y."""
    R = np.column_stack([ranks(x) for x in X.T]) if X.shape[1] else np.zeros((len(y), 0))
    return _squared_correlations(R, ranks(y))


@dataclass(frozen=True, slots=True)
class Pair:
    """y ∝ a ∘ b: columns i and j, `sign` +1 or −1, `slope` of y on a ± b (exponent for logs), R², tests made."""

    i: int
    j: int
    sign: int
    slope: float
    r2: float
    tests: int


def best_pair(S: Float[np.ndarray, "q q"], slope_one: bool) -> Pair | None:
    """The pair a ± b that goes best with y (last) in the scatter matrix S of [columns, y].

    With `slope_one` (logs) only slopes within 1 % of ±1 count: a ratio or a product, not a power law.
    """
    p = len(S) - 1
    if p < 2 or S[-1, -1] <= 0:
        return None
    d, c = np.diag(S)[:-1], S[:-1, -1]
    best: Pair | None = None
    above = np.triu_indices(p, 1)
    tests = 2 * above[0].size
    for sign in (1, -1):
        size = d[:, None] + d + 2 * sign * S[:-1, :-1]
        cross = c[:, None] + sign * c
        least = 1e-10 * (d[:, None] + d)  # a ± b that is constant says nothing
        with np.errstate(all="ignore"):
            slope = np.where(size > least, cross / size, 0.0)
            r2 = slope * cross / S[-1, -1]
        if slope_one:
            r2 = np.where(np.abs(np.abs(slope) - 1) <= 0.01, r2, 0.0)
        values = r2[above]
        k = int(np.argmax(values))
        if best is None or values[k] > best.r2:
            i, j = int(above[0][k]), int(above[1][k])
            best = Pair(i, j, sign, float(slope[i, j]), float(min(values[k], 1.0)), tests)
    return best


def auc(x: Vector, positive: np.ndarray) -> float:
    """Area under the ROC curve of x, at least 1/2 (either direction)."""
    n1 = int(positive.sum())
    n0 = len(x) - n1
    if not n1 or not n0:
        return 0.5
    a = (float(ranks(x)[positive].sum()) - n1 * (n1 + 1) / 2) / (n1 * n0)
    return max(a, 1 - a)


def auc_p_value(a: float, positives: int, negatives: int, limit: float) -> float:
    """Of "the AUC is at most `limit`", with the standard error at the limit."""
    if not positives or not negatives:
        return 1.0
    q1, q2 = limit / (2 - limit), 2 * limit**2 / (1 + limit)
    variance = (
        limit * (1 - limit) + (positives - 1) * (q1 - limit**2) + (negatives - 1) * (q2 - limit**2)
    ) / (positives * negatives)
    return float(special.ndtr(-(a - limit) / np.sqrt(variance)))


@dataclass(frozen=True, slots=True)
class Determined:
    """Held-out errors of "each value has one class" beside those of the majority class."""

    errors: int
    majority_errors: int
    n: int

    @property
    def share(self) -> float:
        """λ: the share of the majority's errors that knowing the value removes."""
        return 1 - self.errors / self.majority_errors if self.majority_errors else 0.0

    def p_value(self, limit: float) -> float:
        """Of "λ is at most `limit`"."""
        rate = (1 - limit) * self.majority_errors / max(self.n, 1)
        return float(special.bdtr(self.errors, self.n, rate)) if self.majority_errors else 1.0


def determined_by(
    value: Int[np.ndarray, " s"], label: Int[np.ndarray, " s"], fold: Int[np.ndarray, " s"]
) -> Determined:
    """How surely the class follows from a discrete value, each fold judged by the others.

    `value`, `label`, `fold` are codes from 0.
    """
    shape = (int(value.max()) + 1, int(label.max()) + 1, int(fold.max()) + 1)
    counts = np.bincount(
        np.ravel_multi_index((value, label, fold), shape), minlength=np.prod(shape)
    )
    counts = counts.reshape(shape)
    elsewhere = counts.sum(axis=2, keepdims=True) - counts
    prior = elsewhere.sum(axis=0, keepdims=True)
    guess = np.argmax(
        elsewhere + 1e-9 * prior, axis=1
    )  # a value not seen elsewhere: the majority class
    right = np.take_along_axis(counts, guess[:, None, :], axis=1).sum()
    label_counts = counts.sum(axis=(0, 2))
    n = int(counts.sum())
    return Determined(n - int(right), n - int(label_counts.max()), n)

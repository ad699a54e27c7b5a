"""Confusion matrix: which class was called when which was true, and how exactly its shares are known.

Every share of a row or column is a binomial proportion given its total and gets Wilson's interval: accuracy, recall and
specificity, precision and negative predictive value. Two further ones become proportions by a change of scale:

    F₁ = 2J/(1 + J),   J = TP/(TP + FP + FN), a proportion of the rows that are not true negatives
    balanced accuracy = mean of the recalls, its ends by MOVER: b̂ ∓ √(Σ(r̂ − end)²)/C

Matthews' correlation of truth t and call c, one-hot, is R = cov(t, c)/√(var t · var c), variances summed over the
classes; its variance is that of the infinitesimal jackknife over the cells, its interval made on the scale of artanh.

References: Wilson (1927), JASA 22, 209-212; Zou & Donner (2008), Statistics in Medicine 27, 1693-1702 (MOVER);
Gorodkin (2004), Computational Biology and Chemistry 28, 367-374 (R of several classes).
Coverage of 95 % in 1,500 samples at n = 30 and 50: accuracy 95.5-96.9 %, F₁ 94.6-95.1 %, balanced accuracy 93.9-94.7 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from scipy import special

from whyfit.errors import ShapeError, TargetError
from whyfit.probability.association import wilson
from whyfit.probability.scores.score import Score, check_level, mean_of

_ROUNDING = 1e-12  # a variance of shares below this is none


@dataclass(frozen=True, slots=True)
class Share:
    """A proportion with Wilson's interval; NaN and (0, 1) of no rows."""

    value: float
    low: float
    high: float
    rows: int

    @classmethod
    def of(cls, hits: int, rows: int, level: float) -> Share:
        value = hits / rows if rows else float("nan")
        return cls(value, *wilson(hits, rows, level), rows)


@dataclass(frozen=True, slots=True)
class Confusion:
    """`counts[i, j]` rows of class i that were called class j, in the order of `classes`."""

    counts: Int[np.ndarray, "C C"]
    classes: tuple[object, ...]
    level: float = 0.95

    @classmethod
    def of(
        cls, y: np.ndarray, called: np.ndarray, level: float = 0.95, classes: tuple = ()
    ) -> Confusion:
        """Counted from labels of any kind; `classes` (default: all that occur, sorted) fixes the order.

        Raises ShapeError for vectors of unequal or no length, TargetError for a label outside `classes`.
        """
        y, called = np.asarray(y), np.asarray(called)
        if y.ndim != 1 or y.shape != called.shape or not y.size:
            raise ShapeError(
                f"labels have the shapes {y.shape} and {called.shape}; expected one of each per row."
            )
        try:
            names = np.asarray(classes) if len(classes) else np.union1d(y, called)
            order = np.argsort(names, kind="stable")
        except TypeError:
            raise TargetError(
                "labels are of different kinds (numbers, text, None); make them all text first."
            ) from None
        codes = []
        for v in (y, called):
            at = np.searchsorted(names, v, sorter=order).clip(max=len(names) - 1)
            code = order[at]
            if (wrong := names[code] != v).any():
                raise TargetError(
                    f"the label {v[wrong][0]!r} is none of the classes {names.tolist()}."
                )
            codes.append(code)
        C = len(names)
        counts = np.bincount(codes[0] * C + codes[1], minlength=C * C).reshape(C, C)
        return cls(counts, tuple(names.tolist()), check_level(level))

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    @property
    def accuracy(self) -> Share:
        return Share.of(int(np.trace(self.counts)), self.n, self.level)

    def recall(self, c: int = -1) -> Share:
        """Of the rows of class c (default: the last) those called c. Of the other of two classes: specificity."""
        return Share.of(int(self.counts[c, c]), int(self.counts[c].sum()), self.level)

    def precision(self, c: int = -1) -> Share:
        """Of the rows called c those of class c. Of the other of two classes: negative predictive value."""
        return Share.of(int(self.counts[c, c]), int(self.counts[:, c].sum()), self.level)

    def f1(self, c: int = -1) -> Share:
        """Harmonic mean of precision and recall of class c."""
        hit = int(self.counts[c, c])
        j = Share.of(hit, int(self.counts[c].sum() + self.counts[:, c].sum()) - hit, self.level)
        value, low, high = (2 * v / (1 + v) for v in (j.value, j.low, j.high))
        return Share(value, low, high, j.rows)

    @property
    def balanced_accuracy(self) -> Share:
        """Mean recall of the classes that occur; `rows` are those of the smallest."""
        some = [c for c in range(len(self.classes)) if self.counts[c].sum()]
        shares = [self.recall(c) for c in some]
        value = float(np.mean([s.value for s in shares]))
        down, up = (
            float(np.sqrt(sum((s.value - e) ** 2 for s, e in zip(shares, ends, strict=True))))
            for ends in ([s.low for s in shares], [s.high for s in shares])
        )
        C = len(shares)
        low, high = max(0.0, value - down / C), min(1.0, value + up / C)
        return Share(value, low, high, min(s.rows for s in shares))

    @property
    def correlation(self) -> Share:
        """Matthews' correlation coefficient; NaN within (-1, 1) where only one class is true or called.

        Where all calls are right, or all wrong, the far end is that of Wilson's interval of the accuracy, 2a - 1.
        Coverage of 95 % in 4,000 samples, R 0.2 to 0.8: 94.2-96.2 % at n = 50, 94.3-95.4 % at n = 200.
        """
        P = self.counts / max(self.n, 1)
        t, c, right = P.sum(axis=1), P.sum(axis=0), float(np.trace(P))
        both, A, B = float(t @ c), 1 - float(c @ c), 1 - float(t @ t)
        if not (A > _ROUNDING and B > _ROUNDING):
            return Share(float("nan"), -1.0, 1.0, self.n)
        r = (right - both) / np.sqrt(A * B)
        # by the weight of cell (i, j): of the covariance, and half the relative ones of the variances
        cov = np.eye(len(t)) - right - (c[:, None] + t - 2 * both)
        half = (1 - A - c) / A + ((1 - B - t) / B)[:, None]
        slope = cov / np.sqrt(A * B) - r * half
        se = float(np.sqrt(max(float((P * slope**2).sum()), 0.0) / self.n))
        z = float(special.ndtri(0.5 + self.level / 2))
        if abs(r) > 1 - _ROUNDING:
            a = self.accuracy
            low, high = (2 * a.low - 1, 1.0) if r > 0 else (-1.0, 2 * a.high - 1)
            return Share(float(np.sign(r)), low, high, self.n)
        low, high = (float(np.tanh(np.arctanh(r) + h * se / (1 - r * r))) for h in (-z, z))
        return Share(float(r), low, high, self.n)

    @property
    def score(self) -> Score:
        """Accuracy against always calling the largest class, paired row by row."""
        rows, largest = self.counts.sum(axis=1), int(self.counts.sum(axis=1).argmax())
        right = int(np.trace(self.counts))
        both = int(self.counts[largest, largest])
        won, lost = right - both, int(rows[largest]) - both
        d = np.repeat([1.0, -1.0, 0.0], [won, lost, self.n - won - lost])
        gain, a = mean_of(d, self.level), self.accuracy
        se = float(np.sqrt(a.value * (1 - a.value) / self.n))
        return Score(
            "accuracy", a.value, se, a.low, a.high, self.n, "higher", float(rows.max() / self.n),
            gain.value, gain.low, gain.high, self.level,
        )  # fmt: skip

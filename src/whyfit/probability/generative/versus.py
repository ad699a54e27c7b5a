"""Generative or discriminative: linear discriminant analysis beside logistic regression, on the same held-out rows.

Both have linear log odds. LDA also believes that rows of a class are normal with one covariance: where that holds it
needs fewer rows (Efron: logistic has 1/2 to 2/3 of its efficiency at usual separations), where it fails it is biased
at any n. Folds are held out in turn; the score is the mean log loss of the held-out rows. LDA is fitted k times from
the moments of (fold, class) of one pass. The difference is paired by fold, with Nadeau and Bengio's interval.

References: Efron (1975), JASA 70, 892-898; Ng & Jordan (2002), NIPS 14; Nadeau & Bengio (2003), Machine Learning 52.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from whyfit.data.arrays import ArrayRows
from whyfit.data.folds import fold_count
from whyfit.engines.local import LocalEngine
from whyfit.errors import ShapeError, TargetError
from whyfit.fold import Rows, fold
from whyfit.linalg.moments import FoldMoments, moments_of
from whyfit.probability import logistic, logistic_validation, multinomial
from whyfit.probability.generative.classes import GaussianClasses, gaussian_classes
from whyfit.probability.linear import fit_moments, gather
from whyfit.probability.validation import Estimate, over_folds


@dataclass(frozen=True, eq=False)
class Versus:
    """Held-out log loss per fold of both, and the paired difference generative − discriminative.

    NaN in a fold whose training rows lack a class.
    """

    generative: Float[np.ndarray, " k"]
    discriminative: Float[np.ndarray, " k"]
    difference: Estimate

    @property
    def better(self) -> str:
        """ "generative", "discriminative", or "cannot tell"."""
        if not self.difference.low < self.difference.high:
            return "cannot tell"
        if self.difference.high < 0:
            return "generative"
        return "discriminative" if self.difference.low > 0 else "cannot tell"

    def __str__(self) -> str:
        d = self.difference
        return (
            f"held-out log loss: LDA {np.nanmean(self.generative):.4f}, "
            f"logistic {np.nanmean(self.discriminative):.4f}; "
            f"difference {d.value:+.4f} ({d.low:+.4f} to {d.high:+.4f}): {self.better}"
        )


@dataclass(frozen=True, slots=True)
class _Loss:
    total: Float[np.ndarray, " k"]
    rows: Float[np.ndarray, " k"]

    def __add__(self, other: _Loss) -> _Loss:
        return _Loss(self.total + other.total, self.rows + other.rows)


def compare(
    X: Float[np.ndarray, "n p"],
    codes: Int[np.ndarray, " n"],
    folds: int = 10,
    *,
    ridge: float = 0.0,
    level: float = 0.95,
    seed: int = 0,
) -> Versus:
    """LDA against logistic regression (penalty `ridge`) by held-out log loss on the same folds.

    Raises
    ------
    ShapeError : sizes. TargetError : fewer than two classes, or codes other than 0 … C − 1.
    """
    X, codes = np.asarray(X, dtype=np.float64), np.asarray(codes)
    if X.ndim != 2 or codes.shape != X.shape[:1]:
        raise ShapeError(
            f"X has shape {X.shape} and the classes {codes.shape}; expected (n, p) and (n,)."
        )
    found = np.unique(codes)
    C = len(found)
    if C < 2 or not np.array_equal(found, np.arange(C)):
        raise TargetError(
            f"the classes are {found[:5].tolist()}; expected codes 0, 1, … of at least two classes."
        )
    y = codes.astype(np.float64)
    rows = ArrayRows(X, y, fold_count(len(y), folds), seed)
    discriminative = _logistic(rows, len(y), C, ridge)
    generative = _lda(rows, C)
    return Versus(generative, discriminative, over_folds(generative - discriminative, level))


def _logistic(rows: ArrayRows, n: int, C: int, ridge: float) -> Float[np.ndarray, " k"]:
    total = gather(rows, rows.k).total
    linear = fit_moments(total, rows.names, 0.0, rows)
    scale = np.sqrt(np.diag(total.scatter)[:-1] / n)
    at = (rows, n, total.mean[:-1], np.where(scale > 0, scale, 1.0), ridge)
    if C == 2:
        fit = logistic.fit_rows(*at, linear.dropped)
        return logistic_validation.cross_validate(fit, rows, rows.k)[0]["log_loss"]
    fit = multinomial.fit_rows(*at, linear.dropped, classes=tuple(map(str, range(C))))
    return multinomial.cross_validate(fit, rows, rows.k)[0]["log_loss"]


def _lda(rows: ArrayRows, C: int) -> Float[np.ndarray, " k"]:
    k, p = rows.k, len(rows.names)
    both = fold(
        _by_fold_and_class(rows, C),
        moments_of(k * C, rows.names),
        FoldMoments.empty(p + 1, k * C),
        LocalEngine(),
    ).columns(range(p))
    of_class = [
        FoldMoments(both.n[c::C], both.offset[c::C], both.scatter[c::C], both.shift)
        for c in range(C)
    ]
    models: list[GaussianClasses | None] = []
    for j in range(k):
        each = [m.without(j) for m in of_class]
        models.append(gaussian_classes(each, "linear") if all(m.n > 0 for m in each) else None)

    def of(block: Rows) -> _Loss:
        total, count = np.zeros(k), np.bincount(block.fold, minlength=k).astype(float)
        for j in np.unique(block.fold):
            model, here = models[j], block.fold == j
            if model is None:
                total[j] = np.nan
                continue
            log = model.log_posterior(block.X[here])
            total[j] = -log[np.arange(len(log)), block.y[here].astype(int)].sum()
        return _Loss(total, count)

    sums = fold(rows.blocks(), of, _Loss(np.zeros(k), np.zeros(k)), LocalEngine())
    with np.errstate(invalid="ignore"):
        return sums.total / sums.rows


def _by_fold_and_class(rows: ArrayRows, C: int) -> Iterator[Rows]:
    for block in rows.blocks():
        label = block.fold.astype(np.int64) * C + block.y.astype(np.int64)
        yield replace(block, fold=label)

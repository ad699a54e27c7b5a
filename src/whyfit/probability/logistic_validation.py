"""Cross-validation of logistic regression, exact, in a few passes for all folds together.

Held-out scores are per fold: log loss, Brier score, accuracy, balanced accuracy and recall at a threshold, and
skill = 1 − log loss / log loss of the training base rate.

Each training set's optimum is reached from the full fit by one Newton step with its own Hessian H − H_j; one
further pass over the rows, for all folds at once, gives the held-out scores *and* the decrement δ_j that
certifies the step. Folds that fail the certificate step again, those far off with curvature of their own. Where
the classes are separated there is no optimum, and coefficients that saw all rows are perfect on the held-out ones
too: then every training set is fitted from zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from whyfit.calculus.logistic import newton, penalty, sigmoid_and_loss
from whyfit.data.views import Filtered, without_columns
from whyfit.engines.local import LocalEngine
from whyfit.fold import Engine, Rows, RowSource, fold
from whyfit.linalg.columns import columns_of, tile_rows
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.validation import FoldScores

#: A training optimum is good enough when its held-out log loss is exact to about this much per row. An optimum δ
#: standard errors away moves that loss by about δ√c/n.
LOSS_ERROR = 1e-8
STRICT = 1e-6  # never ask for less than this δ
FAR = 0.3  # beyond this δ the Hessian at the full fit is no longer the right one ...
SLOW = 0.1  # ... nor where a step leaves more than this share of δ
RUNAWAY = 0.05  # where the maximum is at infinity no step is the last; held-out loss to 1e-3/n
#: A loss per row below this belongs to classes that are separated completely.
SEPARATED = 1e-2
ATTEMPTS = 10


def cross_validate(
    fit: LogisticFit,
    rows: RowSource,
    k: int,
    *,
    threshold: float = 0.5,
    excluded: frozenset[int] = frozenset(),
    engine: Engine | None = None,
) -> tuple[FoldScores, Float[np.ndarray, "k c"]]:
    """Held-out scores per fold and the k training coefficient vectors (1, x − centre; kept columns).

    Rows of `excluded` (source row numbers) are scored but never trained on.
    """
    engine = engine or LocalEngine()
    source, centre, b = without_columns(rows, fit.dropped), fit.optimum.centre, fit.optimum.b
    scale, c = fit.scale[~fit.dropped], len(fit.optimum.b)
    out = np.fromiter(sorted(excluded), dtype=np.int64, count=len(excluded))
    each = fold(source.blocks(), _curvature(b, centre, k, out), _Curvature.empty(k, c), engine)
    _, slope, diagonal = penalty(b, scale, fit.ridge)
    H, g = each.hessian.sum(axis=0), each.gradient.sum(axis=0) + slope
    factors = [_Factor.of(H - each.hessian[j] + np.diag(diagonal)) for j in range(k)]
    separated = fit.optimum.runaway and fit.optimum.loss < SEPARATED * fit.n
    if separated:
        B = np.stack([_anew(source, centre, scale, j, fit, out, engine) for j in range(k)])
    else:
        B = np.stack(
            [b - _bounded(factors[j].solve(g - each.gradient[j]), scale) for j in range(k)]
        )
    enough = max(STRICT if fit.converged else RUNAWAY, LOSS_ERROR * fit.n / np.sqrt(c))
    before = np.full(k, np.inf)
    sums = zero = _Pass(np.zeros_like(B), np.zeros((k, 7)))
    for attempt in range(ATTEMPTS):
        sums = fold(source.blocks(), _gradients(B, centre, threshold, out), zero, engine)
        slopes = [sums.gradient[j] + penalty(B[j], scale, fit.ridge)[1] for j in range(k)]
        steps = [factors[j].solve(slopes[j]) for j in range(k)]
        gain = [float(u @ v) for u, v in zip(slopes, steps, strict=True)]
        delta = np.sqrt(np.maximum(gain, 0.0))
        if separated or delta.max() < enough or attempt == ATTEMPTS - 1:
            break
        for j in np.flatnonzero(delta >= enough):
            B[j] -= _bounded(steps[j], scale)
        far = np.flatnonzero((delta > FAR) | ((delta >= enough) & (delta > SLOW * before)))
        before = delta
        if far.size:
            none = _Hessians(np.zeros((far.size, c, c)))
            own = fold(source.blocks(), _hessians(B[far], far, centre, out), none, engine)
            for i, j in enumerate(far):
                factors[j] = _Factor.of(own.hessian[i] + np.diag(diagonal))
    return _scores(sums.tally, each.tally), B


def _bounded(step: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """No coefficient of a unit-variance column moves by more than 5: separable training sets run away."""
    size = np.abs(step * np.concatenate([[1.0], scale])).max(initial=0.0)
    return step * min(1.0, 5.0 / size) if size > 0 else step


def _anew(source, centre, scale, j, fit, out, engine) -> Float[np.ndarray, " c"]:
    """The optimum of training set j from zero."""
    training = Filtered(source, lambda r: (r.fold != j) & ~np.isin(r.index, out))
    return newton(training.blocks, fit.n, centre, scale, engine, fit.ridge).b


@dataclass(frozen=True, slots=True)
class _Factor:
    """A Hessian of unit diagonal, factored; by pseudo-inverse if it is not positive definite."""

    factor: tuple | None
    inverse: np.ndarray | None
    d: np.ndarray

    @classmethod
    def of(cls, H: Float[np.ndarray, "c c"]) -> _Factor:
        d = np.sqrt(np.maximum(np.diag(H), np.finfo(float).tiny))
        A = H / d / d[:, None]
        try:
            return cls(cho_factor(A, lower=True, check_finite=False), None, d)
        except LinAlgError:
            return cls(None, np.linalg.pinv(A, hermitian=True), d)

    def solve(self, g: Float[np.ndarray, " c"]) -> Float[np.ndarray, " c"]:
        if self.inverse is not None:
            return self.inverse @ (g / self.d) / self.d
        return cho_solve(self.factor, g / self.d, check_finite=False) / self.d


@dataclass(frozen=True, slots=True)
class _Curvature:
    """Per fold, at the full fit: Hessian, gradient, and (rows, positives)."""

    hessian: Float[np.ndarray, "k c c"]
    gradient: Float[np.ndarray, "k c"]
    tally: Float[np.ndarray, "k 2"]

    @classmethod
    def empty(cls, k: int, c: int) -> _Curvature:
        return cls(np.zeros((k, c, c)), np.zeros((k, c)), np.zeros((k, 2)))

    def __add__(self, other: _Curvature) -> _Curvature:
        return _Curvature(
            self.hessian + other.hessian, self.gradient + other.gradient, self.tally + other.tally
        )


def _curvature(b, centre, k: int, out: Int[np.ndarray, " o"]) -> Callable[[Rows], _Curvature]:
    def of(rows: Rows) -> _Curvature:
        c = len(b)
        H, g = np.zeros((k, c, c)), np.zeros((k, c))
        yes = np.bincount(rows.fold, weights=rows.y, minlength=k)
        tally = np.stack([np.bincount(rows.fold, minlength=k), yes], axis=1)
        tile = tile_rows(c)
        buffer, product = np.empty((c, tile)), np.empty((c, c))
        for start in range(0, len(rows.y), tile):
            part = slice(start, start + tile)
            label = rows.fold[part]
            order = np.argsort(label, kind="stable")
            cut = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=k))])
            y = rows.y[part][order]
            Z = columns_of(rows.X[part][order], centre, buffer)
            pi, _ = sigmoid_and_loss(b @ Z, y)
            r, weight = pi - y, np.sqrt(pi * (1 - pi))
            if out.size:
                hidden = np.isin(rows.index[part][order], out)
                r[hidden] = weight[hidden] = 0.0
            V = Z * weight
            for j in range(k):
                a, e = cut[j], cut[j + 1]
                if a < e:
                    g[j] += Z[:, a:e] @ r[a:e]
                    H[j] += np.dot(V[:, a:e], V[:, a:e].T, out=product)
        return _Curvature(H, g, tally)

    return of


@dataclass(frozen=True, slots=True)
class _Pass:
    """For each fold's model: training gradient and held-out tallies."""

    gradient: Float[np.ndarray, "k c"]
    tally: Float[np.ndarray, "k 7"]  # rows, loss, squared error, tp, fp, tn, fn

    def __add__(self, other: _Pass) -> _Pass:
        return _Pass(self.gradient + other.gradient, self.tally + other.tally)


def _gradients(B, centre, threshold: float, out: Int[np.ndarray, " o"]) -> Callable[[Rows], _Pass]:
    def of(rows: Rows) -> _Pass:
        k, c = B.shape
        gradient, tally = np.zeros((k, c)), np.zeros((k, 7))
        tile = tile_rows(c)
        buffer = np.empty((c, tile))
        for start in range(0, len(rows.y), tile):
            part = slice(start, start + tile)
            y, label = rows.y[part], rows.fold[part]
            Z = columns_of(rows.X[part], centre, buffer)
            eta = B @ Z
            at = np.arange(len(y))
            pi, loss = sigmoid_and_loss(eta[label, at], y)  # held out: its own fold's model only
            t = np.exp(-np.abs(eta))
            R = np.where(eta >= 0, 1.0, t)
            R /= 1.0 + t
            R -= y
            R[label, at] = 0.0
            if out.size:
                R[:, np.isin(rows.index[part], out)] = 0.0
            gradient += R @ Z.T
            yes, call = y == 1, pi >= threshold
            columns = (
                np.ones(len(y)), loss, (pi - y) ** 2,
                yes & call, ~yes & call, ~yes & ~call, yes & ~call,
            )  # fmt: skip
            for i, v in enumerate(columns):
                tally[:, i] += np.bincount(label, weights=v, minlength=k)
        return _Pass(gradient, tally)

    return of


@dataclass(frozen=True, slots=True)
class _Hessians:
    hessian: Float[np.ndarray, "f c c"]

    def __add__(self, other: _Hessians) -> _Hessians:
        return _Hessians(self.hessian + other.hessian)


def _hessians(B, which, centre, out: Int[np.ndarray, " o"]) -> Callable[[Rows], _Hessians]:
    """Training Hessians of the models `which`, each at its own coefficients."""

    def of(rows: Rows) -> _Hessians:
        f, c = B.shape
        tile = tile_rows(c)
        H, buffer = np.zeros((f, c, c)), np.empty((c, tile))
        for start in range(0, len(rows.y), tile):
            part = slice(start, start + tile)
            Z = columns_of(rows.X[part], centre, buffer)
            t = np.exp(-np.abs(B @ Z))
            weight = np.sqrt(t) / (1 + t)
            if out.size:
                weight[:, np.isin(rows.index[part], out)] = 0.0
            for i, j in enumerate(which):
                V = Z * (weight[i] * (rows.fold[part] != j))
                H[i] += V @ V.T
        return _Hessians(H)

    return of


def _scores(tally: Float[np.ndarray, "k 7"], base: Float[np.ndarray, "k 2"]) -> FoldScores:
    n, loss, squares, tp, fp, tn, fn = tally.T
    rest, rest_yes = base[:, 0].sum() - base[:, 0], base[:, 1].sum() - base[:, 1]
    pi = np.clip(rest_yes / rest, 1e-12, 1 - 1e-12)
    yes = tp + fn
    with np.errstate(divide="ignore", invalid="ignore"):
        null = -(yes * np.log(pi) + (n - yes) * np.log1p(-pi)) / n
        recall, specificity = tp / (tp + fn), tn / (tn + fp)
        return {
            "log_loss": loss / n,
            "skill": 1 - (loss / n) / null,
            "brier": squares / n,
            "accuracy": (tp + tn) / n,
            "balanced_accuracy": (recall + specificity) / 2,
            "recall": recall,
            "log_score": -loss / n,
            "null_log_loss": null,
            "null_accuracy": np.where(pi >= 0.5, yes, n - yes) / n,
        }

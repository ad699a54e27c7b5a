"""Logistic regression: the fit, its law, and its cross-validation.

    ŵ ≈ N(w, H⁻¹) at the maximum of the likelihood; with a penalty, H includes it and the interval is the
    Laplace approximation of the posterior. Held-out scores are per fold: log loss, Brier score, accuracy and
    balanced accuracy at a threshold, and skill = 1 − log loss / log loss of the training base rate.

Each training set's optimum is reached from the full fit by one Newton step with its own Hessian H − H_j; one
further pass over the rows, for all folds at once, gives the held-out scores *and* the decrement that
certifies the step; folds that fail the certificate step again.

Reference: McCullagh & Nelder (1989), Generalized Linear Models, ch. 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

from whyfit.calculus.logistic import (
    NewtonSums,
    Optimum,
    columns_of,
    newton,
    newton_sums,
    penalty,
    sigmoid_and_loss,
)
from whyfit.data.arrays import ArrayRows
from whyfit.engines.local import LocalEngine
from whyfit.fold import Engine, Rows, RowSource, fold
from whyfit.linalg.conditioning import Conditioning
from whyfit.linalg.solve import GAMMA, MAX_DIGITS
from whyfit.probability.distributions import chi2_upper, t_quantile
from whyfit.probability.inference import Inference, infer
from whyfit.probability.validation import FoldScores

_TILE = 2048
FOLD_DECREMENT = 1e-3  # a training optimum within 1e-3 se: held-out log loss exact to 1e-6/2n


@dataclass(frozen=True)
class LogisticFit:
    """Coefficients on the original scale, intercept apart; `covariance` is (1+p × 1+p), intercept first."""

    names: tuple[str, ...]
    n: int
    coef: Float[np.ndarray, " p"]
    intercept: float
    covariance: Float[np.ndarray, "c c"]
    log_likelihood: float
    null_log_likelihood: float
    ridge: float
    dropped: Bool[np.ndarray, " p"]
    optimum: Optimum
    scale: Float[np.ndarray, " p"]

    @property
    def converged(self) -> bool:
        return self.optimum.converged

    @property
    def rank(self) -> int:
        return int((~self.dropped).sum())

    @property
    def df(self) -> float:
        return float(self.n - 1 - self.rank)

    @cached_property
    def conditioning(self) -> Conditioning:
        """Of the Hessian with unit diagonal (slopes, intercept swept out): what the steps had to invert."""
        H = self.optimum.hessian
        A = H[1:, 1:] - np.outer(H[1:, 0], H[0, 1:]) / H[0, 0]
        d = np.sqrt(np.maximum(np.diag(A), np.finfo(float).tiny))
        return Conditioning.of(A / d / d[:, None], self.n)

    @property
    def digits(self) -> Float[np.ndarray, " c"]:
        """Certain digits: rounding of the gradient through H⁻¹, plus the decrement left."""
        H, b = self.optimum.hessian, self.optimum.b
        d = np.sqrt(np.diag(H))
        inverse = np.linalg.pinv(H / d / d[:, None], hermitian=True)
        error = GAMMA * np.abs(inverse).sum(axis=1) / d * np.sqrt(self.n)
        error += min(self.optimum.decrement, 1.0) ** 2 * np.sqrt(np.abs(np.diag(inverse))) / d
        out = np.zeros(len(self.dropped) + 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            certain = np.clip(
                np.nan_to_num(-np.log10(error / np.abs(b)), neginf=0.0), 0, MAX_DIGITS
            )
        out[np.concatenate([[True], ~self.dropped])] = certain if self.converged else 0.0
        return out

    def likelihood_ratio(self) -> tuple[float, float, float]:
        """2(ℓ − ℓ₀), its degrees of freedom and p-value against the constant model."""
        stat = 2 * (self.log_likelihood - self.null_log_likelihood)
        return stat, float(self.rank), chi2_upper(max(stat, 0.0), max(self.rank, 1))

    def inference(self, level: float = 0.95) -> Inference:
        names = ("intercept", *self.names)
        gone = np.concatenate([[False], self.dropped])
        variance = np.where(gone, np.nan, np.diag(self.covariance))
        estimate = np.where(gone, np.nan, np.concatenate([[self.intercept], self.coef]))
        return infer(names, estimate, variance, np.inf, level, self.digits)

    def linear_predictor(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, " m"]:
        return self.intercept + X @ self.coef

    def predict_interval(
        self, X: Float[np.ndarray, "m p"], level: float
    ) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
        """Probability of the positive class with its interval, made on the logit scale."""
        eta = self.linear_predictor(X)
        A = np.hstack([np.ones((len(X), 1)), X])
        se = np.sqrt(
            np.maximum(np.einsum("ij,jk,ik->i", A, np.nan_to_num(self.covariance), A), 0.0)
        )
        half = t_quantile(level, np.inf) * se
        probability = [
            sigmoid_and_loss(v, np.zeros(len(v)))[0] for v in (eta, eta - half, eta + half)
        ]
        return probability[0], probability[1], probability[2]


class _Kept:
    """A RowSource restricted to some columns."""

    def __init__(self, rows: RowSource, keep: Bool[np.ndarray, " p"]) -> None:
        self.rows, self.keep = rows, keep

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(n for n, k in zip(self.rows.names, self.keep, strict=True) if k)

    def blocks(self):
        for b in self.rows.blocks():
            yield Rows(b.X[:, self.keep], b.y, b.index, b.fold)


def kept_rows(rows: RowSource, dropped: Bool[np.ndarray, " p"]) -> RowSource:
    return _Kept(rows, ~dropped) if dropped.any() else rows


def fit_rows(
    rows: RowSource,
    n: int,
    mean: Float[np.ndarray, " p"],
    scale: Float[np.ndarray, " p"],
    ridge: float = 0.0,
    dropped: Bool[np.ndarray, " p"] | None = None,
    engine: Engine | None = None,
) -> LogisticFit:
    """Fit over rows with y in {0, 1}; `mean` and `scale` (standard deviations) only condition the steps."""
    p = len(rows.names)
    dropped = np.zeros(p, dtype=bool) if dropped is None else dropped
    keep, source = ~dropped, kept_rows(rows, dropped)
    optimum = newton(source.blocks, n, mean[keep], scale[keep], engine or LocalEngine(), ridge)
    penal = penalty(optimum.b, scale[keep], ridge)[0]
    return _original_scale(rows.names, optimum, dropped, scale, ridge, penal, n)


def _original_scale(names, optimum: Optimum, dropped, scale, ridge, penal, n) -> LogisticFit:
    keep = ~dropped
    J = np.eye(len(optimum.b))
    J[0, 1:] = -optimum.centre
    d = np.sqrt(np.maximum(np.diag(optimum.hessian), np.finfo(float).tiny))
    inverse = np.linalg.pinv(optimum.hessian / d / d[:, None], hermitian=True) / d / d[:, None]
    small = J @ inverse @ J.T
    place = np.concatenate([[True], keep])
    covariance = np.full((len(place), len(place)), np.nan)
    covariance[np.ix_(place, place)] = small
    coef = np.zeros(len(keep))
    coef[keep] = optimum.b[1:]
    intercept = float(optimum.b[0] - optimum.centre @ optimum.b[1:])
    share = np.clip(optimum.positives / n, 1e-300, 1.0)
    null = n * float(special.xlogy(share, share) + special.xlogy(1 - share, 1 - share))
    return LogisticFit(
        tuple(names),
        n,
        coef,
        intercept,
        covariance,
        -(optimum.loss - penal),
        null,
        ridge,
        dropped,
        optimum,
        scale,
    )


@dataclass(frozen=True, slots=True)
class FoldSums:
    """For each fold's model: training gradient (k × c) and held-out tallies (k)."""

    gradient: Float[np.ndarray, "k c"]
    tally: Float[np.ndarray, "k 7"]  # n, loss, squared error, tp, fp, tn, fn

    def __add__(self, other: FoldSums) -> FoldSums:
        return FoldSums(self.gradient + other.gradient, self.tally + other.tally)


def fold_sums(
    B: Float[np.ndarray, "k c"],
    centre: Float[np.ndarray, " p"],
    threshold: float,
    excluded: frozenset[int],
) -> Callable[[Rows], FoldSums]:
    """Training gradient and held-out tallies of k models (rows of B) from one block."""
    out_rows = np.fromiter(excluded, dtype=np.int64, count=len(excluded))

    def of(rows: Rows) -> FoldSums:
        k, c = B.shape
        gradient, tally = np.zeros((k, c)), np.zeros((k, 7))
        buffer = np.empty((c, _TILE))
        for start in range(0, len(rows.y), _TILE):
            part = slice(start, start + _TILE)
            y, label = rows.y[part], rows.fold[part]
            Z = columns_of(rows.X[part], centre, buffer)
            pi, loss = sigmoid_and_loss(B @ Z, y)
            r = pi - y
            m = np.arange(len(y))
            held_r, held_pi, held_loss = r[label, m].copy(), pi[label, m], loss[label, m]
            r[label, m] = 0.0
            if out_rows.size:
                r[:, np.isin(rows.index[part], out_rows)] = 0.0
            gradient += r @ Z.T
            yes, call = y == 1, held_pi >= threshold
            for i, v in enumerate(
                (
                    np.ones(len(y)),
                    held_loss,
                    held_r**2,
                    yes & call,
                    ~yes & call,
                    ~yes & ~call,
                    yes & ~call,
                )
            ):
                tally[:, i] += np.bincount(label, weights=v, minlength=k)
        return FoldSums(gradient, tally)

    return of


def cross_validate(
    fit: LogisticFit,
    rows: RowSource,
    k: int,
    *,
    threshold: float = 0.5,
    excluded: frozenset[int] = frozenset(),
    engine: Engine | None = None,
) -> tuple[FoldScores, Float[np.ndarray, "k c"]]:
    """Held-out scores per fold and the k training coefficient vectors (1, x − centre; kept columns)."""
    engine = engine or LocalEngine()
    source, centre, b = kept_rows(rows, fit.dropped), fit.optimum.centre, fit.optimum.b
    scale = fit.scale[~fit.dropped]
    H = _fold_hessians(source, b, centre, k, excluded, engine)
    _, slope, diagonal = penalty(b, scale, fit.ridge)
    total = H.sum_of()
    B = np.tile(b, (k, 1))
    factors = []
    for j in range(k):
        A = total.hessian - H.hessian[j] + np.diag(diagonal)
        g = total.gradient - H.gradient[j] + slope
        d = np.sqrt(np.maximum(np.diag(A), np.finfo(float).tiny))
        inverse = np.linalg.pinv(A / d / d[:, None], hermitian=True) / d / d[:, None]
        B[j] -= _bounded(inverse @ g, scale)
        factors.append(inverse)
    for attempt in range(6):
        zero = FoldSums(np.zeros_like(B), np.zeros((k, 7)))
        sums = fold(source.blocks(), fold_sums(B, centre, threshold, excluded), zero, engine)
        steps = np.zeros_like(B)
        worst = 0.0
        for j in range(k):
            g = sums.gradient[j] + penalty(B[j], scale, fit.ridge)[1]
            steps[j] = _bounded(factors[j] @ g, scale)
            worst = max(worst, float(np.sqrt(max(g @ factors[j] @ g, 0.0))))
        if worst < FOLD_DECREMENT or not fit.converged or attempt == 5:
            break
        B = B - steps
        if worst > 0.3:  # far off: this fold needs its own curvature
            factors = [_own_inverse(source, B[j], centre, j, diagonal, engine) for j in range(k)]
    return _scores(sums.tally, H.tally), B


def _bounded(step: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """No coefficient of a unit-variance column moves by more than 5: separable training sets run away."""
    size = np.abs(step * np.concatenate([[1.0], scale])).max(initial=0.0)
    return step * min(1.0, 5.0 / size) if size > 0 else step


def _own_inverse(source, b, centre, j, diagonal, engine):
    def train(rows: Rows) -> Rows:
        keep = rows.fold != j
        return Rows(rows.X[keep], rows.y[keep], rows.index[keep], rows.fold[keep])

    blocks = (train(r) for r in source.blocks())
    sums = fold(blocks, newton_sums(b, centre, True), NewtonSums.empty(len(b), True), engine)
    A = sums.hessian + np.diag(diagonal)
    d = np.sqrt(np.maximum(np.diag(A), np.finfo(float).tiny))
    return np.linalg.pinv(A / d / d[:, None], hermitian=True) / d / d[:, None]


@dataclass(frozen=True, slots=True)
class _PerFold:
    hessian: Float[np.ndarray, "k c c"]
    gradient: Float[np.ndarray, "k c"]
    tally: Float[np.ndarray, "k 2"]  # rows, positives

    def __add__(self, other: _PerFold) -> _PerFold:
        return _PerFold(
            self.hessian + other.hessian, self.gradient + other.gradient, self.tally + other.tally
        )

    def sum_of(self) -> NewtonSums:
        return NewtonSums(
            int(self.tally[:, 0].sum()), 0.0, self.gradient.sum(axis=0), self.hessian.sum(axis=0)
        )


def _fold_hessians(source, b, centre, k, excluded, engine) -> _PerFold:
    out_rows = np.fromiter(excluded, dtype=np.int64, count=len(excluded))

    def of(rows: Rows) -> _PerFold:
        H, g, t = np.zeros((k, len(b), len(b))), np.zeros((k, len(b))), np.zeros((k, 2))
        for j in range(k):
            t[j] = (rows.fold == j).sum(), rows.y[rows.fold == j].sum()
            keep = np.flatnonzero((rows.fold == j) & ~np.isin(rows.index, out_rows))
            part = Rows(rows.X[keep], rows.y[keep], rows.index[keep], rows.fold[keep])
            sums = newton_sums(b, centre, True)(part)
            H[j], g[j] = sums.hessian, sums.gradient
        return _PerFold(H, g, t)

    c = len(b)
    zero = _PerFold(np.zeros((k, c, c)), np.zeros((k, c)), np.zeros((k, 2)))
    return fold(source.blocks(), of, zero, engine)


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


@dataclass(frozen=True)
class LogisticArrayFit:
    fit: LogisticFit
    inference: Inference


def fit_arrays(
    X: Float[np.ndarray, "n p"],
    y: Float[np.ndarray, " n"],
    *,
    ridge: float = 0.0,
    level: float = 0.95,
    names: tuple[str, ...] | None = None,
) -> LogisticArrayFit:
    """Binary logistic regression with its inference table from arrays; y in {0, 1}."""
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    rows = ArrayRows(X, y, 2, 0, names)
    head = X[:: max(1, len(X) // 4096)]
    scale = head.std(axis=0)
    fit = fit_rows(rows, len(y), head.mean(axis=0), np.where(scale > 0, scale, 1.0), ridge)
    return LogisticArrayFit(fit, fit.inference(level))


__all__ = ["LogisticArrayFit", "LogisticFit", "cross_validate", "fit_arrays", "fit_rows"]

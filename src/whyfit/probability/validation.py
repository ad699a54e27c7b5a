"""Cross-validation of linear models from fold moments, and intervals for its scores.

For fold j let training moments be those of the other folds; with their solution z the held-out sum of
squares follows from fold j's own moments:

    SSE_j = S_yy − 2 wᵀS_xy + wᵀS_xx w + n_j (ȳ_j − ȳ − (μ_j − μ)ᵀw)²,    R²_j = 1 − SSE_j / S_yy

which is scikit-learn's r2_score on that fold. The interval of a mean over folds uses the corrected variance
(1/k + n_test/n_train) s² of Nadeau & Bengio (2003), Machine Learning 52, 239-281: scores of overlapping
training sets are correlated, and the plain s²/k is too small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.linalg.conditioning import correlation, live_columns
from whyfit.linalg.moments import FoldMoments, Moments
from whyfit.linalg.solve import solve_gram
from whyfit.probability.distributions import p_above, t_quantile

#: Penalties per row of the ridge path, λ/n on unit-variance columns: from invisible to the mean model.
PATH = tuple(10.0 ** np.arange(-6, 4.01, 0.5))

#: A column with less of its spread than this left in a training set is constant there: rounding leaves √u = 1e-8.
VANISHED = 1e-7

FoldScores = dict[str, Float[np.ndarray, " k"]]


def cross_validate(
    folds: FoldMoments, ridge: float = 0.0, excluded: FoldMoments | None = None
) -> FoldScores:
    """Held-out "r2", "mse" and "log_score" of least squares or ridge, one value per fold.

    "log_score" is the mean log density of held-out rows under N(ŷ, σ̂²) with the training σ̂².
    `excluded` are moments of rows that are scored but not trained on.
    """
    return cross_validate_path(folds, (ridge,), excluded)[0]


def cross_validate_path(
    folds: FoldMoments, ridges: tuple[float, ...], excluded: FoldMoments | None = None
) -> list[FoldScores]:
    """`cross_validate` for several penalties; every training set is decomposed once."""
    return _path(folds, ridges, excluded)[0]


def with_coefficients(
    folds: FoldMoments, ridge: float = 0.0, excluded: FoldMoments | None = None
) -> tuple[FoldScores, Float[np.ndarray, "k q"]]:
    """`cross_validate` and, of each fold's training set, the coefficients (intercept first, original scale)."""
    scores, B = _path(folds, (ridge,), excluded)
    return scores[0], B[0]


def _path(
    folds: FoldMoments, ridges: tuple[float, ...], excluded: FoldMoments | None
) -> tuple[list[FoldScores], Float[np.ndarray, "r k q"]]:
    k = folds.k
    B = np.zeros((len(ridges), k, folds.mean.shape[1]))
    out = [{name: np.full(k, np.nan) for name in ("r2", "mse", "log_score")} for _ in ridges]
    for j in range(k):
        train, test = folds.without(j), folds.fold(j)
        live, safe, C, c = _scaled(train, folds.total)
        scored = test.n > 0 and train.n > 1
        if excluded is not None:
            test = test + excluded.fold(j)
        for i, z in enumerate(_solutions(C, c, ridges, train.n)):
            w = B[i, j, 1:]
            w[live] = z * safe[-1] / safe[:-1][live]
            B[i, j, 0] = train.mean[-1] - train.mean[:-1] @ w
            if not scored:
                continue
            sse = _held_out_sse(test, train.mean, w)
            rss = max(float(1 - 2 * z @ c + z @ C @ z), 0.0) * train.scatter[-1, -1]
            sigma2 = rss / max(train.n - 1 - live.sum(), 1)
            syy = test.scatter[-1, -1]
            with np.errstate(divide="ignore", invalid="ignore"):
                out[i]["r2"][j] = 1 - sse / syy if syy > 0 else np.nan
                out[i]["mse"][j] = sse / test.n
                out[i]["log_score"][j] = (
                    -0.5 * (np.log(2 * np.pi * sigma2) + sse / test.n / sigma2)
                    if sigma2 > 0
                    else np.nan
                )
    return out, B


def training_coefficients(folds: FoldMoments, ridge: float = 0.0) -> Float[np.ndarray, "k q"]:
    """Coefficients (intercept first, original scale) of each fold's training set."""
    return with_coefficients(folds, ridge)[1]


def _scaled(train: Moments, whole: Moments):
    """Live columns, lengths, and the correlation matrix and vector of the live ones.

    A 0/1 column whose only 1 is held out is constant in training, but for rounding of about √u of its spread in
    the whole table.
    """
    d = np.sqrt(np.diag(train.scatter))
    live = live_columns(train) & (d > VANISHED * np.sqrt(np.diag(whole.scatter)))[:-1]
    safe = np.where(d > 0, d, 1.0)
    C = correlation(train.scatter)
    return live, safe, C[:-1, :-1][np.ix_(live, live)], C[:-1, -1][live]


def _solutions(C, c, ridges, n):
    """z for every penalty; one Cholesky for one penalty, one eigendecomposition for several."""
    if len(ridges) == 1:
        yield solve_gram(C + ridges[0] / n * np.eye(len(C)) if ridges[0] else C, c)
        return
    mu, V = np.linalg.eigh(C)
    b = V.T @ c
    floor = 1e-13 * max(1.0, mu[-1]) if mu.size else 0.0
    for ridge in ridges:
        with np.errstate(divide="ignore", invalid="ignore"):
            yield V @ np.where(mu > floor, b / (np.maximum(mu, 0) + ridge / n), 0.0)


def _held_out_sse(test, mean, w) -> float:
    S, delta = test.scatter, test.mean - mean
    a = np.concatenate([-w, [1.0]])
    return float(max(a @ S @ a, 0.0) + test.n * (delta @ a) ** 2)


def held_out_error(
    train: Moments, test: Moments, whole: Moments, ridge: float = 0.0
) -> tuple[float, float]:
    """Mean squared error on `test` rows, and on those of `train`, of the fit to `train`; NaN without rows.

    `whole` are moments of all rows, by which columns that are constant in `train` are told.
    """
    live, safe, C, c = _scaled(train, whole)
    z = next(iter(_solutions(C, c, (ridge,), max(train.n, 1))))
    w = np.zeros(len(live))
    w[live] = z * safe[-1] / safe[:-1][live]
    rss = max(float(1 - 2 * z @ c + z @ C @ z), 0.0) * train.scatter[-1, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        held_out = np.divide(_held_out_sse(test, train.mean, w), test.n or np.nan)
        return float(held_out), float(np.divide(rss, train.n or np.nan))


def mean_scores(folds: FoldMoments, excluded: FoldMoments | None = None) -> FoldScores:
    """Held-out scores of the constant predictor; `excluded` as in `cross_validate`."""
    y = [folds.mean.shape[1] - 1]
    return cross_validate(
        folds.columns(y), excluded=None if excluded is None else excluded.columns(y)
    )


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over folds with its interval; `p_value` for "the mean is ≤ `limit`" (one-sided)."""

    value: float
    low: float
    high: float
    std_error: float
    df: float

    def p_above(self, limit: float = 0.0) -> float:
        return p_above(self.value - limit, self.std_error, self.df)


def over_folds(values: Float[np.ndarray, " k"], level: float = 0.95) -> Estimate:
    """Mean over folds with the Nadeau–Bengio interval; folds whose score is undefined are left out."""
    v = np.asarray(values, dtype=float)
    v = v[np.isfinite(v)]
    k = len(v)
    if k < 2:
        value = float(v[0]) if k else float("nan")
        return Estimate(value, float("nan"), float("nan"), float("nan"), float("nan"))
    with np.errstate(
        over="ignore"
    ):  # a fold may be as wrong as 10²⁰⁰: nothing is known of the mean then
        se = float(np.sqrt((1 / k + 1 / (k - 1)) * v.var(ddof=1)))
    half = t_quantile(level, k - 1) * se
    mean = float(v.mean())
    return Estimate(mean, mean - half, mean + half, se, k - 1)

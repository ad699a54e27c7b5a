"""An interval for the error of the model at hand, from nested cross-validation of moments.

Cross-validation trains k models whose training sets overlap, so that the n errors are no independent sample: s/√n is
too small for the error of *this* model (Err_XY). Bates, Hastie and Tibshirani estimate the mean squared error of the
estimate itself. For each fold j take ē_in, the cross-validated error within the other folds, and ē_out, the error on
fold j of the model trained on them:

    MSE = mean_j (ē_in − ē_out)² − mean_j s²_j/n_j
    Err = mean_j ē_in − bias,   bias = (1 + (k − 2)/k)(mean_j ē_in − Err_CV),   interval ± z √((k − 1)/k · MSE)

with √MSE kept between s/√n and √k s/√n. A model without folds i and j serves both, so a division costs k(k − 1)/2
solves of p × p and no pass over the rows: their moments are sums. As one division leaves MSE noisy, the parts of the
rows are divided into folds anew, many times, and averaged.

The moments know the mean square of the errors in a fold, not its spread: s²/n is that of the residuals given.

Measured, 400 tables each of least squares with normal errors, nominal 90 % for Err_XY: nested 86–90 % (n = 60, p = 20),
88–91 % (100, 20), 91 % (100, 5), 92–93 % (400, 20); as if independent 72, 80, 87 and 88 %; Nadeau–Bengio over folds 90,
92, 96 and 96 %.

Reference: Bates, Hastie & Tibshirani (2023), JASA 119(546), 1434-1445, algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from whyfit.linalg.moments import FoldMoments
from whyfit.probability.distributions import t_quantile
from whyfit.probability.training_sets import squared_errors
from whyfit.probability.validation import Estimate

#: Divisions into folds: the paper uses 200, on hundreds of rows ten give intervals of the same width to a few per cent.
DIVISIONS = 10


@dataclass(frozen=True, slots=True)
class NestedError:
    """Held-out squared error with its interval, beside that of plain cross-validation.

    nested : of the nested scheme. naive : mean ± z s/√n, as if the n errors were independent. inflation : width of the
    first over that of the second. divisions : into folds.
    """

    nested: Estimate
    naive: Estimate
    inflation: float
    divisions: int


def nested_error(
    parts: FoldMoments,
    loss_sd: float,
    k: int = 10,
    *,
    ridge: float = 0.0,
    level: float = 0.95,
    divisions: int = DIVISIONS,
    seed: int = 0,
) -> NestedError | None:
    """Nested cross-validation of least squares or ridge.

    Parameters
    ----------
    parts : moments of parts of the rows, at least k of them. With exactly k they are the folds, of one division, which
        tells the width to a factor of two at best. With more, every division deals them to k folds at random.
    loss_sd : standard deviation over the rows of the squared held-out errors.

    None with fewer than 3 folds, or where a training set is too small for its columns.
    """
    rng = np.random.default_rng([seed, 0xBA7E5])
    k = min(k, parts.k)
    if k < 3:
        return None
    n = int(parts.n.sum())
    once = parts.k == k
    outer, inner, squares = [], [], []
    for _ in range(1 if once else divisions):
        order = np.arange(parts.k) if once else rng.permutation(parts.k)
        division = _dealt(parts, order, k)
        e_out, e_in = _division(division, ridge)
        if not (np.isfinite(e_out).all() and np.isfinite(e_in).all()):
            return None
        outer.append(float(e_out @ division.n / n))
        inner.append(float(e_in.mean()))
        squares.append(float(((e_in - e_out) ** 2 - loss_sd**2 / division.n).mean()))
    se = loss_sd / np.sqrt(n)
    mse = float(np.mean(squares))
    root = float(np.clip(np.sqrt(max(mse, 0.0)) * np.sqrt((k - 1) / k), se, np.sqrt(k) * se))
    err_cv, err_in = float(np.mean(outer)), float(np.mean(inner))
    value = err_in - (1 + (k - 2) / k) * (err_in - err_cv)
    return NestedError(
        _estimate(value, root, level),
        _estimate(err_cv, se, level),
        root / se if se > 0 else float("nan"),
        len(outer),
    )


def _estimate(value: float, se: float, level: float) -> Estimate:
    half = t_quantile(level, np.inf) * se
    return Estimate(value, value - half, value + half, se, float("inf"))


def _dealt(parts: FoldMoments, order: Int[np.ndarray, " K"], k: int) -> FoldMoments:
    """The parts, in an order, dealt to k folds."""
    if parts.k == k:
        return parts
    merged = [parts.merged(np.sort(order[j::k])) for j in range(k)]
    return FoldMoments(
        np.array([m.n for m in merged]),
        np.stack([m.mean - parts.shift for m in merged]),
        np.stack([m.scatter for m in merged]),
        parts.shift,
    )


def _division(
    folds: FoldMoments, ridge: float
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Per fold j: ē_out, and ē_in as the mean over the rows of the other folds."""
    k, rows = folds.k, folds.n.astype(float)
    i, j = np.triu_indices(k, 1)
    train = np.ones((k + len(i), k), dtype=bool)
    train[np.arange(k), np.arange(k)] = False
    train[k + np.arange(len(i)), i] = train[k + np.arange(len(i)), j] = False
    squares = squared_errors(folds, train, folds, ridge)[0]
    within = np.zeros(k)
    np.add.at(within, j, squares[k + np.arange(len(i)), i])  # fold i scored without j
    np.add.at(within, i, squares[k + np.arange(len(i)), j])
    return squares[np.arange(k), np.arange(k)] / rows, within / (rows.sum() - rows)

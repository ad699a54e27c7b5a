"""A learning curve of least squares, nine sizes by ten held-out folds: moments of the folds beside scikit-learn's fits.

Both train on the w folds that follow fold j and are scored on fold j; what is compared is the mean squared error by w.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from _harness import compare

FOLDS = 10
SPEED = {20: {"learning_curve": 20.0}}


@cache
def data(n: int, p: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X (n, p), y and, of every row, its fold; folds have n/10 rows each."""
    rng = np.random.default_rng(20260101)
    X = rng.standard_normal((n, p)) + 0.7 * rng.standard_normal((n, 1))
    y = 1.0 + X @ rng.normal(size=p) + rng.standard_normal(n)
    return X, y, rng.permutation(np.arange(n) % FOLDS)


def problem(n: int, p: int):
    from whyfit.fold import Rows
    from whyfit.linalg.moments import moments_of
    from whyfit.probability.training_sets import squared_errors

    n -= n % FOLDS
    X, y, label = data(n, p)

    def ours() -> np.ndarray:
        folds = moments_of(FOLDS)(Rows(X, y, np.arange(n), label))
        train = np.zeros((FOLDS - 1, FOLDS, FOLDS), dtype=bool)
        for w in range(1, FOLDS):
            for j in range(FOLDS):
                train[w - 1, j, (j + 1 + np.arange(w)) % FOLDS] = True
        squares, _ = squared_errors(folds, train.reshape(-1, FOLDS), folds)
        own = squares.reshape(FOLDS - 1, FOLDS, FOLDS)[:, np.arange(FOLDS), np.arange(FOLDS)]
        return (own / folds.n).mean(axis=1)

    def theirs() -> np.ndarray:
        from sklearn.linear_model import LinearRegression
        from sklearn.model_selection import learning_curve

        rows = [np.flatnonzero(label == j) for j in range(FOLDS)]
        splits = [
            (np.concatenate([rows[(j + i) % FOLDS] for i in range(1, FOLDS)]), rows[j])
            for j in range(FOLDS)
        ]
        sizes = np.arange(1, FOLDS) * (n // FOLDS)
        scores = learning_curve(
            LinearRegression(), X, y, train_sizes=sizes, cv=splits, scoring="neg_mean_squared_error"
        )[2]
        return -scores.mean(axis=1)

    return {"whyfit": ours, "learning_curve": theirs}


if __name__ == "__main__":
    compare(
        __doc__.splitlines()[0],
        problem,
        ("numpy", "scikit-learn"),
        rows=200_000,
        columns=(20,),
        speed_targets=SPEED,
        memory_targets={20: 50.0},
    )

"""Bayesian linear regression with an evidence-chosen prior: whyfit's moments beside BayesianRidge.

Both maximise the evidence over the widths of prior and noise; columns have unit variance: the priors are the same.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from _harness import compare

SPEED = {20: {"BayesianRidge": 10.0}}
BLOCK = 1 << 16


@cache
def data(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """X (n, p) with columns of mean 0 and variance 1, and y = 1 + Xw + ε."""
    rng = np.random.default_rng(20260101)
    w = rng.normal(size=p)
    X, y = np.empty((n, p)), np.empty(n)
    for start in range(0, n, BLOCK):
        block = X[start : start + BLOCK]
        rng.standard_normal(out=block)
        block += 0.7 * rng.standard_normal((len(block), 1))
    X -= X.mean(axis=0)
    X /= X.std(axis=0)
    for start in range(0, n, BLOCK):
        block = X[start : start + BLOCK]
        y[start : start + BLOCK] = 1.0 + block @ w + rng.standard_normal(len(block))
    return X, y


def problem(n: int, p: int):
    from sklearn.linear_model import BayesianRidge

    from whyfit.models import BayesianLinearRegression

    X, y = data(n, p)

    def fitted(estimator):
        estimator.fit(X, y)
        return np.r_[estimator.intercept_, estimator.coef_]

    return {
        "whyfit": lambda: fitted(BayesianLinearRegression(prior="evidence")),
        "BayesianRidge": lambda: fitted(BayesianRidge()),
    }


if __name__ == "__main__":
    compare(
        __doc__.splitlines()[0],
        problem,
        ("numpy", "scikit-learn"),
        rows=1_000_000,
        columns=(20,),
        speed_targets=SPEED,
        memory_targets={20: 50.0},
    )

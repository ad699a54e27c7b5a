"""Least squares from an array: whyfit with all its inference, beside its peers.

whyfit returns estimates, standard errors, t, p, intervals, VIFs, condition indices and 10-fold
cross-validation. statsmodels gives inference (fit and summary); the others coefficients only.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from _harness import compare

SPEED = {
    20: {"Ridge(alpha=0, cholesky)": 1.5, "LinearRegression": 7, "statsmodels OLS, summary": 20},
    100: {"Ridge(alpha=0, cholesky)": 2.5, "LinearRegression": 20, "statsmodels OLS, summary": 60},
}
MEMORY = {20: 50.0}
BLOCK = 1 << 16


@cache
def data(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """X (n, p), row by row in memory, and y = 1 + Xw + ε; columns share a factor."""
    rng = np.random.default_rng(20260101)
    w = rng.normal(size=p)
    X, y = np.empty((n, p)), np.empty(n)
    for start in range(0, n, BLOCK):
        block = X[start : start + BLOCK]
        rng.standard_normal(out=block)
        block += 0.7 * rng.standard_normal((len(block), 1)) + 2.0
        y[start : start + BLOCK] = 1.0 + block @ w + rng.standard_normal(len(block))
    return X, y


def problem(n: int, p: int):
    import statsmodels.api as sm
    from glum import GeneralizedLinearRegressor
    from sklearn.linear_model import LinearRegression, Ridge

    X, y = data(n, p)

    def ours():
        from whyfit.probability.linear import fit_arrays

        fit = fit_arrays(X, y, folds=10)
        # These two are computed when asked for: ask, so that they are paid for.
        assert len(fit.vif) == len(fit.condition_indices) == p
        return np.r_[fit.fit.intercept, fit.fit.coef]

    def fitted(estimator):
        estimator.fit(X, y)
        return np.r_[estimator.intercept_, estimator.coef_]

    def statsmodels():
        result = sm.OLS(y, sm.add_constant(X)).fit()
        result.summary()
        return result.params

    return {
        "whyfit": ours,
        "Ridge(alpha=0, cholesky)": lambda: fitted(Ridge(alpha=0, solver="cholesky")),
        "LinearRegression": lambda: fitted(LinearRegression()),
        "numpy lstsq": lambda: np.linalg.lstsq(np.c_[np.ones(n), X], y)[0],
        "glum": lambda: fitted(GeneralizedLinearRegressor(family="normal", alpha=0)),
        "statsmodels OLS, summary": statsmodels,
    }


if __name__ == "__main__":
    compare(
        __doc__.splitlines()[0],
        problem,
        ("numpy", "scikit-learn", "statsmodels", "glum"),
        rows=1_000_000,
        columns=(20, 100),
        speed_targets=SPEED,
        memory_targets=MEMORY,
    )

"""Regressions of counts and of 0/1 from an array, to gradient norm 1e-8: whyfit with its inference, beside its peers.

All contenders fit without a penalty. statsmodels gives inference as well (fit and summary).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from _harness import compare

SPEED = {20: {"sklearn newton-cholesky": 2, "glum": 2, "statsmodels GLM, summary": 20}}
BLOCK = 1 << 16


@cache
def data(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """X (n, p) and counts with log mean 0.5 + Xw, about 2 on average."""
    rng = np.random.default_rng(20260103)
    w = 0.3 * rng.normal(size=p) / np.sqrt(p)
    X, y = np.empty((n, p)), np.empty(n)
    for start in range(0, n, BLOCK):
        block = X[start : start + BLOCK]
        rng.standard_normal(out=block)
        block += 0.7 * rng.standard_normal((len(block), 1))
        y[start : start + BLOCK] = rng.poisson(np.exp(0.5 + block @ w))
    return X, y


def problem(n: int, p: int):
    import statsmodels.api as sm
    from glum import GeneralizedLinearRegressor
    from sklearn.linear_model import PoissonRegressor

    X, y = data(n, p)

    def ours():
        from whyfit.probability.glm import fit_arrays

        fit = fit_arrays("poisson", X, y).fit
        return np.r_[fit.intercept, fit.coef]

    def fitted(estimator):
        estimator.fit(X, y)
        return np.r_[np.ravel(estimator.intercept_), np.ravel(estimator.coef_)]

    def statsmodels():
        result = sm.GLM(y, sm.add_constant(X), family=sm.families.Poisson()).fit(tol=1e-8)
        result.summary()
        return result.params

    return {
        "whyfit": ours,
        "sklearn newton-cholesky": lambda: fitted(
            PoissonRegressor(alpha=0, solver="newton-cholesky", tol=1e-8)
        ),
        "glum": lambda: fitted(
            GeneralizedLinearRegressor(family="poisson", alpha=0, gradient_tol=1e-8)
        ),
        "statsmodels GLM, summary": statsmodels,
    }


def passes(n: int, p: int) -> str:
    from whyfit.probability.glm import fit_arrays

    o = fit_arrays("poisson", *data(n, p)).fit.optimum
    return f"whyfit read all rows {len(o.losses)} times ({o.passes:.1f} passes with the warm start)"


if __name__ == "__main__":
    compare(
        __doc__.splitlines()[0],
        problem,
        ("numpy", "scikit-learn", "statsmodels", "glum"),
        rows=1_000_000,
        columns=(20,),
        speed_targets=SPEED,
        memory_targets={},
        note=passes,
    )

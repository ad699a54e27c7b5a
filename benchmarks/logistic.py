"""Logistic regression from an array: whyfit with its inference, beside its peers.

All contenders fit without a penalty. statsmodels gives inference as well (fit and summary). Up to EXACT_FROM rows the
peers stop where they do by themselves; from there they are asked for a gradient norm of 1e-8.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from _harness import compare

SPEED = {20: {"sklearn newton-cholesky": 2, "glum": 2, "statsmodels Logit, summary": 20}}
BLOCK = 1 << 16
EXACT_FROM = 1_000_000


@cache
def data(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """X (n, p) and y in {0, 1} with log-odds −0.5 + Xw; about 40 % of the rows are ones."""
    rng = np.random.default_rng(20260102)
    w = rng.normal(size=p) / np.sqrt(p)
    X, y = np.empty((n, p)), np.empty(n)
    for start in range(0, n, BLOCK):
        block = X[start : start + BLOCK]
        rng.standard_normal(out=block)
        block += 0.7 * rng.standard_normal((len(block), 1))
        odds = np.exp(-0.5 + block @ w)
        y[start : start + BLOCK] = rng.random(len(block)) < odds / (1 + odds)
    return X, y


def problem(n: int, p: int):
    import statsmodels.api as sm
    from glum import GeneralizedLinearRegressor
    from sklearn.linear_model import LogisticRegression

    X, y = data(n, p)
    exact = n >= EXACT_FROM

    def ours():
        from whyfit.probability.logistic import fit_arrays

        fit = fit_arrays(X, y).fit
        return np.r_[fit.intercept, fit.coef]

    def fitted(estimator):
        estimator.fit(X, y)
        return np.r_[np.ravel(estimator.intercept_), np.ravel(estimator.coef_)]

    def statsmodels():
        result = sm.Logit(y, sm.add_constant(X)).fit(disp=0)
        result.summary()
        return result.params

    return {
        "whyfit": ours,
        "sklearn newton-cholesky": lambda: fitted(
            LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8 if exact else 1e-4)
        ),
        "glum": lambda: fitted(
            GeneralizedLinearRegressor(
                family="binomial", alpha=0, gradient_tol=1e-8 if exact else None
            )
        ),
        "statsmodels Logit, summary": statsmodels,
    }


def passes(n: int, p: int) -> str:
    from whyfit.probability.logistic import fit_arrays

    o = fit_arrays(*data(n, p)).fit.optimum
    return f"whyfit read all rows {len(o.losses)} times ({o.passes:.1f} passes with the warm start)"


if __name__ == "__main__":
    compare(
        __doc__.splitlines()[0],
        problem,
        ("numpy", "scikit-learn", "statsmodels", "glum"),
        rows=(500_000, 1_000_000),
        columns=(20,),
        speed_targets=SPEED,
        memory_targets={},
        note=passes,
    )

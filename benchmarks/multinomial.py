"""Ten classes of handwritten digits: whyfit with its inference, beside scikit-learn's solvers.

scikit-learn's `load_digits`: 1797 × 64, constant pixels left out, columns standardised. The classes are separable, so
that without a penalty there is no maximum: ridge = 1, which is C = 1 there. scikit-learn stops at its own tolerance,
1e-4, or is asked for a gradient norm of 1e-8. Rows and columns cannot be chosen: `--rows` takes the first ones.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from _harness import compare

SPEED = {61: {"sklearn lbfgs": 1, "sklearn lbfgs, 1e-8": 1, "sklearn newton-cholesky": 1}}
ROWS, PIXELS = 1797, 61


@cache
def data(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Standardised pixels (n, p), the p of largest variance, and the digit."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    X, y = X[:n].astype(float), y[:n].astype(float)
    spread = X.std(axis=0)
    keep = np.sort(np.argsort(-spread, kind="stable")[:p])
    return (X[:, keep] - X[:, keep].mean(axis=0)) / spread[keep], y


def problem(n: int, p: int):
    from sklearn.linear_model import LogisticRegression

    X, y = data(n, p)

    def ours():
        from whyfit.probability.multinomial import fit_arrays

        fit = fit_arrays(X, y, ridge=1.0).fit
        return np.r_[fit.intercept, fit.coef.ravel()]

    def fitted(solver: str, tolerance: float):
        model = LogisticRegression(C=1.0, solver=solver, tol=tolerance, max_iter=100_000).fit(X, y)
        w, b = model.coef_, model.intercept_
        return np.r_[b[1:] - b[0], (w[1:] - w[0]).ravel()]

    return {
        "whyfit": ours,
        "sklearn lbfgs": lambda: fitted("lbfgs", 1e-4),
        "sklearn lbfgs, 1e-8": lambda: fitted("lbfgs", 1e-8),
        "sklearn newton-cholesky": lambda: fitted("newton-cholesky", 1e-8),
    }


def gradient(n: int, p: int) -> str:
    """Norm of the mean gradient where whyfit stops."""
    from whyfit.calculus.multinomial import penalised, sums_at
    from whyfit.data.arrays import ArrayRows
    from whyfit.probability.multinomial import fit_arrays

    X, y = data(n, p)
    o = fit_arrays(X, y, ridge=1.0).fit.optimum
    g = penalised(o.B, np.ones(p), 1.0)[1]
    for block in ArrayRows(X, y, 2).blocks():
        g = g + sums_at(o.B, o.centre, hessian=False)(block).gradient
    return f"whyfit stops at a mean gradient of {np.abs(g).max() / len(y):.0e}"


if __name__ == "__main__":
    compare(
        __doc__.splitlines()[0],
        problem,
        ("numpy", "scikit-learn"),
        rows=ROWS,
        columns=(PIXELS,),
        speed_targets=SPEED,
        memory_targets={},
        note=gradient,
    )

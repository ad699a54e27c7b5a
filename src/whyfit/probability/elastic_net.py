"""The elastic net from fold moments: the path, its held-out scores, and what may be inferred afterwards.

Penalties act on unit-variance columns and a unit-variance target, so that α is scikit-learn's on standardised data.
Each training set has its own moments, hence its own path, and its held-out error follows from the moments of the fold
left out (see probability.validation): k paths without reading a row.

Standard errors of a sparse fit as if its columns had been chosen beforehand are wrong. What is valid is the
*de-sparsified* estimate ẑ + C⁻¹(c − Cẑ), asymptotically normal whatever was selected; with fewer columns than rows it
is least squares, and the table given is that of least squares.

References: Friedman, Hastie & Tibshirani (2010), J. Stat. Softw. 33(1); van de Geer, Bühlmann, Ritov & Dezeure (2014),
Ann. Statist. 42, 1166-1202; Nadeau & Bengio (2003) for intervals over folds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.calculus.elastic_net import coordinate_descent, path_of
from whyfit.calculus.penalties import ElasticNet
from whyfit.linalg.conditioning import correlation, live_columns
from whyfit.linalg.moments import FoldMoments, Moments
from whyfit.probability.validation import Estimate, over_folds


@dataclass(frozen=True)
class ElasticNetFit:
    """Coefficients in units of the data. `gap` bounds what f still lies above its minimum, in units of var(y)."""

    coef: Float[np.ndarray, " p"]
    intercept: float
    penalty: ElasticNet
    r2: float
    gap: float
    converged: bool

    @property
    def kept(self) -> int:
        """Coefficients that are not 0."""
        return int(np.count_nonzero(self.coef))


@dataclass(frozen=True)
class ElasticNetPath:
    """Held-out mean squared error (a, k) of every penalty and fold, in units of y²."""

    penalties: Float[np.ndarray, " a"]
    mse: Float[np.ndarray, "a k"]

    @property
    def best(self) -> int:
        """The penalty of least held-out error."""
        return int(np.nanargmin(np.nanmean(self.mse, axis=1)))

    @property
    def simplest(self) -> int:
        """The largest penalty that is not relevantly worse: the paired interval over folds holds 0."""
        best = self.best
        for i in range(best + 1):
            if self.difference(i, best).low <= 0:
                return i
        return best

    def difference(self, i: int, j: int) -> Estimate:
        """Held-out error of penalty i less that of j, paired over folds, with its interval."""
        return over_folds(self.mse[i] - self.mse[j])


def fit_moments(
    moments: Moments, penalty: ElasticNet, start: Float[np.ndarray, " p"] | None = None
) -> ElasticNetFit:
    """From moments of [X y]; constant columns get 0. `start` are unit-variance coefficients of the live columns."""
    fit, _ = _fit(moments, penalty, start)
    return fit


def _fit(
    moments: Moments, penalty: ElasticNet, start: Float[np.ndarray, " p"] | None
) -> tuple[ElasticNetFit, Float[np.ndarray, " r"]]:
    live = live_columns(moments)
    C = correlation(moments.scatter)
    A, c = C[:-1, :-1][np.ix_(live, live)], C[:-1, -1][live]
    d = np.sqrt(np.diag(moments.scatter))
    found = coordinate_descent(A, c, penalty, start)
    coef = np.zeros(len(live))
    coef[live] = found.z * d[-1] / d[:-1][live]
    r2 = float(2 * found.z @ c - found.z @ A @ found.z)
    intercept = float(moments.mean[-1] - moments.mean[:-1] @ coef)
    return ElasticNetFit(coef, intercept, penalty, r2, found.gap, found.converged), found.z


def validated_path(folds: FoldMoments, l1_ratio: float) -> ElasticNetPath:
    """Held-out errors along the path of all rows, each training set refitted along it."""
    total = folds.total
    live = live_columns(total)
    penalties = path_of(correlation(total.scatter)[:-1, -1][live], l1_ratio)
    mse = np.full((len(penalties), folds.k), np.nan)
    for j in range(folds.k):
        train, test = folds.without(j), folds.fold(j)
        if not test.n or train.n < 2:
            continue
        z = None
        for i, alpha in enumerate(penalties):
            fit, z = _fit(train, ElasticNet(float(alpha), l1_ratio), z)
            a = np.append(-fit.coef, 1.0)
            miss = float((test.mean - train.mean) @ a)
            mse[i, j] = max(float(a @ test.scatter @ a), 0.0) / test.n + miss * miss
    return ElasticNetPath(penalties, mse)

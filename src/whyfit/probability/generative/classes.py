"""Normal laws of the rows of each class, from the moments of each class alone.

    p(x | class k) = N(μ_k, Σ_k),        P(k | x) ∝ π_k N(x; μ_k, Σ_k)

    linear      Σ_k = Σ = Σ_k S_k/n, pooled: the log odds are linear in x                (LDA)
    quadratic   Σ_k = S_k/n_k                                                            (QDA)
    naive       Σ_k = diag(S_k)/n_k: columns independent within a class                  (naive Bayes)

the maxima of the likelihood, as scikit-learn 1.9 has them (before, it divided by n − C and n_k − 1).

A class is a fold of `FoldMoments`: one pass gathers n_k, μ_k and the scatter S_k of all of them. Shrinkage moves a
class's covariance towards its own diagonal, (1 − s)Σ̂_k + s diag(Σ̂_k) (`generative.shrinkage`
chooses s); the linear model then uses Σ π_k Σ_k.

Degenerate input: the linear model leaves out directions in which no class varies (correlation eigenvalue ≤ NULL). The
other two add SMOOTHING of a column's overall variance to its variance in each class, so that a class of one row, or a
column constant in a class, has a density; a column constant everywhere says nothing. Outliers move every one of
these.

References: Hastie, Tibshirani & Friedman (2009), The Elements of Statistical Learning, §4.3; Friedman (1989), JASA 84.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from whyfit.data.table import BLOCK
from whyfit.engines.local import LocalEngine
from whyfit.errors import ShapeError, SpecError
from whyfit.fold import Rows, fold
from whyfit.linalg.conditioning import correlation
from whyfit.linalg.moments import FoldMoments, Moments, moments_of

Kind = Literal["linear", "quadratic", "naive"]
NULL = 1e-8  # scikit-learn's tol = 1e-4 on singular values, squared
SMOOTHING = 1e-9  # scikit-learn's var_smoothing, here of each column's own variance
_ROUNDING = 1e-13
_TILE = 1 << 19  # numbers of one rows × columns temporary


def class_rows(X: Float[np.ndarray, "n p"], codes: Int[np.ndarray, " n"]) -> Iterator[Rows]:
    """Blocks whose "fold" is the class."""
    for a in range(0, len(X), BLOCK):
        part = slice(a, a + BLOCK)
        m = len(X[part])
        yield Rows(X[part], np.zeros(m), np.arange(a, a + m), codes[part])


def class_moments(
    X: Float[np.ndarray, "n p"],
    codes: Int[np.ndarray, " n"],
    classes: int,
    names: Sequence[str] = (),
) -> FoldMoments:
    """Moments of the columns of X in each class, one pass. NotFiniteError, naming columns, for NaN or infinity."""
    p = X.shape[1]
    found = fold(
        class_rows(X, codes),
        moments_of(classes, names),
        FoldMoments.empty(p + 1, classes),
        LocalEngine(),
    )
    return found.columns(range(p))


@dataclass(frozen=True, eq=False)
class GaussianClasses:
    """C normal laws with their shares π.

    Attributes
    ----------
    log_prior : (C,). means : (C, p). covariances : (1, p, p) shared, (C, p, p), or (C, p) variances of a naive law.
    """

    log_prior: Float[np.ndarray, " C"]
    means: Float[np.ndarray, "C p"]
    covariances: np.ndarray

    @cached_property
    def white(self) -> list[tuple[np.ndarray, float]]:
        """Of each law W with (x − μ)W standard normal, and log|Σ|."""
        return [_whitening(S) for S in self.covariances]

    def log_joint(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, "m C"]:
        """log π_k + log p(x | k) of each row and class."""
        C, p = self.means.shape
        out = np.empty((len(X), C))
        step = max(64, _TILE // max(p, 1))
        for a in range(0, len(X), step):
            x = X[a : a + step]
            for k in range(C):
                W, log_det = self.white[min(k, len(self.white) - 1)]
                z = x - self.means[k]
                z = z * W if W.ndim == 1 else z @ W
                square = np.einsum("ij,ij->i", z, z)
                out[a : a + step, k] = -0.5 * (square + log_det + z.shape[1] * np.log(2 * np.pi))
        return out + self.log_prior

    def log_posterior(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, "m C"]:
        """log P(k | x)."""
        return normalised(self.log_joint(X))[0]

    def log_density(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, " m"]:
        """log p(x) = log Σ_k π_k p(x | k)."""
        return normalised(self.log_joint(X))[1]

    def sample(
        self, size: int, rng: np.random.Generator | int | None = 0
    ) -> tuple[Float[np.ndarray, "s p"], Int[np.ndarray, " s"]]:
        """`size` new rows with their class codes."""
        rng = np.random.default_rng(rng)
        codes = rng.choice(len(self.log_prior), size, p=np.exp(self.log_prior))
        X = np.empty((size, self.means.shape[1]))
        for k in range(len(self.log_prior)):
            here = np.flatnonzero(codes == k)
            S = self.covariances[min(k, len(self.covariances) - 1)]
            z = rng.standard_normal((len(here), self.means.shape[1]))
            X[here] = self.means[k] + (z * np.sqrt(S) if S.ndim == 1 else z @ root(S).T)
        return X, codes


def normalised(log_joint: Float[np.ndarray, "m C"]) -> tuple[np.ndarray, np.ndarray]:
    """(log posterior, log density) of rows of log joint densities."""
    top = log_joint.max(axis=1)
    total = top + np.log(np.exp(log_joint - top[:, None]).sum(axis=1))
    return log_joint - total[:, None], total


def root(S: Float[np.ndarray, "p p"]) -> Float[np.ndarray, "p p"]:
    """R with RRᵀ = S ≥ 0."""
    values, V = np.linalg.eigh(S)
    return V * np.sqrt(np.maximum(values, 0.0))


def _whitening(S: np.ndarray) -> tuple[np.ndarray, float]:
    if S.ndim == 1:
        v = np.where(S > 0, S, 1.0)
        return 1 / np.sqrt(v), float(np.log(v).sum())
    d = np.sqrt(np.maximum(np.diag(S), 0.0))
    d = np.where(d > 0, d, 1.0)
    values, V = np.linalg.eigh(S / d / d[:, None])
    keep = values > _ROUNDING  # what `_live` has set to 0
    W = V[:, keep] / np.sqrt(values[keep]) / d[:, None]
    return W, float(np.log(values[keep]).sum() + 2 * np.log(d).sum())


def gaussian_classes(
    each: Sequence[Moments],
    kind: Kind,
    shrinkage: Sequence[float] | None = None,
    prior: Sequence[float] | None = None,
) -> GaussianClasses:
    """The model from the moments of every class.

    Parameters
    ----------
    each : moments of the columns, one per class. kind : see the module.
    shrinkage : one s in [0, 1] per class, or None; not for "naive", whose covariances are diagonal.
    prior : weights ≥ 0 of the classes; None: their shares of the rows.

    Raises
    ------
    ShapeError : fewer than two classes, or one without rows. SpecError : a prior or shrinkage out of range.
    """
    n = np.array([m.n for m in each], dtype=np.float64)
    C = len(each)
    if C < 2 or (n < 1).any():
        raise ShapeError(
            f"the classes have {n.astype(int).tolist()} rows; expected at least two classes, none empty."
        )
    weights = n if prior is None else np.asarray(prior, dtype=np.float64)
    if weights.shape != (C,) or not (weights > 0).all() or not np.isfinite(weights).all():
        raise SpecError(f"the prior is {prior}; expected {C} positive weights, one a class.")
    s = np.zeros(C) if shrinkage is None else np.asarray(shrinkage, dtype=np.float64)
    if s.shape != (C,) or not ((s >= 0) & (s <= 1)).all():
        raise SpecError(f"shrinkage is {shrinkage}; expected a number in [0, 1] for each class.")
    pi = weights / weights.sum()
    means = np.array([m.mean for m in each])
    scatters = np.array([m.scatter for m in each])
    log_prior = np.log(pi)
    centre = (n / n.sum()) @ means
    spread = np.einsum("kii->i", scatters) + n @ (means - centre) ** 2
    floor = SMOOTHING * spread / n.sum()
    if kind == "naive":
        return GaussianClasses(
            log_prior, means, np.einsum("kii->ki", scatters) / n[:, None] + floor
        )
    p = means.shape[1]
    if kind == "linear":
        if shrinkage is None:
            S = scatters.sum(axis=0) / n.sum()
        else:
            S = np.einsum("k,kij->ij", pi, shrunk(scatters / n[:, None, None], s))
        return GaussianClasses(log_prior, means, _live(S)[None])
    if kind != "quadratic":
        raise SpecError(f"kind is {kind!r}; expected 'linear', 'quadratic' or 'naive'.")
    S = shrunk(scatters / n[:, None, None], s)
    S[:, np.arange(p), np.arange(p)] += np.where(spread > 0, floor, 1.0)
    return GaussianClasses(log_prior, means, S)


def shrunk(S: Float[np.ndarray, "C p p"], s: Float[np.ndarray, " C"]) -> Float[np.ndarray, "C p p"]:
    """(1 − s)Σ + s diag(Σ) of every class."""
    out = S * (1 - s)[:, None, None]
    i = np.arange(S.shape[1])
    out[:, i, i] = np.einsum("kii->ki", S)
    return out


def _live(S: Float[np.ndarray, "p p"]) -> Float[np.ndarray, "p p"]:
    """Without the directions in which nothing varies: eigenvalues of the correlation ≤ NULL become 0."""
    d = np.sqrt(np.maximum(np.diag(S), 0.0))
    values, V = np.linalg.eigh(correlation(S))
    values = np.where(values > NULL, values, 0.0)
    return (V * values) @ V.T * d * d[:, None]

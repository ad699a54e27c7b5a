"""Held-out scores on shuffled targets: what a model without signal would score on these very rows.

The rows of Y are permuted B times, every permutation is cross-validated by least squares (or ridge) on the
same folds, all at once: the folds share their Gram matrices, so B targets cost B columns of a right-hand side.

    R² = mean over folds of 1 − ‖Y_test − Ŷ_test‖²/‖Y_test − Ȳ_test‖²,   p = (1 + #{R²_b ≥ R²})/(B + 1)

For classes Y holds one 0/1 column per class and R² is a Brier skill: the linear probability model.

Reference: Phipson & Smyth (2010), Statistical Applications in Genetics and Molecular Biology 9(1), for the +1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from whyfit.linalg.solve import solve_gram

SHUFFLES = 99
#: A fold with less than this share of all squares holds one value only, up to rounding: it has no R².
_FLAT = 1e-12


@dataclass(frozen=True, slots=True)
class Shuffled:
    """Score of the targets as they are, and of each permutation."""

    score: float
    null: Float[np.ndarray, " b"]

    @property
    def p_value(self) -> float:
        return float((1 + np.count_nonzero(self.null >= self.score)) / (len(self.null) + 1))


def shuffled_scores(
    X: Float[np.ndarray, "s p"],
    Y: Float[np.ndarray, "s c"],
    label: Int[np.ndarray, " s"],
    rng: np.random.Generator,
    ridge: float = 0.0,
    shuffles: int = SHUFFLES,
) -> Shuffled:
    """Cross-validate Y and `shuffles` permutations of its rows; `label` is the fold of each row."""
    X = X - X.mean(axis=0)
    scale = X.std(axis=0)
    X = X / np.where(scale > 0, scale, 1.0)
    order = [np.arange(len(X)), *(rng.permutation(len(X)) for _ in range(shuffles))]
    folds = [np.flatnonzero(label == j) for j in np.unique(label)]
    sse = np.zeros((len(folds), shuffles + 1))
    syy = np.zeros((len(folds), shuffles + 1))
    for y in (Y - Y.mean(axis=0)).T:
        _add_class(X, np.stack([y[o] for o in order], axis=1), folds, ridge, sse, syy)
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(syy > _FLAT * syy.sum(axis=0), 1 - sse / syy, np.nan)
    usable = np.isfinite(r2).any(axis=0)
    mean = np.full(shuffles + 1, np.nan)
    mean[usable] = np.nanmean(r2[:, usable], axis=0)
    return Shuffled(float(mean[0]), mean[1:][np.isfinite(mean[1:])])


def _add_class(X, T, folds, ridge, sse, syy) -> None:
    """Add each fold's held-out and total squares of the targets T (s × b)."""
    G = [X[f].T @ X[f] for f in folds]
    R = [X[f].T @ T[f] for f in folds]
    x = [X[f].sum(axis=0) for f in folds]
    t = [T[f].sum(axis=0) for f in folds]
    all_G, all_R, all_x, all_t = sum(G), sum(R), sum(x), sum(t)
    for j, f in enumerate(folds):
        n = len(X) - len(f)
        if n < 2:
            continue
        mu, tau = (all_x - x[j]) / n, (all_t - t[j]) / n
        S = all_G - G[j] - n * np.outer(mu, mu)
        c = all_R - R[j] - n * np.outer(mu, tau)
        d = np.sqrt(np.maximum(np.diag(S), 0.0))
        d = np.where(d > 1e-7 * np.sqrt(n), d, np.inf)
        C = S / d / d[:, None] + ridge / n * np.eye(len(d))
        W = solve_gram(C, c / d[:, None]) / d[:, None]
        e = (T[f] - tau) - (X[f] - mu) @ W
        sse[j] += (e * e).sum(axis=0)
        syy[j] += ((T[f] - T[f].mean(axis=0)) ** 2).sum(axis=0)

"""Regression on principal components, from moments alone.

With C = V diag(μ) Vᵀ the correlation matrix of X and D its standard deviations, the k leading scores
T = (X − 1μ̄ᵀ)D⁻¹V_k are uncorrelated with variances μ₁ ≥ … ≥ μ_k, so the fit is one division each and its RSS adds up:

    a_j = c_j √TSS/√(n μ_j),  c = V_kᵀ corr(X, y)/√μ,      RSS_k = TSS (1 − Σ_{j ≤ k} c_j²),      w = D⁻¹ V_k a

`held_out_path` does this for every k on each training set, directions and all, and scores the fold left out.

References: Jolliffe (2002), Principal Component Analysis, ch. 8; Schwarz (1978), Ann. Stat. 6, for BIC.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from whyfit.data.projection import Projection
from whyfit.errors import SpecError
from whyfit.linalg.conditioning import correlation, live_columns
from whyfit.linalg.decompose import Spectral, eigen
from whyfit.linalg.moments import FoldMoments, Moments

#: A direction with less variance than this, of unit-variance columns, is rounding.
NOTHING = 1e-12


def projection_of(folds: FoldMoments, names: tuple[str, ...], k: int) -> Projection:
    """The k leading components of all rows; constant columns take no part.

    Raises SpecError if fewer than k directions vary.
    """
    total = folds.total
    live, d, found = spectrum(total)
    there = int((found.values > NOTHING * max(len(found.values), 1)).sum())
    if k > there:
        raise SpecError(
            f"components is {k} and the {len(names)} columns vary along {there} directions; expected"
            f" at most {there}."
        )
    W = np.zeros((len(names), k))
    W[live] = found.vectors[:, :k] / d[:, None]
    return Projection.of(names, total.mean[:-1], W)


def spectrum(total: Moments) -> tuple[np.ndarray, Float[np.ndarray, " r"], Spectral]:
    """Live columns, their standard deviations (divisor n), eigenpairs of their correlation matrix."""
    live = live_columns(total)
    d = np.sqrt(np.diag(total.scatter)[:-1][live] / max(total.n, 1))
    return live, d, eigen(correlation(total.scatter)[:-1, :-1][np.ix_(live, live)])


def shares_held_out(folds: FoldMoments) -> Float[np.ndarray, "g r"]:
    """Share of the variance of each fold along the 1, 2, …, r leading components of the other rows.

    Columns are scaled by their overall standard deviations. NaN for folds with fewer than two rows.
    """
    live, d, _ = spectrum(folds.total)
    out = np.full((folds.k, int(live.sum())), np.nan)
    for j in range(folds.k):
        if folds.n[j] < 2:
            continue
        train = folds.without(j)
        S = train.scatter[:-1, :-1][np.ix_(live, live)] / d / d[:, None]
        V = eigen(S).vectors
        delta = (folds.mean[j] - train.mean)[:-1][live] / d
        M = folds.scatter[j][:-1, :-1][np.ix_(live, live)] / d / d[:, None]
        M = M / folds.n[j] + np.outer(delta, delta)
        along = np.einsum("ij,ij->j", V, M @ V)
        total = float(np.trace(M))
        out[j] = np.cumsum(along) / total if total > 0 else np.nan
    return out


def held_out_path(
    folds: FoldMoments, most: int, excluded: FoldMoments | None = None
) -> Float[np.ndarray, "g k"]:
    """Held-out R² of each fold under 1, …, `most` components found on the other rows; NaN where not defined."""
    out = np.full((folds.k, most), np.nan)
    for j in range(folds.k):
        train, test = folds.without(j), folds.fold(j)
        if test.n == 0 or train.n < 3:
            continue
        test = test + excluded.fold(j) if excluded is not None else test
        live, d, found = spectrum(train)
        r = min(most, int((found.values > NOTHING * len(found.values)).sum()))
        V = found.vectors[:, :r]
        sd = float(np.sqrt(train.scatter[-1, -1] / train.n))
        c = correlation(train.scatter)[:-1, -1][live]
        a = (V.T @ c) * sd / found.values[:r]
        W = V / d[:, None]
        S, delta = test.scatter, test.mean - train.mean
        G = W.T @ S[:-1, :-1][np.ix_(live, live)] @ W
        g = W.T @ S[:-1, -1][live]
        t = W.T @ delta[:-1][live]
        # aᵀGa of the first k: what the k-th adds is its square and twice its products with those before
        Q = np.tril(2 * np.outer(a, a) * G)
        Q[np.diag_indices(r)] /= 2
        inner = np.cumsum(Q.sum(axis=1))
        shift = delta[-1] - np.cumsum(a * t)
        sse = S[-1, -1] - 2 * np.cumsum(a * g) + inner + test.n * shift**2
        if S[-1, -1] > 0:
            out[j, :r] = 1 - sse / S[-1, -1]
    return out


def bic_path(total: Moments, most: int) -> Float[np.ndarray, " k"]:
    """n ln RSS_k + k ln n for 1, …, `most` components, less the same with none; +∞ beyond the rank."""
    live, _, found = spectrum(total)
    r = min(most, int((found.values > NOTHING * max(len(found.values), 1)).sum()))
    c = correlation(total.scatter)[:-1, -1][live]
    out = np.full(most, np.inf)
    c2 = (found.vectors[:, :r].T @ c) ** 2 / found.values[:r]
    left = np.maximum(1 - np.cumsum(c2), np.finfo(float).tiny)
    out[:r] = total.n * np.log(left) + np.arange(1, r + 1) * np.log(total.n)
    return out

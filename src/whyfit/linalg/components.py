"""Principal components from moments: the directions along which rows vary most, and how sure of them one can be.

With the covariance S/(n − 1) = V diag(λ) Vᵀ, λ falling, component j is the unit vector v_j and holds the variance λ_j;
the scores (x − μ)ᵀv_j of different components are uncorrelated. Keeping k of them is the closest k-dimensional picture
of the rows (Eckart–Young), and probabilistic PCA makes it a model, x ~ N(μ, WWᵀ + σ²I) with the noise variance

    σ² = (λ_{k+1} + … + λ_p)/(p − k).

Sampling moves a simple λ_j by a relative standard error that depends on the tails of its scores t_j alone,

    var(log λ̂_j) ≈ (κ_j − 1)/n,    κ_j = E[t_j⁴]/λ_j²      3 for normal rows, giving the textbook λ̂(1 ± z√(2/n))

and intervals are made on the log scale: `intervals` with a measured κ or the normal 3, `jackknife` from the moments of
folds without looking at the rows again. Realised coverage of a nominal 95 % (1,000 runs, 200 and 1,000 rows, λ = 9, 4,
1): normal rows 0.94 to 0.96 all three ways; t₈ tails 0.84 to 0.88 with κ = 3, 0.92 to 0.94 with the measured κ and by
the jackknife; uniform rows 0.998 with κ = 3, else 0.93 to 0.97. All presume λ_j to be simple: where it nearly equals
its neighbours the order of the two is chance and the larger one is biased upwards.

References: Anderson (1963), Ann. Math. Stat. 34, 122-148 (normal theory); Waternaux (1976), Biometrika 63 (kurtosis);
Tipping & Bishop (1999), J. R. Stat. Soc. B 61, 611-622; Miller (1974), Biometrika 61 (jackknife).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri, stdtrit

from whyfit.errors import ShapeError, SpecError
from whyfit.linalg.conditioning import correlation
from whyfit.linalg.decompose import Spectral, eigen
from whyfit.linalg.moments import FoldMoments, Moments


@dataclass(frozen=True)
class Components:
    """Principal components of n rows; `spectral` is of the covariance, divisor n − 1.

    Attributes
    ----------
    n : rows. mean : (p,). scale : (p,) what columns were divided by: 1, or standard deviations.
    spectral : values are the variances λ (p,), falling and ≥ 0; vectors (p, p) hold the components as columns.
    """

    n: int
    mean: Float[np.ndarray, " p"]
    scale: Float[np.ndarray, " p"]
    spectral: Spectral

    @property
    def variances(self) -> Float[np.ndarray, " p"]:
        return self.spectral.values

    @property
    def directions(self) -> Float[np.ndarray, "p p"]:
        """Row j is component j; its entry of largest size is positive."""
        return self.spectral.vectors.T

    @property
    def shares(self) -> Float[np.ndarray, " p"]:
        """λ_j/Σλ; 0 where nothing varies."""
        total = float(self.variances.sum())
        return self.variances / total if total > 0 else np.zeros_like(self.variances)

    def noise_variance(self, k: int) -> float:
        """σ² of probabilistic PCA with k components, 0 ≤ k ≤ p; 0 for k = p."""
        rest = self.variances[k:]
        return float(rest.mean()) if rest.size else 0.0

    def intervals(
        self, level: float = 0.95, kurtosis: Float[np.ndarray, " k"] | float = 3.0
    ) -> Float[np.ndarray, "k 2"]:
        """(low, high) of the first k variances: λ̂ exp(± z √((κ − 1)/n)).

        `kurtosis` of the scores, one number or one per component; 3 is that of normal rows. The level is reached for
        n ≫ p and simple λ.
        """
        _check_level(level)
        kurtosis = np.asarray(kurtosis, dtype=np.float64)
        lam = self.variances[: kurtosis.size] if kurtosis.ndim else self.variances
        if self.n < 2:
            return np.full((lam.size, 2), np.nan)
        half = float(ndtri((1 + level) / 2)) * np.sqrt(np.maximum(kurtosis - 1, 0.0) / self.n)
        return np.column_stack([lam * np.exp(-half), lam * np.exp(half)])


def principal_components(moments: Moments, *, unit_variance: bool = False) -> Components:
    """Of all columns of `moments` (leave y out: `moments.columns(range(p))`).

    With `unit_variance` columns are divided by their standard deviation first (a constant one stays as it is).
    Variances are 0 for a single row; n = 0 is a ShapeError.
    """
    if moments.n < 1:
        raise ShapeError("there are no rows; expected at least one to have components.")
    p = moments.mean.size
    per = max(moments.n - 1, 1)
    if unit_variance:
        d = np.sqrt(np.maximum(np.diag(moments.scatter), 0.0) / per)
        scale = np.where(d > 0, d, 1.0)
        C = correlation(moments.scatter)
        C[np.diag_indices(p)] = d > 0
    else:
        scale, C = np.ones(p), moments.scatter / per
    found = eigen(C)
    spectral = Spectral(np.maximum(found.values, 0.0), found.vectors, found.error)
    return Components(moments.n, moments.mean, scale, spectral)


def jackknife(
    folds: FoldMoments, k: int, level: float = 0.95, *, unit_variance: bool = False
) -> Float[np.ndarray, "k 2"]:
    """(low, high) of the first k variances by leaving out one fold at a time, whatever the tails of the rows.

    With g folds, var(log λ̂) ≈ (g − 1)/g Σ_j (log λ̂_(−j) − mean)², and t with g − 1 degrees of freedom. Rows must have
    come into the folds at random. NaN with fewer than two folds, or where a variance is 0.

    Reference: Miller (1974), Biometrika 61, 1-15.
    """
    _check_level(level)
    whole = principal_components(folds.total, unit_variance=unit_variance).variances[:k]
    used = [j for j in range(folds.k) if 0 < folds.n[j] < folds.total.n]
    g = len(used)
    if g < 2:
        return np.full((whole.size, 2), np.nan)
    each = np.array([
        principal_components(folds.without(j), unit_variance=unit_variance).variances[:k]
        for j in used
    ])  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(each)
        se = np.sqrt((g - 1) / g * ((logs - logs.mean(axis=0)) ** 2).sum(axis=0))
        half = float(stdtrit(g - 1, (1 + level) / 2)) * se
        return np.column_stack([whole * np.exp(-half), whole * np.exp(half)])


def kurtosis_of(scores: Float[np.ndarray, "s k"]) -> Float[np.ndarray, " k"]:
    """E[t⁴]/E[t²]² of centred scores, one per component; 3 where a component does not vary."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        t = scores / np.abs(scores).max(axis=0, initial=0.0)  # fourth powers stay in range
        square = t * t
        out = (square * square).mean(axis=0) / square.mean(axis=0) ** 2
    return np.where(np.isfinite(out), out, 3.0)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise SpecError(f"the level is {level}; expected one in (0, 1), e.g. 0.95.")

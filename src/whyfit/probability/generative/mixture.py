"""Mixtures of normal laws by the EM algorithm.

    p(x) = Σ_k π_k N(x; μ_k, Σ_k)
    E:  r_ik = π_k N(x_i; μ_k, Σ_k)/p(x_i)        M:  π_k, μ_k, Σ_k from moments weighted by r_ik

Columns are standardised first, so units do not matter. The likelihood alone has no maximum (a component on one row
has density ∞), so a weak inverse-Wishart prior is added, Ψ = FLOOR·n·I in standardised units: Σ_k = (S_k + Ψ)/N_k.
What EM raises in every step, exactly, is then the *penalised* log-likelihood −½ Σ_k tr(ΨΣ_k⁻¹) + log p(X) (`path`).

It starts from k-means++ seeds and a few rounds of Lloyd's algorithm, `starts` times; the best end is kept. EM finds a
local maximum: another seed may find a better one. BIC = −2 log p(X) + (free parameters) log n: smaller is better; it
counts components, not clusters, and needs well-separated ones or many rows to count right.

References: Dempster, Laird & Rubin (1977), J. R. Stat. Soc. B 39; Arthur & Vassilvitskii (2007), SODA (k-means++);
Fraley & Raftery (2007), J. Classification 24, 155-181 (the prior); Schwarz (1978), Ann. Stat. 6 (BIC).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from whyfit.engines.local import one_blas_thread
from whyfit.errors import NotFiniteError, ShapeError, SpecError
from whyfit.probability.generative.classes import GaussianClasses, normalised

Shape = Literal["full", "tied", "diag"]
FLOOR = 1e-6  # of the columns' variance, as scikit-learn's reg_covar; per row of the table, not of a component
TOLERANCE = 1e-6  # gain per row and step below which EM ends
_LLOYD = 10


@dataclass(frozen=True, eq=False)
class Mixture:
    """A fitted mixture, in units of the columns.

    Attributes
    ----------
    laws : components as GaussianClasses (shares, means, covariances). shape : of the covariances.
    log_likelihood : log p(X) of the rows fitted. path : penalised log-likelihood after each step, never falling.
    converged : whether a step gained less than TOLERANCE a row. n : rows. parameters : free ones.
    """

    laws: GaussianClasses
    shape: Shape
    log_likelihood: float
    path: tuple[float, ...]
    converged: bool
    n: int
    parameters: int

    @property
    def bic(self) -> float:
        return -2 * self.log_likelihood + self.parameters * float(np.log(self.n))

    @property
    def aic(self) -> float:
        return -2 * self.log_likelihood + 2 * self.parameters


def fit_mixture(
    X: Float[np.ndarray, "n p"],
    components: int,
    shape: Shape = "full",
    *,
    starts: int = 3,
    steps: int = 500,
    rng: np.random.Generator | int | None = 0,
    start_means: Float[np.ndarray, "k p"] | None = None,
) -> Mixture:
    """The best of `starts` runs of EM; with `start_means` one run from there.

    Raises
    ------
    SpecError : components < 1 or more than rows, or another number out of range. NotFiniteError : NaN or infinity.
    """
    X = np.asarray(X, dtype=np.float64)
    if X.ndim != 2 or not X.size:
        raise ShapeError(f"X has shape {X.shape}; expected (n, p), both at least 1.")
    if not np.isfinite(X).all():
        raise NotFiniteError("X holds NaN or infinity; impute or drop those rows first.")
    n = len(X)
    if not 1 <= components <= n:
        raise SpecError(f"components is {components} of {n} rows; expected a number from 1 to {n}.")
    if shape not in ("full", "tied", "diag") or starts < 1 or steps < 1:
        raise SpecError(
            f"shape is {shape!r}, starts {starts}, steps {steps}; expected 'full', 'tied' or 'diag' and numbers ≥ 1."
        )
    centre, scale = X.mean(axis=0), X.std(axis=0)
    scale = np.where(scale > 1e-12 * (1 + np.abs(centre)), scale, 1.0)
    Z = (X - centre) / scale
    rng = np.random.default_rng(rng)
    best: Mixture | None = None
    with one_blas_thread():
        for _ in range(1 if start_means is not None else starts):
            if start_means is None:
                labels = kmeans(Z, components, rng)
            else:
                labels = _nearest(Z, (np.asarray(start_means, dtype=np.float64) - centre) / scale)
            found = _em(Z, components, labels, shape, steps)
            if best is None or found.path[-1] > best.path[-1]:
                best = found
    assert best is not None
    laws, jump = best.laws, float(np.log(scale).sum()) * n
    covariances = laws.covariances * (scale**2 if shape == "diag" else scale * scale[:, None])
    laws = GaussianClasses(laws.log_prior, centre + laws.means * scale, covariances)
    path = tuple(value - jump for value in best.path)
    return replace(best, laws=laws, log_likelihood=best.log_likelihood - jump, path=path)


def _em(
    Z: Float[np.ndarray, "n p"], k: int, labels: Int[np.ndarray, " n"], shape: Shape, steps: int
) -> Mixture:
    n, p = Z.shape
    R = np.zeros((n, k))
    R[np.arange(n), labels] = 1.0
    path: list[float] = []
    log = -np.inf
    converged = False
    laws = _maximise(Z, R, shape)
    for _ in range(steps):
        log_posterior, density = normalised(laws.log_joint(Z))
        log = float(density.sum())
        path.append(log - _penalty(laws, n, p))
        if len(path) > 1 and path[-1] - path[-2] < TOLERANCE * n:
            converged = True
            break
        laws = _maximise(Z, np.exp(log_posterior), shape)
    return Mixture(laws, shape, log, tuple(path), converged, n, _parameters(k, p, shape))


def _parameters(k: int, p: int, shape: Shape) -> int:
    each = {"full": k * p * (p + 1) // 2, "tied": p * (p + 1) // 2, "diag": k * p}[shape]
    return each + k * p + k - 1


def _maximise(Z: np.ndarray, R: Float[np.ndarray, "n k"], shape: Shape) -> GaussianClasses:
    n, p = Z.shape
    N = np.maximum(R.sum(axis=0), 1e-300)
    means = (R.T @ Z) / N[:, None]
    psi = FLOOR * n
    log_prior = np.log(np.maximum(N, 1e-12 * n) / np.maximum(N, 1e-12 * n).sum())
    if shape == "diag":
        squares = np.stack([r @ (Z - m) ** 2 for r, m in zip(R.T, means, strict=True)])
        return GaussianClasses(log_prior, means, (squares + psi) / np.maximum(N, psi)[:, None])
    S = np.empty((len(N), p, p))
    for k, m in enumerate(means):
        D = (Z - m) * np.sqrt(R[:, k])[:, None]
        S[k] = D.T @ D
    if shape == "tied":
        return GaussianClasses(log_prior, means, ((S.sum(axis=0) + psi * np.eye(p)) / n)[None])
    return GaussianClasses(
        log_prior, means, (S + psi * np.eye(p)) / np.maximum(N, psi)[:, None, None]
    )


def _penalty(laws: GaussianClasses, n: int, p: int) -> float:
    """½ Σ tr(ΨΣ⁻¹)."""
    S, psi = laws.covariances, FLOOR * n
    if S.ndim == 2:
        return 0.5 * psi * float((1 / S).sum())
    return 0.5 * psi * float(sum(np.trace(np.linalg.solve(A, np.eye(p))) for A in S))


def kmeans(
    Z: Float[np.ndarray, "n p"], k: int, rng: np.random.Generator, rounds: int = _LLOYD
) -> Int[np.ndarray, " n"]:
    """Labels after k-means++ seeding and at most `rounds` rounds of Lloyd's algorithm."""
    n = len(Z)
    centres = np.empty((k, Z.shape[1]))
    centres[0] = Z[rng.integers(n)]
    near = ((Z - centres[0]) ** 2).sum(axis=1)
    for j in range(1, k):
        total = near.sum()
        i = rng.choice(n, p=near / total) if total > 0 else rng.integers(n)
        centres[j] = Z[i]
        near = np.minimum(near, ((Z - centres[j]) ** 2).sum(axis=1))
    labels = _nearest(Z, centres)
    for _ in range(rounds):
        count = np.bincount(labels, minlength=k)
        for j in np.flatnonzero(count):
            centres[j] = Z[labels == j].mean(axis=0)
        new = _nearest(Z, centres)
        if (new == labels).all():
            break
        labels = new
    return labels


def _nearest(Z: np.ndarray, centres: np.ndarray) -> Int[np.ndarray, " n"]:
    return (0.5 * (centres**2).sum(axis=1) - Z @ centres.T).argmin(axis=1)

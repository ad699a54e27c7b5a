"""Which prior, and which model, makes the data probable: both answered by the evidence.

*The prior's width.* With w ~ N(0, 1/λ), noise precision α, r = λ/α, eigenvalues μ_i of XᶜᵀXᶜ and rotated products b,

    −2 log p(y | α, λ) at the best α = n/Q:    n log Q + Σ log(1 + μ_i/r) + const,    Q(r) = S_yy − Σ b_i²/(μ_i + r)

which is stationary where n r‖m‖²/Q = γ = Σ μ_i/(μ_i + r), m the posterior mean: one eigendecomposition of the
moments, then p operations per r. It is MacKay's fixed point λ = γ/‖m‖², α = (n − γ)/RSS, to which scikit-learn's
BayesianRidge iterates, found by bracketing and bisection: it cannot stop short, and prefers the higher of two maxima.

*The model.* Posterior probabilities of models are Bayes' rule with the evidence as likelihood (`compare`).

References: MacKay (1992), Neural Computation 4, 415-447; Tipping (2001), JMLR 1, 211-244; Kass & Raftery (1995).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.errors import SpecError
from whyfit.linalg.conditioning import correlation
from whyfit.linalg.moments import Moments
from whyfit.probability.bayes.linear import Evidence
from whyfit.probability.bayes.rule import PosteriorTable, prior_table

#: log₁₀ of r over the mean eigenvalue: from no prior to no slopes.
_LOW, _HIGH, _POINTS, _HALVINGS = -14.0, 8.0, 177, 80


@dataclass(frozen=True, eq=False)
class EvidencePrior:
    """The prior under which the data were most probable.

    Attributes
    ----------
    alpha : precision 1/σ² of the noise. lambda_ : precision of each slope, in the columns' units or on
    unit-variance columns (`standardised`). ridge : λ/α. effective : γ, slopes that the data determine.
    coef : (p,) posterior means per unit of the column. log_evidence : log p(y | α, λ), the level taken as known, as
    BayesianRidge has it. bounded : no maximum inside; "flat" prior (r → 0) or "no slopes" (r → ∞), else "".
    """

    alpha: float
    lambda_: float
    ridge: float
    effective: float
    coef: Float[np.ndarray, " p"]
    log_evidence: float
    standardised: bool
    bounded: str


def evidence_prior(moments: Moments, *, standardise: bool = True) -> EvidencePrior:
    """Maximise the evidence over the widths of the prior and of the noise.

    Raises
    ------
    SpecError : y does not vary, or no column does.
    """
    n, p = moments.n, moments.mean.size - 1
    d = np.sqrt(np.maximum(np.diag(moments.scatter), 0.0))
    if not d[-1] > 0 or not (d[:-1] > 0).any():
        raise SpecError(
            "y or every column is constant; there is no prior to choose: use prior=None."
        )
    scale = np.where(d[:-1] > 0, d[:-1] / np.sqrt(n), 1.0) if standardise else np.ones(p)
    size = d[-1]
    if standardise:
        C = correlation(moments.scatter)
        A, c = n * C[:-1, :-1], np.sqrt(n) * C[:-1, -1]
        A[np.diag_indices(p)] = n * (d[:-1] > 0)
    else:
        A, c = moments.scatter[:-1, :-1], moments.scatter[:-1, -1] / size
    mu, V = np.linalg.eigh(A)
    mu = np.maximum(mu, 0.0)
    b2 = (V.T @ c) ** 2  # of y/√S_yy
    unit = float(mu.mean())

    def deviance(r: np.ndarray) -> np.ndarray:
        return n * np.log(_q(b2, mu, r)) + np.log1p(mu / r[:, None]).sum(axis=1)

    grid = np.linspace(_LOW, _HIGH, _POINTS)
    at = deviance(unit * 10.0**grid)
    best = int(at.argmin())
    bounded = {0: "flat", _POINTS - 1: "no slopes"}.get(best, "")
    r = unit * 10.0 ** grid[best]
    if not bounded:
        low, high = (np.log(unit) + np.log(10) * grid[best + k] for k in (-1, 1))
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            r = np.exp(middle)
            q = float(_q(b2, mu, np.array([r]))[0])
            rising = n * r * float((b2 / (mu + r) ** 2).sum()) / q > float((mu / (mu + r)).sum())
            low, high = (low, middle) if rising else (middle, high)
        r = float(np.exp((low + high) / 2))
    q = float(_q(b2, mu, np.array([r]))[0]) * size**2
    alpha = n / q
    log = 0.5 * (n * np.log(alpha / (2 * np.pi)) - n - np.log1p(mu / r).sum())
    coef = V @ ((V.T @ c) / (mu + r)) * size / scale
    effective = float((mu / (mu + r)).sum())
    return EvidencePrior(
        alpha, r * alpha, float(r), effective, coef, float(log), standardise, bounded
    )


def _q(b2: np.ndarray, mu: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Q(r)/S_yy, not below rounding."""
    return np.maximum(1 - (b2 / (mu + r[:, None])).sum(axis=1), 1e-15)


def compare(
    evidences: Mapping[str, Evidence | float], prior: Mapping[str, float] | None = None
) -> PosteriorTable:
    """Posterior probabilities of models of the same target rows.

    Parameters
    ----------
    evidences : {model: Evidence, or a log evidence from elsewhere}.
    prior : {model: weight}; equal by default.

    Raises
    ------
    SpecError : the evidences are not comparable (other rows, other flat directions, an improper posterior).
    """
    known = [e for e in evidences.values() if isinstance(e, Evidence)]
    if len({(e.rows, e.flat, e.proper_scale) for e in known}) > 1:
        seen = ", ".join(f"{e.rows} rows and {e.flat} flat directions" for e in known)
        raise SpecError(
            f"the evidences are of {seen}; expected the same rows and flat directions, because a flat prior has "
            "no height: give slopes a proper prior."
        )
    logs = np.array([e.log if isinstance(e, Evidence) else float(e) for e in evidences.values()])
    if np.isnan(logs).any():
        raise SpecError(
            "an evidence is NaN, its posterior being improper; give more rows or a proper prior."
        )
    names = tuple(evidences)
    weights = [1.0] * len(names) if prior is None else [prior.get(name, 0.0) for name in names]
    return prior_table(weights, names).update_log(logs)

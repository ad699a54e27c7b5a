"""How far to shrink the covariance of a class: Ledoit–Wolf and the oracle-approximating estimator, of standardised
columns.

With R the correlation matrix (divisor n) of n rows z of p columns of variance one, shrunk towards I:

    Ledoit–Wolf   s = min(β, δ)/δ,   δ = ‖R − I‖²,   β = (1/n)( (1/n) Σ_i ‖z_i‖⁴ − ‖R‖² )
    OAS           s = min(1, (ᾱ + 1)/((n + 1)(ᾱ − 1/p))),   ᾱ = ‖R‖²/p²

OAS needs moments alone and presumes normal rows. Ledoit–Wolf needs Σ‖z‖⁴ too, one more pass over the rows. Both are
scikit-learn's on columns standardised within the class; a column constant in it has no part.

References: Ledoit & Wolf (2004), J. Multivariate Analysis 88, 365-411; Chen, Wiesel, Eldar & Hero (2010), IEEE Trans.
Signal Processing 58, 5016-5029."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.engines.local import LocalEngine
from whyfit.fold import Engine, Rows, fold
from whyfit.linalg.moments import FoldMoments, Moments


@dataclass(frozen=True, slots=True)
class _Fourth:
    """Σ‖z‖⁴ of each class."""

    total: Float[np.ndarray, " C"]

    def __add__(self, other: _Fourth) -> _Fourth:
        return _Fourth(self.total + other.total)


def _deviations(m: Moments) -> Float[np.ndarray, " p"]:
    return np.sqrt(np.maximum(np.diag(m.scatter), 0.0) / max(m.n, 1))


def _correlation(m: Moments) -> Float[np.ndarray, "p p"]:
    """With zeros for constant columns, and their diagonal too, as scikit-learn's scaler leaves them."""
    d = _deviations(m)
    d = np.where(d > 0, d, np.inf)
    return m.scatter / max(m.n, 1) / d / d[:, None]


def ledoit_wolf(
    folds: FoldMoments, blocks: Iterable[Rows], engine: Engine | None = None
) -> Float[np.ndarray, " C"]:
    """s of every class; `blocks` are its rows again, `fold` the class."""
    each = [folds.fold(k) for k in range(folds.k)]
    centre = np.array([m.mean for m in each])
    inverse = np.array([1 / np.where((d := _deviations(m)) > 0, d, np.inf) for m in each])

    def of(rows: Rows) -> _Fourth:
        z = (rows.X - centre[rows.fold]) * inverse[rows.fold]
        square = np.einsum("ij,ij->i", z, z)
        return _Fourth(np.bincount(rows.fold, square * square, len(each)))

    fourth = fold(blocks, of, _Fourth(np.zeros(len(each))), engine or LocalEngine()).total
    return np.array([_lw(m, f) for m, f in zip(each, fourth, strict=True)])


def _lw(m: Moments, fourth: float) -> float:
    R = _correlation(m)
    p = len(R)
    trace, norm = float(np.trace(R)), float((R * R).sum())
    mean = trace / p
    beta = (fourth / m.n - norm) / (p * m.n)
    delta = (norm - 2 * mean * trace + p * mean**2) / p
    beta = min(beta, delta)
    return float(beta / delta) if beta > 0 and delta > 0 else 0.0


def oas(folds: FoldMoments) -> Float[np.ndarray, " C"]:
    """s of every class, from moments alone."""
    return np.array([_oas(folds.fold(k)) for k in range(folds.k)])


def _oas(m: Moments) -> float:
    R = _correlation(m)
    p = len(R)
    alpha, mean = float((R * R).mean()), float(np.trace(R)) / p
    below = (m.n + 1) * (alpha - mean**2 / p)
    return 1.0 if below <= 0 else float(min((alpha + mean**2) / below, 1.0))

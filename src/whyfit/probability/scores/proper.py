"""Proper scores of probabilities: log loss and Brier score, and what a Brier score is made of.

    log loss   −log p_y                     Brier   (y − p)²;   of C classes Σ_c (p_c − [y = c])²

Both are smallest in expectation where p is the truth. In groups g of rows with the same forecast p_g and the observed
share ȳ_g the Brier score is

    reliability − resolution + uncertainty = Σ n_g/n (p_g − ȳ_g)² − Σ n_g/n (ȳ_g − ȳ)² + ȳ(1 − ȳ)

exactly. Forecasts that are nearly all different have no such groups; monotone regression of y on p makes them (CORP):
with q the pooled shares, reliability = S(p) − S(q), resolution = S(ȳ) − S(q), again exact, each at least 0.

References: Brier (1950), Monthly Weather Review 78; Murphy (1973), J. Applied Meteorology 12, 595-600;
Dimitriadis, Gneiting & Jordan (2021), PNAS 118(8), e2016191118.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from whyfit.errors import NotFiniteError, ShapeError, SpecError, TargetError
from whyfit.probability.scores.score import (
    Score,
    binary,
    mean_score,
    probabilities,
    row_weights,
    vector,
)

_SUMS_TO_ONE = 1e-6  # a row of probabilities may miss 1 by this much: float32 of a thousand classes


def class_probabilities(
    y: ArrayLike, P: ArrayLike
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, "n C"]]:
    """Class codes and probabilities per class; two columns are made of one vector, P(y = 1)."""
    given = np.asarray(P, dtype=np.float64)
    if given.ndim == 1:
        t = binary(y)
        p = probabilities(given, len(t))
        return t.astype(np.int64), np.column_stack([1 - p, p])
    v = vector(y, "the target")
    if given.ndim != 2 or given.shape[0] != len(v):
        raise ShapeError(f"probabilities have shape {given.shape}; expected ({len(v)}, classes).")
    C = given.shape[1]
    if (v != np.floor(v)).any() or v.min() < 0 or v.max() >= C:
        raise TargetError(f"class codes must be whole numbers from 0 to {C - 1}, one per column.")
    if not np.isfinite(given).all():
        raise NotFiniteError("a probability is NaN or infinite; leave such rows out first.")
    if given.min() < 0 or np.abs(given.sum(axis=1) - 1).max() > _SUMS_TO_ONE:
        raise TargetError("each row of probabilities must be at least 0 and sum to 1.")
    return v.astype(np.int64), given


def log_loss_rows(code: np.ndarray, P: np.ndarray) -> Float[np.ndarray, " n"]:
    """−log p_y; infinite where something happened that had the probability 0."""
    with np.errstate(divide="ignore"):
        return np.abs(-np.log(P[np.arange(len(code)), code]))


def _base(code: np.ndarray, C: int, weights: np.ndarray | None) -> Float[np.ndarray, " C"]:
    share = np.bincount(code, weights=weights, minlength=C).astype(float)
    return share / share.sum()


def log_loss(
    y: ArrayLike,
    P: ArrayLike,
    level: float = 0.95,
    *,
    weights: ArrayLike | None = None,
    clip: float = 0.0,
) -> Score:
    """Mean −log p_y in nats against the classes' shares.

    y : 0/1 with P (n,), or class codes with P (n, C). Probabilities are kept within [clip, 1 − clip]; with the default,
    none, one impossible event makes the score infinite (its interval then has no lower end). One class: the trivial
    predictor is perfect and nothing can be gained.

    Coverage of 95 % in 4,000 samples: 94.6-95.7 % at n = 50 and 200, probabilities near 0 and 1 included.
    """
    if not 0 <= clip < 0.5:
        raise SpecError(f"clip is {clip}; expected 0 (none) or a small number such as 1e-15.")
    code, Q = class_probabilities(y, P)
    w = row_weights(weights, len(code))
    if w is not None:
        code, Q, w = code[w > 0], Q[w > 0], w[w > 0]
    Q = np.clip(Q, clip, 1 - clip)
    base = _base(code, Q.shape[1], w)
    trivial = log_loss_rows(code, np.broadcast_to(base, Q.shape))
    return mean_score("log loss", log_loss_rows(code, Q), trivial, level, w)


def brier(
    y: ArrayLike, P: ArrayLike, level: float = 0.95, *, weights: ArrayLike | None = None
) -> Score:
    """Brier score against the classes' shares; y and P as in `log_loss`.

    Of P (n,) it is (y − p)², in [0, 1]; of P (n, C) the sum over the classes, in [0, 2]: twice that for two.

    Coverage of 95 % in 4,000 samples: 95.3-96.9 % at n = 50 and 200.
    """
    code, Q = class_probabilities(y, P)
    w = row_weights(weights, len(code))
    base = _base(code, Q.shape[1], w)
    half = 0.5 if np.ndim(P) == 1 else 1.0
    hot = np.zeros_like(Q)
    hot[np.arange(len(code)), code] = 1.0
    loss, trivial = (half * ((hot - V) ** 2).sum(axis=1) for V in (Q, base))
    return mean_score("Brier score", loss, trivial, level, w)


@dataclass(frozen=True, slots=True)
class Decomposition:
    """score = reliability − resolution + uncertainty.

    Reliability is the cost of saying the wrong number (0: calibrated), resolution the gain of telling rows apart,
    uncertainty the score of the base rate. In finite samples both are biased upwards, reliability by about
    groups/(4n) of balanced classes.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    groups: int


def brier_decomposition(y: ArrayLike, p: ArrayLike) -> Decomposition:
    """By distinct forecasts where each is given to at least ten rows on average, else by monotone pooling."""
    y = binary(y)
    p = probabilities(p, len(y))
    distinct, place, count = np.unique(p, return_inverse=True, return_counts=True)
    share = np.bincount(place, weights=y) / count
    if 10 * len(distinct) > len(y):
        share = pooled(share, count)
    q = share[place]
    score, refined = float(np.mean((y - p) ** 2)), float(np.mean((y - q) ** 2))
    base = float(y.mean())
    uncertainty = base * (1 - base)
    return Decomposition(
        score, score - refined, uncertainty - refined, uncertainty, len(np.unique(share))
    )


def pooled(share: np.ndarray, count: np.ndarray) -> Float[np.ndarray, " d"]:
    """The nearest rising sequence to `share`, squares weighted by `count` (pool adjacent violators).

    Reference: Ayer et al. (1955), Annals of Mathematical Statistics 26, 641-647.
    """
    from scipy.optimize import isotonic_regression

    return np.clip(isotonic_regression(share, weights=count).x, 0.0, 1.0)

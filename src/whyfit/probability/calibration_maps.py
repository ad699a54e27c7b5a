"""Recalibration: a rising map from the probability said to the one meant, fitted on out-of-fold predictions.

    isotonic      pooled shares (PAV), linear in between; no shape assumed, needs many rows
    Platt         logit q = a + b logit p
    temperature   logit q = b logit p            1/b is the temperature; 1/2 stays 1/2
    beta          logit q = c + a log p − b log(1 − p),  a, b ≥ 0

The parametric maps maximise the likelihood with Platt's targets, (n₁ + 1)/(n₁ + 2) and 1/(n₀ + 2) in place of 1 and
0, so that they exist even where the classes are separated. `recalibrated` tries all of them by cross-validation on
the same out-of-fold predictions and judges each on the rows that did not fit it.

References: Platt (1999), Advances in Large Margin Classifiers; Zadrozny & Elkan (2002), KDD; Guo et al. (2017), ICML;
Kull, Silva Filho & Flach (2017), AISTATS; Nadeau & Bengio (2003), Machine Learning 52, for the intervals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy import special

from whyfit.errors import ShapeError
from whyfit.probability.predictive import sigmoid
from whyfit.probability.scores.proper import pooled
from whyfit.probability.scores.score import binary, check_level, probabilities
from whyfit.probability.validation import Estimate, over_folds

Map = Callable[[np.ndarray], np.ndarray]
#: Probabilities are kept this far from 0 and 1 before their logarithm is taken.
EDGE = 1e-12
FOLDS = 10
_NUDGE = (
    1e-9  # of curvature per row, on the diagonal: equal forecasts leave directions undetermined
)


@dataclass(frozen=True, slots=True)
class Isotonic:
    """`share` at the distinct `forecast`s, rising; blocks of one outcome only keep ½ of a row's doubt."""

    forecast: Float[np.ndarray, " d"]
    share: Float[np.ndarray, " d"]

    name = "isotonic"

    @classmethod
    def of(cls, y: np.ndarray, p: np.ndarray) -> Isotonic:
        x, place, count = np.unique(p, return_inverse=True, return_counts=True)
        hits = np.bincount(place, weights=y)
        q = pooled(hits / count, count)
        for end, is_end in ((0.0, q <= 0), (1.0, q >= 1)):
            if is_end.any():
                doubt = 0.5 / (count[is_end].sum() + 1)
                rest = q[~is_end]
                near = rest[0 if end == 0 else -1] if rest.size else 0.5
                q[is_end] = min(doubt, near) if end == 0 else max(1 - doubt, near)
        bends = np.ones(len(q), dtype=bool)  # within a run of equal shares only its ends matter
        bends[1:-1] = (q[1:-1] != q[:-2]) | (q[1:-1] != q[2:])
        return cls(x[bends], q[bends])

    def __call__(self, p: np.ndarray) -> np.ndarray:
        return np.interp(p, self.forecast, self.share)


@dataclass(frozen=True, slots=True)
class Logistic:
    """logit q = c + a log p − b log(1 − p): Platt (a = b), temperature (a = b, c = 0) and beta."""

    name: str
    a: float
    b: float
    c: float

    def __call__(self, p: np.ndarray) -> np.ndarray:
        p = np.clip(p, EDGE, 1 - EDGE)
        return sigmoid(self.c + self.a * np.log(p) - self.b * np.log1p(-p))


def platt(y: np.ndarray, p: np.ndarray) -> Logistic:
    """Of the whole slope and intercept; slope b < 1 says forecasts are too extreme. A negative slope is set to 0."""
    c, b = map(float, _likeliest(np.column_stack([np.ones(len(p)), _logit(p)]), y))
    if b < 0:
        c, b = float(_likeliest(np.ones((len(p), 1)), y)[0]), 0.0
    return Logistic("Platt", b, b, c)


def temperature(y: np.ndarray, p: np.ndarray) -> Logistic:
    """Of the whole the slope alone, not below 0."""
    b = max(0.0, float(_likeliest(_logit(p)[:, None], y)[0]))
    return Logistic("temperature", b, b, 0.0)


def beta(y: np.ndarray, p: np.ndarray) -> Logistic:
    """A negative a or b is set to 0 and the rest fitted again, so that the map rises."""
    q = np.clip(p, EDGE, 1 - EDGE)
    Z = np.column_stack([np.ones(len(q)), np.log(q), -np.log1p(-q)])
    w = np.zeros(3)
    keep = np.ones(3, dtype=bool)
    for _ in range(3):
        w[:] = 0.0
        w[keep] = _likeliest(Z[:, keep], y)
        if (w[1:] >= 0).all():
            break
        keep[1:] &= w[1:] >= 0
    return Logistic("beta", float(w[1]), float(w[2]), float(w[0]))


def _logit(p: np.ndarray) -> np.ndarray:
    return special.logit(np.clip(p, EDGE, 1 - EDGE))


def _likeliest(Z: Float[np.ndarray, "n c"], y: np.ndarray) -> np.ndarray:
    """Newton with halving; targets as Platt's."""
    yes = y.sum()
    t = np.where(y == 1, (yes + 1) / (yes + 2), 1 / (len(y) - yes + 2))
    w = np.zeros(Z.shape[1])

    def loss(w: np.ndarray) -> float:
        eta = Z @ w
        return float(np.sum(np.logaddexp(0, eta) - t * eta))

    now = new = loss(w)
    nudge = _NUDGE * len(y) * np.eye(len(w)) * np.maximum((Z**2).mean(axis=0), 1e-300)
    for _ in range(100):
        q = sigmoid(Z @ w)
        step = np.linalg.solve((Z.T * (q * (1 - q))) @ Z + nudge, Z.T @ (q - t))
        for _ in range(40):
            new = loss(w - step)
            if new <= now:
                break
            step /= 2
        w, gain, now = w - step, now - new, new
        if gain <= 1e-12 * (1 + abs(now)):
            break
    return w


MAPS: dict[str, Callable[[np.ndarray, np.ndarray], Map]] = {
    "temperature": temperature,
    "Platt": platt,
    "beta": beta,
    "isotonic": Isotonic.of,
}


@dataclass(frozen=True, slots=True)
class Recalibration:
    """One map: its held-out log loss, the saving against leaving probabilities alone, and the map fitted on all rows.

    `saving` is in nats per row, an interval over folds (corrected, and widened for the four maps tried).
    """

    name: str
    before: float
    after: float
    saving: Estimate
    brier_saving: Estimate
    map: Map

    @property
    def helped(self) -> bool:
        """Whether the interval of the saving lies above 0."""
        return bool(self.saving.low > 0)


def recalibrated(
    y: ArrayLike,
    p: ArrayLike,
    fold: Int[np.ndarray, " n"] | None = None,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> tuple[Recalibration, ...]:
    """Every map tried on held-out folds, the largest saving first.

    y, p : outcomes and *out-of-fold* probabilities: those of training rows would be too good. fold : the fold of each
    row (default ten random ones). Probabilities are clipped to [1e-12, 1 − 1e-12]. With fewer than two folds' worth
    of rows, or one class, every saving is NaN or 0 and nothing `helped`.
    """
    y = binary(y)
    p = np.clip(probabilities(p, len(y)), EDGE, 1 - EDGE)
    k = max(2, min(FOLDS, len(y)))
    fold = (rng or np.random.default_rng(0)).permutation(len(y)) % k if fold is None else fold
    fold = np.asarray(fold)
    if fold.shape != y.shape:
        raise ShapeError(f"fold has shape {fold.shape}; expected {y.shape}, one number per row.")
    each = [fold == j for j in np.unique(fold)]
    each = [held for held in each if not held.all()]
    narrow = 1 - (1 - check_level(level)) / len(MAPS)
    tried = []
    for name, make in MAPS.items():
        q = p.copy()
        for held in each:
            q[held] = make(y[~held], p[~held])(p[held])
        before, after = _log_loss(y, p), _log_loss(y, q)
        saving = over_folds(np.array([np.mean((before - after)[h]) for h in each]), narrow)
        squares = (p - y) ** 2 - (q - y) ** 2
        brier = over_folds(np.array([np.mean(squares[h]) for h in each]), narrow)
        tried.append(
            Recalibration(
                name, float(before.mean()), float(after.mean()), saving, brier, make(y, p)
            )
        )
    return tuple(sorted(tried, key=lambda r: -np.nan_to_num(r.saving.value, nan=-np.inf)))


def _log_loss(y: np.ndarray, q: np.ndarray) -> np.ndarray:
    q = np.clip(q, EDGE, 1 - EDGE)
    return -np.where(y == 1, np.log(q), np.log1p(-q))

"""The error no model of these features can go below, estimated from rows whose features are nearly equal.

Let r be the held-out residuals of a fit, r_i = g(x_i) + ε_i with g what the fit misses, and j a near neighbour of i, of
another fold, so that no fit has seen both. Then

    E ½(r_i − r_j)² = σ² + ½ E (g(x_i) − g(x_j))²        difference-based variance (Rice 1984)
    E r_i r_j = E g(x_i) g(x_j) ≤ E g²

Rows with equal features (replicates) give σ² itself; near ones too much, so that the floor errs upwards and the share
of the error that is *not* noise,

    share = Σ r_i r_j / Σ r_i²,

downwards: neighbours that are not near show nothing, and an honest "cannot tell" is 0. Products of two errors have a
variance however long their tails.

The bias of distance is shown, not removed: `by_rank` gives the share for the nearest, the second nearest ... neighbour
with its mean squared distance, and the line through these at distance 0 is `extrapolated` (Evans & Jones's Gamma test).

References: Rice (1984), Annals of Statistics 12, 1215-1230; Hall, Kay & Titterington (1990), Biometrika 77, 521-528;
Evans & Jones (2002), Proc. R. Soc. A 458, 2759-2799.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from whyfit.linalg.neighbours import nearest
from whyfit.probability.validation import Estimate, over_folds

#: Neighbours looked for, of which those of other folds are used.
LOOKED_FOR = 12
#: Neighbours of other folds used.
USED = 6
#: By which equal rows are moved apart, in units of Z.
JITTER = 1e-6


@dataclass(frozen=True)
class NoiseFloor:
    """How much of the squared held-out error neighbours share.

    share : of the error that is not noise, at least, with its interval over the folds, for the nearest neighbour of
    another fold. by_rank : (u,) for the first, second ... neighbour. distance2 : (u,) their mean squared distances.
    extrapolated : share at distance 0. mean_square : of the residuals. replicates : rows that have a neighbour with
    equal features. smoothed : fall of the squared error when each residual is predicted from its neighbours', with its
    interval. rows : looked at.
    """

    share: Estimate
    by_rank: Float[np.ndarray, " u"]
    distance2: Float[np.ndarray, " u"]
    extrapolated: float
    mean_square: float
    replicates: int
    smoothed: Estimate
    rows: int

    @property
    def expected_fall(self) -> float:
        """Fall of the squared error that the mean of USED neighbours should bring: s²/(s + (1 − s)/USED)."""
        s = max(float(np.nanmean(self.by_rank)), 0.0)
        return s**2 / (s + (1 - s) / USED)


def noise_floor(
    Z: Float[np.ndarray, "s p"],
    residual: Float[np.ndarray, " s"],
    label: Int[np.ndarray, " s"],
    k: int,
    level: float = 0.95,
    target: Float[np.ndarray, " s"] | None = None,
) -> NoiseFloor | None:
    """The floor from held-out residuals of rows Z (columns in units that make distances fair) with fold labels.

    With a `target` rows that repeat another in Z and in it count once: copies would pass for a noise of 0. Targets of
    two values are best left out, where such rows are many and real.

    None where fewer than three folds hold rows with neighbours, or the residuals do not vary.
    """
    keep = np.arange(len(residual)) if target is None else _first_of_copies(Z, target)
    Z, r, label = Z[keep], residual[keep], label[keep]
    if len(r) <= LOOKED_FOR + 1 or not float(r @ r) > 0:
        return None
    # Equal rows are told apart by chance: in the order of their index all would meet the same few.
    Z = Z + JITTER * np.random.default_rng(0).standard_normal(Z.shape)
    near = nearest(Z, Z, LOOKED_FOR, exclude_self=True)
    other = label[near.index] != label[:, None]
    order = np.argsort(~other, axis=1, kind="stable")[
        :, :USED
    ]  # those of other folds, nearest first
    index = np.take_along_axis(near.index, order, axis=1)
    distance = np.take_along_axis(near.distance, order, axis=1)
    usable = np.take_along_axis(other, order, axis=1)
    product = np.where(usable, r[:, None] * r[index], 0.0)
    share = np.full((k, USED), np.nan)
    smooth = np.full(k, np.nan)
    estimate = np.where(usable, r[index], 0.0).sum(axis=1) / np.maximum(usable.sum(axis=1), 1)
    for j in range(k):
        mine = label == j
        some = mine & usable[:, 0]
        if some.sum() < 2 or not float(r[mine] @ r[mine]) > 0:
            continue
        count = np.maximum(usable[mine].sum(axis=0), 1)
        share[j] = product[mine].sum(axis=0) / count / np.mean(r[mine] ** 2)
        rest = ~mine
        slope = float(r[rest] @ estimate[rest]) / max(
            float(estimate[rest] @ estimate[rest]), 1e-300
        )
        left = r[mine] - np.clip(slope, 0.0, 1.0) * estimate[mine]
        smooth[j] = 1 - float(left @ left) / float(r[mine] @ r[mine])
    if np.isfinite(share[:, 0]).sum() < 3:
        return None
    by_rank = np.nanmean(share, axis=0)
    distance2 = (distance**2 * usable).sum(axis=0) / np.maximum(usable.sum(axis=0), 1)
    return NoiseFloor(
        over_folds(share[:, 0], level),
        by_rank,
        distance2,
        _at_zero(distance2, by_rank),
        float(np.mean(r**2)),
        int((usable[:, 0] & (distance[:, 0] < 10 * JITTER * np.sqrt(Z.shape[1]))).sum()),
        over_folds(smooth, level),
        len(r),
    )


def _at_zero(d2: np.ndarray, share: np.ndarray) -> float:
    good = np.isfinite(d2) & np.isfinite(share)
    if good.sum() < 2 or not np.ptp(d2[good]) > 0:
        return float(share[good][0]) if good.any() else float("nan")
    slope, at = np.polyfit(d2[good], share[good], 1)
    return float(np.clip(at, share[good][0], 1.0)) if slope < 0 else float(share[good][0])


def _first_of_copies(Z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rows that no earlier row repeats in features and target."""
    _, first = np.unique(np.column_stack([Z, y]), axis=0, return_index=True)
    return np.sort(first)

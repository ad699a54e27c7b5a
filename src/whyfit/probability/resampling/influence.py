"""Jackknife and infinitesimal jackknife: what each row contributes to a statistic.

For a statistic T of the moments, T(w) with weights w_i/n on the rows, the empirical influence values are

    l_i = lim_{ε→0} [T((1 − ε)F + εδ_i) − T(F)]/ε,        Σ l_i = 0,      se² = Σ l_i²/n²

Moments change by ε(d_i, d_id_iᵀ − C) with d_i = x_i − x̄ and C = S/n. So T needs no evaluation for each row: its
gradient in the few moments is found by central differences in the coordinates of `coordinates.py`, and all l_i are
one product. The jackknife leaves rows (or groups of rows) out in earnest,

    T_(g) = T(all − group g),   pseudo-values θ̂_g = G T − (G − 1) T_(g),   se² = (G − 1)/G Σ (T_(g) − mean)²

It errs on the wide side (Efron & Stein 1981); the infinitesimal one, like HC0, on the narrow side.

References: Efron (1982), The Jackknife, the Bootstrap and Other Resampling Plans, ch. 3 and 6; Jaeckel (1972).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from whyfit.engines.local import LocalEngine
from whyfit.errors import ShapeError
from whyfit.fold import Engine, RowSource
from whyfit.linalg.moments import Moments
from whyfit.probability.linear import LinearFit, fit_moments
from whyfit.probability.resampling.coordinates import Coordinates
from whyfit.probability.resampling.draws import Chunk, chunks

#: Step of the central differences on coordinates of variance 1: error h² of the third derivative, u/h of rounding.
STEP = 1e-4

Statistic = Callable[[Moments], "np.ndarray | float"]


def coefficients_of(fit: LinearFit) -> Statistic:
    """The least-squares coefficients, intercept first, as a statistic for these functions and `apply`."""
    names = fit.names

    def statistic(moments: Moments) -> Float[np.ndarray, " c"]:
        refit = fit_moments(moments, names, intercept=fit.with_intercept)
        return np.append(refit.intercept, np.where(refit.dropped, np.nan, refit.coef))

    return statistic


def influence_of_coefficients(
    fit: LinearFit, rows: RowSource, engine: Engine | None = None
) -> Float[np.ndarray, "n c"]:
    """l_i = n V x̃_i e_i of least squares, intercept first; NaN for dropped columns. Exact, without differences."""
    at = Coordinates.of(fit)

    def of(chunk: Chunk) -> Float[np.ndarray, "m c"]:
        u = at.columns(chunk.rows)
        v = at.spread * u[-1]
        slopes = (at.K @ u[1:-1]) * v
        out = np.zeros((u.shape[1], fit.coef.size + 1))
        out[:, 1:] = np.where(fit.dropped, np.nan, slopes.T)
        if fit.with_intercept:
            out[:, 0] = v - fit.mean[:-1] @ slopes
        return out

    return np.concatenate(list((engine or LocalEngine()).map(of, chunks(rows.blocks()))))


def influence_of(
    statistic: Statistic, fit: LinearFit, rows: RowSource, engine: Engine | None = None
) -> np.ndarray:
    """Empirical influence values of any smooth statistic of the moments of [X y].

    `statistic` is called 2(q + q(q+1)/2) times for q columns, whatever n; NaN where it is NaN nearby. A statistic
    with a corner at the table itself (a largest eigenvalue that is double, a maximum) has no influence values.
    """
    at = Coordinates.of(fit)
    a, n, U = at.r + 1, fit.n, at.unit
    base = np.eye(a)
    if not fit.rss > 0:
        base[-1, -1] = 0.0
    pairs = [(i, j) for i in range(a) for j in range(i, a)]
    if fit.with_intercept:
        offset = np.zeros(a)
    else:  # moments are about zero: (z, v) has a mean of its own
        total = sum(
            (at.columns(c.rows)[1:].sum(axis=1) for c in chunks(rows.blocks())), np.zeros(a)
        )
        offset = total / n
        base = base - np.outer(offset, offset)

    def value(shift: np.ndarray, C: np.ndarray) -> np.ndarray:
        mean = fit.mean + (offset + shift) @ U
        return np.asarray(statistic(Moments(n, mean, n * (U.T @ C @ U))), dtype=float)

    def slope(shift: np.ndarray, change: np.ndarray) -> np.ndarray:
        up, down = (value(s * shift, base + s * change) for s in (STEP, -STEP))
        return (up - down) / (2 * STEP)

    nothing, unchanged = np.zeros(a), np.zeros((a, a))
    by_mean = [slope(np.eye(a)[i], unchanged) for i in range(a)]
    by_product = []
    for i, j in pairs:
        change = np.zeros((a, a))
        change[i, j] = change[j, i] = 1.0
        by_product.append(slope(nothing, change))
    J, L = np.array(by_mean), np.array(by_product)
    shape = J.shape[1:]
    J, L = J.reshape(a, -1), L.reshape(len(pairs), -1)
    i, j = np.array(pairs).T

    def of(chunk: Chunk) -> np.ndarray:
        d = at.columns(chunk.rows)[1:] - offset[:, None]
        products = d[i] * d[j] - base[i, j][:, None]
        return d.T @ J + products.T @ L

    values = np.concatenate(list((engine or LocalEngine()).map(of, chunks(rows.blocks()))))
    return values.reshape(len(values), *shape)


@dataclass(frozen=True, slots=True)
class Jackknife:
    """The statistic of the table and without each of the groups."""

    estimate: np.ndarray
    without: np.ndarray

    @property
    def std_error(self) -> np.ndarray:
        """√((G − 1)/G Σ (T_(g) − mean)²); groups of nearly equal size."""
        g = len(self.without)
        return np.sqrt((g - 1) / g * ((self.without - self.without.mean(axis=0)) ** 2).sum(axis=0))

    @property
    def bias(self) -> np.ndarray:
        """(G − 1)(mean of T_(g) − T): what to subtract from the estimate."""
        return (len(self.without) - 1) * (self.without.mean(axis=0) - self.estimate)

    @property
    def influence(self) -> np.ndarray:
        """(G − 1)(mean − T_(g)), for the acceleration of BCa."""
        return (len(self.without) - 1) * (self.without.mean(axis=0) - self.without)


def jackknife(
    statistic: Statistic,
    Z: Float[np.ndarray, "n q"],
    group: Int[np.ndarray, " n"] | None = None,
) -> Jackknife:
    """Leave out each row of Z = [X y], or each group of rows, from the moments.

    Parameters
    ----------
    statistic : called once for every row (group) and once for the table.
    Z : the columns of the moments, the target last.
    group : a number 0 … G − 1 for every row; clusters, or random groups where n is large. None: the rows.

    Raises ShapeError with fewer than two groups, or if an end of the numbering is missing.
    """
    Z = np.asarray(Z, dtype=np.float64)
    n = len(Z)
    label = np.arange(n) if group is None else np.asarray(group)
    size = np.bincount(label) if label.size else np.zeros(0, dtype=int)
    if label.shape != (n,) or size.size < 2 or not size.all():
        raise ShapeError(
            f"{n} rows are in {np.count_nonzero(size)} groups; expected a number 0 … G − 1 for each row, all used."
        )
    whole = Moments.of(Z)
    order = np.argsort(label, kind="stable")
    D = (Z - whole.mean)[order]
    ends = np.cumsum(size)
    without = []
    for stop, m in zip(ends, size, strict=True):
        d = D[stop - m : stop]
        rest = n - int(m)
        if not rest:
            raise ShapeError("one group holds all rows; expected at least 2 groups.")
        total = d.sum(axis=0)
        scatter = whole.scatter - d.T @ d - np.outer(total, total) / rest
        without.append(statistic(Moments(rest, whole.mean - total / rest, scatter)))
    return Jackknife(np.asarray(statistic(whole), dtype=float), np.array(without, dtype=float))

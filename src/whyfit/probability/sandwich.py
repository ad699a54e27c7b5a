"""Meats of robust covariances where rows depend on each other: clusters, and neighbours in time.

With scores s_i = x̃_i e_i, x̃ = (1, x), the covariance of least squares is V M V with the meat

    CR0      M = Σ_g u_g u_gᵀ,  u_g = Σ_{i in g} s_i            rows of one cluster may depend on each other
    CR1      G/(G − 1) · (n − 1)/(n − k) times that, k coefficients
    Newey–West    M = Γ_0 + Σ_{l=1..L} (1 − l/(L + 1)) (Γ_l + Γ_lᵀ),  Γ_l = Σ_t s_t s_{t−l}ᵀ     rows in order of time

Both are folds. Intervals of clusters use Student's t with G − 1 degrees of freedom, those in time n − k.

Both are too narrow in small tables. Measured coverage of 95 % intervals for a slope (2,000 tables, 0.5 points of
Monte-Carlo error; 500 tables, 1 point, for n = 1,000):

    half of the variance of column and error between clusters of 5 rows    classic    CR1
        10 clusters                                                           83.8     91.8
        20                                                                    83.2     93.2
        40                                                                    83.7     94.6
    column and error AR(1), 0.5 each                                       classic    Newey–West, automatic lag
        n = 50                                                                87.8     85.4
        200                                                                   86.6     91.3
        1,000                                                                 85.8     95.0

`few_clusters.cr2_meat` and `cosines.ewc_meat` make the same `Meat` with degrees of freedom of each coefficient, and
cover 94 to 96 where these do not: prefer them. `leveraged.hc_meat` does so for independent rows.

References: Liang & Zeger (1986), Biometrika 73, 13-22; Cameron & Miller (2015), J. Human Resources 50, 317-372;
Newey & West (1987), Econometrica 55, 703-708, and (1994), Review of Economic Studies 61, 631-653 for the lag.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from whyfit.engines.local import LocalEngine
from whyfit.errors import SpecError
from whyfit.fold import Engine, Rows, RowSource, fold
from whyfit.probability.block_sums import (
    Coded,
    check_clusters,
    codes_of,
    labelled,
    to_origin,
)
from whyfit.probability.inference import Inference
from whyfit.probability.linear import LinearFit
from whyfit.probability.score_sums import ClusterSums, LaggedSums, bartlett, lag_of, of_all


@dataclass(frozen=True, slots=True)
class Meat:
    """M of the rows (1, x), the intercept first; what it is called, and the degrees of freedom of its t.

    `dfs` (c,), where each coefficient has its own, NaN for one that cannot be judged; `df` is the smallest then.
    """

    matrix: Float[np.ndarray, "c c"]
    kind: str
    df: float
    lag: int | None = None
    clusters: int | None = None
    dfs: Float[np.ndarray, " c"] | None = None

    @classmethod
    def each(
        cls,
        matrix: Float[np.ndarray, "c c"],
        kind: str,
        dfs: Float[np.ndarray, " c"],
        clusters: int | None = None,
    ) -> Meat:
        """With degrees of freedom for each coefficient."""
        known = dfs[dfs > 0]
        return cls(matrix, kind, float(known.min(initial=np.inf)), clusters=clusters, dfs=dfs)

    def inference(self, fit: LinearFit, level: float = 0.95) -> Inference:
        """The table of `fit` with this covariance."""
        df = self.df if self.dfs is None else self.dfs
        return fit.inference(level, self.matrix, self.kind, df)

    def covariance(self, fit: LinearFit) -> Float[np.ndarray, "c c"]:
        """V M V, intercept first; NaN for dropped columns."""
        V = np.nan_to_num(fit.V)
        out = V @ self.matrix @ V
        gone = np.isnan(np.diag(fit.V))
        out[gone, :] = out[:, gone] = np.nan
        return out


def _scores(fit: LinearFit) -> Callable[[Rows], Float[np.ndarray, "m c"]]:
    """(1, x − μ)·e: centred, so that far-off columns cancel nothing; `to_origin` undoes it."""

    def of(rows: Rows) -> Float[np.ndarray, "m c"]:
        D = rows.X - fit.mean[:-1]
        e = (rows.y - fit.mean[-1]) - D @ fit.coef
        S = np.empty((len(e), D.shape[1] + 1))
        S[:, 0] = e if fit.with_intercept else 0.0
        np.multiply(D, e[:, None], out=S[:, 1:])
        return S

    return of


def cluster_meat(
    fit: LinearFit,
    rows: RowSource,
    label: Shaped[np.ndarray, " n"],
    corrected: bool = True,
    engine: Engine | None = None,
) -> Meat:
    """CR1 meat (CR0 if not `corrected`) of clusters of rows with one label.

    Parameters
    ----------
    label : any sortable values, one per *source* row: row i of a block belongs to label[rows.index[i]].

    With as many clusters as rows CR0 is HC0. Raises ShapeError with fewer than two clusters, or fewer labels than rows.
    """
    scores, c = _scores(fit), fit.coef.size + 1

    def of(pair: Coded) -> ClusterSums:
        code, block = pair
        return ClusterSums.of(code, scores(block))

    codes = codes_of(label)
    parts = (engine or LocalEngine()).map(of, labelled(rows, codes))  # pyright: ignore[reportArgumentType]
    u = of_all(parts, int(codes.max(initial=-1)) + 1, c)
    G, k = len(u), fit.parameters
    check_clusters(G)
    M = to_origin(u.T @ u, fit.mean[:-1])
    if corrected:
        M *= G / (G - 1) * (fit.n - 1) / max(fit.n - k, 1)
    return Meat(M, "CR1" if corrected else "CR0", float(G - 1), clusters=G)


def automatic_lag(fit: LinearFit, rows: RowSource, engine: Engine | None = None) -> int:
    """`score_sums.lag_of` of the sum of the scores of all slopes, columns at unit length (of the intercept's if there
    is no slope).
    """
    pick = np.zeros(fit.coef.size + 1)
    live = ~fit.dropped
    pick[1:][live] = 1 / fit.solution.scale[live]
    if not live.any():
        pick[0] = 1.0
    scores = _scores(fit)
    parts = (engine or LocalEngine()).map(lambda b: scores(b) @ pick, rows.blocks())
    return lag_of(np.concatenate(list(parts)))


def newey_west_meat(
    fit: LinearFit, rows: RowSource, lag: int | None = None, engine: Engine | None = None
) -> Meat:
    """Newey–West meat (Bartlett weights) of rows in order of time, without small-sample factor.

    `lag` None: the automatic one. 0 is HC0. Raises SpecError unless 0 ≤ lag < n.
    """
    L = automatic_lag(fit, rows, engine) if lag is None else lag
    if not 0 <= L < max(fit.n, 1):
        raise SpecError(f"the lag is {L}; expected one from 0 to n − 1 = {fit.n - 1}.")
    weight = bartlett(L)
    scores = _scores(fit)
    total = fold(
        rows.blocks(),
        lambda block: LaggedSums.of(weight, scores(block)),
        LaggedSums.of(weight, np.zeros((0, fit.coef.size + 1))),
        engine or LocalEngine(),
    )
    M = to_origin(total.half + total.half.T, fit.mean[:-1])
    return Meat(M, f"HAC({L})", fit.df, lag=L)

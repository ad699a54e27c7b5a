"""Wild cluster bootstrap of a t test: for five to twenty clusters, where no law of the statistic is to be trusted.

For H₀: β_j = β⁰ the residuals ẽ of the fit under H₀ get the sign (weight) v_g of their cluster; how often is the
statistic of such a table as far out as the one observed?

    y*_g = x̃_gβ̃ + v_g ẽ_g,   t* = (β̂*_j − β⁰)/se*_j (CR1),   p = P(|t*| ≥ |t|),   interval: all β⁰ with p > 1 − level

v = ±1 (Rademacher) or, where 2^G signs are few, Webb's ±√½, ±1, ±√1½. In the basis of `block_sums`, with δ = β̂_j − β⁰
and κ_g = K_gτ_j, everything of a replicate is linear in δ,

    w̃_g = w_g + κ_g δ/V_jj,   β̂*_j − β⁰ = τ_jᵀ Σ v_g w̃_g,   scores of cluster g:  v_g τ_jᵀw̃_g − κ_gᵀ Σ_h v_h w̃_h

so no table is drawn and no fit repeated, and intervals are found by bisection on a formula. With G ≤ 16 clusters under
Rademacher weights all 2^G sign vectors are gone through instead of drawn: p is exact then, and no less than 2^{1−G}.

Coverage is in the table of `few_clusters`. With five clusters and ±1 no p-value is below 1/16, and a 95 % interval is
the whole line; Webb's weights, the default below 12 clusters, have no such floor.

References: Cameron, Gelbach & Miller (2008), Review of Economics and Statistics 90, 414-427; Webb (2023), Canadian J.
Economics 56, 839-858; MacKinnon & Webb (2018), Econometrics J. 21, 114-135; Roodman, Nielsen, MacKinnon & Webb (2019),
Stata Journal 19, 4-60, for the algebra.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Shaped

from whyfit.errors import SpecError
from whyfit.fold import Engine, RowSource
from whyfit.probability.block_sums import (
    Basis,
    BlockSums,
    block_sums,
    check_clusters,
    codes_of,
    labelled,
)
from whyfit.probability.inference import Inference
from whyfit.probability.linear import LinearFit

Weights = Literal["auto", "rademacher", "webb"]
WEBB_BELOW = 12  # clusters: 2¹¹ = 2,048 distinct statistics are too few (MacKinnon & Webb 2018, §7)
_ALL_SIGNS = 16  # clusters up to which all sign vectors are gone through
_MOST = 1 << 26  # numbers of all K_g
_HELD = 1 << 21  # numbers of one G × draws temporary
_SAME = 1e-9  # relative: statistics that rounding alone sets apart
_DOUBLINGS, _HALVINGS = 24, 40


def wild_cluster(
    fit: LinearFit,
    rows: RowSource,
    label: Shaped[np.ndarray, " n"],
    draws: int = 9999,
    weights: Weights = "auto",
    seed: int = 0,
    level: float = 0.95,
    engine: Engine | None = None,
) -> Inference:
    """The table of `fit`: CR1 errors, p-values and intervals by the restricted wild cluster bootstrap.

    Parameters
    ----------
    label : any sortable values, one per *source* row.
    draws : bootstrap tables where not all are gone through; (draws + 1)(1 − level) should be whole.

    A bound is infinite where no value of the coefficient is rejected: too few clusters, or too few that differ in its
    column. NaN for dropped columns and exact fits. `df` is G − 1.

    Raises
    ------
    ShapeError : fewer than two clusters, or fewer labels than rows. SpecError : draws < 99, unknown weights, a
    penalised fit, or so many clusters that it is not needed (clusters × columns² > 2²⁶).
    """
    if draws < 99:
        raise SpecError(f"draws is {draws}; expected at least 99, better 9999.")
    if weights not in ("auto", "rademacher", "webb"):
        raise SpecError(f"weights are {weights!r}; expected 'auto', 'rademacher' or 'webb'.")
    if fit.ridge:
        raise SpecError(
            "the fit is penalised, and a bootstrap under H₀ needs least squares; fit with penalty 0."
        )
    basis, code = Basis.of(fit), codes_of(label)
    count = int(code.max(initial=-1)) + 1
    if count * basis.r**2 > _MOST:
        raise SpecError(
            f"{count:,} clusters × {basis.r} columns are more than this bootstrap holds, or needs: use cluster_meat."
        )
    sums = block_sums(basis, labelled(rows, code), 0, count, engine)
    held = sums.K.any(axis=(1, 2))
    sums = BlockSums(sums.K[held], sums.w[held])
    G = len(sums.w)
    check_clusters(G)
    small = G / (G - 1) * (fit.n - 1) / max(fit.n - fit.parameters, 1)
    signs = _Signs.of(G, draws, weights, seed)
    tau = basis.tau
    V = np.einsum("cr,cr->c", tau, tau)
    estimate = np.append(fit.intercept, np.where(fit.dropped, np.nan, fit.coef))
    table = np.full((5, len(V)), np.nan)  # se, t, p, low, high
    for j in np.flatnonzero(V > 0):
        se = float(np.sqrt(small * ((sums.w @ tau[j]) ** 2).sum()))
        if not se > 0:
            continue
        null = _Null.of(sums, tau[j], float(V[j]), signs, small)
        ends = [null.end(side, se, 1 - level) for side in (1.0, -1.0)]
        p = null.p_value(estimate[j], se)
        table[:, j] = se, estimate[j] / se, p, estimate[j] - ends[0], estimate[j] - ends[1]
    from_ = 0 if fit.with_intercept else 1
    plain = fit.inference(level)
    se, t, p, low, high = table[:, from_:]
    return replace(
        plain, std_error=se, statistic=t, p_value=p, low=low, high=high, df=float(G - 1),
        covariance=f"wild cluster bootstrap ({signs.name})", std_error_digits=None,
    )  # fmt: skip


@dataclass(frozen=True)
class _Signs:
    """Weights v (G, draws), a batch at a time: the same each time it is asked. `whole`: each sign vector once."""

    G: int
    draws: int
    name: str
    seed: int
    whole: bool

    @classmethod
    def of(cls, G: int, draws: int, weights: Weights, seed: int) -> _Signs:
        name = weights if weights != "auto" else "webb" if G < WEBB_BELOW else "rademacher"
        whole = name == "rademacher" and G <= _ALL_SIGNS and draws >= 2 ** (G - 3)
        return cls(G, 1 << G if whole else draws, name, seed, whole)

    def batches(self) -> Iterator[Float[np.ndarray, "g b"]]:
        rng = np.random.default_rng(self.seed)
        step = max(_HELD // self.G, 1)
        for a in range(0, self.draws, step):
            b = min(step, self.draws - a)
            if self.whole:
                bits = (a + np.arange(b)) >> np.arange(self.G)[:, None]
                yield 1.0 - 2.0 * (bits & 1)
            elif self.name == "rademacher":
                yield 1.0 - 2.0 * rng.integers(0, 2, (self.G, b))
            else:
                half = np.sqrt(np.array([0.5, 1.0, 1.5]))
                yield np.concatenate([-half, half])[rng.integers(0, 6, (self.G, b))]


@dataclass(frozen=True, eq=False)
class _Null:
    """Per replicate, as functions of δ: numerator (b, 2) and squared CR1 error (b, 3), by powers of δ."""

    numerator: Float[np.ndarray, "b 2"]
    square: Float[np.ndarray, "b 3"]
    whole: bool

    @classmethod
    def of(
        cls, sums: BlockSums, tau: Float[np.ndarray, " r"], V: float, signs: _Signs, small: float
    ) -> _Null:
        kappa = sums.K @ tau  # (g, r)
        z, k = sums.w @ tau, kappa @ tau / V
        tops, squares = [], []
        for v in signs.batches():
            first, second = sums.w.T @ v, kappa.T @ v / V  # Σ v w, Σ v κ/V
            x = v * z[:, None] - kappa @ first
            y = v * k[:, None] - kappa @ second
            tops.append(np.stack([tau @ first, tau @ second], axis=1))
            parts = (x * x).sum(axis=0), 2 * (x * y).sum(axis=0), (y * y).sum(axis=0)
            squares.append(small * np.stack(parts, axis=1))
        return cls(np.concatenate(tops), np.concatenate(squares), signs.whole)

    def p_value(self, delta: float, se: float) -> float:
        """P(|t*| ≥ |δ|/se) under β⁰ = β̂ − δ; the observed table counts as one of the drawn."""
        top = np.abs(self.numerator @ [1.0, delta])
        below = np.sqrt(np.maximum(self.square @ [1.0, delta, delta**2], 0.0))
        far = int((top * se >= (1 - _SAME) * abs(delta) * below).sum())
        return far / len(top) if self.whole else (1 + far) / (1 + len(top))

    def end(self, side: float, se: float, alpha: float) -> float:
        """The δ of that sign up to which p > α; ±∞ if it never falls below."""
        near, far = 0.0, side * se
        for _ in range(_DOUBLINGS):
            if self.p_value(far, se) <= alpha:
                break
            near, far = far, 2 * far
        else:
            return side * np.inf
        for _ in range(_HALVINGS):
            middle = (near + far) / 2
            inside = self.p_value(middle, se) > alpha
            near, far = (middle, far) if inside else (near, middle)
        return far

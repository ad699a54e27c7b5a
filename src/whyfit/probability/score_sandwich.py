"""Robust covariances of likelihood fits, where rows depend on each other or their law is not quite the model's.

At the optimum Σ s_i = 0 for the scores s_i = ∂ℓ_i/∂θ; with the inverse Hessian (the bread) A the covariance is A M A,

    logistic  s = (π − y) x̃        multinomial  s_a = (π_a − 1[y = a]) x̃, one block per class but the first
    Poisson   s = (μ − y) x̃        gamma  s = (μ − y)/μ x̃        Huber  s = σψ x̃

and M the meat of independent rows (HC0), clusters (CR1) or Newey and West, as `sandwich` has them for least squares.
Clusters use Student's t with G − 1 degrees of freedom, the others the normal law.

References: White (1982), Econometrica 50, 1-25; Liang & Zeger (1986), Biometrika 73, 13-22.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped

from whyfit.calculus.logistic import sigmoid_and_loss
from whyfit.calculus.losses.huber import EFFICIENT
from whyfit.calculus.multinomial import probabilities
from whyfit.engines.local import LocalEngine
from whyfit.errors import SpecError
from whyfit.fold import Engine, Rows, RowSource, fold
from whyfit.linalg.columns import tiles
from whyfit.probability.block_sums import check_clusters, codes_of, labelled
from whyfit.probability.glm import GLMFit
from whyfit.probability.inference import Inference, infer
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.multinomial import MultinomialFit
from whyfit.probability.score_sums import ClusterSums, LaggedSums, bartlett, lag_of, of_all

LikelihoodFit = LogisticFit | MultinomialFit | GLMFit
Scores = Callable[[Rows], Float[np.ndarray, "m c"]]


@dataclass(frozen=True, eq=False)
class Robust:
    """Covariance of the coefficients of a likelihood fit, ordered as `fit.covariance`, NaN for dropped columns."""

    matrix: Float[np.ndarray, "c c"]
    kind: str
    df: float = np.inf
    lag: int | None = None
    clusters: int | None = None

    def inference(self, fit: LikelihoodFit, level: float = 0.95) -> Inference:
        """The table of `fit` with this covariance."""
        plain = fit.inference(level)
        variance = np.diag(self.matrix)
        if isinstance(fit, MultinomialFit):  # whose covariance has no place for dropped columns
            kept = np.concatenate([[True], ~fit.dropped])
            spread = np.full((len(fit.intercept), kept.size), np.nan)
            spread[:, kept] = variance.reshape(len(fit.intercept), -1)
            variance = spread.ravel()
        return infer(plain.names, plain.estimate, variance, self.df, level, plain.digits, self.kind)


def hc0(fit: LikelihoodFit, rows: RowSource, engine: Engine | None = None) -> Robust:
    """Robust to a wrong variance; rows independent."""
    M = _meat(scores_of(fit), rows, _size(fit), engine or LocalEngine())
    return Robust(_around(fit, M, M), "HC0")


def clustered(
    fit: LikelihoodFit,
    rows: RowSource,
    label: Shaped[np.ndarray, " n"],
    engine: Engine | None = None,
) -> Robust:
    """CR1: rows of one label may depend on each other; any sortable labels, one per *source* row.

    Raises ShapeError with fewer than two clusters, or fewer labels than rows.
    """
    scores, c = scores_of(fit), _size(fit)

    def of(pair: tuple[Int[np.ndarray, " m"], Rows]) -> tuple[ClusterSums, np.ndarray]:
        code, block = pair
        S = scores(block)
        return ClusterSums.of(code, S), S.T @ S

    codes, plain = codes_of(label), np.zeros((c, c))
    parts = []
    for sums, more in (engine or LocalEngine()).map(of, labelled(rows, codes)):  # pyright: ignore[reportArgumentType]
        parts.append(sums)
        plain += more
    u = of_all(parts, int(codes.max(initial=-1)) + 1, c)
    G, k = len(u), c
    check_clusters(G)
    M = u.T @ u * (G / (G - 1) * (fit.n - 1) / max(fit.n - k, 1))
    return Robust(_around(fit, M, plain), "CR1", float(G - 1), clusters=G)


def newey_west(
    fit: LikelihoodFit, rows: RowSource, lag: int | None = None, engine: Engine | None = None
) -> Robust:
    """Rows in order of time may depend on those up to `lag` before them; None: Newey and West's automatic lag.

    Raises SpecError unless 0 ≤ lag < n.
    """
    engine, scores, c = engine or LocalEngine(), scores_of(fit), _size(fit)
    if lag is None:
        size = np.sqrt(np.diag(_meat(scores, rows, c, engine)))
        pick = np.where(size > 0, 1 / np.where(size > 0, size, 1.0), 0.0)
        first = np.arange(c) % (_kept(fit) + 1) == 0
        pick[first & bool(_kept(fit))] = 0.0  # slopes decide, if there are any
        lag = lag_of(np.concatenate(list(engine.map(lambda b: scores(b) @ pick, rows.blocks()))))
    if not 0 <= lag < max(fit.n, 1):
        raise SpecError(f"the lag is {lag}; expected one from 0 to n − 1 = {fit.n - 1}.")
    weight, zero = bartlett(lag), np.zeros((0, c))
    total = fold(
        rows.blocks(),
        lambda b: LaggedSums.of(weight, scores(b)),
        LaggedSums.of(weight, zero),
        engine,
    )
    M = total.half + total.half.T
    plain = _meat(scores, rows, c, engine) if isinstance(fit, GLMFit) else M
    return Robust(_around(fit, M, plain), f"HAC({lag})", lag=lag)


def _meat(scores: Scores, rows: RowSource, c: int, engine: Engine) -> Float[np.ndarray, "c c"]:
    """Σ s sᵀ of independent rows."""

    def of(block: Rows) -> np.ndarray:
        S = scores(block)
        return S.T @ S

    return fold(rows.blocks(), of, np.zeros((c, c)), engine)


def scores_of(fit: LikelihoodFit, epsilon: float = EFFICIENT) -> Scores:
    """s_i of a block in the coordinates (1, x − centre) of the columns kept; `epsilon` of Huber's loss."""
    keep = np.flatnonzero(~fit.dropped)
    o = fit.optimum

    def of(rows: Rows) -> np.ndarray:
        few = rows if keep.size == rows.p else rows.select(keep)
        D = few.X - o.centre
        if isinstance(fit, MultinomialFit):
            P = np.concatenate(
                [probabilities(fit.optimum.B, Z) for _, Z in tiles(few, o.centre)], 1
            )
            R = P[1:].T - (rows.y[:, None] == np.arange(1, len(P)))
            Z1 = np.concatenate([np.ones((len(D), 1)), D], axis=1)
            return (R[:, :, None] * Z1[:, None, :]).reshape(len(D), -1)
        S = np.empty((len(D), D.shape[1] + 1))
        S[:, 0] = _slope(
            fit, rows.y, fit.optimum.b[0] + D @ fit.optimum.b[1 : D.shape[1] + 1], epsilon
        )
        np.multiply(D, S[:, :1], out=S[:, 1:])
        return S

    return of


def _slope(
    fit: LogisticFit | GLMFit, y: np.ndarray, eta: np.ndarray, epsilon: float
) -> Float[np.ndarray, " m"]:
    """∂ℓ/∂η of every row."""
    if isinstance(fit, LogisticFit):
        return sigmoid_and_loss(eta, y)[0] - y
    if fit.family == "huber":
        sigma = float(fit.optimum.b[-1])
        return -np.clip((y - eta) / sigma, -epsilon, epsilon) * sigma
    mu = np.exp(eta)
    return mu - y if fit.family == "poisson" else (mu - y) / mu


def slopes_of(
    fit: LogisticFit | GLMFit, X: Float[np.ndarray, "m p"], y: Float[np.ndarray, " m"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """∂ℓ/∂η of every row and its expected curvature E ∂²ℓ/∂η² (1 for gamma and Huber)."""
    D = X[:, ~fit.dropped] - fit.optimum.centre
    eta = fit.optimum.b[0] + D @ fit.optimum.b[1 : D.shape[1] + 1]
    slope = _slope(fit, y, eta, EFFICIENT)
    if isinstance(fit, LogisticFit):
        return slope, (slope + y) * (1 - slope - y)
    return slope, np.exp(eta) if fit.family == "poisson" else np.ones(len(y))


def bread_of(fit: LogisticFit | GLMFit) -> Float[np.ndarray, "c c"]:
    """The inverse Hessian in coordinates (1, x − centre) of the columns kept, but for a factor."""
    c = _kept(fit) + 1
    J = np.eye(c)
    J[0, 1:] = fit.optimum.centre
    place = np.flatnonzero(np.concatenate([[True], ~fit.dropped]))
    return J @ fit.covariance[np.ix_(place, place)] @ J.T


def _kept(fit: LikelihoodFit) -> int:
    return int((~fit.dropped).sum())


def _size(fit: LikelihoodFit) -> int:
    classes = len(fit.intercept) if isinstance(fit, MultinomialFit) else 1
    return classes * (_kept(fit) + 1)


def _around(
    fit: LikelihoodFit, M: Float[np.ndarray, "c c"], plain: Float[np.ndarray, "c c"]
) -> Float[np.ndarray, "c c"]:
    """A M A in coordinates (1, x); `plain` is the meat of independent rows."""
    c = _kept(fit) + 1
    J = np.eye(c)  # from (1, x) to (1, x − centre); its inverse has the other sign
    J[0, 1:] = fit.optimum.centre
    back = 2 * np.eye(c) - J
    if isinstance(fit, MultinomialFit):
        J, back = (np.kron(np.eye(len(fit.intercept)), K) for K in (J, back))
        A = J @ fit.covariance @ J.T
        return back @ A @ M @ A @ back.T
    place = np.flatnonzero(np.concatenate([[True], ~fit.dropped]))
    A = bread_of(fit) / _scale(fit, plain)
    out = np.full(fit.covariance.shape, np.nan)
    out[np.ix_(place, place)] = back @ A @ M @ A @ back.T
    return out


def _scale(fit: LogisticFit | GLMFit, plain: Float[np.ndarray, "c c"]) -> float:
    """The classic covariance over the bread."""
    if isinstance(fit, LogisticFit) or fit.family == "poisson":
        return 1.0
    if fit.family == "gamma":
        return fit.dispersion
    # `glm`: covariance (X̃ᵀX̃)⁻¹ κ²σ²Σψ²/(df m²), bread (X̃ᵀX̃)⁻¹/m
    m = max(fit.n - fit.outliers, 1) / fit.n
    kappa = 1 + (_kept(fit) + 1) / fit.n * (1 - m) / m
    return kappa**2 * float(plain[0, 0]) / (fit.df * m)

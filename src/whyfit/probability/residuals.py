"""The second pass of a linear fit: what only the residuals know.

For each row e_i = y_i − ŷ_i, leverage h_i = x̃_iᵀ V x̃_i with x̃ = (1, x), and

    Cook's distance  D_i = e_i² h_i / (r σ² (1 − h_i)²),  r = number of coefficients
    sandwich meats   M₀ = Σ e_i² x̃x̃ᵀ,  M₁ = n/(n−r) M₀,  M₂ = Σ e_i²/(1−h_i) x̃x̃ᵀ,  M₃ = Σ e_i²/(1−h_i)² x̃x̃ᵀ

whose robust covariance is V M V. The most influential rows and a random sample are kept whole.

References: Cook (1977), Technometrics 19, 15-18; MacKinnon & White (1985), J. Econometrics 29, 305-325.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from whyfit.data.sample import Sample, sample_of
from whyfit.engines.local import LocalEngine
from whyfit.fold import Engine, Rows, RowSource, fold
from whyfit.probability.linear import LinearFit

TOP_ROWS = 200  # most influential rows kept whole
_TILE = 4096
_LEVERAGE_ONE = 1 - 1e-10  # a row that fits itself exactly: its e is 0 and e/(1−h) is 0/0


@dataclass(frozen=True, slots=True)
class TopRows:
    """The rows with the largest Cook's distances, falling."""

    X: Float[np.ndarray, "t p"]
    y: Float[np.ndarray, " t"]
    index: Int[np.ndarray, " t"]
    cook: Float[np.ndarray, " t"]
    leverage: Float[np.ndarray, " t"]
    residual: Float[np.ndarray, " t"]

    def __add__(self, other: TopRows) -> TopRows:
        cook = np.concatenate([self.cook, other.cook])
        best = np.argsort(-cook, kind="stable")[:TOP_ROWS]
        join = (
            np.concatenate([a, b])[best]
            for a, b in ((self.X, other.X), (self.y, other.y), (self.index, other.index))
        )
        X, y, index = join
        return TopRows(
            X,
            y,
            index,
            cook[best],
            np.concatenate([self.leverage, other.leverage])[best],
            np.concatenate([self.residual, other.residual])[best],
        )


@dataclass(frozen=True, slots=True)
class Residuals:
    """Sums over the rows; meats are (1+p × 1+p), intercept first, in coordinates (1, x)."""

    n: int
    rss: float
    sum_leverage: float
    max_leverage: float
    fourth: float  # Σ e⁴
    meat0: Float[np.ndarray, "c c"]
    meat2: Float[np.ndarray, "c c"]
    meat3: Float[np.ndarray, "c c"]
    top: TopRows
    sample: Sample

    def __add__(self, other: Residuals) -> Residuals:
        return Residuals(
            self.n + other.n, self.rss + other.rss, self.sum_leverage + other.sum_leverage,
            max(self.max_leverage, other.max_leverage), self.fourth + other.fourth,
            self.meat0 + other.meat0, self.meat2 + other.meat2, self.meat3 + other.meat3,
            self.top + other.top, self.sample + other.sample,
        )  # fmt: skip

    def meat(self, kind: str, rank: int) -> Float[np.ndarray, "c c"]:
        """Meat of HC0..HC3 for a fit with `rank` slopes."""
        if kind == "HC1":
            return self.meat0 * (self.n / max(self.n - rank - 1, 1))
        return {"HC0": self.meat0, "HC2": self.meat2, "HC3": self.meat3}[kind]


def leverage_factor(fit: LinearFit) -> Float[np.ndarray, "p r"]:
    """T with h_i = 1/n + ‖(x_i − μ)ᵀT‖²."""
    return fit.solution.root / fit.solution.scale[:, None]


def residuals_of(fit: LinearFit, share_of: Callable[[Rows], Sample]) -> Callable[[Rows], Residuals]:
    """The function that makes Residuals from one block of Rows."""
    T, mu, b, p = leverage_factor(fit), fit.mean, fit.coef, len(fit.coef)
    rank = fit.parameters

    def of(rows: Rows) -> Residuals:
        total = None
        for start in range(0, len(rows.y), _TILE):
            part = slice(start, start + _TILE)
            y = rows.y[part]
            Z = np.ones((len(y), p + 1))
            np.subtract(rows.X[part], mu[:-1], out=Z[:, 1:])
            D = np.ascontiguousarray(Z[:, 1:])
            e = (y - mu[-1]) - D @ b
            w = D @ T
            h = fit.base_leverage + np.einsum("ij,ij->i", w, w)
            alone = h >= _LEVERAGE_ONE
            gap = np.where(alone, 1.0, 1 - h)
            u = np.where(alone, 0.0, e) / gap
            scale = rank * fit.sigma2
            cook = u * u * h / scale if scale > 0 else np.zeros(len(y))
            best = np.argpartition(-cook, TOP_ROWS)[:TOP_ROWS] if len(y) > TOP_ROWS else slice(None)
            top = TopRows(
                rows.X[part][best], y[best], rows.index[part][best], cook[best], h[best], e[best]
            )
            A = Z * e[:, None]
            B = Z * (np.where(alone, 0.0, e) / np.sqrt(gap))[:, None]
            C = Z * u[:, None]
            e2 = e * e
            piece = Residuals(
                len(y), float(e2.sum()), float(h.sum()), float(h.max()), float((e2 * e2).sum()),
                A.T @ A, B.T @ B, C.T @ C, top, Sample.empty(p, 1.0),
            )  # fmt: skip
            total = piece if total is None else total + piece
        assert total is not None
        J = np.eye(p + 1)  # from (1, x − μ) back to (1, x)
        J[1:, 0] = mu[:-1]
        m0, m2, m3 = (J @ M @ J.T for M in (total.meat0, total.meat2, total.meat3))
        return replace(total, meat0=m0, meat2=m2, meat3=m3, sample=share_of(rows))

    return of


def examine(
    fit: LinearFit, rows: RowSource, seed: int = 0, engine: Engine | None = None
) -> Residuals:
    """Walk the rows once more and gather Residuals."""
    p = len(fit.coef)
    share_of, share = sample_of(fit.n, seed)
    none = np.zeros(0)
    nil = np.zeros((p + 1, p + 1))
    zero = Residuals(
        0, 0.0, 0.0, 0.0, 0.0, nil, nil, nil,
        TopRows(np.zeros((0, p)), none, none.astype(np.int64), none, none, none),
        Sample.empty(p, share),
    )  # fmt: skip
    blocks = (b for b in rows.blocks() if len(b.y))
    return fold(blocks, residuals_of(fit, share_of), zero, engine or LocalEngine())

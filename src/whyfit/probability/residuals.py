"""The second pass of a linear fit: what only the residuals know.

For each row e_i = y_i − ŷ_i, leverage h_i = x̃_iᵀ V x̃_i with x̃ = (1, x), and

    Cook's distance  D_i = e_i² h_i / (r σ² (1 − h_i)²),  r = number of coefficients
    sandwich meats   M₀ = Σ e_i² x̃x̃ᵀ,  M₁ = n/(n−r) M₀,  M₂ = Σ e_i²/(1−h_i) x̃x̃ᵀ,  M₃ = Σ e_i²/(1−h_i)² x̃x̃ᵀ

whose robust covariance is V M V. The most influential rows and a random sample are kept whole.

References: Cook (1977), Technometrics 19, 15-18; MacKinnon & White (1985), J. Econometrics 29, 305-325.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from whyfit.data.sample import Sample, sample_of, sample_rows
from whyfit.engines.local import LocalEngine
from whyfit.fold import Engine, Rows, RowSource, fold, joined
from whyfit.linalg.columns import tiles
from whyfit.probability.linear import LinearFit

TOP_ROWS = 200  # most influential rows kept whole
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
    """Sums over the rows; `meats` by kind (HC0, HC2, HC3), (1+p × 1+p), intercept first, of rows (1, x)."""

    n: int
    rss: float
    sum_leverage: float
    max_leverage: float
    meats: dict[str, Float[np.ndarray, "c c"]]
    top: TopRows
    sample: Sample

    def __add__(self, other: Residuals) -> Residuals:
        return Residuals(
            self.n + other.n, self.rss + other.rss, self.sum_leverage + other.sum_leverage,
            max(self.max_leverage, other.max_leverage),
            {kind: M + other.meats[kind] for kind, M in self.meats.items()},
            self.top + other.top, self.sample + other.sample,
        )  # fmt: skip

    def meat(self, kind: str, rank: int) -> Float[np.ndarray, "c c"]:
        """Meat of HC0..HC3 for a fit with `rank` slopes. KeyError if it was not gathered."""
        M = self.meats["HC0" if kind == "HC1" else kind]
        return M * (self.n / max(self.n - rank - 1, 1)) if kind == "HC1" else M


def leverage_factor(fit: LinearFit) -> Float[np.ndarray, "p r"]:
    """T with h_i = 1/n + ‖(x_i − μ)ᵀT‖²."""
    return fit.solution.root / fit.solution.scale[:, None]


def residuals_of(
    fit: LinearFit, share_of: Callable[[Rows], Sample], kinds: tuple[str, ...]
) -> Callable[[Rows], Residuals]:
    """The function that makes Residuals, with meats of `kinds`, from one block of Rows.

    Rows are handled by column, so that every element-wise loop is long and contiguous.
    """
    p, mu, b = len(fit.coef), fit.mean, np.append(0.0, fit.coef)
    T = np.zeros((fit.solution.root.shape[1], p + 1))  # nothing on the column of ones
    T[:, 1:] = leverage_factor(fit).T
    scale = fit.parameters * fit.sigma2

    def of(rows: Rows) -> Residuals:
        m = len(rows.y)
        e, h = np.empty(m), np.empty(m)
        meats = {kind: np.zeros((p + 1, p + 1)) for kind in kinds}
        stop = 0
        for tile, Z in tiles(rows, mu[:-1]):
            part = slice(stop, stop := stop + len(tile.y))
            e[part] = (tile.y - mu[-1]) - Z.times(b)
            h[part] = fit.base_leverage + Z.squares(T)
            for kind, u in _weighted(e[part], h[part], kinds):
                Z.add_gram(u, meats[kind])
        u = _kept_out(e, h)
        cook = u * u * h / scale if scale > 0 else np.zeros(m)
        best = np.argpartition(-cook, TOP_ROWS)[:TOP_ROWS] if m > TOP_ROWS else np.arange(m)
        few = rows.take(best)
        top = TopRows(few.X, few.y, few.index, cook[best], h[best], e[best])
        for M in meats.values():  # from (1, x − μ) back to (1, x)
            M[1:] += np.outer(mu[:-1], M[0])
            M[:, 1:] += np.outer(M[:, 0], mu[:-1])
        return Residuals(
            m, float(e @ e), float(h.sum()), float(h.max()), meats, top, share_of(rows)
        )  # fmt: skip

    return of


def _kept_out(e: np.ndarray, h: np.ndarray) -> np.ndarray:
    """e/(1 − h), the residual of a row that was kept out; 0 for a row that fits itself exactly."""
    alone = h >= _LEVERAGE_ONE
    return np.where(alone, 0.0, e) / np.where(alone, 1.0, 1 - h)


def _weighted(e: np.ndarray, h: np.ndarray, kinds: tuple[str, ...]):
    for kind in kinds:
        match kind:
            case "HC0":
                yield kind, e
            case "HC2":
                yield kind, _kept_out(e, h) * np.sqrt(np.maximum(1 - h, 0.0))
            case _:
                yield kind, _kept_out(e, h)


def examine(
    fit: LinearFit,
    rows: RowSource,
    seed: int = 0,
    engine: Engine | None = None,
    kinds: tuple[str, ...] = ("HC0", "HC2", "HC3"),
) -> Residuals:
    """Walk the rows once more and gather Residuals; `kinds` of meat (HC1 is made of HC0)."""
    p = len(fit.coef)
    share_of, share = sample_of(fit.n, seed, sample_rows(p))
    none = np.zeros(0)
    kinds = tuple(dict.fromkeys("HC0" if kind == "HC1" else kind for kind in kinds))
    zero = Residuals(
        0, 0.0, 0.0, 0.0, {kind: np.zeros((p + 1, p + 1)) for kind in kinds},
        TopRows(np.zeros((0, p)), none, none.astype(np.int64), none, none, none),
        Sample.empty(p, share),
    )  # fmt: skip
    blocks = (b for b in joined(rows.blocks()) if len(b.y))
    return fold(blocks, residuals_of(fit, share_of, kinds), zero, engine or LocalEngine())

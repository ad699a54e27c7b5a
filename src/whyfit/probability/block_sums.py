"""Sums over blocks of rows, in a basis of the design: all that corrections for few clusters or short series need.

Where V = RRᵀ (columns centred, R of full column rank r) the rows b_i = Rᵀ(1, x_i − μ) are those of an orthonormal basis
B of the design: the hat matrix is H = BBᵀ, and coefficients are β̂ = τBᵀy with V = ττᵀ, one row of τ each. A block g of
rows is kept as

    K_g = Σ_{i in g} b_i b_iᵀ  (r × r, Σ_g K_g = I)        w_g = Σ_{i in g} b_i e_i  (r, Σ_g w_g = 0)

Functions of H_gg = B_g B_gᵀ follow from K_g = B_gᵀB_g, e.g. B_gᵀ(I − H_gg)^{−½}e_g = (I − K_g)^{−½} w_g, so that
nothing of the size of a block squared is ever formed.

Reference: Pustejovsky & Tipton (2018), J. Business & Economic Statistics 36, 672-683, for the use of H_gg.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from whyfit.engines.local import LocalEngine
from whyfit.errors import ShapeError
from whyfit.fold import Engine, Rows, RowSource
from whyfit.probability.linear import LinearFit
from whyfit.probability.residuals import leverage_factor

_WIDE = 512  # columns beyond which a pseudo-inverse is too slow; the product is less exact for near copies
UNTOLD = 1e-8  # of V_jj: a coefficient more of whose variance no residual tells of is not judged


@dataclass(frozen=True, eq=False)
class Basis:
    """B and τ of a fit. `T` (p, r or r − 1) has V_ww = TTᵀ; the constant comes first where there is an intercept."""

    fit: LinearFit
    T: Float[np.ndarray, "p q"]

    @classmethod
    def of(cls, fit: LinearFit) -> Basis:
        return cls(fit, leverage_factor(fit))

    @property
    def r(self) -> int:
        return self.T.shape[1] + self.fit.with_intercept

    def rows(self, rows: Rows) -> tuple[Float[np.ndarray, "m r"], Float[np.ndarray, " m"]]:
        """b_i and e_i of a block."""
        fit = self.fit
        D = rows.X - fit.mean[:-1]
        e = (rows.y - fit.mean[-1]) - D @ fit.coef
        if not fit.with_intercept:
            return D @ self.T, e
        B = np.empty((len(e), self.r))
        B[:, 0] = fit.n**-0.5
        np.matmul(D, self.T, out=B[:, 1:])
        return B, e

    @property
    def about_means(self) -> Float[np.ndarray, "c r"]:
        """τ of (level, w), level = β₀ + μᵀw; rows of 0 for dropped columns, and first without an intercept."""
        tau = np.zeros((len(self.T) + 1, self.r))
        tau[1:, self.r - self.T.shape[1] :] = self.T
        if self.fit.with_intercept:
            tau[0, 0] = self.fit.n**-0.5
        return tau

    @property
    def tau(self) -> Float[np.ndarray, "c r"]:
        """τ of (β₀, w)."""
        tau = self.about_means
        if self.fit.with_intercept:
            tau[0] -= self.fit.mean[:-1] @ tau[1:]
        return tau

    @property
    def back(self) -> Float[np.ndarray, "c r"]:
        """L with Lᵀτ = I, τ that of (level, w)."""
        fit, (p, q) = self.fit, self.T.shape
        root = fit.solution.root
        wide = q > _WIDE and not fit.ridge  # rootᵀ C root = I
        inverse = fit.correlation[:-1, :-1] @ root if wide else np.linalg.pinv(root).T
        L = np.zeros((p + 1, self.r))
        L[1:, self.r - q :] = fit.solution.scale[:p, None] * inverse
        if fit.with_intercept:
            L[0, 0] = fit.n**0.5
        return L

    def meat(self, Q: Float[np.ndarray, "r r"]) -> Float[np.ndarray, "c c"]:
        """M of rows (1, x) with VMV = τQτᵀ."""
        L = self.back
        M = L @ Q @ L.T
        return to_origin(M, self.fit.mean[:-1])


def to_origin(M: Float[np.ndarray, "c c"], mu: Float[np.ndarray, " p"]) -> Float[np.ndarray, "c c"]:
    """A meat of rows (1, x − μ) as one of rows (1, x)."""
    M = M.copy()
    M[1:] += np.outer(mu, M[0])
    M[:, 1:] += np.outer(M[:, 0], mu)
    return M


@dataclass(frozen=True, eq=False)
class BlockSums:
    """K_g and w_g of blocks 0 … G − 1; zeros for one without rows."""

    K: Float[np.ndarray, "g r r"]
    w: Float[np.ndarray, "g r"]


Coded = tuple[Int[np.ndarray, " m"], Rows]


def codes_of(label: Shaped[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """0 … G − 1 for labels of any sortable kind."""
    return np.unique(np.asarray(label), return_inverse=True)[1].ravel()


def check_clusters(G: int) -> None:
    """ShapeError where there are fewer than two."""
    if G < 2:
        raise ShapeError(f"there are {G} clusters; expected at least 2, better 30.")


def labelled(rows: RowSource, code: Int[np.ndarray, " n"]) -> Iterator[Coded]:
    """Each block with the codes of its rows, one code per *source* row. ShapeError where there are too few."""
    for block in rows.blocks():
        if block.index.size and block.index[-1] >= code.size:
            raise ShapeError(
                f"row {block.index[-1]} has no cluster: there are {code.size} labels; give one per source row."
            )
        yield code[block.index], block


def stretches(rows: RowSource, length: int) -> Iterator[Coded]:
    """Blocks of `length` rows that follow each other."""
    start = 0
    for block in rows.blocks():
        m = len(block.y)
        yield (start + np.arange(m)) // length, block
        start += m


def block_sums(
    basis: Basis, pairs: Iterable[Coded], first: int, last: int, engine: Engine | None = None
) -> BlockSums:
    """Of the blocks coded first … last − 1, in one pass."""

    def of(pair: Coded) -> tuple[Int[np.ndarray, " g"], np.ndarray, np.ndarray]:
        code, rows = pair
        if first > code.min(initial=0) or last <= code.max(initial=0):
            mine = (code >= first) & (code < last)
            code, rows = code[mine], rows.take(mine)
        B, e = basis.rows(rows)
        order = np.argsort(code, kind="stable")
        known, starts, size = np.unique(code[order], return_index=True, return_counts=True)
        K = np.empty((len(known), basis.r, basis.r))
        for s in np.unique(size):  # blocks of one size go through one call
            which = size == s
            P = B[order[starts[which][:, None] + np.arange(s)]]
            K[which] = P.transpose(0, 2, 1) @ P
        s = B * e[:, None]
        w = np.add.reduceat(s[order], starts, axis=0) if len(e) else np.zeros((0, basis.r))
        return known, K, w

    K = np.zeros((last - first, basis.r, basis.r))
    w = np.zeros((last - first, basis.r))
    for known, more, sums in (engine or LocalEngine()).map(of, pairs):  # pyright: ignore[reportArgumentType]
        K[known - first] += more
        w[known - first] += sums
    return BlockSums(K, w)


@dataclass(frozen=True, eq=False)
class Spread:
    """Law of a variance estimate Σ_k (p_kᵀe)² under independent errors of one variance: `trace` and `norm2` of PᵀP."""

    trace: Float[np.ndarray, " c"]
    norm2: Float[np.ndarray, " c"]

    def df(self, told: Bool[np.ndarray, " c"]) -> Float[np.ndarray, " c"]:
        """Satterthwaite's: those of the χ² with the same mean and variance; NaN for coefficients not `told` of."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(told & (self.trace > 0), self.trace**2 / self.norm2, np.nan)

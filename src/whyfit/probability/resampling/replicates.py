"""Weighted moments of all bootstrap replicates in one pass: a matrix product.

With weights W (B × n) and u_i = (1, z_i, v_i) in the coordinates of `coordinates.py`,

    [vec M⁽¹⁾ … vec M⁽ᴮ⁾]ᵀ = W · [vec u_1u_1ᵀ … vec u_nu_nᵀ]ᵀ,       M⁽ᵇ⁾ = Σ_i W_bi u_i u_iᵀ

and every statistic that is a function of moments follows from M⁽ᵇ⁾: coefficients and their standard errors, R²,
means, correlations, condition numbers, components. Chunks of CHUNK rows are multiplied in float32 (float64 where
the table is small, FEW_FLOPS) and added in float64, in the order of the rows: the result depends on the seed, not
on blocks or threads.

Pairs are drawn, so nothing is assumed of the errors: unequal variances and heavy tails are in the answer.

References: Efron (1979), Annals of Statistics 7, 1-26; Freedman (1981), Annals of Statistics 9, 1218-1228.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from whyfit.engines.local import LocalEngine, one_blas_thread
from whyfit.errors import ShapeError, SpecError
from whyfit.fold import Engine, RowSource, fold
from whyfit.linalg.moments import Moments
from whyfit.probability.linear import LinearFit
from whyfit.probability.resampling.coordinates import Coordinates
from whyfit.probability.resampling.draws import SLAB, Chunk, Draw, Poisson, chunks

REPLICATES = 1000
#: Multiplications and additions up to which products stay in float64.
FEW_FLOPS = 2e9
#: Bytes of the moments of all replicates; beyond, a one-step bootstrap is asked for.
MOST_BYTES = 2 << 30
#: Smallest eigenvalue of a replicate's zzᵀ/n (1 on average) below which it has no fit: in float32, in float64.
SINGULAR = {4: 1e-5, 8: 1e-10}


@dataclass(frozen=True, slots=True)
class _Sums:
    n: int
    products: Float[np.ndarray, "B t"]

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(self.n + other.n, self.products + other.products)


@dataclass(frozen=True)
class ReplicateMoments:
    """M⁽ᵇ⁾ of every replicate (B × b × b), of rows (1, z, v).

    A replicate in which the columns are dependent, or with fewer rows than coefficients, has NaN coefficients.
    Columns that the fit dropped are NaN in all.
    """

    coordinates: Coordinates
    products: Float[np.ndarray, "B b b"]
    singular: float

    def __len__(self) -> int:
        return len(self.products)

    @property
    def estimate(self) -> Float[np.ndarray, " c"]:
        """Coefficients of the table itself, intercept first."""
        fit = self.coordinates.fit
        return np.append(fit.intercept, np.where(fit.dropped, np.nan, fit.coef))

    @property
    def n(self) -> Float[np.ndarray, " B"]:
        """Weight of all rows."""
        return self.products[:, 0, 0]

    @cached_property
    def _centre(self) -> Float[np.ndarray, "B a"]:
        """Mean of (z, v), 0 where there is no row; all 0 through the origin: see `_scatter`."""
        n = np.where(self.n > 0, self.n, 1.0)
        return self.products[:, 0, 1:] / n[:, None]

    @cached_property
    def means(self) -> Float[np.ndarray, "B q"]:
        """Of [X y], in the units of the table."""
        return self.coordinates.fit.mean + self._centre @ self.coordinates.unit

    @cached_property
    def _scatter(self) -> Float[np.ndarray, "B a a"]:
        """About the mean of each replicate."""
        d = self._centre
        return self.products[:, 1:, 1:] - self.n[:, None, None] * d[:, :, None] * d[:, None, :]

    @cached_property
    def _solved(self) -> tuple[Float[np.ndarray, "B r"], Float[np.ndarray, "B r r"], np.ndarray]:
        """g = C_zz⁻¹C_zv, C_zz⁻¹ and C_vv − C_vzg, C about the mean, or about 0 without intercept."""
        fit, r = self.coordinates.fit, self.coordinates.r
        C = self._scatter if fit.with_intercept else self.products[:, 1:, 1:]
        A, c = C[:, :r, :r], C[:, :r, r]
        n = np.where(self.n > 0, self.n, 1.0)
        with one_blas_thread():
            inverse, regular = _inverses(A, self.singular * n)
        good = regular & (self.n >= fit.parameters)
        inverse[~good] = np.nan
        g = np.einsum("bij,bj->bi", inverse, c)
        rss = C[:, r, r] - np.einsum("bi,bi->b", g, c)
        return g, inverse, np.where(good, np.maximum(rss, 0.0), np.nan)

    @property
    def failed(self) -> int:
        """Replicates without a fit."""
        return int(np.isnan(self._solved[2]).sum())

    def coefficients(self) -> Float[np.ndarray, "B c"]:
        """Least-squares coefficients, intercept first (0 if none was fitted)."""
        at, g = self.coordinates, self._solved[0]
        fit, r = at.fit, at.r
        step = at.spread * (g @ at.K.T)
        out = np.empty((len(self), fit.coef.size + 1))
        out[:, 1:] = np.where(fit.dropped, np.nan, fit.coef + step)
        out[:, 0] = 0.0
        if fit.with_intercept:
            v = self._centre[:, r] - np.einsum("bi,bi->b", self._centre[:, :r], g)
            out[:, 0] = fit.intercept + at.spread * v - step @ fit.mean[:-1]
        return np.where(np.isnan(self._solved[2])[:, None], np.nan, out)

    def standard_errors(self) -> Float[np.ndarray, "B c"]:
        """Classic standard errors within each replicate, intercept first; NaN without degrees of freedom."""
        at, (_, inverse, rss) = self.coordinates, self._solved
        fit, df = at.fit, self.n - at.fit.parameters
        with np.errstate(divide="ignore", invalid="ignore"), one_blas_thread():
            sigma2 = np.where(df > 0, at.spread**2 * rss / df, np.nan)
            out = np.zeros((len(self), fit.coef.size + 1))
            out[:, 1:] = ((at.K @ inverse) * at.K).sum(axis=2)
            if fit.with_intercept:
                away = -(fit.mean[:-1] @ at.K) - self._centre[:, : at.r]  # of x = 0 from the mean
                out[:, 0] = 1 / self.n + np.einsum("bi,bik,bk->b", away, inverse, away)
        out[:, 1:][:, fit.dropped] = np.nan
        return np.sqrt(sigma2[:, None] * out)

    def r2(self) -> Float[np.ndarray, " B"]:
        """R² of the fit in each replicate; NaN for a constant target."""
        at, fit = self.coordinates, self.coordinates.fit
        C = self._scatter if fit.with_intercept else self.products[:, 1:, 1:]
        u = at.unit[:, -1]
        tss = np.einsum("i,bij,j->b", u, C, u, optimize=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(tss > 0, 1 - at.spread**2 * self._solved[2] / tss, np.nan)

    def moments(self, b: int) -> Moments:
        """Moments of [X y] of one replicate, in the units of the table."""
        U = self.coordinates.unit
        return Moments(round(float(self.n[b])), self.means[b], U.T @ self._scatter[b] @ U)

    def apply(self, statistic: Callable[[Moments], np.ndarray | float]) -> np.ndarray:
        """statistic(moments) of every replicate, (B,) or (B, k)."""
        return np.array([statistic(self.moments(b)) for b in range(len(self))], dtype=float)


def _inverses(
    A: Float[np.ndarray, "B r r"], least: Float[np.ndarray, " B"]
) -> tuple[Float[np.ndarray, "B r r"], Bool[np.ndarray, " B"]]:
    """A⁻¹ and whether the smallest eigenvalue exceeds `least`; eigenvalues only where 1/‖A⁻¹‖_F leaves it open."""
    try:
        inverse = np.linalg.inv(A)
        open_ = ~(np.linalg.norm(inverse, axis=(1, 2)) * least < 1)
    except np.linalg.LinAlgError:  # one of them is singular to the last bit
        inverse, open_ = np.full_like(A, np.nan), np.ones(len(A), dtype=bool)
    regular = ~open_
    if A.shape[1] == 0:
        return inverse, least > 0
    regular[open_] = np.linalg.eigvalsh(A[open_])[:, 0] > least[open_]
    redo = open_ & regular
    inverse[redo] = np.linalg.inv(A[redo])
    return inverse, regular


def replicate_moments(
    fit: LinearFit,
    rows: RowSource,
    B: int = REPLICATES,
    draw: Draw | None = None,
    engine: Engine | None = None,
) -> ReplicateMoments:
    """Moments of `B` bootstrap replicates of the rows that `fit` was fitted to, in one pass.

    Parameters
    ----------
    fit : least squares on these rows (any covariance; no penalty).
    rows : walked once.
    B : replicates; the first of 2,000 are those of 1,000.
    draw : which rows are drawn together (`draws.py`); Poisson weights with seed 0 by default.
    engine : where chunks are multiplied; this machine's cores by default.

    Raises SpecError for a penalty, B < 2, or more columns than fit into 2 GB; ShapeError if `rows` are not those of
    the fit.
    """
    at = Coordinates.of(fit)
    q = at.r + 2
    t = q * (q + 1) // 2
    if B < 2:
        raise SpecError(f"{B} replicates; expected at least 2, better 1,000.")
    if 8 * B * t > MOST_BYTES:
        raise SpecError(
            f"moments of {B:,} replicates of {q} columns take {8 * B * t / 1e9:.0f} GB; ask for fewer, or use one_step."
        )
    draw = draw or Poisson()
    kind = np.float64 if 2.0 * fit.n * B * t <= FEW_FLOPS else np.float32
    sums = fold(
        chunks(rows.blocks()),
        _products_of(at, B, draw, kind),
        _Sums(0, np.zeros((B, t))),
        engine or LocalEngine(),
    )
    if sums.n != fit.n:
        raise ShapeError(f"the fit has {fit.n} rows and {sums.n} were given; expected the same.")
    upper = np.triu_indices(q)
    M = np.empty((B, q, q))
    M[:, upper[0], upper[1]] = M[:, upper[1], upper[0]] = sums.products
    return ReplicateMoments(at, M, SINGULAR[np.dtype(kind).itemsize])


def _products_of(at: Coordinates, B: int, draw: Draw, kind: type) -> Callable[[Chunk], _Sums]:
    """The sums of one chunk. Products are made by column, so that every loop is long."""
    q = at.r + 2

    def of(chunk: Chunk) -> _Sums:
        u = at.columns(chunk.rows).astype(kind)
        Q = np.empty((q * (q + 1) // 2, u.shape[1]), kind)
        top = 0
        for j in range(q):
            np.multiply(u[j:], u[j], out=Q[top : top + q - j])
            top += q - j
        return _Sums(u.shape[1], weighted(draw, chunk, B, Q))

    return of


def weighted(draw: Draw, chunk: Chunk, B: int, Q: Float[np.ndarray, "t m"]) -> np.ndarray:
    """W Qᵀ, a slab of replicates at a time."""
    out = np.empty((B, len(Q)), Q.dtype)
    for slab, W in enumerate(_slabs(draw, chunk, B)):
        part = out[slab * SLAB : (slab + 1) * SLAB]
        np.matmul(W.astype(Q.dtype, copy=False), Q.T, out=part)
    return out


def _slabs(draw: Draw, chunk: Chunk, B: int) -> Iterable[np.ndarray]:
    for slab in range(-(-B // SLAB)):
        yield draw.weights(chunk, slab)[: B - slab * SLAB]

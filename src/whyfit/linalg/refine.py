"""Least squares from exact sums of products: every digit float64 can hold.

With the Gram matrix of [X y] known without rounding (`linalg.doubled`), what is left is p × p arithmetic, done in
fixed point with F = 320 binary digits on columns scaled by powers of two to lengths in [½, 1):

    nS = nΣzzᵀ − (Σz)(Σz)ᵀ          C = S scaled          C = UᵀDU, U unit upper triangular
    z = U⁻¹u_y,   C⁻¹ = U⁻¹D⁻¹U⁻ᵀ,   rss = d_y,   β̂₀ = ȳ − μᵀŵ,   V₀₀ = 1/n + μᵀS⁻¹μ

The pivots d_j are the squared distances of the columns to the span of those before, so rank is decided here too. The
fixed-point steps move C by less than φ = 4p·2⁻ᶠ, and so z_j by φ Σ_k|G_jk| (1 + ‖z‖₁): nothing, even for κ = 10³⁰.
What may truly be off is what the grid left out of the columns: ‖ΔA_j‖ ≤ η_j in unit lengths moves, to first order and
with ρ = ‖c − Az‖,

    z_j by √G_jj (η_y + Σ|z_k|η_k) + Σ_k|G_jk|η_k ρ,     G_jj by 2√G_jj Σ_k|G_jk|η_k,     ρ² by 2ρ(η_y + Σ|z_k|η_k).

Mostly η is 0, and the results are the exact ones, rounded once.

References: Higham (2002), Accuracy and Stability of Numerical Algorithms, ch. 10 and 20;
Björck (1996), Numerical Methods for Least Squares Problems, §1.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.linalg import solve_triangular

from whyfit.linalg.doubled import ExactGram, Grid

FIXED = 320  # F
_ONE = 1 << FIXED
_TINY = 5e-324  # spacing of the smallest float64
_U = 2.0**-53
_NIL = 2.0**-150  # an exact zero comes out as less than φ; nothing else is that small


@dataclass(frozen=True, slots=True)
class Uncentred:
    """What centring hides, without its cancellations: β₀, and V = (X̃ᵀX̃)⁻¹ of X̃ = [1 X], intercept first.

    `*_error` bound relative errors. Rows and columns of dropped columns are 0.
    """

    intercept: float
    intercept_error: float
    V: Float[np.ndarray, "c c"]
    V_error: Float[np.ndarray, " c"]  # of its diagonal


@dataclass(frozen=True, slots=True)
class Refined:
    """The solution in units of the data; `root` and `G` of unit columns, as in `linalg.solve.Solution`.

    `*_error` bound relative errors; `kept` columns are those not in the span of others.
    """

    w: Float[np.ndarray, " p"]
    w_error: Float[np.ndarray, " p"]
    root: Float[np.ndarray, "p r"]
    G: Float[np.ndarray, "p p"]
    G_error: Float[np.ndarray, " p"]  # of its diagonal
    scale: Float[np.ndarray, " p"]
    rss: float
    rss_error: float
    explained: float  # TSS − RSS, without its cancellation
    explained_error: float
    tss: float
    kept: Bool[np.ndarray, " p"]
    gap: float
    lost: float
    uncentred: Uncentred
    inexact: float  # largest part of an error above that a finer grid would remove


@dataclass(frozen=True, slots=True)
class Noise:
    """Rounding the columns came with, in unit lengths, and how near the span a column may be (both (p,)).

    Distances above `suspect` are not looked into.
    """

    stored: Float[np.ndarray, " p"]
    tolerance: float
    suspect: float


def solve_exactly(
    gram: ExactGram, grid: Grid, candidates: Bool[np.ndarray, " p"], noise: Noise, centred: bool
) -> Refined:
    """Least squares of the last column on the candidates, an intercept first if `centred`."""
    p, n = candidates.size, gram.n
    N = n if centred else 1  # S is kept N-fold, so that it is whole
    S = gram.product * N - np.outer(gram.total, gram.total) * centred
    live = np.append(np.flatnonzero(candidates), p)
    S = S[np.ix_(live, live)]
    a = np.array([(int(v).bit_length() + 1) // 2 for v in np.diag(S)], dtype=np.int64)
    C = _shifted(S, FIXED - a[:, None] - a)
    length = np.sqrt(_floats(np.diag(C), FIXED))
    length = np.where(length > 0, length, 1.0)
    derived = gram.derived[live]
    stored = np.where(derived[:-1], _U, 1.0) * noise.stored[live[:-1]]
    tolerance = np.where(derived[:-1], 0.0, noise.tolerance)
    factor = _ldl(C, length, stored, tolerance, noise.suspect)
    on = live[:-1][factor.kept]
    grain = gram.rest[live] * np.sqrt(n * N) / np.ldexp(length, a)  # η of every column, y last
    return _Assembly(gram, grid, factor, a, length, grain, on, N, centred).result(S, live)


@dataclass(frozen=True, slots=True)
class _Factor:
    """U (r × r+1, unit upper triangular, y last) and D of the kept columns; RSS and TSS; all fixed point."""

    U: np.ndarray
    D: np.ndarray
    rest: int
    yy: int
    kept: Bool[np.ndarray, " l"]
    gap: float
    lost: float


def _ldl(C, length, stored, tolerance, suspect) -> _Factor:
    """UᵀDU of the columns that are not in the span of those before them, in the order given."""
    size = len(C) - 1
    work, U, D = C.copy(), [], []
    kept = np.zeros(size, dtype=bool)
    gap, lost = 1.0, 0.0
    for j in range(size):
        d = int(work[j, j])
        distance = float(np.sqrt(max(d, 0) / _ONE) / length[j])
        limit = tolerance[j]
        if distance <= suspect and kept.any():
            before = np.flatnonzero(kept)
            T = np.array([_floats(u[before], FIXED) for u in U])
            c = solve_triangular(
                T, _floats(np.array([u[j] for u in U], dtype=object), FIXED),
                unit_diagonal=True, check_finite=False,
            )  # fmt: skip
            share = np.abs(c) * length[before] / length[j]
            limit = max(limit, stored[j] + float(share @ stored[before]))
        if d <= 0 or distance <= limit:
            lost = max(lost, distance)
            continue
        kept[j], gap = True, min(gap, distance)
        row = (work[j] << FIXED) // d
        row[:j] = 0
        work[j + 1 :, j + 1 :] -= np.outer(work[j, j + 1 :], row[j + 1 :]) >> FIXED
        U.append(row)
        D.append(d)
    columns = np.append(np.flatnonzero(kept), size)
    square = np.array([u[columns] for u in U], dtype=object).reshape(len(U), len(columns))
    return _Factor(
        square,
        np.array(D, dtype=object),
        int(work[size, size]),
        int(C[size, size]),
        kept,
        gap,
        lost,
    )


@dataclass(frozen=True, slots=True)
class _Assembly:
    """From the factor back to the units of the data."""

    gram: ExactGram
    grid: Grid
    factor: _Factor
    a: np.ndarray  # binary exponents of the lengths, y last
    length: np.ndarray
    grain: np.ndarray
    on: np.ndarray  # kept columns among the p
    N: int
    centred: bool

    def result(self, S: np.ndarray, live: np.ndarray) -> Refined:
        f, kept, r = self.factor, self.factor.kept, int(self.factor.kept.sum())
        p = self.gram.rest.size - 1
        V = _unit_inverse(f.U[:, :r])
        z = (V @ f.U[:, r] >> FIXED) if r else np.zeros(0, dtype=object)
        a, length, g = self.a[:-1][kept], self.length[:-1][kept], self.grid.unit
        root_D = np.sqrt(_floats(f.D, FIXED))
        root = _floats(V, FIXED) / root_D * length[:, None]
        G = root @ root.T
        exact = np.array([_floats(_quotient(v, f.D), FIXED) for v in V]).reshape(r)
        np.fill_diagonal(G, exact * length**2)
        size = _floats(z, FIXED) * length / self.length[-1]  # in unit lengths of columns and target
        eta, eta_y = self.grain[:-1][kept], float(self.grain[-1])
        rss, tss = max(f.rest, 0), int(S[-1, -1])
        unit_rss = rss / _ONE / self.length[-1] ** 2
        known = not (eta.any() or eta_y)
        phi, total = 4 * (r + 1) * 2.0**-FIXED, 1 + float(np.abs(size).sum())
        if unit_rss <= min(phi * total**2, _NIL) and known:
            rss, unit_rss = 0, 0.0
        moved = eta_y + float(np.abs(size) @ eta)
        spread, reach = np.sqrt(np.diag(G)), np.abs(G) @ eta
        shift = spread * moved + reach * np.sqrt(unit_rss)
        row = np.abs(G).sum(axis=1)
        floor = phi * row * total
        nil = (np.abs(size) <= np.minimum(floor, _NIL)) & known
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            off_z = np.where(nil, 0.0, (shift + floor) / np.abs(size))
            off_G = 2 * reach / spread + phi * (row / spread) ** 2
            off_rss = (
                2 * np.sqrt(unit_rss) * moved + moved**2 + phi * total**2 * (not known or rss > 0)
            )
            explained = (int(f.yy) - rss) / _ONE / self.length[-1] ** 2
            off_explained = float(np.divide(off_rss, explained)) if off_rss else 0.0
            off_rss = float(np.divide(off_rss, unit_rss)) if off_rss else 0.0
        w, w_error = np.zeros(p), np.zeros(p)
        w[self.on] = np.where(
            nil, 0.0, np.ldexp(_floats(z, FIXED), self.a[-1] - a + g[-1] - g[self.on])
        )
        w_error[self.on] = np.where(nil, 0.0, off_z + _rounding(w[self.on], 1))
        power = 2 * int(self.a[-1]) + 2 * int(g[-1])
        rss_value = float(np.ldexp(rss / _ONE / self.N, power))
        fitted = float(np.ldexp((int(f.yy) - rss) / _ONE / self.N, power))
        full, whole = np.zeros((p, r)), np.zeros((p, p))
        full[self.on], whole[np.ix_(self.on, self.on)] = root, G
        G_error, scale = np.zeros(p), np.ones(p)
        G_error[self.on] = off_G + 4 * _U
        lengths = np.array([float(np.sqrt(int(v) / self.N)) for v in np.diag(S)[:-1]])
        scale[live[:-1]] = np.ldexp(lengths, g[live[:-1]])
        uncentred, off_first = self._uncentred(
            V, z, (moved, float(np.sqrt(unit_rss)), floor), exact, off_G
        )
        inexact = max(
            float(np.max(off, initial=0.0))
            for off in (off_z, off_G, off_rss, off_explained, off_first)
        )
        return Refined(
            w, w_error, full, whole, G_error, scale,
            rss_value, off_rss + float(_rounding(rss_value, 3, self.gram.n)) if rss else off_rss,
            fitted, off_explained + float(_rounding(fitted, 3)) if explained else off_explained,
            float(np.ldexp(tss / self.N, 2 * int(g[-1]))),
            np.isin(np.arange(p), self.on), f.gap, f.lost, uncentred, inexact,
        )  # fmt: skip

    def _uncentred(self, V, z, doubt, exact, off_G) -> tuple[Uncentred, float]:
        """β₀ and the law of [β₀ w] at x = 0, all sums exact."""
        f, kept, on, p = self.factor, self.factor.kept, self.on, self.gram.rest.size - 1
        moved, rho, floor = doubt
        a, g, n = self.a[:-1][kept], self.grid.unit, self.gram.n
        unit = np.ldexp(1.0, -a - g[on])  # of C⁻¹'s rows, in units of the data
        law = np.zeros((p + 1, p + 1))
        inner = _floats(V, FIXED) / np.sqrt(_floats(f.D, FIXED)) * unit[:, None] * np.sqrt(self.N)
        law[np.ix_(on + 1, on + 1)] = inner @ inner.T
        law[on + 1, on + 1] = exact * unit**2 * self.N
        error = np.zeros(p + 1)
        error[on + 1] = off_G + _rounding(law[on + 1, on + 1], 4)
        if not self.centred:
            return Uncentred(0.0, 0.0, law, error), 0.0
        M = self.gram.total + self.grid.offset * n  # Σz, in units
        deep = FIXED + int(self.a.max(initial=0))
        first = (int(M[-1]) << deep) - sum(
            int(M[j] * v) << (deep + int(self.a[-1] - b) - FIXED)
            for j, v, b in zip(on, z, a, strict=True)
        )  # fmt: skip
        value = float(np.ldexp(first / (n << deep), int(g[-1])))
        m = _shifted(M[on], FIXED - a)
        v = V.T @ m >> FIXED if len(on) else m
        through = _quotient(v, f.D)
        law[0, 0] = (_ONE + through) / _ONE / n
        v_D = (v << FIXED) // f.D if len(on) else v
        law[0, on + 1] = law[on + 1, 0] = -_floats(V @ v_D >> FIXED, FIXED) * unit
        # the grain moves the means too: by at most `rest` units each
        length = self.length[:-1][kept]
        lever = np.abs(law[0, on + 1] / unit) * length / np.sqrt(n)
        eta = self.grain[:-1][kept]
        along = float(np.sqrt(through / _ONE / n))
        scale_y = float(np.ldexp(self.length[-1], int(self.a[-1] + g[-1]))) / np.sqrt(n)
        off = along * moved + float(lever @ eta) * rho + moved / np.sqrt(n)
        means = np.abs(_floats(m, FIXED)) / length / np.sqrt(n)  # |μ_j|/d_j
        off += float(means @ floor)
        with np.errstate(divide="ignore", invalid="ignore"):
            off_first = off * scale_y / abs(value) if value else (np.inf if off * scale_y else 0.0)
        off_V = (2 * along * float(lever @ eta) + 2 * float(lever @ eta) / np.sqrt(n)) / law[0, 0]
        error[0] = off_V + _rounding(law[0, 0], 3)
        off_first = float(off_first)
        return Uncentred(
            value, off_first + (float(_rounding(value, 1)) if first else 0.0), law, error
        ), max(off_V, off_first)


def _rounding(value, steps: float, parts: int = 1):
    """Relative error of `steps` roundings to float64, and of one near underflow, to be divided into `parts` later."""
    with np.errstate(divide="ignore", over="ignore"):
        return steps * _U + _TINY * parts / np.abs(value)


def _unit_inverse(U: np.ndarray) -> np.ndarray:
    """U⁻¹ of a unit upper triangular matrix, fixed point."""
    r = len(U)
    V = np.full((r, r), 0, dtype=object)
    for i in range(r - 1, -1, -1):
        V[i, i] = _ONE
        if i + 1 < r:
            V[i, i + 1 :] = -(U[i, i + 1 :] @ V[i + 1 :, i + 1 :] >> FIXED)
    return V


def _quotient(v: np.ndarray, D: np.ndarray) -> int:
    """Σ v_k²/D_k, fixed point."""
    return sum((x * x) // d for x, d in zip(v.tolist(), D.tolist(), strict=True))


def _shifted(A: np.ndarray, by: np.ndarray) -> np.ndarray:
    """A · 2^by, rounded down."""
    up = np.maximum(by, 0).astype(object)
    return (A << up) >> np.maximum(-by, 0).astype(object)


def _floats(A, places: int) -> np.ndarray:
    """A / 2^places in float64, each rounded once."""
    return np.ldexp(np.asarray(A, dtype=object).astype(np.float64), -places)

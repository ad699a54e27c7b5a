"""Pairs bootstrap of least squares: how the coefficients vary when rows are drawn anew.

Replicate b gives row i the weight W_bi ~ Poisson(1), independently: the number of times a row is drawn in a
sample of n out of n rows, in the limit of large n. With moments M_i = z_i z_iᵀ of z = (1, x, y) all replicates
are one matrix product,

    [M⁽¹⁾ … M⁽ᴮ⁾] = W · [vec M_1 … vec M_n],        ŵ⁽ᵇ⁾ = (X̃ᵀW_bX̃)⁻¹X̃ᵀW_b y,

so that nothing is assumed about the law of the errors: unequal variances and heavy tails are in the answer.
Where n is large, rows are first put into G random cells and whole cells are drawn. Sums of independent rows are
independent sums, so the variance is estimated without bias, with a relative error of about √(2/G).

References: Efron (1979), Annals of Statistics 7, 1-26; Freedman (1981), Annals of Statistics 9, 1218-1228;
Chamandy et al. (2012) for Poisson weights; Kleiner et al. (2014), J. R. Stat. Soc. B 76, 795-816 for bags.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from whyfit.linalg.solve import RANK_TOLERANCE

#: Numbers held at once (64 MB of float64): units × columns² stay below it where units are drawn whole.
_HELD = 1 << 23
#: Floating-point operations of one bootstrap, about 0.2 s of one core.
_FLOPS = 4e9
#: Units drawn per column: below, refits are near singular and the spread means nothing.
_PER_COLUMN = 8
#: Replicates below which a spread has no useful precision: 1/√(2B) = 14 %.
_FEWEST = 25
#: Added to the diagonal of unit-variance columns instead of a pseudo-inverse: a column that no drawn row
#: shows (a rare level) gets coefficient 0 rather than a division by zero.
_NUDGE = 1e-12
#: Distance of a column to the span of others (unit lengths) below which Gram matrices of replicates lose digits.
_NEAR = 1e-4


def budgeted(n: int, p: int, B: int) -> tuple[int, int]:
    """(units, replicates) that `pairs_bootstrap` uses for n rows, p columns and B wanted replicates.

    Units are rows, or cells of rows where there are more rows than units. With very many columns cells would
    not fit in memory; then `units` of the rows are used and the spread is scaled by √(units/n).
    """
    q = p + 2
    enough = min(n, _PER_COLUMN * q)
    units = min(n, max(enough, min(_HELD // (q * q), int(_FLOPS / (2 * B * q * q)))))
    cost = 2.0 * units * q * q + q**3
    return units, int(min(B, max(_FEWEST, _FLOPS / cost)))


def poisson_table() -> UInt8[np.ndarray, " 65536"]:
    """The Poisson(1) count of each value of 16 random bits: mean exactly 1, variance 1 − 3·10⁻⁵."""
    probability = np.exp(-1.0) / np.cumprod(np.concatenate([[1.0], np.arange(1.0, 12.0)]))
    edges = np.round(np.cumsum(probability) * 65_536).astype(int)
    return np.searchsorted(edges, np.arange(65_536), side="right").clip(max=11).astype(np.uint8)


def poisson_weights(B: int, n: int, rng: np.random.Generator) -> UInt8[np.ndarray, "B n"]:
    """Independent Poisson(1) counts by table look-up of 16 random bits (probabilities exact to 2⁻¹⁶)."""
    bits = np.frombuffer(rng.bytes(2 * B * n), dtype=np.uint16)
    return poisson_table()[bits].reshape(B, n)


def pairs_bootstrap(
    X: Float[np.ndarray, "s p"],
    y: Float[np.ndarray, " s"],
    B: int,
    rng: np.random.Generator,
) -> Float[np.ndarray, "b c"]:
    """Least-squares coefficients of bootstrap replicates, intercept first.

    Parameters
    ----------
    X, y : rows and target; constant or linearly dependent columns get coefficients that mean nothing.
    B : replicates wanted; fewer are made where the work exceeds its budget (see `budgeted`).
    rng : source of the Poisson weights and of the cells.

    Returns
    -------
    (b, 1 + p) coefficients in the units of X and y, b ≤ B.
    """
    n, p = X.shape
    if n == 0:
        return np.full((B, 1 + p), np.nan)
    units, B = budgeted(n, p, B)
    by_row = units * (p + 2) ** 2 > _HELD
    if by_row and units < n:
        some = rng.permutation(n)[:units]
        X, y = X[some], y[some]
    centre, scale = X.mean(axis=0), X.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    y0, s = float(y.mean()), float(y.std()) or 1.0
    Z = np.ones((len(y), p + 2))
    np.subtract(X, centre, out=Z[:, 1:-1])
    Z[:, 1:-1] /= scale
    Z[:, -1] = (y - y0) / s
    Z, back = _apart(Z)
    M = _by_row(Z, B, rng) if by_row else _by_cell(Z, units, B, rng)
    A, b = M[:, :-1, :-1], M[:, :-1, -1]
    inner = np.arange(1, A.shape[1])
    A[:, inner, inner] += _NUDGE * len(y)
    A[:, 0, 0] = np.maximum(A[:, 0, 0], 1e-300)  # a replicate without rows
    w = np.linalg.solve(A, b[..., None])[..., 0]
    w = np.column_stack([w[:, 0], w[:, 1:] @ back.T])
    out = np.empty((B, p + 1))
    out[:, 1:] = w[:, 1:] * s / scale
    out[:, 0] = y0 + s * w[:, 0] - out[:, 1:] @ centre
    mean = out.mean(axis=0)
    return mean + (out - mean) * np.sqrt(len(y) / n) if len(y) < n else out


def _apart(
    Z: Float[np.ndarray, "n q"],
) -> tuple[Float[np.ndarray, "n s"], Float[np.ndarray, "p r"]]:
    """Z = [1, X, y] with near copies in X made uncorrelated, and the matrix that takes coefficients back.

    Gram matrices lose κ²u, a QR factor κu: without it near copies would look less uncertain than they are.
    Dependent columns are left out.
    """
    n, p = len(Z), Z.shape[1] - 2
    if n <= p or p < 2:
        return Z, np.eye(p)
    distance = np.abs(np.diag(np.linalg.qr(Z[:, 1:-1], mode="r"))) / np.sqrt(n)
    if distance.min() > _NEAR:
        return Z, np.eye(p)
    live = distance > RANK_TOLERANCE
    Q, R = np.linalg.qr(Z[:, 1:-1][:, live])
    back = np.zeros((p, R.shape[0]))
    back[live] = np.linalg.inv(R) * np.sqrt(n)
    return np.column_stack([Z[:, :1], Q * np.sqrt(n), Z[:, -1]]), back


def _by_cell(Z, cells: int, B: int, rng: np.random.Generator) -> Float[np.ndarray, "B q q"]:
    """ZᵀW_bZ of every replicate, whole cells (or single rows) drawn."""
    n, q = Z.shape
    if cells < n:
        size = -(-n // cells)
        cells = n // size
        Z = Z[rng.permutation(n)[: cells * size]].reshape(cells, size, q)
        products = Z.transpose(0, 2, 1) @ Z
    else:
        products = Z[:, :, None] * Z[:, None, :]
    W = poisson_weights(B, cells, rng).astype(float)
    return (W @ products.reshape(cells, q * q)).reshape(B, q, q)


def _by_row(Z, B: int, rng: np.random.Generator) -> Float[np.ndarray, "B q q"]:
    """The same, one weighted Gram matrix at a time: many columns."""
    root = np.sqrt(poisson_weights(B, len(Z), rng).astype(float))
    return np.stack([V.T @ V for V in (Z * r[:, None] for r in root)])

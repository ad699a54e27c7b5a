"""Products of tall sparse blocks, into dense matrices.

SᵀS by the sparse product costs Σ_i nnz_i² scattered additions, by dense tiles m s² contiguous ones; one scattered
addition takes as long as DENSE_PER_PAIR contiguous ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from whyfit.fold import Rows

if TYPE_CHECKING:
    from scipy.sparse import csr_array

#: Measured for 64 to 3,000 columns and 1 to 100 non-zeros a row, one thread: 5 ns an addition of the sparse
#: product, 0.035 ns one of a symmetric rank-k update and twice that of another product.
DENSE_PER_PAIR = 140
#: Bytes of a dense tile of a sparse block.
TILE_BYTES = 16 << 20
_FEW = 0.25  # share of non-zeros below which a sparse product is added one by one


def add_gram(S: csr_array, out: Float[np.ndarray, "s s"], right: csr_array | None = None) -> None:
    """out += SᵀS, by whichever way is cheaper; or Sᵀ right, for a `right` of the same non-zeros."""
    m, s = len(S.indptr) - 1, len(out)
    if not m or not s:
        return
    pairs = float((np.diff(S.indptr).astype(np.float64) ** 2).sum())
    price = DENSE_PER_PAIR if right is None else DENSE_PER_PAIR / 2
    if pairs * price > m * float(s) ** 2:
        work, step = np.empty((s, s)), dense_rows(s)
        for start in range(0, m, step):
            tile = S[start : start + step].toarray()  # pyright: ignore[reportOptionalSubscript]
            other = tile if right is None else right[start : start + step].toarray()  # pyright: ignore[reportOptionalSubscript]
            out += np.dot(tile.T, other, out=work)
        return
    add_into(S.T.tocsr() @ (S if right is None else right), out)


def cross_work(rows: Rows) -> float:
    """What a row adds to the cost of XᵀWX, in multiplications of a dense product: p² if nothing is sparse."""
    S, d = rows.sparse, rows.dense.shape[1]
    if S is None:
        return float(d * d)
    full = np.diff(S.indptr).astype(np.float64)
    pairs = float((full**2).mean()) if full.size else 0.0
    return d * d + 2 * d * float(full.mean()) + min(DENSE_PER_PAIR / 2 * pairs, (rows.p - d) ** 2.0)


def add_into(P: csr_array, out: Float[np.ndarray, "r s"]) -> None:
    """out += P for a P without repeated entries, as products are."""
    if P.nnz > _FEW * out.size:
        out += P.toarray()
        return
    row = np.repeat(np.arange(len(out)), np.diff(P.indptr))
    out[row, P.indices] += P.data


def dense_rows(s: int) -> int:
    """Rows of a dense tile of s sparse columns."""
    return int(np.clip(TILE_BYTES // (8 * max(s, 1)), 64, 8_192))


def scaled(S: csr_array, weight: Float[np.ndarray, " m"]) -> csr_array:
    """diag(weight) S, sharing the places of the non-zeros."""
    from scipy.sparse import csr_array

    value = S.data * np.repeat(weight, np.diff(S.indptr))
    return csr_array((value, S.indices, S.indptr), shape=S.shape)

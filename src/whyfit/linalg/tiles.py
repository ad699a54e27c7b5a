"""Sums of products over all rows of a dense block, as fast as memory allows.

For z = x − shift and further columns e of the same rows: Σ zzᵀ and Σ zeᵀ. A tile of rows is shifted into a buffer that
stays in the level-2 cache and is multiplied there by a symmetric rank-k update, so X goes through memory once
and nothing of its size is allocated. The buffer has the layout of X, and both keep NumPy's inner loop long: along a
column, or along UNROLL rows at once.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

#: Bytes of a tile and its least number of rows. Measured for 20 and 100 columns, two cores, 1 MB of level-2 cache each.
TILE_BYTES, TILE_ROWS = 1 << 19, 512
UNROLL = 64  # rows handled by one inner loop of the shift


def shifted_products(
    X: Float[np.ndarray, "m p"],
    shift: Float[np.ndarray, " p"],
    E: Float[np.ndarray, "m e"] | None = None,
    most: int = 1 << 30,
) -> tuple[Float[np.ndarray, "p p"], Float[np.ndarray, "p e"]]:
    """(Σ zzᵀ, Σ zeᵀ) of the rows of X in float32 or float64, `most` in a row; without E it is a column of ones."""
    m, p = X.shape
    step = max(TILE_ROWS, TILE_BYTES // (8 * max(p, 1))) // UNROLL * UNROLL
    step = min(step, -(-m // UNROLL) * UNROLL, most)
    G, W = np.zeros((p, p)), np.empty((p, p))
    ones = np.ones((step, 1)) if E is None else np.empty((0, 0))
    V = np.zeros((p, 1 if E is None else E.shape[1]))
    by_column = X.flags.f_contiguous and not X.flags.c_contiguous
    Z = np.empty((p, step)) if by_column else np.empty((step, p))
    long, row = Z.reshape(-1, UNROLL * p), np.tile(shift, UNROLL)
    for start in range(0, m, step):
        x = X[start : start + step]
        if by_column:
            z = Z[:, : len(x)].T
            np.subtract(x.T, shift[:, None], out=z.T)
        elif len(x) == step and x.flags.c_contiguous:
            z = Z
            np.subtract(x.reshape(-1, UNROLL * p), row, out=long)
        else:
            z = Z[: len(x)]
            np.subtract(x, shift, out=z)
        G += np.dot(z.T, z, out=W)
        V += z.T @ (ones[: len(x)] if E is None else E[start : start + step])
    return G, V

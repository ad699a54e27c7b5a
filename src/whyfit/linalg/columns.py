"""Rows turned into columns, a tile at a time, so that every element-wise loop is long and contiguous."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

#: Bytes of the columns of a tile. Measured on two cores with 1 MB of level-2 cache each: smaller tiles make the threads
#: wait for the interpreter between calls, larger ones for memory.
TILE_BYTES = 1_400_000


def tile_rows(c: int) -> int:
    """Rows of a tile of c columns."""
    return int(np.clip(TILE_BYTES // (8 * c), 512, 16_384))


def columns_of(
    X: Float[np.ndarray, "m p"], centre: Float[np.ndarray, " p"], out: Float[np.ndarray, "c m"]
) -> Float[np.ndarray, "c m"]:
    """[1; (X − centre)ᵀ] by column."""
    Z = out[:, : len(X)]
    Z[0] = 1.0
    np.subtract(X.T, centre[:, None], out=Z[1:])
    return Z

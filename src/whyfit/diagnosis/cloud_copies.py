"""Which points of a cloud are exactly the same, found by one random projection and then compared in full."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Int

#: Projections of equal rows differ by rounding only; this is far above it.
_CLOSE = 1e-9


def copies(X: Any, rng: np.random.Generator) -> list[Int[np.ndarray, " g"]]:
    """Groups of equal rows of an array or a csr_array, each rising; −0 equals 0."""
    hashed = np.asarray(X @ rng.standard_normal(X.shape[1])).ravel()
    order = np.argsort(hashed, kind="stable")
    near = np.abs(np.diff(hashed[order])) <= _CLOSE * np.abs(hashed[order][1:])
    groups = []
    for run in np.split(order, np.flatnonzero(~near) + 1):
        if run.size > 1:
            found: dict[bytes, list[int]] = {}
            for i in np.sort(run):
                found.setdefault(_key(X, int(i)), []).append(int(i))
            groups += [np.array(g) for g in found.values() if len(g) > 1]
    return groups


def _key(X: Any, i: int) -> bytes:
    if isinstance(X, np.ndarray):
        return (X[i] + 0.0).tobytes()
    row = slice(X.indptr[i], X.indptr[i + 1])
    order = np.argsort(X.indices[row])
    return X.indices[row][order].tobytes() + X.data[row][order].tobytes()

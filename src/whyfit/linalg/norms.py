"""Norms: how large a vector or a matrix is. (draft)"""

from __future__ import annotations

from typing import Any

import numpy as np


def power_of_two(largest: np.ndarray | float) -> np.ndarray:
    """2⁻ᵉ with 2ᵉ⁻¹ ≤ largest < 2ᵉ: multiplying by it rounds nothing and brings `largest` below 1."""
    return np.ldexp(1.0, -np.clip(np.frexp(largest)[1], -1000, 1000))


def unit_rows(X: Any) -> Any:
    """Rows divided by their Euclidean lengths, dense or CSR; a zero row stays zero."""
    if isinstance(X, np.ndarray):
        Z = X * power_of_two(np.abs(X).max(axis=1, initial=0.0))[:, None]
        length = np.sqrt(np.einsum("ij,ij->i", Z, Z))
        Z /= np.where(length > 0, length, 1.0)[:, None]
        return Z
    entries = np.diff(X.indptr)
    Z = X.copy()
    Z.data *= np.repeat(power_of_two(abs(X).max(axis=1).toarray().ravel()), entries)
    length = np.sqrt((Z * Z).sum(axis=1))
    Z.data /= np.repeat(np.where(length > 0, length, 1.0), entries)
    return Z

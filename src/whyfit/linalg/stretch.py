"""What a linear map does to the unit ball, and the best map of rank k in its place.

    A = Σᵢ σᵢ uᵢvᵢᵀ        the ball becomes an ellipsoid with half axes σᵢuᵢ, the images of the vᵢ
    kernel {x: Ax = 0} = span{vᵢ: σᵢ = 0},   range {Ax} = span{uᵢ: σᵢ > 0}
    A_k = Σ_{i≤k} σᵢuᵢvᵢᵀ   nearest map of rank k:  ‖A − A_k‖₂ = σ_{k+1},  ‖A − A_k‖_F² = Σ_{i>k} σᵢ²

(Eckart–Young–Mirsky.) The direction that A_k serves worst is v_{k+1}: it is sent to 0 instead of to length σ_{k+1}.

Reference: Golub & Van Loan (2013), Matrix Computations, § 2.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from whyfit.errors import ShapeError, SpecError
from whyfit.linalg.decompose import Singular, singular
from whyfit.linalg.maps import LinearMap, linear_map
from whyfit.linalg.norms import vector_norm
from whyfit.linalg.operators import Operator
from whyfit.linalg.rank import Rank
from whyfit.linalg.subspaces import Subspace

#: Largest number of entries for which the matrix is written out: 200 MB, some ten seconds.
ENTRIES = 25_000_000


@dataclass(frozen=True)
class Stretch:
    """The singular value decomposition of a map, read as geometry."""

    singular: Singular

    @classmethod
    def of(cls, A: Any) -> Stretch:
        """Of a map, array, sparse array or operator small enough to be written out.

        Raises ShapeError where it is not: `lanczos` and `randomised` find the largest values of those.
        """
        if isinstance(A, np.ndarray):
            return cls(singular(A))
        operator = linear_map(A).operator
        if operator.shape[0] * operator.shape[1] > ENTRIES:
            raise ShapeError(
                f"a map of shape {operator.shape} has more than {ENTRIES:,} entries; use "
                "`randomised_svd` or `extreme_eigenvalues` for the values that matter."
            )
        return cls(singular(operator.dense()))

    @property
    def factors(self) -> Float[np.ndarray, " k"]:
        """σ₁ ≥ σ₂ ≥ …: how much longer the images of the vᵢ are."""
        return self.singular.values

    @property
    def rank(self) -> Rank:
        return self.singular.rank

    @property
    def volume(self) -> float:
        """Πσᵢ = |det A| of a square map: how the volume of any body changes; 0 into a lower dimension."""
        n, p = self.singular.shape
        if n < p:
            return 0.0
        return float(np.prod(self.factors))

    @cached_property
    def kernel(self) -> Subspace:
        """All x with Ax = 0, to numerical rank."""
        return self._rows.complement()

    @cached_property
    def range(self) -> Subspace:
        """All Ax, to numerical rank."""
        assert self.singular.U is not None
        return Subspace(self.singular.U[:, : self.rank.value])

    @property
    def _rows(self) -> Subspace:
        return Subspace(np.ascontiguousarray(self.singular.Vt[: self.rank.value].T))


@dataclass(frozen=True, slots=True)
class Compression:
    """The nearest map of rank k, and what it loses."""

    map: LinearMap
    kept: float  # Σ_{i≤k} σᵢ² / Σσᵢ²: of centred rows, the share of their variance
    frobenius: float  # ‖A − A_k‖_F
    spectral: float  # ‖A − A_k‖₂ = σ_{k+1}
    worst: Float[
        np.ndarray, " p"
    ]  # v_{k+1}, the unit vector with the largest ‖(A − A_k)x‖; 0 if nothing is lost
    numbers: int  # k(n + p), against np


def compression(A: Any, k: int) -> Compression:
    """A_k of a map small enough to be written out.

    Raises
    ------
    SpecError : k is negative or above min(n, p).
    """
    return compressed(Stretch.of(A), k)


def compressed(stretch: Stretch, k: int) -> Compression:
    """The same from a decomposition at hand."""
    svd = stretch.singular
    assert svd.U is not None
    n, p = svd.shape
    if not 0 <= k <= svd.values.size:
        raise SpecError(f"rank {k} of a map of shape {svd.shape}; expected 0 to {svd.values.size}.")
    U, V = svd.U[:, :k] * svd.values[:k], svd.Vt[:k]
    low = Operator((n, p), lambda X: U @ (V @ X), lambda Y: V.T @ (U.T @ Y))
    lost, whole = float(vector_norm(svd.values[k:])), float(vector_norm(svd.values))
    spectral = float(svd.values[k]) if k < svd.values.size else 0.0
    return Compression(
        LinearMap(low, f"rank {k}"),
        1.0 - (lost / whole) ** 2 if whole else 1.0,
        lost,
        spectral,
        svd.Vt[k].copy() if spectral > 0 else np.zeros(p),
        k * (n + p),
    )

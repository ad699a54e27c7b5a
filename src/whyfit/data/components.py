"""A text's columns compressed to a few: the truncated singular value decomposition of its weighted terms.

With R (n, c) the rows of `TextWeights` and R ≈ U_k Σ_k V_kᵀ, document i becomes V_kᵀ r_i, k numbers. Columns are not
centred, which would make R dense; so the first component is close to the mean document. Each component is named
after the terms that weigh most in it.

References: Deerwester et al. (1990), JASIS 41(6), latent semantic analysis; Lehoucq, Sorensen & Yang (1998),
ARPACK Users' Guide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from whyfit.errors import SpecError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

#: Terms in the name of a component.
_LEADING = 3


@dataclass(frozen=True, slots=True)
class Components:
    """k directions in the space of the c terms, plain data; `names` are their leading terms."""

    names: tuple[str, ...]
    vectors: tuple[tuple[float, ...], ...]  # k × c, orthonormal

    def of_rows(self, rows: csr_array) -> Float[np.ndarray, "m k"]:
        """The documents whose weighted terms (m, c) are given."""
        return rows @ np.array(self.vectors).T


def components_of(rows: csr_array, terms: Sequence[str], k: int) -> Components:
    """The k leading right singular vectors of `rows` (n, c).

    Their signs make the term that weighs most positive. SpecError unless k < min(n, c).
    """
    from scipy.sparse.linalg import svds

    n, c = rows.indptr.size - 1, len(terms)
    if k >= min(n, c):
        raise SpecError(
            f"text_components is {k}; expected fewer than the {c:,} terms and the {n:,} texts."
        )
    start = np.random.default_rng(0).standard_normal(min(n, c))
    wanted: Any = "vh"  # no left vectors
    found: Any = svds(rows, k, v0=start, solver="arpack", return_singular_vectors=wanted)
    _, values, V = found
    V = V[np.argsort(-values)]
    heaviest = np.argsort(-np.abs(V), axis=1, kind="stable")[:, :_LEADING]
    V = V * np.sign(np.take_along_axis(V, heaviest[:, :1], axis=1))
    return Components(
        tuple(", ".join([str(terms[j]) for j in leading]) for leading in heaviest),
        tuple(tuple(v) for v in V.tolist()),
    )

"""Pillar 1, the language of data: norms and subspaces, maps, decompositions, moments, solving, relations.

    vector_norm, frobenius_norm, operator_norm, spectral_norm, nuclear_norm, schatten_norm, mahalanobis
    distance, pairwise_distances, cosine_similarity, cosine_similarities, angle, nearest
    project_on_vector, Subspace, principal_angles
    classical_gram_schmidt, modified_gram_schmidt, gram_schmidt_twice, householder_reflections
    householder, cholesky, pseudo_inverse, eigen, singular, numerical_rank, effective_rank
    randomised_svd, extreme_eigenvalues                     of operators too large to be written out
    linear_map, identity, rotation, scaling, projection, adjoint_test, Stretch, compression, Convolution
    moments_of_array, principal_components, relation

`docs/linear-algebra.md` shows them at work. Names are looked up when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whyfit.linalg.components import principal_components
    from whyfit.linalg.convolution import Convolution
    from whyfit.linalg.decompose import eigen, singular
    from whyfit.linalg.distances import (
        angle,
        cosine_similarities,
        cosine_similarity,
        distance,
        pairwise_distances,
    )
    from whyfit.linalg.factors import cholesky, householder, pseudo_inverse
    from whyfit.linalg.lanczos import extreme_eigenvalues
    from whyfit.linalg.maps import (
        LinearMap,
        adjoint_test,
        identity,
        linear_map,
        projection,
        rotation,
        scaling,
    )
    from whyfit.linalg.moments import moments_of_array
    from whyfit.linalg.neighbours import nearest
    from whyfit.linalg.norms import (
        frobenius_norm,
        mahalanobis,
        nuclear_norm,
        operator_norm,
        schatten_norm,
        spectral_norm,
        vector_norm,
    )
    from whyfit.linalg.orthogonalise import (
        classical_gram_schmidt,
        gram_schmidt_twice,
        householder_reflections,
        modified_gram_schmidt,
    )
    from whyfit.linalg.randomised import randomised_svd
    from whyfit.linalg.rank import effective_rank, numerical_rank
    from whyfit.linalg.relations import relation
    from whyfit.linalg.stretch import Stretch, compression
    from whyfit.linalg.subspaces import Subspace, principal_angles, project_on_vector

_HOMES = {
    name: home
    for home, names in {
        "components": ("principal_components",),
        "convolution": ("Convolution",),
        "decompose": ("eigen", "singular"),
        "distances": ("angle", "cosine_similarities", "cosine_similarity", "distance", "pairwise_distances"),
        "factors": ("cholesky", "householder", "pseudo_inverse"),
        "lanczos": ("extreme_eigenvalues",),
        "maps": ("LinearMap", "adjoint_test", "identity", "linear_map", "projection", "rotation", "scaling"),
        "moments": ("moments_of_array",),
        "neighbours": ("nearest",),
        "norms": ("frobenius_norm", "mahalanobis", "nuclear_norm", "operator_norm", "schatten_norm",
                  "spectral_norm", "vector_norm"),
        "orthogonalise": ("classical_gram_schmidt", "gram_schmidt_twice", "householder_reflections",
                          "modified_gram_schmidt"),
        "randomised": ("randomised_svd",),
        "rank": ("effective_rank", "numerical_rank"),
        "relations": ("relation",),
        "stretch": ("Stretch", "compression"),
        "subspaces": ("Subspace", "principal_angles", "project_on_vector"),
    }.items()
    for name in names
}  # fmt: skip

__all__ = [
    "Convolution", "LinearMap", "Stretch", "Subspace", "adjoint_test", "angle", "cholesky",
    "classical_gram_schmidt", "compression", "cosine_similarities", "cosine_similarity", "distance",
    "effective_rank", "eigen", "extreme_eigenvalues", "frobenius_norm", "gram_schmidt_twice", "householder",
    "householder_reflections", "identity", "linear_map", "mahalanobis", "modified_gram_schmidt",
    "moments_of_array", "nearest", "nuclear_norm", "numerical_rank", "operator_norm", "pairwise_distances",
    "principal_angles", "principal_components", "project_on_vector", "projection", "pseudo_inverse",
    "randomised_svd", "relation", "rotation", "scaling", "schatten_norm", "singular", "spectral_norm",
    "vector_norm",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"whyfit.linalg.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

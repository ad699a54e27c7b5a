"""Norms: how large a vector, a matrix or a deviation is.

    ‖x‖_p = (Σ|xᵢ|ᵖ)^(1/p),  ‖x‖_∞ = max|xᵢ|                        vectors
    ‖A‖₁ = max_j Σᵢ|a_ij|,   ‖A‖_∞ = max_i Σⱼ|a_ij|                  matrices as maps: most that ‖Ax‖ grows on ‖x‖ = 1
    Schatten p: ‖σ(A)‖_p;    nuclear p = 1, Frobenius p = 2, spectral p = ∞    matrices through singular values
    √((x − μ)ᵀ Σ⁻¹ (x − μ))                                          Mahalanobis: deviations in units of their spread

Sums are of entries divided by the largest, so that no power overflows or vanishes on the way: the norm of
(3·10²⁰⁰, 4·10²⁰⁰) is 5·10²⁰⁰. Of nothing (no entries) every norm is 0. NaN and infinity are refused.

Reference: Golub & Van Loan (2013), Matrix Computations, § 2.2-2.4; Blue (1978), ACM TOMS 4(1) for the scaling.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_triangular, svdvals

from whyfit.errors import NotFiniteError, SchemaError, ShapeError, SpecError
from whyfit.linalg.factors import cholesky
from whyfit.linalg.sparse import scaled


def vector_norm(x: Any, p: float = 2.0, axis: int = -1) -> Any:
    """‖x‖_p along `axis`; p from 1 to infinity. Accurate to a few u wherever the result is representable.

    Raises
    ------
    SpecError : p < 1, for which the triangle inequality fails.
    NotFiniteError : a NaN or an infinity.
    """
    if not isinstance(p, Real) or not p >= 1:
        raise SpecError(f"p is {p!r}; a norm needs a number p ≥ 1, e.g. 1, 2 or infinity.")
    size = np.abs(real_array(x))
    largest = size.max(axis=axis, initial=0.0)
    if p == np.inf:
        return largest
    if p == 2:  # by a power of two, which rounds nothing
        scale = power_of_two(largest)
        size = size * np.expand_dims(scale, axis)
        return np.sqrt((size * size).sum(axis=axis)) / scale
    share = size / np.expand_dims(np.where(largest > 0, largest, 1.0), axis)
    return largest * (share**p).sum(axis=axis) ** (1 / p)


def frobenius_norm(A: Any) -> float:
    """√Σ a_ij² = √Σ σ_k²; A dense or sparse."""
    if is_sparse(A):
        return float(vector_norm(_csr(A).data))
    return float(vector_norm(_matrix(A).ravel()))


def operator_norm(A: Any, p: float) -> float:
    """max ‖Ax‖_p over ‖x‖_p = 1 for p = 1 (largest column sum), 2 (σ₁) or ∞ (largest row sum); A dense or sparse."""
    if is_sparse(A) and p in (1, np.inf):
        sums = np.asarray(abs(_csr(A)).sum(axis=0 if p == 1 else 1), dtype=np.float64)
        return float(vector_norm(sums.ravel(), np.inf))
    A = _matrix(A)
    if p == 2:
        return schatten_norm(A, np.inf)
    if p not in (1, np.inf):
        raise SpecError(
            f"p is {p}; the norm of a matrix as a map is computed for 1, 2 and infinity."
        )
    return float(np.max(vector_norm(A, 1, axis=0 if p == 1 else 1), initial=0.0))


def schatten_norm(A: Float[np.ndarray, "n p"], p: float) -> float:
    """‖σ(A)‖_p: the p-norm of the singular values."""
    A = _matrix(A)
    if not A.size:
        return 0.0
    scale = float(power_of_two(np.abs(A).max()))
    return float(vector_norm(svdvals(A * scale, check_finite=False), p)) / scale


def spectral_norm(A: Float[np.ndarray, "n p"]) -> float:
    """σ₁: the longest axis of the ellipsoid that A makes of the unit ball."""
    return schatten_norm(A, np.inf)


def nuclear_norm(A: Float[np.ndarray, "n p"]) -> float:
    """Σ σ_k: the convex stand-in for the rank."""
    return schatten_norm(A, 1)


def mahalanobis(
    X: Float[np.ndarray, "n p"],
    mean: Float[np.ndarray, " p"],
    covariance: Float[np.ndarray, "p p"],
) -> Float[np.ndarray, " n"]:
    """√((x − μ)ᵀΣ⁻¹(x − μ)) of every row: the length of L⁻¹(x − μ), Σ = LLᵀ (pivoted).

    Columns are first divided by their standard deviations, so that units do not matter. For Gaussian rows the
    squares are χ²(p). Of one row (p,) the result is a number.

    Raises
    ------
    SchemaError : Σ is singular to working precision or no covariance: some direction has no variance to measure by.
    """
    if np.ndim(X) == 1:
        return mahalanobis(np.asarray(X)[None], mean, covariance)[0]
    X, S = _matrix(X), _matrix(covariance)
    p = X.shape[1]
    if S.shape != (p, p) or np.shape(mean) != (p,):
        raise ShapeError(
            f"rows of {p} columns, a mean of shape {np.shape(mean)} and a covariance of shape {S.shape}; "
            f"expected ({p},) and ({p}, {p})."
        )
    variance = np.diag(S)
    if (bad := np.flatnonzero(variance <= 0)).size:
        raise SchemaError(
            f"column {bad[0]} has variance {variance[bad[0]]:g}; leave constant columns out."
        )
    s = np.sqrt(variance)
    factor = cholesky(S / s / s[:, None])
    if not factor.definite:
        raise SchemaError(
            f"the covariance is singular: rank {factor.rank} of {p}; column {factor.order[-1]} follows from "
            "the others: leave it out, or add a multiple of the identity (shrinkage)."
        )
    Z = ((X - real_array(mean)) / s)[:, factor.order].T
    return vector_norm(solve_triangular(factor.L, Z, lower=True, check_finite=False), axis=0)


def power_of_two(largest: Any) -> np.ndarray:
    """2⁻ᵉ with 2ᵉ⁻¹ ≤ largest < 2ᵉ (e ≥ −1000): multiplying by it rounds nothing and brings `largest` below 1."""
    return np.ldexp(1.0, -np.maximum(np.frexp(largest)[1], -1000))


def unit_rows(X: Any) -> Any:
    """Rows divided by their Euclidean lengths, dense or CSR; a zero row stays zero."""
    if isinstance(X, np.ndarray):
        Z = X * power_of_two(np.abs(X).max(axis=1, initial=0.0))[:, None]
        length = np.sqrt(np.einsum("ij,ij->i", Z, Z))
        Z /= np.where(length > 0, length, 1.0)[:, None]
        return Z
    Z = scaled(X, power_of_two(abs(X).max(axis=1).toarray().ravel()))
    length = np.sqrt((Z * Z).sum(axis=1))
    return scaled(Z, 1 / np.where(length > 0, length, 1.0))


def is_sparse(A: Any) -> bool:
    """Whether A is a sparse array or matrix of SciPy; tells by name, so that scipy.sparse is not imported for it."""
    return type(A).__module__.startswith("scipy.sparse") and hasattr(A, "tocsr")


def real_array(x: Any) -> np.ndarray:
    """Numbers as float64, not copied if they are. Raises ShapeError for anything else, NotFiniteError for NaN."""
    if is_sparse(x):
        raise ShapeError(
            "got a sparse matrix where a dense one is needed; pass .toarray() if it is small."
        )
    try:
        x = np.asarray(x)
    except ValueError:
        raise ShapeError(
            "got rows of different lengths; expected a vector or matrix of real numbers."
        ) from None
    if x.dtype.kind not in "fiub" or x.ndim == 0:
        raise ShapeError(
            f"got {x.dtype} of {x.ndim} dimensions; expected a vector or matrix of real numbers."
        )
    x = x.astype(np.float64, copy=False)
    if not np.isfinite(x).all():
        raise NotFiniteError("NaN or infinity among the numbers; leave it out or impute it first.")
    return x


def _csr(A: Any) -> Any:
    """A by rows, with one entry for every place."""
    A = A.tocsr(copy=True)
    A.sum_duplicates()
    return A


def _matrix(A: Any) -> np.ndarray:
    A = real_array(A)
    if A.ndim != 2:
        raise ShapeError(f"got an array of shape {A.shape}; expected a matrix.")
    return A

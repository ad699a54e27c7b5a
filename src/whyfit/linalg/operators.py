"""Linear operators: a matrix known only by what it does to vectors.

An algorithm that needs nothing but products y = Ax and x = Aᵀy takes an `Operator`, so Lanczos and the randomised
decompositions exist once, for a dense or sparse matrix, for the Gram matrix of a file larger than memory, for the
Hessian of a likelihood and for a network whose Hessian is only a product with a vector:

    as_operator(A)          an array, a SciPy sparse array, a SciPy LinearOperator, or any `HasProducts`
    centred(A, μ)           A − 1μᵀ, without making a sparse A dense
    gram(A)                 AᵀA
    gram_of_rows(rows, …)   ((X − 1μᵀ)D⁻¹)ᵀ((X − 1μᵀ)D⁻¹)/n, one pass over the rows per product

Products take and give blocks of columns: one product with 20 columns moves the matrix through memory once, 20 products
with one column twenty times.

Reference: Golub & Van Loan (2013), Matrix Computations, §10.1; Halko, Martinsson & Tropp (2011), SIAM Review 53(2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from whyfit.engines.local import LocalEngine
from whyfit.errors import ShapeError
from whyfit.fold import Engine, Rows, RowSource, fold
from whyfit.linalg.norms import is_sparse

Block = Float[np.ndarray, "n r"]
Product = Callable[[Block], Block]


@runtime_checkable
class HasProducts(Protocol):
    """What a stranger must offer to be taken for an operator: SciPy's LinearOperator does."""

    @property
    def shape(self) -> tuple[int, int]: ...

    def matvec(self, x: Any, /) -> Any: ...

    def rmatvec(self, x: Any, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Operator:
    """A of `shape` (n, p): `forward` is V ↦ AV for (p, r), `backward` is U ↦ AᵀU for (n, r)."""

    shape: tuple[int, int]
    forward: Product
    backward: Product

    @property
    def T(self) -> Operator:
        return Operator((self.shape[1], self.shape[0]), self.backward, self.forward)

    def __matmul__(self, V: Float[np.ndarray, "*v"]) -> Float[np.ndarray, "*u"]:
        """AV for a block, Av for one vector. Raises ShapeError if the lengths differ."""
        V = np.asarray(V, dtype=np.float64)
        if V.ndim not in (1, 2) or V.shape[0] != self.shape[1]:
            raise ShapeError(
                f"an operator of shape {self.shape} was applied to {V.shape}; expected"
                f" ({self.shape[1]},) or ({self.shape[1]}, r)."
            )
        return self.forward(V) if V.ndim == 2 else self.forward(V[:, None])[:, 0]

    def dense(self) -> Float[np.ndarray, "n p"]:
        """The matrix itself, by its product with the identity: for small p."""
        return self @ np.eye(self.shape[1])


def symmetric(p: int, product: Product) -> Operator:
    """A symmetric operator of p × p from its product with a block (p, r)."""
    return Operator((p, p), product, product)


def as_operator(A: Any) -> Operator:
    """`A` as an Operator.

    Parameters
    ----------
    A : (n, p) array, rows in a list, data frame of numbers, SciPy sparse array or matrix, SciPy LinearOperator,
        Operator, or anything with `shape`, `matvec` and `rmatvec`; products with blocks (`matmat`, `rmatmat`) are
        used where it has them.

    Raises
    ------
    ShapeError : not two-dimensional, or no operator at all.
    """
    if isinstance(A, Operator):
        return A
    if isinstance(A, list | tuple) or (hasattr(A, "__array__") and not isinstance(A, np.ndarray)):
        A = _as_array(A)
    if isinstance(A, np.ndarray):
        if A.ndim != 2:
            raise ShapeError(f"an array of shape {A.shape} is no matrix; expected (n, p).")
        return Operator(A.shape, lambda V: A @ V, lambda U: A.T @ U)
    if is_sparse(A):
        transposed = A.T
        return Operator(A.shape, lambda V: np.asarray(A @ V), lambda U: np.asarray(transposed @ U))
    if not isinstance(A, HasProducts):
        raise ShapeError(
            f"a {type(A).__name__} is no linear operator; expected an array, a sparse array, or an"
            " object with shape, matvec and rmatvec."
        )
    shape = (int(A.shape[0]), int(A.shape[1]))
    forward = getattr(A, "matmat", None) or _by_vectors(A.matvec)
    backward = getattr(A, "rmatmat", None) or _by_vectors(A.rmatvec)
    return Operator(
        shape, lambda V: np.asarray(forward(V), float), lambda U: np.asarray(backward(U), float)
    )


def centred(A: Any, mean: Float[np.ndarray, " p"]) -> Operator:
    """A − 1μᵀ: (A − 1μᵀ)V = AV − 1(μᵀV) and (A − 1μᵀ)ᵀU = AᵀU − μ(1ᵀU)."""
    A = as_operator(A)
    if mean.shape != (A.shape[1],):
        raise ShapeError(f"a mean of shape {mean.shape} for {A.shape[1]} columns.")
    return Operator(
        A.shape,
        lambda V: A.forward(V) - mean @ V,
        lambda U: A.backward(U) - np.outer(mean, U.sum(axis=0)),
    )


def gram(A: Any) -> Operator:
    """AᵀA."""
    A = as_operator(A)
    return symmetric(A.shape[1], lambda V: A.backward(A.forward(V)))


def gram_of_rows(
    rows: RowSource,
    n: int,
    mean: Float[np.ndarray, " p"],
    scale: Float[np.ndarray, " p"],
    engine: Engine | None = None,
) -> Operator:
    """The covariance of the columns (x − mean)/scale, divisor n, never formed: for p too large for p × p.

    Every product walks the rows once; sparse columns stay sparse.
    """

    def product(V: Block) -> Block:
        W = V / scale[:, None]
        total = fold(rows.blocks(), _gram_of(W, mean), np.zeros_like(V), engine or LocalEngine())
        return total / (n * scale[:, None])

    return symmetric(len(mean), product)


def _gram_of(W: Block, mean: Float[np.ndarray, " p"]) -> Callable[[Rows], Block]:
    """Σ (x − μ)((x − μ)ᵀW) over the rows of a block."""
    offset = mean @ W

    def of(rows: Rows) -> Block:
        if rows.sparse is None:
            T = rows.dense @ W - offset
            return rows.dense.T @ T - np.outer(mean, T.sum(axis=0))
        d = rows.dense.shape[1]
        T = rows.dense @ W[:d] + rows.sparse @ W[d:] - offset
        back = np.vstack([rows.dense.T @ T, np.asarray(rows.sparse.T @ T)])
        return back - np.outer(mean, T.sum(axis=0))

    return of


def _as_array(A: Any) -> np.ndarray:
    try:
        return np.asarray(A, dtype=np.float64)
    except (ValueError, TypeError):
        raise ShapeError(
            f"a {type(A).__name__} of no numbers is no matrix; expected (n, p)."
        ) from None


def _by_vectors(product: Callable[[Any], Any]) -> Product:
    return lambda V: np.column_stack([np.asarray(product(v), float).ravel() for v in V.T])

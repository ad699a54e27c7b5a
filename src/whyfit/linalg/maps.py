"""Linear maps that one can calculate with: A: Rᵖ → Rⁿ, known by x ↦ Ax and y ↦ Aᵀy.

    (A B) x = A(Bx)      (A + B)x = Ax + Bx      (cA)x = c(Ax)      (AB)ᵀ = BᵀAᵀ
    ⟨Ax, y⟩ = ⟨x, Aᵀy⟩                                              what makes Aᵀ the adjoint of A

A `LinearMap` is an `Operator` (see `operators.py`) with this algebra and a name; nothing is multiplied out. It has the
attributes of SciPy's LinearOperator, so SciPy's solvers and every algorithm of this room take it as it is, and
`linear_map` takes arrays, sparse arrays and SciPy's operators in turn.

Reference: Golub & Van Loan (2013), Matrix Computations, § 1.1 and § 5.1.8 (Givens rotations).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from whyfit.errors import ShapeError, SpecError
from whyfit.linalg.norms import vector_norm
from whyfit.linalg.operators import Operator, as_operator
from whyfit.linalg.rank import EPS
from whyfit.linalg.subspaces import Subspace

#: Products in several steps, or of parts that cancel, are less exact than one with a matrix: the worst of 5,000 small
#: convolutions missed the bound of the matrix product by a factor of 2.
SLACK = 100.0


@dataclass(frozen=True, slots=True)
class LinearMap:
    """y = Ax, A of `shape` (n, p), by its products with blocks of columns."""

    operator: Operator
    name: str = "A"

    __array_ufunc__ = None  # NumPy leaves `array @ map` and `number * map` to this class

    @property
    def shape(self) -> tuple[int, int]:
        return self.operator.shape

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.float64)

    @property
    def T(self) -> LinearMap:
        """The adjoint Aᵀ."""
        return LinearMap(
            self.operator.T, self.name[:-1] if self.name[-1:] == "ᵀ" else f"{self.name}ᵀ"
        )

    def matvec(self, x: Float[np.ndarray, " p"]) -> Float[np.ndarray, " n"]:
        """Ax. SciPy also passes (p, 1)."""
        return self.operator @ x

    def rmatvec(self, y: Float[np.ndarray, " n"]) -> Float[np.ndarray, " p"]:
        """Aᵀy."""
        return self.operator.T @ y

    matmat = matvec
    rmatmat = rmatvec

    def __matmul__(self, other: Any) -> Any:
        """AB of a map, Ax of a vector, AX of a block of columns."""
        if not isinstance(other, LinearMap | Operator):
            return self.operator @ other
        A, B = self.operator, as_operator(other)
        if A.shape[1] != B.shape[0]:
            raise ShapeError(
                f"cannot apply a map of shape {A.shape} after one of {B.shape}: {B.shape[0]} ≠ {A.shape[1]}."
            )
        product = Operator(
            (A.shape[0], B.shape[1]),
            lambda V: A.forward(B.forward(V)),
            lambda U: B.backward(A.backward(U)),
        )
        return LinearMap(product, f"{_bracketed(self)} {_bracketed(other)}")

    def __rmatmul__(self, other: np.ndarray) -> np.ndarray:
        """yᵀA = (Aᵀy)ᵀ."""
        return (self.operator.T @ np.asarray(other).T).T

    def __add__(self, other: Any) -> LinearMap:
        other = linear_map(other, "B")
        A, B = self.operator, other.operator
        if A.shape != B.shape:
            raise ShapeError(f"cannot add maps of shapes {A.shape} and {B.shape}.")
        total = Operator(
            A.shape,
            lambda V: A.forward(V) + B.forward(V),
            lambda U: A.backward(U) + B.backward(U),
        )
        return LinearMap(total, f"{self.name} + {other.name}")

    def __mul__(self, c: float) -> LinearMap:
        A = self.operator
        times = Operator(A.shape, lambda V: c * A.forward(V), lambda U: c * A.backward(U))
        return LinearMap(times, f"{c:g} {_bracketed(self)}")

    __rmul__ = __mul__

    def __neg__(self) -> LinearMap:
        return -1.0 * self

    def __sub__(self, other: Any) -> LinearMap:
        return self + (-linear_map(other, "B"))

    def dense(self) -> Float[np.ndarray, "n p"]:
        """The matrix itself, n × p numbers."""
        return self.operator.dense()


def linear_map(A: Any, name: str = "A") -> LinearMap:
    """Of an array, a SciPy sparse array or operator, or whatever `as_operator` takes."""
    return A if isinstance(A, LinearMap) else LinearMap(as_operator(A), name)


def identity(p: int) -> LinearMap:
    return LinearMap(Operator((p, p), lambda V: V, lambda U: U), "I")


def rotation(theta: float, *, n: int = 2, plane: tuple[int, int] = (0, 1)) -> LinearMap:
    """Givens rotation of Rⁿ by θ in the plane of axes (i, j): eᵢ ↦ cos θ eᵢ + sin θ eⱼ, all else stays.

    Its adjoint is its inverse, the rotation by −θ.
    """
    i, j = plane
    if i == j or not (0 <= i < n and 0 <= j < n):
        raise SpecError(
            f"the plane {plane} is none of R^{n}; expected two different axes below {n}."
        )
    c, s = np.cos(theta), np.sin(theta)

    def turned(V: np.ndarray, s: float) -> np.ndarray:
        out = np.array(V, dtype=np.float64)
        out[i], out[j] = c * V[i] - s * V[j], s * V[i] + c * V[j]
        return out

    return LinearMap(Operator((n, n), lambda V: turned(V, s), lambda U: turned(U, -s)), "rotation")


def scaling(d: Float[np.ndarray, " p"]) -> LinearMap:
    """diag(d): every axis stretched by a factor of its own."""
    d = np.asarray(d, dtype=np.float64)
    if d.ndim != 1:
        raise ShapeError(f"factors of shape {d.shape}; expected one for each axis.")
    D = d[:, None]
    return LinearMap(Operator((len(d), len(d)), lambda V: D * V, lambda U: D * U), "scaling")


def projection(space: Subspace) -> LinearMap:
    """P = QQᵀ: P² = P = Pᵀ."""
    n = len(space.basis)
    return LinearMap(Operator((n, n), space.project, space.project), "projection")


@dataclass(frozen=True, slots=True)
class AdjointTest:
    """⟨Ax, y⟩ beside ⟨x, Aᵀy⟩ for the random pair where they differ most, and what rounding can explain."""

    forward: float
    backward: float
    bound: float
    trials: int

    @property
    def gap(self) -> float:
        return abs(self.forward - self.backward)

    @property
    def passed(self) -> bool:
        return self.gap <= self.bound

    @property
    def why(self) -> str:
        """One sentence."""
        verdict = "rounding explains it" if self.passed else "this is not the adjoint"
        return (
            f"⟨Ax, y⟩ = {self.forward:.17g}, ⟨x, Aᵀy⟩ = {self.backward:.17g}: they differ by {self.gap:.2g}, "
            f"rounding allows {self.bound:.2g}; {verdict}."
        )


def adjoint_test(A: Any, rng: int | np.random.Generator = 0, trials: int = 5) -> AdjointTest:
    """Whether the second product of A is the adjoint of the first, on random normal pairs.

    One product with a matrix and one dot product are wrong by at most (n + p)ε‖A‖‖x‖‖y‖ together; for ‖A‖ stands the
    largest stretch seen, √p‖Ax‖/‖x‖ or √n‖Aᵀy‖/‖y‖, near ‖A‖_F ≥ ‖A‖ for random x. `SLACK` times that is allowed. A
    wrong adjoint differs by an amount of the order of what is wrong in it, so that a few trials are enough.
    """
    operator, rng = as_operator(A), np.random.default_rng(rng)
    n, p = operator.shape
    x, y = rng.standard_normal((p, trials)), rng.standard_normal((n, trials))
    Ax, Aty = operator @ x, operator.T @ y
    forward, backward = (Ax * y).sum(axis=0), (x * Aty).sum(axis=0)
    stretch = max(
        _ratio(vector_norm(Ax, axis=0), vector_norm(x, axis=0)) * np.sqrt(p),
        _ratio(vector_norm(Aty, axis=0), vector_norm(y, axis=0)) * np.sqrt(n),
    )
    bounds = SLACK * (n + p) * EPS * stretch * vector_norm(x, axis=0) * vector_norm(y, axis=0)
    gap = np.abs(forward - backward)
    k = int(np.argmax(gap - bounds)) if trials and n and p else None
    if k is None:
        return AdjointTest(0.0, 0.0, 0.0, trials)
    return AdjointTest(float(forward[k]), float(backward[k]), float(bounds[k]), trials)


def _ratio(above: np.ndarray, below: np.ndarray) -> float:
    return float((above / np.where(below > 0, below, 1.0)).max(initial=0.0))


def _bracketed(A: Any) -> str:
    name = A.name if isinstance(A, LinearMap) else "A"
    return f"({name})" if " + " in name else name

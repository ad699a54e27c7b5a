"""What a traced function calculates with: every operation is written down, then read backwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from whyfit.calculus.graph.node import Graph, Node, Operand, short
from whyfit.calculus.graph.operations import KNOWN, OPERATIONS
from whyfit.errors import NotFiniteError, ShapeError, SpecError

Pull = Callable[[np.ndarray], np.ndarray]


def trace(f: Callable[..., Any], /, **inputs: Any) -> Graph:
    """Run `f` on `inputs` and return its graph with the gradient of the result.

    Parameters
    ----------
    f : takes the inputs by name and returns one number, by the operations named in `whyfit.calculus.graph`.
    inputs : numbers or arrays.

    Raises
    ------
    ShapeError : f returns an array. SpecError : it returns a constant or uses an operation that is not known here.
    NotFiniteError : a value is not finite; the message names the operation.
    """
    tape = _Tape()
    seen = f(
        **{k: tape.add("input", np.array(v, dtype=np.float64), (), k) for k, v in inputs.items()}
    )
    if not isinstance(seen, Traced) or seen.tape is not tape:
        raise SpecError(
            "the function returns nothing that depends on its inputs; expected a number."
        )
    if seen.value.size != 1:
        raise ShapeError(
            f"the function returns an array of shape {seen.value.shape}; expected one number, e.g. its sum."
        )
    return tape.graph(seen.index)


@dataclass(slots=True)
class _Entry:
    operation: str
    value: np.ndarray
    operands: tuple[Operand, ...]
    pulls: tuple[Pull, ...]
    name: str


@dataclass(slots=True)
class _Tape:
    entries: list[_Entry] = field(default_factory=list)
    made: int = 0
    constants: int = 0

    def add(self, operation: str, value: np.ndarray, parts: tuple, name: str = "") -> Traced:
        """`parts`: (traced operand, what to say of its derivative, elementwise derivative or None, pull-back)."""
        value = np.asarray(value, dtype=np.float64)
        if not np.isfinite(value).all():
            where = f"the input '{name}'" if operation == "input" else f"'{operation}'"
            raise NotFiniteError(f"{where} is not finite; derivatives exist only where values do.")
        if operation not in ("input", "constant"):
            self.made += 1
            name = f"v{self.made}"
        operands = tuple(Operand(p[0].index, p[1], p[2]) for p in parts)
        self.entries.append(_Entry(operation, value, operands, tuple(p[3] for p in parts), name))
        return Traced(self, len(self.entries) - 1)

    def graph(self, result: int) -> Graph:
        adjoint = [np.zeros_like(e.value) for e in self.entries]
        adjoint[result] = np.ones_like(self.entries[result].value)
        for i in range(result, -1, -1):
            entry = self.entries[i]
            for operand, pull in zip(entry.operands, entry.pulls, strict=True):
                adjoint[operand.node] = adjoint[operand.node] + pull(adjoint[i])
        nodes = tuple(
            Node(i, e.name, e.operation, e.operands, e.value, a)
            for i, (e, a) in enumerate(zip(self.entries, adjoint, strict=True))
        )
        return Graph(nodes, result)


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """A value on the tape: what f calculates with."""

    tape: _Tape
    index: int
    __array_priority__ = 1000.0

    @property
    def value(self) -> np.ndarray:
        return self.tape.entries[self.index].value

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def T(self) -> Traced:
        return self.tape.add("transpose", self.value.T, ((self, "transposed", None, np.transpose),))

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, key: Any) -> Traced:
        def pull(a: np.ndarray) -> np.ndarray:
            out = np.zeros_like(self.value)
            np.add.at(out, key, a)
            return out

        return self.tape.add("index", self.value[key], ((self, "the entries taken", None, pull),))

    def reshape(self, *shape: Any) -> Traced:
        value = self.value.reshape(*shape)
        return self.tape.add(
            "reshape", value, ((self, "rearranged", None, lambda a: a.reshape(self.shape)),)
        )

    def sum(self, axis: int | None = None) -> Traced:
        return _total(self, axis, mean=False)

    def mean(self, axis: int | None = None) -> Traced:
        return _total(self, axis, mean=True)

    def dot(self, other: Any) -> Traced:
        return _matmul(self, other)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any
    ) -> Traced:
        if method != "__call__" or keywords:
            raise SpecError(f"np.{ufunc.__name__}.{method} cannot be traced; use plain operations.")
        if ufunc is np.matmul:
            return _matmul(*inputs)
        return _elementwise(ufunc.__name__, *inputs)

    def __array_function__(self, func: Any, types: Any, args: Any, keywords: Any) -> Traced:
        del types
        known = {"sum": _total, "mean": _total, "dot": _matmul, "transpose": lambda a: a.T,
                 "reshape": lambda a, *s: a.reshape(*s)}  # fmt: skip
        name = func.__name__
        if name not in known:
            raise SpecError(f"np.{name} cannot be traced; known: {', '.join(KNOWN)}.")
        if name in ("sum", "mean"):
            axis = keywords.get("axis", args[1] if len(args) > 1 else None)
            return _total(args[0], axis, mean=name == "mean")
        return known[name](*args, **keywords)

    def __add__(self, other: Any) -> Traced:
        return _elementwise("add", self, other)

    def __radd__(self, other: Any) -> Traced:
        return _elementwise("add", other, self)

    def __sub__(self, other: Any) -> Traced:
        return _elementwise("subtract", self, other)

    def __rsub__(self, other: Any) -> Traced:
        return _elementwise("subtract", other, self)

    def __mul__(self, other: Any) -> Traced:
        return _elementwise("multiply", self, other)

    def __rmul__(self, other: Any) -> Traced:
        return _elementwise("multiply", other, self)

    def __truediv__(self, other: Any) -> Traced:
        return _elementwise("divide", self, other)

    def __rtruediv__(self, other: Any) -> Traced:
        return _elementwise("divide", other, self)

    def __pow__(self, other: Any) -> Traced:
        return _elementwise("power", self, other)

    def __rpow__(self, other: Any) -> Traced:
        return _elementwise("power", other, self)

    def __matmul__(self, other: Any) -> Traced:
        return _matmul(self, other)

    def __rmatmul__(self, other: Any) -> Traced:
        return _matmul(other, self)

    def __neg__(self) -> Traced:
        return _elementwise("negative", self)

    def __abs__(self) -> Traced:
        return _elementwise("absolute", self)


def _tape_of(*operands: Any) -> _Tape:
    return next(a.tape for a in operands if isinstance(a, Traced))


def _traced(tape: _Tape, operand: Any) -> Traced:
    if isinstance(operand, Traced):
        return operand
    value = np.array(operand, dtype=np.float64)
    tape.constants += bool(value.ndim)
    return tape.add("constant", value, (), f"c{tape.constants}" if value.ndim else short(value))


def _elementwise(name: str, *operands: Any) -> Traced:
    if name not in OPERATIONS:
        raise SpecError(f"np.{name} cannot be traced; known: {', '.join(KNOWN)}.")
    sign, value, derivatives = OPERATIONS[name]
    tape = _tape_of(*operands)
    inputs = [_traced(tape, a) for a in operands]
    values = [a.value for a in inputs]
    with np.errstate(all="ignore"):
        out = value(*values)
        locals_ = [np.broadcast_to(d(*values), np.shape(out)) for _, d in derivatives]
    parts = tuple(
        (a, say, local, _through(local, a.shape))
        for a, (say, _), local in zip(inputs, derivatives, locals_, strict=True)
    )
    return tape.add(sign, out, parts)


def _through(local: np.ndarray, shape: tuple[int, ...]) -> Pull:
    return lambda a: _collect(a * local, shape)


def _collect(a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sum over the axes along which an operand of `shape` was broadcast."""
    a = np.asarray(a)
    a = a.sum(axis=tuple(range(a.ndim - len(shape))))
    stretched = tuple(i for i, (m, k) in enumerate(zip(a.shape, shape, strict=True)) if m != k)
    return a.sum(axis=stretched, keepdims=True) if stretched else a


def _matmul(left: Any, right: Any) -> Traced:
    tape = _tape_of(left, right)
    A, B = _traced(tape, left), _traced(tape, right)
    if not (A.ndim in (1, 2) and B.ndim in (1, 2) and A.shape[-1] == B.shape[0]):
        raise ShapeError(
            f"cannot multiply shapes {A.shape} and {B.shape}; expected inner sizes to match."
        )
    a, b = np.atleast_2d(A.value), B.value.reshape(len(B.value), -1)

    def full(g: np.ndarray) -> np.ndarray:
        return np.asarray(g).reshape(len(a), b.shape[1])

    return tape.add("@", A.value @ B.value, (
        (A, "{1} transposed", None, lambda g: (full(g) @ b.T).reshape(A.shape)),
        (B, "{0} transposed", None, lambda g: (a.T @ full(g)).reshape(B.shape)),
    ))  # fmt: skip


def _total(a: Traced, axis: int | None, mean: bool) -> Traced:
    count = a.size if axis is None else a.shape[axis]
    if not count:
        raise ShapeError("the sum of no entries has no derivative; expected at least one.")
    share = 1 / count if mean else 1.0

    def pull(g: np.ndarray) -> np.ndarray:
        spread = g if axis is None else np.expand_dims(g, axis)
        return share * np.broadcast_to(spread, a.shape)

    value = a.value.sum(axis=axis) * share
    said = "1/" + str(count) if mean else "1"
    return a.tape.add(
        "mean" if mean else "sum", value, ((a, f"{said} for every entry", None, pull),)
    )

"""The graph as data and as text: a node a value, with what flows forward and what flows back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Operand:
    """Where a node reads from. `rule` says what ∂node/∂operand is; `local` is it where it is elementwise."""

    node: int
    rule: str
    local: np.ndarray | None


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the calculation. `adjoint` is ∂result/∂node, of the value's shape; zero if the result ignores it."""

    index: int
    name: str  # of an input: its name; of a constant: c1, c2, … or the number it is; else v1, v2, …
    operation: str  # "input", "constant", "exp", "×", …
    operands: tuple[Operand, ...]
    value: np.ndarray
    adjoint: np.ndarray


@dataclass(frozen=True, slots=True)
class Graph:
    """All nodes in the order of calculation; the last one that counts is `result`."""

    nodes: tuple[Node, ...]
    result: int

    @property
    def value(self) -> float:
        return float(self.nodes[self.result].value)

    @property
    def gradient(self) -> dict[str, np.ndarray]:
        """∂result/∂input by name."""
        return {v.name: v.adjoint for v in self.nodes if v.operation == "input"}

    def __str__(self) -> str:
        """A line a node: forwards the value, backwards the adjoint."""
        rows = [
            (
                v.name,
                formula(v, self.nodes),
                short(v.value),
                _said_of(v, self.nodes),
                short(v.adjoint),
            )
            for v in self.nodes
            if v.name != short(v.value)  # a number that stands in a formula as itself
        ]
        head = ("node", "calculation", "value", "local derivatives", "adjoint")
        width = [max(len(r[i]) for r in [head, *rows]) for i in range(5)]
        lines = [
            "  ".join(c.ljust(w) for c, w in zip(r, width, strict=True)).rstrip()
            for r in [head, *rows]
        ]
        return "\n".join(lines)


def short(a: np.ndarray) -> str:
    """A value in a few characters: all of it up to four numbers, else its shape."""
    a = np.asarray(a)
    if a.ndim == 0:
        return f"{float(a):.4g}".replace("-", "−")
    if a.size <= 4 and a.ndim == 1:
        return "[" + " ".join(f"{x:.3g}" for x in a).replace("-", "−") + "]"
    return " × ".join(map(str, a.shape)) + f", norm {np.linalg.norm(a):.3g}"


def formula(v: Node, nodes: tuple[Node, ...]) -> str:
    """How a node is calculated, in the names of what it reads: "v1 × x"."""
    names = [nodes[o.node].name for o in v.operands]
    if not names:
        return v.operation
    if len(names) == 2 and v.operation in "+−×÷^@":
        return f"{names[0]} {v.operation} {names[1]}"
    return f"{v.operation}({', '.join(names)})"


def local(v: Node, operand: Operand, nodes: tuple[Node, ...]) -> str:
    """∂v/∂operand, by rule and, where it is elementwise, by value: "x = 2"."""
    rule = operand.rule.format(*(nodes[o.node].name for o in v.operands))
    if operand.local is None or rule in ("1", "−1", short(operand.local)):
        return rule
    return f"{rule} = {short(operand.local)}"


def _said_of(v: Node, nodes: tuple[Node, ...]) -> str:
    return ", ".join(
        f"∂/∂{nodes[o.node].name} = {local(v, o, nodes)}"
        for o in v.operands
        if nodes[o.node].operation != "constant"
    )

"""The computational graph: adjoints are derivatives, and the text says what happened."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.calculus import check_gradient, trace
from whyfit.errors import NotFiniteError, ShapeError, SpecError

X = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]])
Y = np.array([1.0, 0.0, 1.0])

#: f of a vector w of three entries; each uses other operations.
FUNCTIONS = {
    "logistic": lambda w: np.mean(np.logaddexp(0, X @ w[:2] + w[2]) - Y * (X @ w[:2] + w[2])),
    "least squares": lambda w: ((X @ w[:2] + w[2] - Y) ** 2).sum(),
    "softmax": lambda w: np.log(np.sum(np.exp(w))) - w[1],
    "shared": lambda w: (w[0] * w[1]) / (1 + w[0] ** 2) + np.sin(w[0] * w[1]) - np.cos(w[2]),
    "powers": lambda w: 2 ** w[0] + np.sqrt(np.exp(w[1])) + np.square(w[2]) / np.log1p(np.exp(w[0])),
    "bends": lambda w: np.maximum(w, 0.1).sum() + np.abs(w).mean() + np.minimum(w[0], w[1]),
    "matrix": lambda w: (np.tanh(w.reshape(3, 1) @ w.reshape(1, 3)).T @ X).sum(axis=0)[1],
    "axis": lambda w: np.sum(np.mean(w.reshape(1, 3) * np.ones((4, 3)), axis=0) * [1.0, 2.0, 3.0]),
    "signs": lambda w: (-w - 1.0).dot(3.0 - w) + np.expm1(-w[2]) + 1.0 / (4.0 + w[0]) ** w[1],
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_adjoints_are_derivatives(name: str) -> None:
    f, w = FUNCTIONS[name], np.array([0.4, -0.7, 1.3])
    graph = trace(f, w=w)
    assert graph.value == pytest.approx(float(f(w)), rel=1e-14)
    seen = check_gradient(lambda w: float(f(w)), lambda w: trace(f, w=w).gradient["w"], w)
    assert seen.agrees, str(seen)


def test_a_broadcast_scalar_collects_all_copies() -> None:
    graph = trace(lambda a, b: (a * b).sum(), a=2.0, b=np.arange(4.0))
    assert graph.gradient["a"] == pytest.approx(6.0)
    assert graph.gradient["a"].shape == ()
    assert graph.gradient["b"] == pytest.approx(np.full(4, 2.0))


def test_chain_rule_holds_at_every_node() -> None:
    """v̄_i = Σ v̄_k ∂v_k/∂v_i, from the numbers that the graph shows."""
    graph = trace(lambda x, y: np.sin(x * y) / x**2 + abs(y - x) ** 3, x=2.0, y=0.5)
    for node in graph.nodes:
        if node.index == graph.result:
            continue
        total = sum(
            float(later.adjoint) * float(o.local)
            for later in graph.nodes
            for o in later.operands
            if o.node == node.index and o.local is not None
        )
        assert total == pytest.approx(float(node.adjoint), rel=1e-14)


def test_an_input_that_does_not_matter_has_gradient_zero() -> None:
    assert trace(lambda x, y: x * x + 0 * y, x=3.0, y=1.0).gradient == {"x": 6.0, "y": 0.0}


def test_text_names_rule_and_value() -> None:
    text = str(trace(lambda x: np.exp(x) * 3, x=0.0))
    assert "∂/∂x = e^x = 1" in text
    assert "v1 × 3" in text
    assert text.splitlines()[0].split() == [
        "node",
        "calculation",
        "value",
        "local",
        "derivatives",
        "adjoint",
    ]


def test_messages() -> None:
    with pytest.raises(ShapeError, match=r"shape \(3,\)"):
        trace(lambda w: w * 2, w=np.ones(3))
    with pytest.raises(SpecError, match="depends on its inputs"):
        trace(lambda w: 3.0, w=1.0)  # noqa: ARG005
    with pytest.raises(SpecError, match=r"np.arcsin cannot be traced"):
        trace(lambda w: np.arcsin(w), w=0.5)
    with pytest.raises(SpecError, match=r"np.sort cannot be traced"):
        trace(lambda w: np.sort(w)[0], w=np.ones(2))
    with pytest.raises(NotFiniteError, match="'log' is not finite"):
        trace(lambda w: np.log(w), w=0.0)
    with pytest.raises(NotFiniteError, match="the input 'w'"):
        trace(lambda w: w, w=np.nan)
    with pytest.raises(ShapeError, match="inner sizes"):
        trace(lambda w: (X @ w).sum(), w=np.ones(3))

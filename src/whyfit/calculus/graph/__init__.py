"""The chain rule made visible: a small function as a graph of nodes.

`trace(f, x=…, w=…)` runs a NumPy-style f once. Every operation becomes a node v_k = op(v_i, v_j, …) that holds its
value (flowing forward) and its local derivatives ∂v_k/∂v_i; then, backwards from the result L, the adjoints

    v̄_i = ∂L/∂v_i = Σ_{k uses i} v̄_k · ∂v_k/∂v_i

arrive at the inputs as the gradient. One backward pass costs about as much as one forward pass, however many inputs
there are. Broadcast operands collect the adjoint of all copies; a kink (abs, maximum) takes the subgradient 0 or an
equal share.

It explains; it does not compete. Operations: + − * / ** @, exp, log, log1p, expm1, sqrt, square, sin, cos, tanh, abs,
maximum, minimum, logaddexp, sum, mean, dot, transpose, reshape and indexing.

Reference: Griewank & Walther (2008), Evaluating Derivatives, ch. 3; Wengert (1964), Comm. ACM 7, 463-464.
"""

from whyfit.calculus.graph.node import Graph, Node, Operand
from whyfit.calculus.graph.tape import trace

__all__ = ["Graph", "Node", "Operand", "trace"]

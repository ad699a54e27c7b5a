"""The elementwise operations a graph knows, each with its local derivatives in words and in numbers."""

# ruff: noqa: ARG005 — a derivative takes all operands, whether it needs them or not

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def _log_or_zero(a: np.ndarray) -> np.ndarray:
    return np.log(np.where(a > 0, a, 1.0))


#: name: (what is shown, value, [(what is said, elementwise derivative) of each operand])
OPERATIONS: dict[str, tuple[str, Callable, tuple[tuple[str, Callable], ...]]] = {
    "add": ("+", np.add, (("1", lambda a, b: 1.0), ("1", lambda a, b: 1.0))),
    "subtract": ("−", np.subtract, (("1", lambda a, b: 1.0), ("−1", lambda a, b: -1.0))),
    "multiply": ("×", np.multiply, (("{1}", lambda a, b: b), ("{0}", lambda a, b: a))),
    "divide": ("÷", np.divide, (("1/{1}", lambda a, b: 1 / b), ("−{0}/{1}²", lambda a, b: -a / b**2))),
    "power": ("^", np.power, (
        ("{1}·{0}^({1}−1)", lambda a, b: b * np.power(a, b - 1.0)),
        ("{0}^{1}·log {0}", lambda a, b: np.power(a, b) * _log_or_zero(a)))),
    "maximum": ("max", np.maximum, (
        ("[{0} > {1}]", lambda a, b: (a > b) + 0.5 * (a == b)),
        ("[{1} > {0}]", lambda a, b: (b > a) + 0.5 * (a == b)))),
    "minimum": ("min", np.minimum, (
        ("[{0} < {1}]", lambda a, b: (a < b) + 0.5 * (a == b)),
        ("[{1} < {0}]", lambda a, b: (b < a) + 0.5 * (a == b)))),
    "logaddexp": ("logaddexp", np.logaddexp, (
        ("share of e^{0}", lambda a, b: np.exp(a - np.logaddexp(a, b))),
        ("share of e^{1}", lambda a, b: np.exp(b - np.logaddexp(a, b))))),
    "negative": ("−", np.negative, (("−1", lambda a: -1.0),)),
    "absolute": ("abs", np.abs, (("sign {0}", np.sign),)),
    "exp": ("exp", np.exp, (("e^{0}", np.exp),)),
    "expm1": ("expm1", np.expm1, (("e^{0}", np.exp),)),
    "log": ("log", np.log, (("1/{0}", lambda a: 1 / a),)),
    "log1p": ("log1p", np.log1p, (("1/(1+{0})", lambda a: 1 / (1 + a)),)),
    "sqrt": ("√", np.sqrt, (("1/(2√{0})", lambda a: 0.5 / np.sqrt(a)),)),
    "square": ("square", np.square, (("2·{0}", lambda a: 2 * a),)),
    "sin": ("sin", np.sin, (("cos {0}", np.cos),)),
    "cos": ("cos", np.cos, (("−sin {0}", lambda a: -np.sin(a)),)),
    "tanh": ("tanh", np.tanh, (("1 − tanh² {0}", lambda a: 1 - np.tanh(a) ** 2),)),
}  # fmt: skip
KNOWN = (*OPERATIONS, "matmul", "dot", "sum", "mean", "transpose", "reshape")

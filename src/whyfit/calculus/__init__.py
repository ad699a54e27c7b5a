"""Pillar 2, the engine of learning: losses, gradients, Hessians, Newton steps, descent.

`whyfit.calculus.trace` shows the chain rule at work on a small function, `whyfit.calculus.check_gradient` compares a
gradient with numerical derivatives that know their own error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whyfit.calculus.derivatives import check_gradient
    from whyfit.calculus.graph import trace

__all__ = ["check_gradient", "trace"]

_HOMES = {"check_gradient": "whyfit.calculus.derivatives", "trace": "whyfit.calculus.graph"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'whyfit.calculus' has no attribute '{name}'")

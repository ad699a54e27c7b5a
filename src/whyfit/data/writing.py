"""What the codings of `coding.py` share: the shapes they write in, and the filling of gaps."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

Data = dict[str, Any]  # arrays, and Documents of a text
Named = tuple[tuple[str, str], ...]  # (name, kind) of some columns
Out = Float[np.ndarray, "p m"]


def fill_gaps(a: Float[np.ndarray, " m"], value: float, out: Float[np.ndarray, " m"]) -> None:
    """Copy `a` to `out` with `value` for NaN."""
    np.copyto(out, a)
    gaps = np.isnan(out)
    if gaps.any():
        out[gaps] = value

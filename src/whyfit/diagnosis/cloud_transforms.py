"""What can be done to a cloud before its neighbours are sought, and what it does to them.

    centre             x − μ
    all-but-the-top    x − μ, without its D = max(1, p/100) first principal directions
    whiten             Λ^{-1/2} Vᵀ (x − μ): every direction of variance one
    unit               x / ‖x‖: distances become those between directions

References: Mu & Viswanath (2018), All-but-the-top, ICLR; Suzuki et al. (2013), EMNLP, on centring against hubs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from whyfit.diagnosis.cloud import CloudCase
from whyfit.linalg.norms import unit_rows

Transform = Literal["none", "centre", "all-but-the-top", "whiten", "unit"]

#: One direction removed per so many dimensions: the rule of thumb of Mu & Viswanath (2018), § 2.3.
DIMENSIONS_PER_DIRECTION = 100
#: Directions with less than this share of the largest variance are rounding and are not blown up by whitening.
NEGLIGIBLE = 1e-12


def directions_removed(p: int) -> int:
    return max(1, round(p / DIMENSIONS_PER_DIRECTION))


def _centre(X: Any, case: CloudCase) -> Any:
    return X - case.mean


def _without_top(X: Any, case: CloudCase) -> Any:
    top = case.spectrum.axes[:, : directions_removed(case.p)]
    C = X - case.mean
    return C - (C @ top) @ top.T


def _whiten(X: Any, case: CloudCase) -> Any:
    variances = case.spectrum.variances
    keep = variances > NEGLIGIBLE * variances[:1]
    return (X - case.mean) @ (case.spectrum.axes[:, keep] / np.sqrt(variances[keep]))


def _unit(X: Any, case: CloudCase) -> Any:
    del case
    return unit_rows(X)


_MAKERS: dict[str, Callable[[Any, CloudCase], Any]] = {
    "centre": _centre,
    "all-but-the-top": _without_top,
    "whiten": _whiten,
    "unit": _unit,
}
TRANSFORMS: tuple[Transform, ...] = ("none", "centre", "all-but-the-top", "whiten", "unit")


def transformed(
    case: CloudCase, how: Transform, X: Float[np.ndarray, "m p"] | None = None
) -> Float[np.ndarray, "m q"]:
    """Rows `X` (default: all of the cloud) after `how`, with the mean and axes of the whole cloud."""
    rows = case.X if X is None else X
    if how == "none":
        return np.asarray(rows)
    return _MAKERS[how](rows, case)


def words(how: Transform, p: int) -> str:
    """What `how` does, as a remedy is named."""
    d = directions_removed(p)
    return {
        "none": "as it is",
        "centre": "subtract the mean",
        "all-but-the-top": "subtract the mean and the top "
        + ("direction" if d == 1 else f"{d} directions"),
        "whiten": "whiten: every direction of variance 1",
        "unit": "scale every vector to length 1",
    }[how]

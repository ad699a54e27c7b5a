"""What the estimators have in common: names, checks, and the table of coefficients as plain rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool

from whyfit.errors import SpecError
from whyfit.probability.inference import Inference

_SHOWN = 5  # names listed in a message


def check_confidence(confidence: float) -> None:
    """SpecError unless `confidence` lies in (0, 1)."""
    if not 0 < confidence < 1:
        raise SpecError(f"confidence is {confidence}; expected a level in (0, 1), e.g. 0.95.")


def column_names(estimator: Any) -> tuple[str, ...]:
    """Names of the columns seen by fit: those of the data frame, else x1, x2, ..."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        names = (f"x{j + 1}" for j in range(estimator.n_features_in_))
    return tuple(map(str, names))


def rows_of(table: Inference) -> list[dict[str, Any]]:
    """One dict per coefficient: name, estimate, std_error, statistic, p_value, low, high, digits."""
    return [
        {"name": name, **{field: float(getattr(table, field)[i]) for field in _FIELDS}}
        for i, name in enumerate(table.names)
    ]


_FIELDS = ("estimate", "std_error", "statistic", "p_value", "low", "high", "digits")


def dropped_words(names: tuple[str, ...], dropped: Bool[np.ndarray, " p"]) -> str:
    """Which columns were dropped, in one sentence; "" if none."""
    gone = [names[j] for j in np.flatnonzero(dropped)]
    if not gone:
        return ""
    shown = ", ".join(gone[:_SHOWN]) + ", …" * (len(gone) > _SHOWN)
    if len(gone) == 1:
        return f"{shown} is constant or follows from the columns before it; its coefficient is 0."
    return (
        f"{len(gone)} of {len(names)} columns are constant or follow from the columns before them; "
        f"their coefficients are 0: {shown}."
    )

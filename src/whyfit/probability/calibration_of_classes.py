"""Calibration of more than two classes, by two questions that have one yes-or-no answer per row.

    top label     is the class called the right one as often as its probability says?    (ŷ = y) against max_c p_c
    class-wise    does class c happen as often as p_c says?                              (y = c) against p_c

Each is a calibration of two classes (`calibration`, `calibration_error`). The class-wise error is the mean of the C
debiased errors; its p-value is Bonferroni's over the classes. Probabilities may pass both and still be wrong in what
they say of all classes together; that would take more rows to see than there usually are.

References: Guo et al. (2017), ICML, for the top label; Kull et al. (2019), NeurIPS 32, class-wise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from whyfit.probability.calibration_error import CalibrationError, calibration_error
from whyfit.probability.scores.proper import class_probabilities


@dataclass(frozen=True, slots=True)
class TopLabel:
    """`right`: whether the most probable class came true; `confidence`: its probability."""

    right: Float[np.ndarray, " n"]
    confidence: Float[np.ndarray, " n"]


def top_label(y: ArrayLike, P: ArrayLike) -> TopLabel:
    """From class codes and probabilities (n, C); of equal probabilities the first class is called."""
    code, Q = class_probabilities(y, P)
    called = Q.argmax(axis=1)
    return TopLabel((called == code).astype(float), np.minimum(Q.max(axis=1), 1.0))


@dataclass(frozen=True, slots=True)
class ClassWise:
    """One error per class, their mean, and the p-value of "no gap in any bin of any class"."""

    errors: tuple[CalibrationError, ...]
    ece: float
    p_value: float


def class_wise(
    y: ArrayLike, P: ArrayLike, level: float = 0.95, rng: np.random.Generator | None = None
) -> ClassWise:
    """From class codes and probabilities (n, C)."""
    code, Q = class_probabilities(y, P)
    rng = rng or np.random.default_rng(0)
    errors = tuple(
        calibration_error((code == c).astype(float), np.minimum(Q[:, c], 1.0), level=level, rng=rng)
        for c in range(Q.shape[1])
    )
    smallest = min(e.p_value for e in errors)
    return ClassWise(
        errors, float(np.mean([e.ece for e in errors])), min(1.0, smallest * len(errors))
    )

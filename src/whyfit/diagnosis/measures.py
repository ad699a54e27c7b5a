"""What a trial is judged by: one number per fold of a Case, and which way is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from whyfit.diagnosis.case import Case


@dataclass(frozen=True, slots=True)
class Measure:
    """`of(case)` gives one value per fold, paired with the same folds of any other case.

    `scale` tells how before and after are compared: "difference" (after − before) or "ratio" (log after/before,
    reported as difference of logs; for quantities such as standard errors or iteration counts).
    """

    name: str
    of: Callable[[Case], Float[np.ndarray, " k"]]
    better: Literal["higher", "lower"] = "higher"
    scale: Literal["difference", "ratio"] = "difference"


def held_out(score: str, name: str, better: Literal["higher", "lower"] = "higher") -> Measure:
    """A held-out score of the case, by its key in `Case.scores`."""
    return Measure(name, lambda case: case.scores[score], better)


R2 = held_out("r2", "held-out R²")
SKILL = held_out("skill", "held-out skill")  # 1 − log loss / log loss of the base rate
LOG_SCORE = held_out("log_score", "held-out log density per row")
BALANCED_ACCURACY = held_out("balanced_accuracy", "held-out balanced accuracy")


def skill_of(case: Case) -> Measure:
    """The headline measure of the task: R² for regression, skill for classification."""
    return R2 if case.task == "regression" else SKILL


def widest_std_error(columns: tuple[str, ...]) -> Measure:
    """Largest standard error among `columns`, relative to σ and with unit-variance columns, per training set."""
    return Measure(
        "largest standard error",
        lambda case: case.training_std_errors(columns).max(axis=1),
        "lower",
        "ratio",
    )

"""The target: which task it poses, and its cells as y.

Regression: y is the number, or its logarithm. Binary: y is 1 for the positive class, the "yes" of a
yes/no pair and otherwise the larger (or alphabetically last) of the two. Multiclass: y is the class
number 0 … C−1 in sort order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from whyfit.data.schema import Column
from whyfit.errors import TargetError
from whyfit.spec import Spec, TargetTransform

Tasks = Literal["regression", "binary", "multiclass"]

#: More classes than this are taken for a mistake in the choice of the target.
MOST_CLASSES = 100
_YES = {"yes", "y", "true", "t", "on", "positive", "pos", "present", "active", "sick", "case"}
_NO = {
    "no",
    "n",
    "false",
    "f",
    "off",
    "negative",
    "neg",
    "absent",
    "inactive",
    "healthy",
    "control",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Name, task and classes (binary: the second is the positive one) of the target."""

    name: str
    task: Tasks
    classes: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()  # the classes' values if the target is numeric or boolean
    transform: TargetTransform = "identity"

    @classmethod
    def of(cls, column: Column, spec: Spec) -> Target:
        """Task and classes by the column and the spec; TargetError if they do not agree."""
        name = column.name
        numeric = column.role in ("numeric", "boolean")
        distinct = column.n_distinct if column.role != "boolean" else 2
        task: Tasks
        if spec.task != "auto":
            task = spec.task
        elif spec.loss not in ("auto", "squared"):
            task = "regression"  # these losses have no classes
        elif distinct == 2:
            task = "binary"
        else:
            task = "regression" if numeric else "multiclass"
        if task == "regression":
            if not numeric:
                shown = ", ".join(f"'{t}'" for t in column.levels[:3])
                raise TargetError(
                    f"the target '{name}' holds words ({shown}, …); expected numbers for "
                    "regression; leave task out to classify."
                )
            if spec.target_transform == "log" and not column.minimum > 0:
                raise TargetError(
                    f"log of the target '{name}' was asked for, but its least value is "
                    f"{column.minimum:.6g}; expected only positive values."
                )
            return cls(name, task, transform=spec.target_transform)
        if spec.target_transform != "identity":
            raise TargetError(f"the target '{name}' has classes; a log of it has no meaning.")
        many = distinct is None or distinct > MOST_CLASSES
        if task == "binary" and distinct != 2:
            count = "many" if distinct is None else str(distinct)
            raise TargetError(
                f"the target '{name}' has {count} different values; expected 2 for a binary task."
            )
        if many:
            count = "hundreds of" if distinct is None else str(distinct)
            raise TargetError(
                f"the target '{name}' has {count} classes, more than {MOST_CLASSES}; is it the "
                "column you meant? Try a coarser one, or numbers for regression."
            )
        if distinct == 2:
            task = "binary"
        if column.role == "boolean":
            return cls(name, task, _boolean_classes(column), (0.0, 1.0))
        if numeric:
            return cls(name, task, tuple(f"{v:.15g}" for v in column.values), column.values)
        classes = tuple(sorted(column.levels))
        return cls(name, task, _in_order(classes) if task == "binary" else classes)

    def values(self, raw: np.ndarray, levels: tuple[str, ...]) -> Float[np.ndarray, " m"]:
        """y of the stored cells `raw` (codes into `levels` if categorical); NaN where missing."""
        if self.task == "regression":
            return np.log(raw) if self.transform == "log" else raw
        if raw.dtype == np.int32:
            number = {t: float(i) for i, t in enumerate(self.classes)}
            table = np.array([number.get(t, math.nan) for t in levels] + [math.nan])
            return table[raw]
        classes = np.array(self.numbers)
        at = np.minimum(np.searchsorted(classes, raw), classes.size - 1)
        return np.where(classes[at] == raw, at.astype(float), np.nan)


def _in_order(pair: tuple[str, ...]) -> tuple[str, ...]:
    """Two sorted classes, the "yes" of a yes/no pair last."""
    first, second = (t.strip().casefold() for t in pair)
    return (pair[1], pair[0]) if first in _YES and second in _NO else pair


def _boolean_classes(column: Column) -> tuple[str, ...]:
    """Texts of 0 and 1 of a boolean column."""
    texts = {v: t for t, v in column.truth.items()}
    return (texts.get(0.0, "False"), texts.get(1.0, "True"))

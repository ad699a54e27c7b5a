"""Recalibrated: a map learned from out-of-fold predictions, and what it is worth on rows that did not teach it.

The map that predicts new rows is learned from all out-of-fold predictions. Scored, each fold's predictions go through a
map learned from those of the other folds (cross-fitting): no row is judged by a map that saw its outcome. What is left
is second-order: the models behind the other folds' predictions had this fold among their training rows.

Reference: Platt (1999), Advances in Large Margin Classifiers, §2.2, for learning the map by cross-validation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from whyfit.errors import SpecError
from whyfit.probability.calibration_maps import EDGE, Isotonic, Logistic, Map, beta, platt
from whyfit.probability.calibration_maps import temperature as one_temperature
from whyfit.probability.softmax_maps import Softmax, softmax_platt, softmax_temperature

AnyMap = Map | Softmax

#: By the names of `Spec.recalibrate`.
OF_TWO: dict[str, Callable[[np.ndarray, np.ndarray], Map]] = {
    "platt": platt,
    "temperature": one_temperature,
    "beta": beta,
    "isotonic": Isotonic.of,
}
OF_MANY: dict[str, Callable[[np.ndarray, np.ndarray], Softmax]] = {
    "platt": softmax_platt,
    "temperature": softmax_temperature,
}
WORDS = {
    "platt": "Platt scaling",
    "temperature": "temperature scaling",
    "beta": "beta calibration",
    "isotonic": "isotonic regression",
}


def check_map(name: str, task: str, classes: int, target: str) -> None:
    """SpecError if there is no such map for the task."""
    if name == "none":
        return
    if task == "regression":
        raise SpecError(
            f"recalibrate corrects probabilities, and the target '{target}' is a number; leave it out, or make the"
            " task binary or multiclass."
        )
    if task == "multiclass" and name not in OF_MANY:
        raise SpecError(
            f"{WORDS[name]} is a map of two classes, and '{target}' has {classes}; recalibrate by"
            f" {' or '.join(OF_MANY)}."
        )


@dataclass(frozen=True)
class Recalibrated:
    """`map` of all rows, for new ones; `each[j]` of all folds but j, for fold j."""

    name: str
    map: AnyMap
    each: tuple[AnyMap, ...]

    @classmethod
    def of(
        cls,
        name: str,
        y: Float[np.ndarray, " n"],
        p: np.ndarray,
        fold: Int[np.ndarray, " n"],
        k: int,
    ) -> Recalibrated:
        """From outcomes (0/1, or class codes), out-of-fold probabilities (n,) or (n, C), and the fold of each row.

        Where all other rows are of one class, or there are none, a fold's probabilities are left as they are.
        """
        make: Callable[..., Any] = (OF_TWO if p.ndim == 1 else OF_MANY)[name]
        p = np.clip(p, EDGE, 1 - EDGE)
        each = []
        for j in range(k):
            rest = fold != j
            taught = rest.any() and (y[rest] != y[rest][0]).any()
            each.append(make(y[rest], p[rest]) if taught else _unchanged(p))
        whole = make(y, p) if len(y) and (y != y[0]).any() else _unchanged(p)
        return cls(name, whole, tuple(each))

    def held_out(self, p: np.ndarray, fold: Int[np.ndarray, " n"]) -> np.ndarray:
        """Out-of-fold probabilities through the map of their fold."""
        q = np.array(p, dtype=float)
        for j in np.unique(fold):
            mine = fold == j
            q[mine] = self.each[j](p[mine])
        return q


def _unchanged(p: np.ndarray) -> AnyMap:
    """The map that leaves probabilities such as p alone."""
    if p.ndim == 1:
        return Logistic("none", 1.0, 1.0, 0.0)
    return Softmax("none", 1.0, np.zeros(p.shape[1]))


def formula(map: AnyMap) -> str:
    """The map in LaTeX, with its numbers; "" for isotonic regression, which has none."""
    if isinstance(map, Softmax):
        shift = "" if not map.shift.any() else r" + c"
        return rf"q = \mathrm{{softmax}}({map.b:.3g} \log p{shift})"
    if not isinstance(map, Logistic):
        return ""
    if map.a == map.b:
        shift = "" if map.c == 0 else f"{map.c:.3g} + "
        return rf"\mathrm{{logit}}\, q = {shift}{map.a:.3g} \,\mathrm{{logit}}\, p"
    return rf"\mathrm{{logit}}\, q = {map.c:.3g} + {map.a:.3g} \log p - {map.b:.3g} \log(1 - p)"

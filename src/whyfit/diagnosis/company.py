"""How many held-out rows have company in training: rows of their group, or next to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from whyfit.data.folds import fold_of
from whyfit.diagnosis.dependent_orders import OrderLook
from whyfit.diagnosis.measures import Measure

if TYPE_CHECKING:
    from whyfit.diagnosis.case import Case


def in_company(control: Case, label: Int[np.ndarray, " s"]) -> Measure:
    """Share of the sampled rows of each fold with a sampled row of their group in training."""
    index, groups = control.sample.index, int(label.max(initial=-1)) + 1

    def of(case: Case) -> Float[np.ndarray, " k"]:
        fold = _folds(case, index)
        table = np.zeros((groups, case.k))
        np.add.at(table, (label, fold), 1)
        elsewhere = table.sum(axis=1)[label] - table[label, fold]
        return _share(elsewhere > 0, fold, case.k)

    return Measure("held-out rows with a row of their group in training", of, "lower")


def beside(control: Case, look: OrderLook) -> Measure:
    """Share of the rows of each fold with a row next to them in training, along the stretches looked at."""
    del control
    stretch = look.stretch
    rising = np.argsort(stretch.index)

    def of(case: Case) -> Float[np.ndarray, " k"]:
        fold = np.empty(len(rising), np.int64)
        fold[rising] = _folds(case, stretch.index[rising])
        other = fold[1:] != fold[:-1]
        if stretch.joined is not None:
            other &= stretch.joined
        near = np.append(other, False) | np.append(False, other)
        return _share(near, fold, case.k)

    return Measure("held-out rows with a row next to them in training", of, "lower")


def _folds(case: Case, index: Int[np.ndarray, " s"]) -> Int[np.ndarray, " s"]:
    fold = fold_of(index, case.k, case.spec.seed)
    if case.design.assignment is not None:
        case.design.assignment.write(index, fold)
    return fold.astype(np.int64)


def _share(which: np.ndarray, fold: np.ndarray, k: int) -> Float[np.ndarray, " k"]:
    rows = np.bincount(fold, minlength=k)
    return np.bincount(fold, which, minlength=k) / np.maximum(rows, 1)

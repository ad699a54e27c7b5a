"""Whether rows differ from those the model learned from: new rows from the training table, or its later half.

Measured once for a Case and remembered with it: `shift_of(case)`; what the model loses on such rows, where their target
is known: `losses_of(case)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special

from whyfit.data.grouping import ranks_of
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import feature_of
from whyfit.diagnosis.held_out import log_losses
from whyfit.diagnosis.refits import losses_under
from whyfit.probability.distributions import p_above
from whyfit.probability.linear import LinearFit
from whyfit.probability.logistic import LogisticFit, fit_arrays
from whyfit.probability.multinomial import MultinomialFit
from whyfit.probability.multiple import holm_adjust
from whyfit.probability.predictive import LogisticLaw, MultinomialLaw
from whyfit.probability.scores.score import Mean, mean_of
from whyfit.probability.two_samples import Apart, Move, apart, move_of

#: A shift of one column by 0.2 standard deviations, called small (Cohen 1988, §2.2.3): AUC Φ(0.2/√2).
LIMIT = float(special.ndtr(0.2 / np.sqrt(2)))
#: More cells of a column missing, or of unknown levels, by this share of the rows.
CELLS = 0.05
#: Rows of each side looked at; their AUC is certain to ± 0.01.
ROWS = 5_000
FEWEST_ROWS = 20
#: Columns whose laws are compared; of more, those whose means and spreads differ most, all of them paid for.
MOST_COLUMNS = 12
#: Training rows that the weights leave: fewer, and no score can be predicted (Kong 1992 for the number).
FEWEST_LIKE = 30.0
LEVEL = 0.05
#: A loss this much larger is relevant: 5 % of the squared error, or of the log loss.
WORSE = 1.05


@dataclass(frozen=True, slots=True)
class Cells:
    """Share of a column's cells that are missing, or of levels not seen in training, then and now."""

    feature: str
    what: str  # missing, unseen
    before: float
    now: float
    p_value: float  # of "more by at most CELLS"


@dataclass(frozen=True)
class Shift:
    """Rows A (of the training table) and B (`what`: new rows or later rows); their columns `compared` and `moves`.

    `tests` counts what was paid for: every design column, and the cells of every feature of new data.
    """

    new: bool
    A: Float[np.ndarray, "m p"]
    B: Float[np.ndarray, "k p"]
    y_A: Float[np.ndarray, " m"]
    y_B: Float[np.ndarray, " k"] | None
    rows: tuple[np.ndarray, np.ndarray]  # of the sample: A, and B unless they are new
    together: Apart | None
    compared: tuple[int, ...]
    moves: tuple[Move, ...]
    cells: tuple[Cells, ...]
    tests: int

    @property
    def p_value(self) -> float:
        """Of "the rows are alike": the joint test and the best single one, two looks."""
        single = min((self.tests * p for p in self._each), default=1.0)
        joint = self.together.p_above(LIMIT) if self.together else 1.0
        return float(min(1.0, 2 * min(single, joint)))

    @property
    def _each(self) -> list[float]:
        return [m.p_above(LIMIT) for m in self.moves] + [c.p_value for c in self.cells]

    def standing(self) -> tuple[list[tuple[int, Move]], list[Cells]]:
        """Columns and cells that differ for certain (Holm over all that was paid for), the furthest first."""
        paid = np.array([*self._each, *[1.0] * (self.tests - len(self._each))])
        sure = holm_adjust(paid) < LEVEL if paid.size else np.zeros(0, bool)
        moved = [(j, m) for j, m, s in zip(self.compared, self.moves, sure, strict=False) if s]
        moved.sort(key=lambda jm: -abs(jm[1].auc.value - 0.5))
        return moved, [c for c, s in zip(self.cells, sure[len(self.moves) :], strict=False) if s]


def shift_of(case: Case) -> Shift | None:
    """None where there is too little to compare."""
    return case.remembered("shift", lambda: _measured(case))


def _measured(case: Case) -> Shift | None:
    s, new = case.sample, case.new
    if new is not None:
        A, y_A = _thinned(s.X), _thinned(s.y)
        B, y_B = _thinned(new.X), None if new.y is None else _thinned(new.y)
        rows = (_thinned(np.arange(len(s.y))), np.arange(0))
    else:
        order = np.arange(len(s.y))
        if (rank := ranks_of(case.table, case.spec.order)) is not None:
            order = np.argsort(rank[s.index])
        half = len(order) // 2
        first, second = rows = _thinned(order[:half]), _thinned(order[half:])
        A, B, y_A, y_B = s.X[first], s.X[second], s.y[first], s.y[second]
    if min(len(A), len(B)) < FEWEST_ROWS or not case.p:
        return None
    level = case.spec.confidence
    together = apart(A, B, level)
    compared = _most_moved(A, B)
    moves = tuple(move_of(A[:, j], B[:, j], level) for j in compared)
    cells = tuple(_cells(case)) if new is not None else ()
    tests = case.p + (2 * len(case.design.features) if new is not None else 0)
    return Shift(
        new is not None, A, B, y_A, y_B, rows, together, compared, moves, cells, tests
    )  # fmt: skip


def by_target(case: Case, shift: Shift) -> bool:
    """Whether the target tells the halves of the table apart better than any column: a file sorted by it."""
    if shift.y_B is None:
        return False
    a, b = shift.y_A, shift.y_B
    codes = range(len(case.design.classes)) if case.task == "multiclass" else (None,)
    own = []
    for c in codes:
        then, now = (a, b) if c is None else ((a == c).astype(float), (b == c).astype(float))
        own.append(move_of(then, now).auc.value)
    best = max((abs(m.auc.value - 0.5) for m in shift.moves), default=0.0)
    return max(abs(v - 0.5) for v in own) > best


def _thinned(v: np.ndarray) -> np.ndarray:
    """At most ROWS of them, evenly spaced."""
    return v[:: max(1, -(-len(v) // ROWS))]


def _most_moved(A: np.ndarray, B: np.ndarray) -> tuple[int, ...]:
    """The columns whose means or spreads differ most."""
    a, b, va, vb = A.mean(axis=0), B.mean(axis=0), A.var(axis=0), B.var(axis=0)
    pooled = (va + vb) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        place = np.where(a != b, np.abs(a - b) / np.sqrt(pooled), 0.0)
        spread = np.where(va != vb, np.abs(np.log(va / vb)) / 2, 0.0)
    size = np.maximum(np.nan_to_num(place, posinf=1e6), np.nan_to_num(spread, posinf=1e6))
    chosen = np.argsort(-size, kind="stable")[:MOST_COLUMNS]
    return tuple(int(j) for j in chosen if size[j] > 0)


def _cells(case: Case):
    """Missing cells and unknown levels of every feature that new data have some of."""
    new = case.new
    assert new is not None
    for feature in case.design.features:
        name = feature.name
        if name not in case.schema:
            continue
        column = case.schema[name]
        pairs = (
            ("missing", column.n_missing / max(column.n, 1), new.missing.get(name, 0) / new.n),
            ("unseen", 0.0, new.unseen.get(name, 0) / new.n),
        )
        for what, before, now in pairs:
            if now <= before:
                continue
            error = np.sqrt(
                max(now * (1 - now), 1 / new.n) / new.n + before * (1 - before) / max(column.n, 1)
            )
            p = float(special.ndtr(-(now - before - CELLS) / error))
            yield Cells(name, what, before, now, p)


def features_moved(case: Case, shift: Shift) -> tuple[str, ...]:
    """Features that differ for certain, the furthest first."""
    moved, cells = shift.standing()
    names = [c.feature for c in cells] + [feature_of(case, j) for j, _ in moved]
    return tuple(dict.fromkeys(names))


# -- what the model loses ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Losses:
    """Loss per row: squared error of a regression, −log p of a class.

    Of new rows: `before` of training rows, held out; `predicted` if only the columns differ: the held-out losses under
    importance weights; `observed` theirs. Of later rows: `before` held out with all rows taking turns, `observed` by a
    fit on the earlier rows alone, `predicted` from the held-out losses of these. `like` is the number of training rows
    the weights amount to; `p_worse` of "observed is at most WORSE times before".
    """

    before: Mean
    predicted: Mean
    observed: Mean | None
    like: float
    weights: Float[np.ndarray, " m"]
    p_worse: float

    @property
    def told(self) -> bool:
        """Whether enough training rows are like the new ones."""
        return self.like >= FEWEST_LIKE

    @property
    def explained(self) -> bool:
        """Whether what was observed may be what was predicted."""
        if self.observed is None or not self.told:
            return True
        error = np.hypot(self.predicted.std_error, self.observed.std_error)
        return abs(self.observed.value - self.predicted.value) <= 3 * error


def losses_of(case: Case) -> Losses | None:
    """None where the weights cannot be had, and of later rows under losses that are not fitted again here."""
    return case.remembered("losses on shifted rows", lambda: _lost(case))


def _lost(case: Case) -> Losses | None:
    shift = shift_of(case)
    if shift is None:
        return None
    level, out = case.spec.confidence, loss_rows(case, case.sample.y, case.out_of_fold)
    held = out[shift.rows[0]]
    weights = importance(shift.A, shift.B)
    good = np.isfinite(held)
    w = weights * good
    if not w.sum() > 0:
        return None
    held = np.where(good, held, 0.0)
    share = w / w.sum()
    value = float(share @ held)
    error = float(np.sqrt(share**2 @ (held - value) ** 2))
    z = float(special.ndtri(0.5 + level / 2))
    predicted = Mean(value, error, value - z * error, value + z * error)
    like = float(1 / (share @ share))
    if not shift.new and shift.y_B is not None:
        lost = losses_under(case, shift.A, shift.y_A, shift.B, shift.y_B)
        if lost is None or not np.isfinite(lost).all():
            return None
        before = out[shift.rows[1]]
        gap = mean_of(lost - WORSE * before, level)
        p = p_above(gap.value, gap.std_error)
        return Losses(mean_of(before, level), predicted, mean_of(lost, level), like, weights, p)
    before, observed, p = mean_of(held[good], level), None, 1.0
    if shift.y_B is not None:
        lost = loss_rows(case, shift.y_B, predict(case, shift.B))
        lost = lost[np.isfinite(lost)]
        if len(lost) >= FEWEST_ROWS:
            observed = mean_of(lost, level)
            error = float(np.hypot(observed.std_error, WORSE * before.std_error))
            p = p_above(observed.value - WORSE * before.value, error)
    return Losses(before, predicted, observed, like, weights, p)


def importance(A: Float[np.ndarray, "m p"], B: Float[np.ndarray, "k p"]) -> Float[np.ndarray, " m"]:
    """Weights of mean 1 under which rows of A stand for rows of B: odds of a logistic regression of B against A.

    On columns and their squares, with a penalty of one row's worth; odds above the largest of 99 % of B are cut.
    """
    X = np.vstack([A, B])
    scale = X.std(axis=0)
    Z = np.clip((X - X.mean(axis=0))[:, scale > 0] / scale[scale > 0], -6, 6)
    if Z.shape[1] <= 60:
        bends = np.array([len(np.unique(z[:256])) > 2 for z in Z.T], dtype=bool)
        Z = np.hstack([Z, Z[:, bends] ** 2])
    y = np.repeat([0.0, 1.0], [len(A), len(B)])
    if not Z.shape[1]:
        return np.ones(len(A))
    law = LogisticLaw.of(fit_arrays(Z, y, ridge=1.0).fit)
    P = law.probability(Z)
    odds = P[:, 1] / np.maximum(P[:, 0], 1e-12)
    w = np.minimum(odds[: len(A)], np.quantile(odds[len(A) :], 0.99))
    return w / w.mean() if w.mean() > 0 else np.ones(len(A))


def predict(case: Case, X: Float[np.ndarray, "m p"]) -> np.ndarray:
    """ŷ of the fit on all rows, P(second class) or (m, C) probabilities, as `Case.out_of_fold`."""
    fit = case.fit
    if isinstance(fit, LogisticFit):
        return LogisticLaw.of(fit).probability(X)[:, 1]
    if isinstance(fit, MultinomialFit):
        return MultinomialLaw.of(fit).probability(X)
    assert isinstance(fit, LinearFit) or hasattr(fit, "predict")
    return fit.predict(X)


def loss_rows(case: Case, y: np.ndarray, predicted: np.ndarray) -> Float[np.ndarray, " m"]:
    """Loss of every row; NaN where y is."""
    if case.task == "regression":
        return (y - predicted) ** 2
    known = np.isfinite(y)
    return np.where(known, log_losses(np.where(known, y, 0), predicted), np.nan)

"""A combination of columns tells the classes apart without a single error, so the best coefficients are infinite.

What it says

In all rows (complete separation), or in all rows of one level or one end of a column (quasi-complete), the class
follows with certainty. The likelihood then rises for ever as coefficients grow: there is no best fit, and where the
steps stopped is an accident.

The mathematics

With s = +1 for the one class and −1 for the other, x̃ = (1, x): a direction β separates if

    sᵢ x̃ᵢᵀβ ≥ 0 for every row, and > 0 for some

Moving along β by r multiplies the loss Σ log(1 + exp(−s x̃ᵀβ)) of the rows it tells apart by about exp(−r), and a Newton
step moves by r = 1. So each step leaves 1/e = 0.37 of what is still to be gained, where a fit with a maximum squares
it. That ratio is the prediction.

Single columns separate if the largest value of one class does not exceed the smallest of the other. Otherwise a
linear programme decides (maximise Σ sᵢx̃ᵢᵀβ subject to sᵢx̃ᵢᵀβ ≥ 0 and |β| ≤ 1; its optimum is 0 exactly if nothing
separates), and a second one, min ‖β‖₁ subject to sᵢx̃ᵢᵀβ ≥ 1, names a direction with few columns.

Reference: Albert & Anderson (1984), Biometrika 71, 1-10; Konis (2007), DPhil thesis, Oxford.

Why it hurts

Coefficients, standard errors and p-values of the columns concerned mean nothing, and the predicted probabilities are 0
and 1: far too sure. Complete separation of a real table is often a leaked target.

What to do

If a column knows the answer, drop it. If a level or a combination separates by chance, a small penalty gives finite
coefficients and honest probabilities: a ridge λ is chosen here by held-out log loss, or by evidence where there are
many columns, and its effect measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from whyfit.calculus.separation import (
    Direction,
    Extents,
    extents_of,
    separating_direction,
    single_columns,
)
from whyfit.data.coding import LevelCoding
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import feature_of, features_of
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import SKILL, Measure
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import listed, number, plural
from whyfit.errors import InputError
from whyfit.fold import fold
from whyfit.probability.evidence import logit_scale, ridge_by_evidence
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.multinomial import MultinomialFit

#: Share of the remaining gain that a Newton step leaves where the maximum is at infinity.
STEP_FACTOR = float(np.exp(-1))
#: The steps refute separation if their factor differs from 1/e by more than this.
FACTOR_TOLERANCE = 0.1
#: Penalties tried, on unit-variance columns; 1 is scikit-learn's default.
RIDGES = (0.1, 1.0, 10.0)
#: So few rows are told apart by chance: worth knowing, no more.
FEW_ROWS = 10
#: Beyond this many multiplications (rows × columns²) one penalty is tried, that of the evidence, not a grid.
_DEAR = 1e8
#: A linear programme in more columns is not worth its time.
_MOST_COLUMNS = 200
_WITHOUT = "coefficients without a best value"


@dataclass(frozen=True, slots=True)
class _Border:
    """A column that separates alone: rows beyond its value `at`, on one side, are all of one class."""

    j: int
    at: float
    above: int
    below: int
    positive_above: bool
    complete: bool

    @property
    def apart(self) -> int:
        return self.above + self.below


def check(case: Case) -> Iterable[Suspicion]:
    """Certain, if it is so: nothing is sampled. Fits that converged have a maximum."""
    if (
        case.spec.ridge
        or not isinstance(case.fit, LogisticFit | MultinomialFit)
        or case.fit.converged
    ):
        return []
    return [Suspicion(lambda: _confirm(case))]


def _confirm(case: Case) -> Confirmed | None:
    fit = case.fit
    if isinstance(fit, LogisticFit):
        factor = _step_factor(fit.optimum.losses)
        return _one_class(case, 1, fit.coef, fit.intercept, factor)
    if not isinstance(fit, MultinomialFit):
        return None
    factor = _step_factor(fit.optimum.losses)
    sizes = np.bincount(case.sample.y.astype(int), minlength=len(case.design.classes))
    for label in np.argsort(sizes, kind="stable"):  # the rarest class stands apart most easily
        found = _one_class(case, int(label), np.zeros(case.p), 0.0, factor)
        if found is not None and sizes[label] < FEW_ROWS:
            few = plural(int(sizes[label]), "row")
            message = f"{_class_words(case, int(label))[0]} has only {few}, told apart by chance"
            return _finding(
                case, message, (case.spec.target,), False, int(sizes[label]), factor, []
            )
        if found is not None:
            return found
    return None


def _step_factor(losses: tuple[float, ...]) -> float:
    """Ratio of the last two falls of the loss."""
    if len(losses) < 3 or not losses[-3] > losses[-2]:
        return float("nan")
    return (losses[-2] - losses[-1]) / (losses[-3] - losses[-2])


def _creeps(factor: float) -> bool:
    """Whether the steps are those towards a maximum at infinity.

    They need not be where a step was cut short. So they refute separation only if nothing proves it: no single
    column, and no fit without an error.
    """
    return abs(factor - STEP_FACTOR) <= FACTOR_TOLERANCE


def _one_class(case: Case, label: int, coef, intercept: float, factor: float) -> Confirmed | None:
    """Class `label` against all others."""
    extents = fold(
        case.rows.blocks(),
        extents_of(float(label), coef, intercept),
        Extents.empty(case.p),
        case.engine,
    )
    if not extents.n.all():
        return None
    borders = _borders(case, extents)
    whole = [b for b in borders if b.complete]
    if whole:
        return _alone(case, label, whole[:1], extents, factor)
    complete = case.task == "binary" and extents.margin > 0
    if borders and not complete:
        return _alone(case, label, borders, extents, factor)
    if case.task == "binary" and not complete and not _creeps(factor):
        return None
    live = np.flatnonzero(
        (extents.least.min(axis=0) < extents.largest.max(axis=0)) & ~case.linear.dropped
    )
    s = case.sample
    live = live[s.X[:, live].std(axis=0) > 0]
    direction = None
    if 0 < live.size <= _MOST_COLUMNS:
        sign = np.where(s.y == label, 1.0, -1.0)
        direction = separating_direction(s.X[:, live], sign, intercept + s.X @ coef, complete)
    if direction is None and not complete:
        return None
    if s.share < 1 and not complete:  # found on a sample: a larger table may have rows that overlap
        return None
    return _together(case, label, direction, live, extents, factor)


def _borders(case: Case, e: Extents) -> list[_Border]:
    columns, complete = single_columns(e)
    up = e.largest[0] <= e.least[1]
    at = np.where(up, e.largest[0], e.largest[1])
    above, below = np.zeros(len(columns), dtype=int), np.zeros(len(columns), dtype=int)
    if columns.size:
        for block in case.rows.blocks():
            X = block.select(columns).X
            above += (at[columns] < X).sum(axis=0)
            below += (at[columns] > X).sum(axis=0)
    found = [
        _Border(int(j), float(at[j]), int(a), int(b), bool(up[j]), bool(c))
        for j, a, b, c in zip(columns, above, below, complete, strict=True)
    ]
    return sorted(found, key=lambda b: -b.apart)


def _class_words(case: Case, label: int) -> tuple[str, str]:
    """("class = yes", "another class")."""
    classes, target = case.design.classes, case.spec.target
    if case.task == "binary":
        return f"{target} = {classes[1]}", f"{target} = {classes[0]}"
    return f"{target} = {classes[label]}", f"another {target}"


def _side(case: Case, b: _Border, label: int) -> str:
    """ "all 14 rows with workclass=Without-pay have class = <=50K"."""
    name, yes_no = case.names[b.j], _class_words(case, label)
    above = b.above >= b.below
    n = b.above if above else b.below
    which = yes_no[0 if above == b.positive_above else 1]
    kind = case.design.kinds[b.j]
    if kind in ("level", "indicator", "calendar") and b.at == 0 and above:
        where = name
    elif kind == "boolean":
        where = f"{name} = {int(above)}"
    elif kind == "numeric" and (column := case.schema[case.design.origin[b.j]]).n_distinct == 2:
        where = f"{name} = {number(column.maximum if above else column.minimum, 6)}"
    else:
        where = f"{name} {'>' if above else '<'} {number(b.at, 6)}"
    return _all_have(n, where, which)


def _all_have(n: int, where: str, which: str) -> str:
    if n == 1:
        return f"the one row with {where} has {which}"
    return f"{'both rows' if n == 2 else f'all {n:,} rows'} with {where} have {which}"


def _alone(case: Case, label: int, borders: list[_Border], e: Extents, factor: float) -> Confirmed:
    first, n = borders[0], int(e.n.sum())
    if first.complete:
        yes = _class_words(case, label)[0]
        sign = ">" if first.positive_above else "<"
        low, high = sorted(_gap(e, first))
        middle = (low + high) / 2
        name = case.names[first.j]
        where = name if first.at == 0 and high == 1 else f"{name} {sign} {number(middle, 6)}"
        message = f"{where} exactly where {yes}, in all {n:,} rows: the likelihood has no maximum"
    else:
        rest = len(borders) - 1
        more = f", and {plural(rest, 'more column')} like it" if rest else ""
        message = f"{_side(case, first, label)}{more}: no finite coefficient is best"
    told = n if first.complete else sum(b.apart for b in borders)
    return _finding(
        case,
        message,
        features_of(case, [b.j for b in borders]),
        first.complete,
        told,
        factor,
        borders,
    )


def _gap(e: Extents, b: _Border) -> tuple[float, float]:
    lower, upper = (0, 1) if b.positive_above else (1, 0)
    return float(e.largest[lower][b.j]), float(e.least[upper][b.j])


def _together(
    case: Case, label: int, direction: Direction | None, live: np.ndarray, e: Extents, factor: float
) -> Confirmed:
    n, complete = int(e.n.sum()), direction is None or direction.complete
    if direction is None:
        names = features_of(case, live)
    else:
        order = np.argsort(-np.abs(direction.beta[1:]), kind="stable")
        names = features_of(case, live[[j for j in order if direction.beta[1 + j]]])
    what = listed(names, 4)
    yes, no = _class_words(case, label)
    if direction is not None and (found := _reference(case, label, direction, live)) is not None:
        level, told, positive = found
        which = yes if positive else no
        if complete:
            message = f"{names[0]}={level} exactly where {which}, in all {n:,} rows: the likelihood has no maximum"
            return _finding(case, message, names, True, n, factor, [])
        held = _all_have(told, f"{names[0]}={level}", which)
        message = f"{held}: no finite coefficient is best"
        return _finding(case, message, names, False, told, factor, [])
    if complete:
        message = (
            f"{what} together tell {yes} apart in all {n:,} rows: the likelihood has no maximum"
        )
        return _finding(case, message, names, True, n, factor, [])
    apart = direction.apart if direction is not None else 0
    message = f"{what} together decide {yes} in at least {plural(apart, 'row')} of {n:,}: no finite coefficient is best"
    return _finding(case, message, names, False, apart, factor, [])


def _reference(
    case: Case, label: int, direction: Direction, live: np.ndarray
) -> tuple[str, int, bool] | None:
    """The reference level of a category, which has no column, where its rows are what the direction tells apart.

    With it the number of its rows and whether they are of class `label`; of all rows only, not of a sample.
    """
    used = live[np.flatnonzero(direction.beta[1:])]
    of = {case.design.origin[j] for j in used}
    s, name = case.sample, next(iter(of), "")
    coding = next((c for c in case.design.codings if c.name == name), None)
    if (
        len(of) != 1
        or s.share < 1
        or not isinstance(coding, LevelCoding)
        or any(case.design.kinds[j] != "level" for j in used)
    ):
        return None
    rows = ~s.X[:, used].any(axis=1)
    positive = s.y[rows] == label
    if positive.size == 0 or positive.any() != positive.all():
        return None
    others = s.y[~rows] == label
    told = positive.size == direction.apart
    whole = direction.complete and others.any() == others.all()
    return (coding.levels.reference, positive.size, bool(positive[0])) if told or whole else None


def _finding(case, message, names, complete, told, factor, borders: list[_Border]) -> Confirmed:
    fit = case.fit
    losses = fit.optimum.losses if isinstance(fit, LogisticFit | MultinomialFit) else ()
    apart = rf"s_i \tilde x_i^\top\beta > 0 \text{{ in {told} of {case.n} rows}}"
    stopped = r"\sum \log(1 + e^{-s_i\tilde x_i^\top\beta})"
    evidence = [
        Evidence("rows told apart without error", told, unit="rows", formula=apart),
        Evidence(
            "loss where the steps stopped", losses[-1] if losses else float("nan"), formula=stopped
        ),
    ]
    prediction = ""
    if _creeps(factor):
        evidence.append(
            Evidence(
                "gain left by a Newton step",
                factor,
                predicted=STEP_FACTOR,
                unit="×",
                formula=r"e^{-1} = 0.368",
            )
        )
        prediction = f"predicted each Newton step leaves × {STEP_FACTOR:.3f} of the gain   observed × {factor:.3f}"
    return Confirmed(
        RULE.finding(
            "error" if complete else ("warning" if told >= FEW_ROWS else "note"),
            names,
            message,
            evidence=evidence,
            prediction=prediction,
        ),
        tuple(_proposals(case, borders)),
    )


def _proposals(case: Case, borders: list[_Border]) -> Iterable[Proposal]:
    if case.task == "binary" and case.n * case.p**2 > _DEAR:
        ridges, how = (_by_evidence(case),), "evidence"
    else:
        ridges, how = RIDGES if case.n * case.p**2 <= _DEAR else (1.0,), "held-out log loss"
    trials = []
    for ridge in ridges:
        try:
            skill = case.rerun({"ridge": ridge}).scores["skill"]
        except InputError:
            continue
        trials.append((float(np.nanmean(skill)), ridge))
    if trials:
        skill, best = max(trials)
        name, edit = f"ridge, λ = {best:g} by {how}", {"ridge": best}
        yield Proposal(name, edit, SKILL)
        # training sets whose coefficients run away have scores all over the place, and no difference is certain
        if borders and skill >= float(np.nanmean(case.scores["skill"])):
            without = np.full(case.k, float(len(borders)))
            yield Proposal(name, edit, Measure(_WITHOUT, lambda c: without * (c is case), "lower"))
    if borders and borders[0].complete:
        feature = feature_of(case, borders[0].j)
        yield Proposal(f"drop {feature}", {"drop": [feature]}, SKILL)


def _by_evidence(case: Case) -> float:
    """The penalty under which 0/1 targets were most probable beforehand, turned into one of log odds."""
    total = case.moments.total
    ridge = ridge_by_evidence(total)
    return float(f"{ridge * logit_scale(case.linear.correlation, ridge, total):.3g}")


RULE = Rule(
    "CA205", "separable-classes", "calculus", "error", check, __doc__ or "",
    reference="Albert & Anderson (1984), Biometrika 71, 1-10",
    tasks=("binary", "multiclass"),
)  # fmt: skip

"""Rows held out have company in training: the held-out score promises more than new rows will keep.

What it says

Rows that belong together (of one patient, say), or follow each other in time, are spread over folds at random. What the
model learned of a row's companions it knows of the row, and the score is better than it will be for a new patient, or a
later day.

The mathematics

An error shared with rows in training is partly fitted with them. If errors of rows i and k of one group have the
correlation ρ, random folds make the mean squared error smaller by

    Δ = (σ²ρ/n) Σ_g m_g (1/(1 − λ_g) − (1 − λ_g)),   λ_g = Σ_{i≠k in g} H_ik / m_g
      ≈ (2σ²ρ/n) Σ_g Σ_{i≠k in g} H_ik

H the hat matrix (of two classes half of it, in units of log loss, with the hat matrix of the last
Newton step); for rows in order ρ^|i−k| stands for ρ. H_ik is large within groups if columns are constant there and
groups are few for so many columns. Where each group has a coefficient of its own, the fit without them tells what they
are worth: Δ = σ²(1 − (1 − ρ)(1 + 1/m)), m rows a group. The gate is the null Δ ≤ 0.01 of the target's variance (of its
entropy), a limit for ρ that the analysis of variance of the residuals is tested against. Δ is the prediction. The
observation is the score itself, with whole groups (or blocks) held out. Copies of rows are `duplicate-rows`.

References: Kapoor & Narayanan (2023), Patterns 4(9), 100804; Roberts et al. (2017), Ecography 40, 913-929.

Why it hurts

Everything chosen by such a score is chosen by how well it remembers: the model, its penalty, the decision to use it.

What to do

Hold out whole groups (groups), or blocks of rows that follow each other (blocked, order), if predictions are wanted for
new groups or later times. The score falls to what it is worth. If they are wanted for the same groups, leave it as it
is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.company import beside, in_company
from whyfit.diagnosis.dependent import looks_of
from whyfit.diagnosis.dependent_groups import GroupLook
from whyfit.diagnosis.dependent_orders import OrderLook
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import skill_of
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.trial import RELEVANT_LOSS
from whyfit.diagnosis.words import between, number, signed
from whyfit.diagnosis.working_errors import few_rows, hat_factor, whitened
from whyfit.errors import InputError
from whyfit.probability.dependence import lagged, lags_of
from whyfit.probability.distributions import t_quantile

#: Of the predicted change at least so much must be observed: it is of first order, and ρ is known by a sample.
OBSERVED = 1 / 3


@dataclass(frozen=True, slots=True)
class _Leak:
    """Change Δ of the score that a correlation of 1 would make to first order, and the one predicted."""

    predicted: float
    p_value: float
    correlation: float
    limit: float
    low: float
    high: float
    formula: str


def check(case: Case) -> Iterable[Suspicion]:
    if case.loss not in ("squared", "log-loss"):
        return
    looks = looks_of(case)
    if looks is None:
        return
    found: list[tuple[Any, _Leak]] = []
    if case.spec.groups is None and not case.spec.blocked:
        found = [(g, leak) for g in looks.groups if (leak := _by_group(case, g)) is not None]
        found += [(o, leak) for o in looks.orders if (leak := _by_order(case, o)) is not None]
    first = max(found, key=lambda pair: (pair[1].p_value < 1e-3, pair[1].predicted), default=None)
    for look, leak in found:
        if first is not None and look is first[0]:
            yield Suspicion(lambda lo=look, le=leak: _confirm(case, lo, le), leak.p_value)
        else:
            yield Suspicion(lambda: None, leak.p_value)


# -- what theory says ----------------------------------------------------------------------------------


def _scale(case: Case) -> tuple[float, float]:
    """Δ is the first times σ²-scaled sums of H over n; the second is the loss of the predictor that knows nothing."""
    if case.task == "regression":
        total = case.moments.total
        return 2 * case.linear.sigma2, float(total.scatter[-1, -1] / total.n)
    rate = float(np.clip(case.moments.total.mean[-1], 1e-12, 1 - 1e-12))
    return 1.0, float(-rate * np.log(rate) - (1 - rate) * np.log(1 - rate))


def _by_group(case: Case, look: GroupLook) -> _Leak | None:
    made, nothing = _scale(look.base)
    if case.task == "regression":
        made = 2 * look.intraclass.variance
    if not nothing > 0 or not made > 0:
        return None
    rho = look.intraclass.rho
    if look.coded:
        worth, m = made / 2, look.size
        anew = max(rho, 0.0) * look.shared / case.n  # what the others' fit of it costs a new group
        predicted = worth * (1 + anew - (1 - max(rho, 0.0)) * (1 + 1 / m)) / nothing
        limit = (RELEVANT_LOSS * nothing / worth + 1 / m) / (1 + 1 / m)
        formula = rf"\sigma^2(1-(1-\rho)(1+1/m)) = {predicted:.3g}\,\mathrm{{var}}\,y"
    else:
        slope = made * look.shared / case.n / nothing
        if not slope > 0:
            return _Leak(0.0, 1.0, rho, 1.0, np.nan, np.nan, "")
        predicted, limit = slope * rho, RELEVANT_LOSS / slope
        formula = (
            rf"\frac{{2\hat\sigma^2\rho}}{{n}}\sum_g\sum_{{i\ne k}}H_{{ik}} \approx {predicted:.3g}\,\mathrm{{var}}\,y"
            if case.task == "regression"
            else rf"\frac{{\rho}}{{n H_0}}\sum_g\sum_{{i\ne k}}H_{{ik}} \approx {predicted:.3g}"
        )
    p = look.intraclass.p_above(limit) if limit < 1 else 1.0
    return _Leak(predicted, p, rho, limit, *look.intraclass.interval(case.spec.confidence), formula)


def _by_order(case: Case, look: OrderLook) -> _Leak | None:
    made, nothing = _scale(case)
    r = look.serial.r
    if not (nothing > 0 and made > 0) or not np.isfinite(r):
        return None
    if r <= 0:
        return _Leak(0.0, 1.0, r, 1.0, np.nan, np.nan, "")
    stretch = look.stretch
    some = np.arange(few_rows(len(look.e), case.p).size)
    joined = None if stretch.joined is None else stretch.joined[: some.size - 1]
    Z = whitened(case, stretch.X[some], stretch.y[some])
    values, Q = np.linalg.eigh(hat_factor(case))
    B = Z @ (Q * np.sqrt(np.maximum(values, 0.0)))
    own = np.einsum("ij,ij->j", B, B)
    c = lagged(B, lags_of(r), joined) @ own / some.size  # Σ_t H_{t,t+l} of every lag, a row

    def change(r: float) -> float:
        return made * 2 * float(r ** np.arange(1, len(c) + 1) @ c) / nothing

    predicted = change(r)
    limit = _solved(change, r)
    p = look.serial.p_above(limit) if limit < r else 1.0
    sums = rf"\sum_{{l=1}}^{{{lags_of(r)}}} r^l \sum_t H_{{t,t+l}} = {predicted:.3g}"
    formula = (
        rf"\frac{{4\hat\sigma^2}}{{n}}{sums}\,\mathrm{{var}}\,y"
        if case.task == "regression"
        else rf"\frac{{2}}{{n H_0}}{sums}"
    )
    low, high = look.serial.interval(case.spec.confidence)
    return _Leak(predicted, p, r, limit, low, high, formula)


def _solved(change: Callable[[float], float], r: float) -> float:
    """The correlation up to r that makes a relevant change, to a hundredth; r if none does."""
    if not change(r) > RELEVANT_LOSS:
        return r
    low, high = 0.0, r
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (low, middle) if change(middle) > RELEVANT_LOSS else (middle, high)
    return high


# -- what is observed --------------------------------------------------------------------------------


def _edit(look: GroupLook | OrderLook, case: Case) -> dict[str, object]:
    if isinstance(look, GroupLook):
        return {"groups": look.name}
    edit: dict[str, object] = {"blocked": True}
    if look.name and look.name != case.spec.order:
        edit["order"] = look.name
    if case.spec.group_copies:
        edit["group_copies"] = False
    return edit


def _confirm(case: Case, look: GroupLook | OrderLook, leak: _Leak) -> Confirmed | None:
    edit = _edit(look, case)
    try:
        apart = case.rerun(edit)
        mixed = case
        if isinstance(look, GroupLook) and not look.coded and look.name in case.design.sources:
            mixed = case.rerun({"drop": [look.name]})  # the groups are no feature any more
    except InputError:
        return None
    level, nothing = case.spec.confidence, _scale(case)[1]
    y = case.sample.y
    before, after = (_losses(case.task, y, c.held_out) / nothing for c in (mixed, apart))
    units = look.label if isinstance(look, GroupLook) else apart.sample.fold
    change, half = _mean(after - before, units, level)
    if not np.isfinite([change, half]).all() or change - half <= 0:
        return None
    if change < RELEVANT_LOSS or change < OBSERVED * leak.predicted:
        return None
    name = skill_of(case).name
    a, b = 1 - float(before.mean()), 1 - float(after.mean())
    grouped = isinstance(look, GroupLook)
    whom = f"rows of one {look.name}" if grouped else f"rows in a row {look.words}"
    whole = f"whole groups of {look.name}" if grouped else "blocks of them"
    message = (
        f"{name} falls from {number(a, 2)} to {number(b, 2)} where {whom} are held out together: folds split them, and"
        " the fit knows their company"
    )
    what = (
        f"intraclass correlation of errors by {look.name}"
        if grouped
        else f"autocorrelation of errors {look.words}"
    )
    measure = in_company(case, look.label) if grouped else beside(case, look)
    subject = look.name or case.spec.target
    return Confirmed(
        RULE.finding(
            "warning",
            (subject,),
            message,
            evidence=(
                Evidence(
                    f"fall of the {name} with {whole} held out",
                    change,
                    limit=RELEVANT_LOSS,
                    predicted=leak.predicted,
                    low=change - half,
                    high=change + half,
                    formula=leak.formula,
                ),
                Evidence(what, leak.correlation, limit=leak.limit, low=leak.low, high=leak.high),
            ),
            prediction=(
                f"predicted {name} {signed(-leak.predicted)} with {whole} held out"
                f"   observed {signed(-change)} {between(-change - half, -change + half)}"
            ),
        ),
        (Proposal(f"hold out {whole}", edit, measure),),
    )


def _losses(task: str, y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    if task == "regression":
        return (y - predicted) ** 2
    p = np.clip(predicted, 1e-15, 1 - 1e-15)
    return -np.where(y > 0, np.log(p), np.log1p(-p))


def _mean(d: np.ndarray, unit: np.ndarray, level: float) -> tuple[float, float]:
    """Mean over rows and the half width of its interval, whole units of rows independent."""
    mean = float(d.mean())
    sums = np.bincount(unit, weights=d - mean)[np.bincount(unit) > 0]
    G = sums.size
    if G < 2:
        return mean, float("nan")
    error = float(np.sqrt(sums @ sums * G / (G - 1))) / d.size
    return mean, t_quantile(level, G - 1) * error


RULE = Rule(
    "PR315", "leaking-folds", "probability", "warning", check, __doc__ or "",
    reference="Kapoor & Narayanan (2023), Patterns 4(9), 100804",
    tasks=("regression", "binary"),
)  # fmt: skip

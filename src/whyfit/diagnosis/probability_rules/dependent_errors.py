"""The errors of rows that belong together, or follow each other, are alike.

What it says

Rows of one patient, school or day, or rows next to each other in time, err in the same direction. They are not as many
observations as they look, and standard errors made for independent rows are too small.

The mathematics

Looked at are the residuals e (of two classes Pearson's, (y − p)/√(p(1 − p))), in groups and in order:

    ρ = (B − W)/(B + (n₀ − 1)W)        the intraclass correlation; B, W mean squares between and within groups
    r = Σ e_t e_{t−1} / Σ e_t²         the correlation with the row before (Durbin and Watson's d is about 2(1 − r))

The gate is the null that the standard error of a mean is too small by less than a tenth: ρ ≤ 0.21/(m − 1) for groups of
m rows, r ≤ 0.095. A coefficient weighs the errors with its own column, β̂ − β = Σ u_i ε_i. What dependence makes of its
variance is the prediction,

    1 + ρ Σ_g Σ_{i≠k} u_i u_k / Σu²     about 1 + (m − 1) ρ ρ_x, ρ_x the intraclass correlation of the column
    1 + 2 Σ_l r_l Σ_t u_t u_{t−l} / Σu²     r_l the correlation with the row l before, as far as it is above chance;
                                            where it is r^l, about (1 + r r_x)/(1 − r r_x)

and standard errors that allow for dependence (clusters: CR2; order: cosines, or Newey and West) are the observation.

References: Moulton (1986), J. Econometrics 32, 385-397; Durbin & Watson (1950), Biometrika 37, 409-428.

Why it hurts

Ten rows of a patient with one age tell about age hardly more than one row. Intervals that promise 95 % cover 70 %, and
a column that is constant within groups, or drifts in time, looks significant when it is not.

What to do

Report standard errors that are robust to it: by group (groups, covariance cluster) or in order (order, covariance HAC),
and hold groups or blocks out together, so that the score speaks of new ones. In the trial, reported standard errors are
compared with the spread of the coefficients over bootstrap samples of whole groups, or of stretches of rows, for each
training set: the measure is the mean of |log(reported/bootstrap)|. Better still is a column that explains what the rows
have in common: then their errors are no longer alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.dependent import Looks, looks_of, without
from whyfit.diagnosis.dependent_groups import GroupLook
from whyfit.diagnosis.dependent_orders import OrderLook
from whyfit.diagnosis.dependent_trials import distance_in_groups, distance_in_order
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.standard_errors import StandardErrors, standard_errors
from whyfit.diagnosis.words import number, percent
from whyfit.diagnosis.working_errors import WIDENING, coefficient_names, few_rows, weights_of
from whyfit.errors import InputError
from whyfit.probability.dependence import correlations, shared_in_groups, shared_with_neighbours
from whyfit.probability.glm import GLMFit
from whyfit.probability.linear import LinearFit
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.predictive import GLMLaw, LinearLaw, LogisticLaw
from whyfit.spec import Spec, edited

#: Where only the level of the predictions is less certain, it must be by this factor for a warning: an interval of
#: nominal 95 % covers 81 % then.
LEVEL_WARNING = 1.5
#: Of the predicted widening, on the scale of logarithms, so much must be observed: both know dependence by a sample,
#: and neither are errors quite AR(1) nor all groups equally alike.
OBSERVED = 0.3
#: Standard errors by which chance is taken off where weights are known of some rows only: one of a hundred columns is
#: by chance three above.
NOISE = 4.0
#: An autocorrelation is the groups' own if within them it is no longer surely above its limit.
_EXPLAINED = 0.05


@dataclass(frozen=True, slots=True)
class _Widening:
    """Of the coefficient that suffers most: its name, and its standard error over the classic one."""

    name: str
    predicted: float
    observed: float
    method: str

    @property
    def refuted(self) -> bool:
        with np.errstate(divide="ignore", invalid="ignore"):
            return not np.log(self.observed) > OBSERVED * np.log(self.predicted)

    @property
    def severe(self) -> bool:
        least = LEVEL_WARNING if self.name == "the mean level" else WIDENING
        return min(self.predicted, self.observed) >= least


def check(case: Case) -> Iterable[Suspicion]:
    looks = looks_of(case)
    if looks is None:
        return
    orders = [o for o in looks.orders if not _allowed_for(case.spec, o)]
    known = [g for g in looks.groups if not g.coded]
    groups = [g for g in known if not _allowed_for(case.spec, g)]
    first_order = max(orders, key=lambda o: o.serial.r, default=None)
    first_group = min(groups, key=_sureness, default=None)
    cause = min(known, key=_sureness, default=None)
    for order in orders:
        p = order.p_value
        if order is first_order:
            yield Suspicion(lambda o=order: _in_order(case, looks, o, cause), p)
        else:
            yield Suspicion(lambda: None, p)
    for group in groups:
        if group is first_group:
            yield Suspicion(lambda g=group: _in_groups(case, looks, g), group.p_value)
        else:
            yield Suspicion(lambda: None, group.p_value)


def _allowed_for(spec: Spec, look: OrderLook | GroupLook) -> bool:
    """Standard errors by the user's own groups hold whatever the order within them; another order is another choice."""
    if isinstance(look, GroupLook):
        return spec.covariance == "cluster" and spec.groups == look.name
    if spec.covariance == "cluster":
        return True
    return spec.covariance == "HAC" and (spec.order == look.name or not spec.order)


def _sureness(group: GroupLook) -> tuple[float, float]:
    return group.p_value, -(group.size - 1) * group.intraclass.rho


# -- groups ------------------------------------------------------------------------------------------


def _in_groups(case: Case, looks: Looks, look: GroupLook) -> Confirmed | None:
    U, some, share = looks.weights
    rho = look.intraclass.rho
    factors = 1 + rho * shared_in_groups(look.label[some], U, share)
    if share < 1:  # what chance makes of weights that know nothing of the groups
        count = np.bincount(look.label[some])
        pairs = float((count * (count - 1.0)).sum()) / 2
        factors[1:] -= NOISE * rho * 2 * np.sqrt(pairs) / (some.size * share)
    edit = {"groups": look.name, "covariance": "cluster"}
    widening = _worst(case, factors, edited(case.spec, edit | {"blocked": False}), look.name)
    if widening is None or widening.refuted:
        return None
    rows = case.n / look.number
    low, high = look.intraclass.interval(case.spec.confidence)
    message = (
        f"errors of rows of one {look.name} are alike (intraclass correlation {number(rho, 2)}):"
        f" the standard error of {widening.name} is {number(widening.observed, 2)} times too small"
    )
    formula = rf"\sqrt{{1 + \rho\,\frac{{\sum_g\sum_{{i\ne k}} u_iu_k}}{{\sum u_i^2}}}} = {widening.predicted:.3g}"
    evidence = (
        Evidence(
            f"intraclass correlation of errors by {look.name}", rho, limit=look.limit, low=low, high=high,
            formula=rf"\rho = \frac{{F-1}}{{F+n_0-1}} = \frac{{{look.intraclass.f - 1:.3g}}}"
            rf"{{{look.intraclass.f + look.intraclass.n0 - 1:.3g}}} = {rho:.3g}",
        ),
        Evidence("rows of a group, as the mean row sees it", look.size, unit="rows",
                 formula=rf"\frac{{1}}{{n}}\sum_g m_g^2 = {look.size:.4g}"),
        *_evidence(widening, formula),
    )  # fmt: skip
    proposals = (
        Proposal(
            f"standard errors by {look.name}, held out together",
            edit,
            distance_in_groups(case, look),
        ),
    )
    why = f"{look.number:,} groups of {rows:.3g}"
    return _said(case, look.name, message, evidence, widening, proposals, why)


# -- order -------------------------------------------------------------------------------------------


def _in_order(
    case: Case, looks: Looks, look: OrderLook, group: GroupLook | None
) -> Confirmed | None:
    if group is not None and case.sample.share == 1.0 and group.p_value < _EXPLAINED:
        left = without(looks, look, group)
        if left.p_above(look.limit) > _EXPLAINED:
            return None  # neighbours are of one group, and that is all
    r, some = look.serial.r, few_rows(len(look.e), case.p)
    if some.size < len(look.e):
        some = np.arange(some.size)
    stretch = look.stretch
    U = weights_of(case, stretch.X[some], stretch.y[some])
    joined = None if stretch.joined is None else stretch.joined[: some.size - 1]
    rho = correlations(look.e, stretch.joined)
    factors = 1 + shared_with_neighbours(rho, U, joined)
    if joined is not None:
        factors[1:] -= NOISE * 2 * np.sqrt(rho @ rho / some.size)
    choice = {"order": look.name, "covariance": "HAC"}
    widening = _worst(case, factors, edited(case.spec, choice))
    if widening is None or widening.refuted:
        return None
    low, high = look.serial.interval(case.spec.confidence)
    message = (
        f"errors repeat {percent(r)} of the one before them {look.words}: the standard error of {widening.name} is"
        f" {number(widening.observed, 2)} times too small"
    )
    formula = rf"\sqrt{{1 + 2\sum_{{l=1}}^{{{rho.size}}} r_l c_l}} = {widening.predicted:.3g},\ r_1 = {r:.3g}"
    evidence = (
        Evidence(
            f"autocorrelation of errors {look.words}", r, limit=look.limit, low=low, high=high,
            formula=rf"r = \frac{{\sum e_te_{{t-1}}}}{{\sum e_t^2}} = {r:.3g},"
            rf"\ d \approx 2(1-r) = {look.serial.durbin_watson:.3g}",
        ),
        *_evidence(widening, formula),
    )  # fmt: skip
    where = f"of {look.name}" if look.name else "of the file"
    proposals = (
        Proposal(
            f"standard errors in order {where}, blocks held out",
            _edit(case.spec, look),
            distance_in_order(case, look),
        ),
    )
    subject = look.name or case.spec.target
    return _said(case, subject, message, evidence, widening, proposals, f"r = {r:.2f}")


def _edit(spec: Spec, look: OrderLook) -> dict[str, object]:
    edit: dict[str, object] = {"covariance": "HAC", "blocked": True}
    if look.name and look.name != spec.order:
        edit["order"] = look.name
    if spec.groups is not None:
        edit["groups"] = None
    if spec.group_copies:
        edit["group_copies"] = False
    return edit


# -- both --------------------------------------------------------------------------------------------


def _worst(case: Case, factors: np.ndarray, spec: Spec, but: str = "") -> _Widening | None:
    """The coefficient whose standard error suffers most, but of the column `but`; the level only if none does."""
    predicted = np.sqrt(np.maximum(factors, 0.0))
    names = coefficient_names(case)
    origin = dict(zip(case.names, case.design.origin, strict=True))
    own = np.array([bool(but) and origin.get(name) == but for name in names])
    predicted = np.where(own, 0.0, predicted)
    if not np.isfinite(predicted).all():
        return None
    j = int(np.argmax(predicted[1:])) + 1 if predicted.size > 1 else 0
    if j == 0 or predicted[j] < WIDENING:
        j = 0
    try:
        robust = standard_errors(case, spec)
        classic = standard_errors(case, edited(spec, {"covariance": "classic"}))
    except InputError:
        return None
    name = names[j]
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = _level(case, robust) if j == 0 else _slope(robust, classic, name)
    if not np.isfinite(observed):
        return None
    return _Widening(name, float(predicted[j]), float(observed), robust.table.covariance)


def _slope(robust: StandardErrors, classic: StandardErrors, name: str) -> float:
    j = classic.table.names.index(name)
    return float(robust.table.std_error[j] / classic.table.std_error[j])


def _level(case: Case, robust: StandardErrors) -> float:
    """Of the intercept at the mean of the columns."""
    fit = case.fit
    if isinstance(fit, LinearFit):
        wide, narrow = LinearLaw.of(fit, robust.meat), LinearLaw.of(fit)
    elif isinstance(fit, GLMFit):
        narrow = GLMLaw.of(fit)
        wide = robust.on(narrow)
    else:
        assert isinstance(fit, LogisticFit)
        narrow = LogisticLaw.of(fit)
        wide = robust.on(narrow)
    return float(np.sqrt(wide.covariance[0, 0] / narrow.covariance[0, 0]))


def _evidence(widening: _Widening, formula: str) -> tuple[Evidence, ...]:
    return (
        Evidence(
            f"standard error of {widening.name} over the one for independent rows ({widening.method})",
            widening.observed,
            limit=WIDENING,
            predicted=widening.predicted,
            formula=formula,
            unit="×",
        ),
    )


def _said(
    case: Case,
    subject: str,
    message: str,
    evidence: tuple[Evidence, ...],
    widening: _Widening,
    proposals: tuple[Proposal, ...],
    why: str,
) -> Confirmed:
    return Confirmed(
        RULE.finding(
            "warning" if widening.severe else "note",
            (subject,),
            message,
            evidence=evidence,
            prediction=(
                f"predicted standard error of {widening.name} {number(widening.predicted, 3)} × as large ({why})"
                f"   observed {number(widening.observed, 3)} × ({widening.method})"
            ),
            # later rows differ in this column because the file is sorted by it
            explains=() if case.new is not None else ("PR314",),
        ),
        proposals,
    )


RULE = Rule(
    "PR306", "dependent-errors", "probability", "warning", check, __doc__ or "",
    reference="Moulton (1986), J. Econometrics 32, 385-397; Durbin & Watson (1950), Biometrika 37, 409-428",
    tasks=("regression", "binary"),
)  # fmt: skip

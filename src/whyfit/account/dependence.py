"""Whether rows stand for themselves: how alike errors of groups and neighbours are, and what it makes of the numbers.

The panel is made where groups or an order were chosen, or where dependence was found beyond its limit.
"""

from __future__ import annotations

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.dependent import Looks, looks_of
from whyfit.diagnosis.dependent_groups import GroupLook
from whyfit.diagnosis.dependent_orders import OrderLook
from whyfit.diagnosis.measures import skill_of
from whyfit.diagnosis.standard_errors import standard_errors
from whyfit.diagnosis.words import number
from whyfit.errors import InputError
from whyfit.probability.dependence import lagged
from whyfit.probability.multiple import holm
from whyfit.probability.validation import over_folds
from whyfit.report.panel import Chart, Grid, Interval, Panel, Series
from whyfit.spec import edited

#: Chance of a panel about nothing.
LEVEL = 0.05
#: Autocorrelations drawn.
_LAGS = 24
#: Coefficients shown, those whose standard errors change most.
_COEFFICIENTS = 12
#: Rows times columns beyond which a second fit, under other folds, is left to the rules.
_MOST_CELLS = 2_000_000


def dependence_panel(case: Case) -> Panel | None:
    """None where nothing was chosen and nothing was found."""
    spec, looks = case.spec, looks_of(case)
    if looks is None:
        return None
    chosen = spec.groups is not None or spec.order is not None or spec.blocked
    found = _found(looks)
    if not chosen and not found:
        return None
    groups = [g for g in looks.groups if not g.coded]
    orders = list(looks.orders)
    if not groups and not orders:
        return None
    shown: GroupLook | OrderLook | None = found[0] if found else None
    if shown is None:
        shown = groups[0] if spec.groups is not None and groups else (orders or groups)[0]
    factors = _standard_errors(case, shown)
    grids = (_correlations(case, groups, orders), _errors(shown, factors), _scores(case, shown))
    return Panel(
        "dependence",
        "Do rows stand for themselves?",
        _lead(case, shown, factors, found),
        tuple(g for g in grids if g is not None),
        _chart(shown),
        _formulas(shown),
        _remarks(shown, factors),
    )  # fmt: skip


def _found(looks: Looks) -> list[GroupLook | OrderLook]:
    """Those beyond their limit, the surest first."""
    each: list[GroupLook | OrderLook] = [g for g in looks.groups if not g.coded]
    each += looks.orders
    p = np.array([look.p_value for look in each])
    if not p.size:
        return []
    stands = holm(p, LEVEL)
    return [each[i] for i in np.argsort(p, kind="stable") if stands[i]]


def _lead(
    case: Case,
    look: GroupLook | OrderLook,
    factors: dict[str, float],
    found: list[GroupLook | OrderLook],
) -> str:
    whom = (
        f"rows of one {look.name}"
        if isinstance(look, GroupLook)
        else f"rows next to each other {look.words}"
    )
    if not found:
        return f"Errors of {whom} are hardly more alike than those of any other rows."
    if not factors:
        return f"Errors of {whom} are alike."
    slopes = {name: r for name, r in factors.items() if name != "intercept"} or factors
    name, most = max(slopes.items(), key=lambda pair: pair[1])
    allowed = case.spec.covariance in ("cluster", "HAC")
    how = "are, rightly, up to" if allowed else "should be up to"
    return (
        f"Errors of {whom} are alike: standard errors {how} {number(most, 2)} times those for independent rows"
        f" ({name})."
    )


def _correlations(case: Case, groups: list[GroupLook], orders: list[OrderLook]) -> Grid | None:
    level = case.spec.confidence
    rows = [
        (g.name, "groups", Interval(g.intraclass.rho, *g.intraclass.interval(level)),
         g.limit, f"{g.number:,} groups, {number(g.size, 3)} rows")
        for g in groups
    ] + [
        (o.name or "file", "order", Interval(o.serial.r, *o.serial.interval(level)), o.limit,
         f"Durbin–Watson {number(o.serial.durbin_watson, 3)}")
        for o in orders
        if np.isfinite(o.serial.r)
    ]  # fmt: skip
    return Grid(
        "Correlation of errors, beside the one that makes the standard error of a mean a tenth too small.",
        ("by", "as", "correlation", "limit", ""),
        tuple(rows),
    )


def _standard_errors(case: Case, look: GroupLook | OrderLook) -> dict[str, float]:
    """Of every coefficient, robust over classic; empty where they cannot be worked out."""
    if case.n * (case.p + 1) > _MOST_CELLS and case.spec.covariance not in ("cluster", "HAC"):
        return {}
    wanted = (
        {"groups": look.name, "covariance": "cluster", "blocked": False}
        if isinstance(look, GroupLook)
        else {"order": look.name, "covariance": "HAC"}
    )
    try:
        robust = standard_errors(case, edited(case.spec, wanted)).table
        plain = standard_errors(case, edited(case.spec, {"covariance": "classic"})).table
    except InputError:
        return {}
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = robust.std_error / plain.std_error
    origin = dict(zip(case.names, case.design.origin, strict=True))
    own = {n for n in robust.names if isinstance(look, GroupLook) and origin.get(n) == look.name}
    pairs = zip(robust.names, ratio, strict=True)
    return {name: float(r) for name, r in pairs if np.isfinite(r) and name not in own}


def _errors(look: GroupLook | OrderLook, factors: dict[str, float]) -> Grid | None:
    if not factors:
        return None
    most = sorted(factors, key=lambda name: -abs(np.log(factors[name])))[:_COEFFICIENTS]
    kept = [name for name in factors if name in most]
    how = f"within {look.name}" if isinstance(look, GroupLook) else look.words
    left = len(factors) - len(kept)
    more = f" Of {len(factors)} the {len(kept)} that change most." if left else ""
    return Grid(
        f"Standard errors that allow for dependence {how}, over those for independent rows.{more}",
        ("coefficient", "×"),
        tuple((name, factors[name]) for name in kept),
    )


def _scores(case: Case, look: GroupLook | OrderLook) -> Grid | None:
    """Held-out score with rows held out one by one, and with groups or blocks."""
    spec, measure = case.spec, skill_of(case)
    apart = spec.groups is not None or spec.blocked
    if case.n * (case.p + 1) > _MOST_CELLS:
        return None
    try:
        if apart:
            mixed = case.rerun(
                {"groups": None, "blocked": False, "covariance": "classic", **_drop(case)}
            )
            held = case
        else:
            edit = (
                {"groups": look.name}
                if isinstance(look, GroupLook)
                else {"blocked": True, "order": look.name, "group_copies": False}
            )
            mixed, held = case, case.rerun(edit)
    except InputError:
        return None
    level = spec.confidence
    what = f"groups of {held.spec.groups}" if held.spec.groups is not None else "blocks of rows"
    rows = []
    for name, c in (("one by one", mixed), (f"by {what}", held)):
        e = over_folds(measure.of(c), level)
        rows.append((name, Interval(e.value, e.low, e.high)))
    return Grid(f"{measure.name}, rows held out", ("rows", measure.name), tuple(rows))


def _drop(case: Case) -> dict[str, list[str]]:
    """The column of the groups stays no feature where rows are held out one by one."""
    return {"drop": [case.spec.groups]} if case.spec.groups is not None else {}


def _chart(look: GroupLook | OrderLook) -> tuple[Chart, ...]:
    if isinstance(look, GroupLook) or not np.isfinite(look.serial.r):
        return ()
    e = look.e
    values = lagged(e[:, None], min(_LAGS, len(e) // 4), look.stretch.joined)[:, 0]
    half = 1.96 / len(e) ** 0.5
    x = tuple(map(float, range(1, len(values) + 1)))
    return (
        Chart(
            "How long errors remember",
            "Bars outside the band are longer than independent errors make 19 times in 20.",
            f"The correlation of errors with those 1 to {len(x)} rows before {look.words}.",
            "rows before",
            "correlation",
            (
                Series("independent errors", "band", x, low=(-half,) * len(x), high=(half,) * len(x)),
                Series("correlation", "bars", x, tuple(map(float, values))),
            ),
            level=0.0,
        ),
    )  # fmt: skip


def _formulas(look: GroupLook | OrderLook) -> tuple[str, ...]:
    if isinstance(look, GroupLook):
        rho, m = look.intraclass.rho, look.size
        if not rho > 0:
            return ()
        return (
            rf"\sqrt{{1 + (m-1)\rho}} = \sqrt{{1 + {m - 1:.3g}\cdot {rho:.3g}}} = {np.sqrt(1 + (m - 1) * rho):.3g}"
            r"\ \text{for a mean}",
        )
    r = look.serial.r
    if not 0 < r < 1:
        return ()
    made = np.sqrt((1 + r) / (1 - r))
    return (
        rf"\sqrt{{\frac{{1+r}}{{1-r}}}} = \sqrt{{\frac{{{1 + r:.3g}}}{{{1 - r:.3g}}}}} = {made:.3g}"
        r"\ \text{for a mean}",
    )


def _remarks(look: GroupLook | OrderLook, factors: dict[str, float]) -> tuple[str, ...]:
    if not factors:
        return ()
    what = "groups" if isinstance(look, GroupLook) else "time"
    return (
        f"A coefficient suffers as much as its own column goes along with {what}: one that is constant there, or"
        " drifts, like a mean; one that is drawn anew in every row hardly at all.",
    )

"""A feature that has the same value in every row says nothing.

What it says

These columns do not vary: one value in every row, or no value at all. A column that varies only in digits
float64 cannot hold beside its mean counts as well.

The mathematics

A feature enters a fit through its deviations from its mean, x_ij − μ_j. With

    d_j² = Σ_i (x_ij − μ_j)² = 0

it is a multiple of the constant column, XᵀX with an intercept is singular, and its coefficient can be any
number: the predictions are the same for all of them. In floating point the deviations carry no digit once

    d_j ≤ 64 u √n |μ_j|,     u = 2⁻⁵³,

because the mean itself is rounded by about u |μ_j|. Reference: Golub & Van Loan (2013), Matrix Computations,
§2.7 and §5.3.

Why it hurts

It does not change the fit; that is the prediction, and it is checked. But a constant column is often the trace
of something gone wrong upstream: a filter that kept one group, a join that found nothing, a sensor that died,
a unit in which the differences vanish.

What to do

Nothing, if the column was meant to be constant: it is left out of the fit. Otherwise look where it comes from.
A column that is constant where present and missing elsewhere may carry its news in the gaps; their 0/1
indicator stays in the fit. If a large offset hides the variation (time in seconds since 1970, say), subtract
it before the numbers are written out.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from whyfit.data.schema import Column
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import skill_of
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.trial import paired
from whyfit.diagnosis.words import listed, number, percent, plural, signed
from whyfit.errors import InputError
from whyfit.linalg.conditioning import FLAT, live_columns
from whyfit.linalg.solve import U


def check(case: Case) -> Iterator[Suspicion]:
    """Certain facts: nothing is sampled."""
    spec = case.spec
    constant = [
        c
        for c in case.schema.columns
        if c.role == "constant"
        and c.name != spec.target
        and c.name not in spec.drop
        and c.name not in spec.roles
    ]
    gaps = [c for c in constant if 0 < c.n_missing < c.n]
    if whole := [c for c in constant if c not in gaps]:
        yield Suspicion(lambda: _left_out(case, whole))
    for column in gaps:
        yield Suspicion(lambda column=column: _gaps(case, column))
    if flat := _flat(case):
        yield Suspicion(lambda: _without_digits(case, flat))


def _flat(case: Case) -> list[str]:
    """Design columns whose deviations from their mean are rounding."""
    return [case.names[j] for j in np.flatnonzero(~live_columns(case.moments.total))]


def _unchanged(case: Case, columns: tuple[str, ...]) -> tuple[float, str] | None:
    """The held-out difference without `columns` and how it was found; None if it is not nothing."""
    measure = skill_of(case)
    try:
        without = case.rerun({"drop": list(columns)})
    except InputError:  # nothing else is left to fit
        return 0.0, "not tried: no other feature is left"
    if without.names == case.names:
        return 0.0, f"{measure.name} +0: it is not in the fit"
    if without.design.n_used != case.design.n_used:  # rows with a gap there come back
        return 0.0, "not comparable: other rows"
    trial = paired(measure.of(case), measure.of(without), measure, case.spec.confidence)
    if np.isfinite(trial.difference) and abs(trial.difference) > 1e-6:
        return None
    return trial.difference, f"{measure.name} {signed(trial.difference, 6)}"


def _left_out(case: Case, columns: list[Column]) -> Confirmed | None:
    names = tuple(c.name for c in columns)
    observed = _unchanged(case, names)
    if observed is None:
        return None
    empty = [c.name for c in columns if c.n_missing == c.n]
    if len(columns) == 1:
        message = f"{names[0]} says nothing: {columns[0].reason} ({plural(columns[0].n, 'row')}); left out"
    elif len(empty) == len(names):
        message = (
            f"{len(names)} columns have no value in any row and are left out: {listed(names, 6)}"
        )
    else:
        message = f"{len(names)} columns never vary and are left out: {listed(names, 6)}"
        if empty:
            message += f"; without any value: {listed(empty, 3)}"
    return Confirmed(
        RULE.finding(
            "note",
            names,
            message,
            evidence=(
                Evidence("columns that never vary", len(names), unit="columns"),
                Evidence("columns without any value", len(empty), unit="columns"),
                Evidence("change of the held-out score without them", observed[0], predicted=0.0),
            ),
            prediction=f"predicted the fit is unchanged without it   observed {observed[1]}",
        )
    )


def _gaps(case: Case, column: Column) -> Confirmed:
    share = column.n_missing / column.n
    indicator = any(o == column.name for o in case.design.origin)
    tail = "its gaps stay in the fit as a 0/1 column" if indicator else "it is left out"
    return Confirmed(
        RULE.finding(
            "note",
            (column.name,),
            f"{column.name}: {column.reason}, and {percent(share)} of the rows have none; {tail}",
            evidence=(
                Evidence("share of rows without a value", share, formula=_share(column)),
                Evidence("different values", 1, limit=2, unit="values"),
            ),
        ),
        (Proposal(f"drop {column.name}", {"drop": [column.name]}, skill_of(case)),)
        if indicator
        else (),
    )


def _share(column: Column) -> str:
    return rf"\frac{{{column.n_missing}}}{{{column.n}}} = {column.n_missing / column.n:.3g}"


def _without_digits(case: Case, flat: list[str]) -> Confirmed | None:
    origin = dict(zip(case.names, case.design.origin, strict=True))
    sources = tuple(dict.fromkeys(origin[name] for name in flat))
    whole = tuple(
        s for s in sources if all(name in flat for name in case.names if origin[name] == s)
    )
    observed = _unchanged(case, whole) if whole else (0.0, "not in the solution")
    if observed is None:
        return None
    j = case.names.index(flat[0])
    total = case.moments.total
    mean, d = float(total.mean[j]), float(np.sqrt(max(total.scatter[j, j], 0.0)))
    sd = d / np.sqrt(max(total.n, 1))
    if sd <= 8 * U * abs(mean):  # no more than the rounding of a mean
        message = f"{listed(flat)} {'is' if len(flat) == 1 else 'are'} the same in every row that is fitted"
    else:
        message = f"{flat[0]} varies by {number(sd, 2)} around {number(mean, 6)}: less than float64 can tell apart"
        if len(flat) > 1:
            message += f"; likewise {listed(flat[1:], 3)}"
    return Confirmed(
        RULE.finding(
            "note",
            sources,
            message,
            evidence=(
                Evidence(
                    f"standard deviation of {flat[0]}",
                    sd,
                    limit=FLAT * abs(mean),
                    formula=rf"64u\,|\mu| = {FLAT * abs(mean):.2g}",
                ),
                Evidence("change of the held-out score without it", observed[0], predicted=0.0),
            ),
            prediction=f"predicted the fit is unchanged without it   observed {observed[1]}",
        ),
        (Proposal(f"drop {listed(whole)}", {"drop": list(whole)}, skill_of(case)),)
        if whole
        else (),
    )


RULE = Rule(
    "LA103",
    "constant-feature",
    "linear algebra",
    "note",
    check,
    __doc__ or "",
    reference="Golub & Van Loan (2013), Matrix Computations, §2.7.",
)

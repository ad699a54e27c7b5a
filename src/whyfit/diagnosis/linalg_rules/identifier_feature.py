"""A column that only numbers the rows was kept out of the fit.

What it says

The column is different in (nearly) every row: a row counter, a key, a ticket number, a name. It can tell rows
apart but not explain them, so it is left out. If it does help to predict rows that were held out, the order of
the rows means something, and the finding says so.

The mathematics

A column v that has nothing to do with the target adds to the held-out R² of n rows and p columns about

    −(1 − R²)/n        (to the skill of a classifier −1/(2 n H₀), H₀ the log loss of the base rate)

and nothing else. Whether v still carries signal is asked of what the other columns leave over: with e the
residuals of y and u those of v, both on the other columns,

    r = e'u / (‖e‖ ‖u‖),     null: |ρ| ≤ 0.1

tested by Fisher's z among all tests of the journey. What survives is fitted with the column, and the held-out
scores are compared fold by fold. Reference: Kaufman et al. (2012), ACM TKDD 6(4), on leakage by identifiers.

Why it hurts

In the fit, an identifier is one more chance to fit noise; as a category it fits every row by heart. Where it
predicts (a file sorted by the target, customers numbered by age), the score is true for this file only: the
next row has a number never seen.

What to do

Leave it out. If the file was sorted or merged by groups, find the quantity the order stands for (time, batch,
source) and use that. To use the column all the same, set its role, e.g. roles = {"id": "numeric"}.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from whyfit.data.schema import Column
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import skill_of
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.trial import RELEVANT_LOSS, paired
from whyfit.diagnosis.words import between, listed, plural, signed
from whyfit.errors import InputError
from whyfit.probability.association import (
    SMALL_CORRELATION,
    correlation_interval,
    correlation_p_value,
)
from whyfit.probability.linear import LinearFit

#: Above this many rows a likelihood is not fitted again just to see a column contribute nothing;
#: neither where the classes separate and its held-out score is anything.
REFIT_ROWS = 200_000


def check(case: Case) -> Iterator[Suspicion]:
    """One test per numeric identifier; the columns that fail to carry signal share one note."""
    spec = case.spec
    found = [
        c
        for c in case.schema.columns
        if c.role == "identifier"
        and c.name != spec.target
        and c.name not in spec.drop
        and c.name not in spec.roles
    ]
    if not found:
        return
    told: set[str] = (
        set()
    )  # confirmed to carry signal; tests come first in the order of confirmation
    seen: dict[str, tuple[float, int, int]] = {}
    for column in found:
        if not np.isfinite(column.minimum):
            continue
        r, n, given = seen[column.name] = _left_over(case, column)
        looks = len(case.design.classes) if case.task == "multiclass" else 1
        p = correlation_p_value(r, n, given=given) * looks
        yield Suspicion(
            lambda column=column, r=r, n=n, given=given: _signal(case, column, (r, n, given), told),
            min(p, 1.0),
        )
    yield Suspicion(lambda: _left_out(case, [c for c in found if c.name not in told], seen))


def _values(case: Case, name: str) -> Float[np.ndarray, " s"]:
    """The stored cells of the sampled rows, gaps at the mean."""
    index, parts = case.sample.index, []
    for block in case.table.blocks():
        a, b = np.searchsorted(index, [block.start, block.start + block.n])
        parts.append(block.data[name][index[a:b] - block.start])
    v = np.concatenate(parts).astype(float)
    gaps = np.isnan(v)
    v[gaps] = v[~gaps].mean() if not gaps.all() else 0.0
    return v


def _left_over(case: Case, column: Column) -> tuple[float, int, int]:
    """Partial correlation with the target given the design (the largest over classes), rows, columns given."""
    sample, solution = case.sample, case.linear.solution
    D = sample.X - case.linear.mean[:-1]
    scale = solution.scale
    share = len(sample.y) / max(case.n, 1)

    def rest(v: np.ndarray) -> np.ndarray:
        v = v - v.mean()
        return v - D @ (solution.G @ (D.T @ v / scale) / scale) / share

    u = rest(_values(case, column.name))
    if case.task == "multiclass":
        targets = [(sample.y == c).astype(float) for c in range(len(case.design.classes))]
    else:
        targets = [sample.y]
    best = 0.0
    for y in targets:
        e = rest(y)
        length = float(np.linalg.norm(e) * np.linalg.norm(u))
        r = float(e @ u) / length if length > 0 else 0.0
        best = r if abs(r) > abs(best) else best
    return best, len(sample.y), case.linear.rank


def _signal(
    case: Case, column: Column, seen: tuple[float, int, int], told: set[str]
) -> Confirmed | None:
    r, n, given = seen
    measure, name = skill_of(case), column.name
    try:
        used = case.rerun({"roles": {name: "numeric"}})
    except InputError:
        return None
    if used.design.n_used != case.design.n_used:  # its gaps cost rows under missing = "drop"
        return None
    gain = paired(measure.of(case), measure.of(used), measure, case.spec.confidence)
    if not gain.low > RELEVANT_LOSS:  # the held-out rows refute it
        return None
    told.add(name)
    low, high = correlation_interval(r, n, case.spec.confidence, given)
    counter = column.reason.startswith("row counter")
    what = "the order of the rows carries signal" if counter else "an identifier carries signal"
    noise = _noise(case, 1)
    return Confirmed(
        RULE.finding(
            "warning",
            (name,),
            f"{what}: with {name} the {measure.name} rises by {signed(gain.difference)};"
            " sorted file, or a trend over rows?",
            evidence=(
                Evidence(
                    "partial correlation with the target given the other columns",
                    r,
                    limit=SMALL_CORRELATION,
                    low=low,
                    high=high,
                    formula=rf"r = \frac{{e^\top u}}{{\|e\|\,\|u\|}} = {r:.3f}",
                ),
                Evidence(
                    f"gain of {measure.name} with it",
                    gain.difference,
                    limit=RELEVANT_LOSS,
                    predicted=noise,
                    low=gain.low,
                    high=gain.high,
                ),
            ),
            prediction=f"predicted {signed(noise)} if it only numbers the rows"
            f"   observed {signed(gain.difference)} {between(gain.low, gain.high)}",
        ),
        (_in_place(case, name),),
    )


def _noise(case: Case, columns: int) -> float:
    """What columns without any signal add to the held-out score."""
    n = max(case.n, 1)
    if case.task == "regression":
        return -columns * (1 - float(np.clip(np.nanmean(case.scores["r2"]), 0.0, 1.0))) / n
    slopes = columns * max(len(case.design.classes) - 1, 1)
    return -slopes / (2 * n * float(np.nanmean(case.scores["null_log_loss"])))


def _in_place(case: Case, name: str) -> Proposal:
    return Proposal(
        f"leave {name} out", {"drop": [name]}, skill_of(case), against={"roles": {name: "numeric"}}
    )


def _left_out(
    case: Case, columns: list[Column], seen: dict[str, tuple[float, int, int]]
) -> Confirmed | None:
    if not columns:
        return None
    names = tuple(c.name for c in columns)
    numeric = [c.name for c in columns if c.name in seen]
    if len(columns) == 1:
        message = f"{names[0]} is left out: {columns[0].reason.removeprefix('identifier: ')}"
    else:
        message = (
            f"{plural(len(names), 'column')} tell rows apart and are left out: {listed(names, 6)}"
        )
    evidence = [Evidence("columns that identify rows", len(names), unit="columns")]
    prediction, proposals = "", ()
    fit = case.fit
    if numeric and not isinstance(fit, LinearFit) and (case.n > REFIT_ROWS or not fit.converged):
        r, n, _ = seen[numeric[0]]
        prediction = (
            f"predicted partial correlation 0 ± {2 / np.sqrt(n):.2g} of {numeric[0]} with the target"
            f"   observed {signed(r, 4)}"
        )
    elif numeric:
        measure = skill_of(case)
        try:
            used = case.rerun({"roles": dict.fromkeys(numeric, "numeric")})
        except InputError:
            used = None
        if used is not None and used.design.n_used == case.design.n_used:
            gain = paired(measure.of(case), measure.of(used), measure, case.spec.confidence)
            noise = _noise(case, len(numeric))
            evidence.append(
                Evidence(
                    f"change of {measure.name} with {listed(numeric, 3)} as numbers",
                    gain.difference,
                    predicted=noise,
                    low=gain.low,
                    high=gain.high,
                )
            )
            prediction = (
                f"predicted {measure.name} {signed(noise)} with {'it' if len(numeric) == 1 else 'them'}"
                f"   observed {signed(gain.difference)} {between(gain.low, gain.high)}"
            )
            if len(numeric) == 1:
                proposals = (_in_place(case, numeric[0]),)
    return Confirmed(
        RULE.finding("note", names, message, evidence=tuple(evidence), prediction=prediction),
        proposals,
    )


RULE = Rule(
    "LA105",
    "identifier-feature",
    "linear algebra",
    "warning",
    check,
    __doc__ or "",
    reference="Kaufman, Rosset, Perlich & Stitelman (2012), ACM TKDD 6(4).",
)

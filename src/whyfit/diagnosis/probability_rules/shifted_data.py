"""New rows, or later rows, are not like those the model learned from.

What it says

How well new rows (`--new`) can be told from the training rows, by which columns, and what the model loses on them. If
no new rows are given, the later half of the table is compared with the earlier half, in the order of the file or of
`--order`.

The mathematics

A direction in the columns and their squares is learned on half of the rows, and judged on the other half:

    AUC = P(w'z of a new row > w'z of a training row),     ½ if they come from one law

The rule speaks if AUC exceeds Φ(0.2/√2) = 0.56, a shift by 0.2 standard deviations in one column ("small", Cohen 1988),
for certain: DeLong's standard error, the two halves and the single columns (their values, and their distances from the
training median) all paid for, as one hypothesis of the journey. Of new rows the shares of missing cells and of unknown
levels are asked as well (limit: 5 % of the rows more). Columns are named by Holm's procedure among all.

The prediction: with D the distance of the means in the half that learned, the direction should reach
Φ(δ²/√(2(δ² + f(1/m + 1/k)))) on rows it did not see (D² = δ² + bias; f columns, m and k rows). Where the target of the
new rows is known, there is another: if the columns changed but not the law of the target given them, the loss on new
rows is the held-out loss of the training rows weighted by the odds of being new,

    predicted loss = Σ w_i loss_i / Σ w_i,     w_i = P(new | x_i)/P(training | x_i)

An observed loss beyond that is a change of the law itself, which no weighting mends.
References: Lopez-Paz & Oquab (2017), ICLR; Shimodaira (2000), J. Statistical Planning and Inference 90, 227-244.

Why it hurts

A held-out score is a promise for rows like the training rows. A model extrapolates elsewhere: it may be as good, or
useless, and nothing in its training can tell.

What to do

Train on some of the new rows too, or weight the training rows by how like the new ones they are (both tried where the
target is known). If later rows differ from earlier ones, hold rows out in blocks (`--blocked`), so that the score is
that of a future, and look for what changed: units, a sensor, a form, the customers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import feature_of
from whyfit.diagnosis.finding import Evidence, Remedy
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.shift import (
    CELLS,
    FEWEST_LIKE,
    LEVEL,
    LIMIT,
    Losses,
    Shift,
    by_target,
    features_moved,
    losses_of,
    shift_of,
)
from whyfit.diagnosis.shift_trials import remedies
from whyfit.diagnosis.shift_words import cost_of, how_of, size_of, unit_of
from whyfit.diagnosis.words import fixed

_NAMED = 3


def check(case: Case) -> Iterator[Suspicion]:
    """Two hypotheses: the rows are alike; where their target is known, they lose no more than held-out rows do."""
    shift = shift_of(case)
    if shift is None:
        return
    yield Suspicion(lambda: _confirm(case, shift), shift.p_value)
    if (
        shift.new
        and shift.y_B is not None
        and (losses := losses_of(case)) is not None
        and losses.observed is not None
    ):
        yield Suspicion(lambda: _law(case, shift, losses), losses.p_worse)


def _confirm(case: Case, shift: Shift) -> Confirmed | None:
    if not shift.new and by_target(case, shift):
        return None  # an order of the answers, which no rows to come will have
    features = features_moved(case, shift)
    losses = losses_of(case)
    known = losses is not None and losses.observed is not None
    harmless = losses.p_worse >= LEVEL if losses is not None and known else not shift.new
    chance = not shift.new and case.spec.order is None  # how a file lies may mean nothing
    severity = "note" if harmless or chance else "warning"
    finding = RULE.finding(
        severity,
        features[:6],
        message_of(case, shift, losses),
        evidence=tuple(_evidence(case, shift, losses)),
        prediction=_prediction(case, shift, losses),
    )
    return Confirmed(dataclasses.replace(finding, remedy=_remedy(case, shift, losses)))


def _law(case: Case, shift: Shift, losses: Losses) -> Confirmed | None:
    """The columns are alike and the target is not what it was."""
    if shift.p_value < LEVEL:
        return None  # what the columns explain is told with them
    assert losses.observed is not None
    target = case.spec.target
    message = (
        f"new rows look like the training rows, but {unit_of(case)} {size_of(case, losses.before.value)} becomes"
        f" {size_of(case, losses.observed.value)}: {target} depends on the columns in another way now"
    )
    finding = RULE.finding(
        "warning",
        (target,),
        message,
        evidence=tuple(_evidence(case, shift, losses)),
        prediction=_prediction(case, shift, losses),
    )
    return Confirmed(dataclasses.replace(finding, remedy=remedies(case, shift, losses)))


def _remedy(case: Case, shift: Shift, losses: Losses | None) -> Remedy | None:
    if not shift.new:
        if case.spec.blocked or case.spec.groups is not None:
            return None
        return Remedy(
            "hold out blocks of rows that follow each other (--blocked)", {"blocked": True}
        )
    return remedies(case, shift, losses) if losses is not None else None


def message_of(case: Case, shift: Shift, losses: Losses | None) -> str:
    """One sentence: what differs most, and what it costs."""
    which = "new rows are not like the training rows" if shift.new else _order(case)
    apart = shift.together
    auc = f"AUC {fixed(apart.value, 2)}, limit {fixed(LIMIT, 2)}; " if apart is not None else ""
    return f"{which} ({auc}{how_of(case, shift)})" + (cost_of(case, losses) if losses else "")


def _order(case: Case) -> str:
    by = f" by {case.spec.order}" if case.spec.order else ""
    return f"later rows{by} are not like earlier ones"


def _prediction(case: Case, shift: Shift, losses: Losses | None) -> str:
    if shift.new and losses is not None and losses.observed is not None and losses.told:
        told, seen = losses.predicted.value, losses.observed.value
        return f"predicted {unit_of(case)} {size_of(case, told)}   observed {size_of(case, seen)}"
    if (apart := shift.together) is None:
        return ""
    return f"predicted AUC {fixed(apart.told, 2)} from the other half   observed {fixed(apart.value, 2)}"


def _evidence(case: Case, shift: Shift, losses: Losses | None) -> Iterator[Evidence]:
    if (apart := shift.together) is not None:
        yield Evidence(
            "AUC by which the rows are told apart", apart.value, LIMIT, apart.told, apart.low, apart.high,
            rf"P(w^\top z_{{new}} > w^\top z_{{training}}) = {apart.value:.3f}",
        )  # fmt: skip
    moved, cells = shift.standing()
    for j, m in moved[:_NAMED]:
        s, what = m.auc, "values" if m.auc is m.place else "distances from the median"
        yield Evidence(f"AUC of the {what} of {case.names[j]}", s.value, LIMIT, None, s.low, s.high)
        yield Evidence(
            f"distance of the laws of {case.names[j]}", m.wasserstein, unit="standard deviations"
        )
        yield Evidence(f"Jensen–Shannon divergence of {feature_of(case, j)}", m.js, unit="nats")
    for c in cells[:_NAMED]:
        yield Evidence(f"share of {c.feature} {c.what}", c.now, c.before + CELLS)
    if losses is None:
        return
    yield Evidence("training rows the weights amount to", losses.like, FEWEST_LIKE, unit="rows")
    if losses.observed is not None:
        root = np.sqrt if case.task == "regression" else np.asarray
        seen, what = (
            losses.observed,
            f"{unit_of(case)} on the {'new' if shift.new else 'later'} rows",
        )
        yield Evidence(
            what, float(root(seen.value)), float(root(losses.before.value)),
            float(root(losses.predicted.value)) if losses.told else None,
            float(root(max(seen.low, 0.0))), float(root(max(seen.high, 0.0))),
            r"\sum w_i\,\mathrm{loss}_i / \sum w_i",
        )  # fmt: skip


RULE = Rule(
    "PR314", "shifted-data", "probability", "warning", check, __doc__ or "",
    reference="Lopez-Paz & Oquab (2017), ICLR; Shimodaira (2000), JSPI 90, 227-244",
)  # fmt: skip

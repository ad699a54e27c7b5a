"""The effect of a feature bends, or depends on another feature, where the model has a straight line.

What it says

Squares, bends (hinges), logarithms or products of columns, added to the linear model, lower its error on held-out rows
by at least 2 %. The finding names the columns that carry the gain.

The mathematics

To the columns are added, as candidates, x², log x, the hinges max(0, x − q) at the quartiles q, and products x·z of the
columns with the largest t. Each training set chooses among them greedily, taking a column only if it pays
n log(RSS/RSS′) > 2 log c + 6 for c candidates, and is scored on the rows it has not seen. With d the relative fall of
the held-out squared error,

    d = 1 − Σ(y − ŷ₁)² / Σ(y − ŷ₀)²,     null: d ≤ 0.02

is tested over folds with the corrected interval of Nadeau & Bengio (2003). For two classes rows are weighted by
π(1 − π) and y by its working residual (y − π)/(π(1 − π)), one Newton step from the fit: half the fall of the weighted
sum of squares is the gain in log likelihood, and d is its share of the held-out log loss; a refit has to confirm it.

The training rows predict the same d, adjusted for the columns added (as adjusted R² is).

Reference: Cohen (1988), Statistical Power Analysis, §9.2 for the limit (f² = 0.02, a small effect); Foster & George
(1994) for the selection; Cook & Weisberg (1999), Applied Regression, for partial residuals.

Why it hurts

A straight line through a curve is wrong in a known direction in every region: too low in the middle, too high at the
ends, or the reverse. Its standard errors describe the line, not the feature, and errors that look random are not.

What to do

Add the named terms (tried; each is a readable column). If many features bend, a model of trees or splines will find the
rest.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from whyfit.diagnosis.bends import WORTH_NAMING, Screen, edit_of, named, screen_of
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import feature_of
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import skill_of
from whyfit.diagnosis.rule import OF_LEAST_SQUARES, Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import listed, percent
from whyfit.errors import InputError
from whyfit.probability.validation import over_folds
from whyfit.spec import Term

#: Relative fall of the held-out error: Cohen's (1988) smallest effect of interest, f² = 0.02.
LIMIT = 0.02
#: From here on a warning: halfway, on the scale of f, to his medium effect f² = 0.15.
WARNING = 0.07


def check(case: Case) -> Iterable[Suspicion]:
    """One test: every training set's own selection against the linear model."""
    screen = screen_of(case)
    if screen is None:
        return []
    return [Suspicion(lambda: _confirm(case, screen), screen.relative.p_above(LIMIT))]


def _confirm(case: Case, screen: Screen) -> Confirmed | None:
    terms, worth = named(screen, case.task)
    if not terms:
        return None
    predicted = float(np.nanmean(screen.gain.trained))
    seen = screen.relative
    edit = edit_of(terms)
    if case.task != "regression":
        try:
            after = case.rerun(edit).scores["log_loss"]
        except InputError:
            return None
        before = case.scores["log_loss"]
        predicted = float(np.nanmean(_half_fall(screen)))
        seen = over_folds((before - after) / float(np.nanmean(before)), case.spec.confidence)
        if not (seen.low > 0 and seen.value >= LIMIT / 2):
            return None
    elif (
        seen.value < predicted / 2
    ):  # what the training rows promise is not there: the terms fit single rows
        return None
    features = list(
        dict.fromkeys(feature_of(case, case.names.index(c)) for t in terms for c in t.columns)
    )
    error = "squared error" if case.task == "regression" else "log loss"
    fall = percent(seen.value)
    message = f"held-out {error} is {fall} lower (limit {percent(LIMIT)}) {_with(case, terms)}"
    high = min(seen.high, 1.0)
    return Confirmed(
        RULE.finding(
            "warning" if seen.value >= WARNING else "note",
            features,
            message,
            evidence=(
                Evidence(
                    f"fall of the held-out {error}", seen.value, limit=LIMIT, predicted=predicted,
                    low=seen.low, high=high, formula=r"1 - \sum(y-\hat y_1)^2 / \sum(y-\hat y_0)^2",
                ),
                *(Evidence(f"fall owed to {t.name}", w, limit=WORTH_NAMING) for t, w in zip(terms, worth, strict=True)),
            ),
            prediction=(
                f"predicted {percent(predicted)} lower by the training rows"
                f"   observed {percent(seen.value)} [{100 * seen.low:.1f}, {100 * high:.1f}] held-out"
            ),
        ),
        (Proposal(f"add {listed([t.name for t in terms], 3)}", edit, skill_of(case)),),
    )  # fmt: skip


def _half_fall(screen: Screen) -> np.ndarray:
    """Classification: the training fall of the weighted squares as a share of the log loss."""
    return screen.gain.trained * screen.gain.before / 2 / screen.scale


def _with(case: Case, terms: list[Term]) -> str:
    """ "with a bend in TV and with TV × radio", in the names of source columns."""

    def feature(column: str) -> str:
        return feature_of(case, case.names.index(column))

    bent = list(dict.fromkeys(feature(t.columns[0]) for t in terms if t.kind != "product"))
    crossed = list(
        dict.fromkeys(" × ".join(map(feature, t.columns)) for t in terms if t.kind == "product")
    )
    parts = [f"with {'bends' if len(bent) > 1 else 'a bend'} in {listed(bent, 3)}"] if bent else []
    if crossed:
        parts.append(f"with {listed(crossed, 3)}")
    return " and ".join(parts)


RULE = Rule(
    "CA206", "nonlinear-structure", "calculus", "warning", check, __doc__ or "",
    reference="Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, §9.2",
    tasks=("regression", "binary"),
    losses=OF_LEAST_SQUARES,
)  # fmt: skip

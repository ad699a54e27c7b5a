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
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import feature_of
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import skill_of
from whyfit.diagnosis.rule import OF_LEAST_SQUARES, Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import listed, percent
from whyfit.errors import InputError
from whyfit.probability.selection import FoldGrams, Gain, cross_selected, forward
from whyfit.probability.validation import Estimate, over_folds
from whyfit.spec import Term

#: Relative fall of the held-out error: Cohen's (1988) smallest effect of interest, f² = 0.02.
LIMIT = 0.02
#: From here on a warning: halfway, on the scale of f, to his medium effect f² = 0.15.
WARNING = 0.07
#: A term is named if it lowers the held-out error by this much on its own account.
WORTH_NAMING = 0.005
MOST_TERMS = 6
#: Rows, columns and candidates of the screen: Gram matrices in about 0.1 s.
_ROWS = 15_000
_FEWEST_ROWS = 60
_MOST_COLUMNS = 300
_BENDING = 20
_CROSSING = 10
_DISTINCT = 10
#: A column with a cell further out than this many sd gets no square and no product: their fourth powers would let a
#: few rows decide, and held-out gains scatter. Normal columns reach 5.5 sd once in ten million rows.
_FAR_OUT = 8.0
#: Below this share of the variance the residuals are rounding.
_EXACT = 1e-20
#: Probabilities are kept this far from 0 and 1 in the working weights.
_CLIP = 0.01
#: Among near equals the more readable form is taken.
_FAVOUR = {"log": 1.06, "square": 1.03, "hinge": 1.0, "product": 1.0}


@dataclass(frozen=True, slots=True)
class _Screen:
    terms: tuple[Term, ...]
    favour: Float[np.ndarray, " t"]
    grams: FoldGrams
    gain: Gain
    scale: float  # held-out loss per row to which a fall is compared
    relative: Estimate


def check(case: Case) -> Iterable[Suspicion]:
    """One test: every training set's own selection against the linear model."""
    if case.spec.ridge or not 0 < case.p <= _MOST_COLUMNS or case.linear.rank == 0:
        return []
    if not case.linear.rss > _EXACT * case.linear.tss:
        return []
    screen = _screen(case)
    if screen is None:
        return []
    return [Suspicion(lambda: _confirm(case, screen), screen.relative.p_above(LIMIT))]


def _screen(case: Case) -> _Screen | None:
    s = case.sample
    step = -(-len(s.y) // _ROWS)
    X, y, label, held = s.X[::step], s.y[::step], s.fold[::step], case.held_out[::step]
    if len(y) < _FEWEST_ROWS or not np.isfinite(held).all():
        return None
    live = np.flatnonzero(~case.linear.dropped & (X.std(axis=0) > 0))
    terms = _candidates(case, X, live)
    columns = [_values(t, case.names, X) for t in terms]
    good = [i for i, c in enumerate(columns) if np.isfinite(c).all() and c.std() > 0]
    terms, columns = [terms[i] for i in good], [columns[i] for i in good]
    if not terms:
        return None
    Z = np.ones((len(y), 2 + live.size + len(terms)))
    Z[:, 1:-1] = np.column_stack([X[:, live], *columns])
    Z[:, 1:-1] -= Z[:, 1:-1].mean(axis=0)
    Z[:, 1:-1] /= Z[:, 1:-1].std(axis=0)
    if case.task == "regression":
        Z[:, -1] = (y - y.mean()) / (y.std() or 1.0)
    else:
        pi = np.clip(held, _CLIP, 1 - _CLIP)
        root = np.sqrt(pi * (1 - pi))
        Z[:, -1] = (y - pi) / (pi * (1 - pi))
        Z *= root[:, None]
    grams = FoldGrams.of(Z, label, case.k, 1 + live.size)
    favour = np.array([_FAVOUR[t.kind] for t in terms])
    gain = cross_selected(grams, MOST_TERMS, favour)
    if case.task == "regression":
        fall, scale = gain.before - gain.after, float(np.nanmean(gain.before))
    else:
        fall, scale = (gain.before - gain.after) / 2, float(np.nanmean(case.scores["log_loss"]))
    if not scale > 0:
        return None
    return _Screen(
        tuple(terms), favour, grams, gain, scale, over_folds(fall / scale, case.spec.confidence)
    )


def _candidates(case: Case, X: np.ndarray, live: np.ndarray) -> list[Term]:
    with np.errstate(invalid="ignore"):
        t = np.nan_to_num(np.abs(case.fit.inference().statistic[1:]), nan=0.0)
    order = live[np.argsort(-t[live], kind="stable")]
    numeric = [j for j in order if case.design.kinds[j] in ("numeric", "term") and _varied(X[:, j])]
    terms = []
    for j in numeric[:_BENDING]:
        x, name = X[:, j], case.names[j]
        if case.design.kinds[j] == "numeric":
            if case.schema[case.design.origin[j]].minimum > 0 and _skew(x) > 1:
                terms.append(Term("log", (name,)))
            if _calm(x):
                terms.append(Term("square", (name,)))
            low, high = x.min(), x.max()
            for knot in dict.fromkeys(float(f"{q:.4g}") for q in np.quantile(x, (0.25, 0.5, 0.75))):
                if low < knot < high:
                    terms.append(Term("hinge", (name,), knot))
    crossing = [
        j
        for j in order
        if case.design.kinds[j] in ("level", "boolean")
        or (case.design.kinds[j] == "numeric" and _calm(X[:, j]))
    ]
    for a, i in enumerate(crossing[:_CROSSING]):
        for j in crossing[a + 1 : _CROSSING]:
            if case.design.origin[i] != case.design.origin[j]:
                terms.append(Term("product", (case.names[i], case.names[j])))
    known = set(case.names)
    return [t for t in terms if t.name not in known]


def _varied(x: np.ndarray) -> bool:
    return np.unique(x[:: max(1, len(x) // 2000)]).size > _DISTINCT


def _calm(x: np.ndarray) -> bool:
    return bool(np.abs(x - x.mean()).max() <= _FAR_OUT * x.std())


def _skew(x: np.ndarray) -> float:
    d = x - x.mean()
    return float(np.mean(d**3) / max(np.mean(d * d), 1e-300) ** 1.5)


def _values(term: Term, names: tuple[str, ...], X: np.ndarray) -> np.ndarray:
    x = X[:, names.index(term.columns[0])]
    match term.kind:
        case "square":
            return (x - x.mean()) ** 2  # beside x itself the same as x², and better conditioned
        case "log":
            return np.log(np.where(x > 0, x, np.nan))
        case "hinge":
            return np.maximum(x - (term.knot or 0.0), 0.0)
        case _:
            z = X[:, names.index(term.columns[1])]
            return (x - x.mean()) * (z - z.mean())


def _confirm(case: Case, screen: _Screen) -> Confirmed | None:
    terms, worth = _named(screen, case.task)
    if not terms:
        return None
    predicted = float(np.nanmean(screen.gain.trained))
    seen = screen.relative
    edit = {"terms": [{"kind": t.kind, "columns": t.columns, "knot": t.knot} for t in terms]}
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


def _half_fall(screen: _Screen) -> np.ndarray:
    """Classification: the training fall of the weighted squares as a share of the log loss."""
    return screen.gain.trained * screen.gain.before / 2 / screen.scale


def _named(screen: _Screen, task: str) -> tuple[list[Term], list[float]]:
    """Terms chosen on all rows that are worth naming, and what each adds held-out, in their order."""
    grams = screen.grams
    order, _ = forward(
        grams.G.sum(axis=0), float(grams.n.sum()), grams.base, MOST_TERMS, screen.favour
    )
    half = 1.0 if task == "regression" else 2.0
    kept: list[int] = []
    worth: list[float] = []
    last = float(np.nanmean(screen.gain.before))
    for i in order:
        now = float(np.nanmean(cross_selected(grams, 0, screen.favour, fixed=[*kept, i]).after))
        share = (last - now) / half / screen.scale
        if share >= WORTH_NAMING:
            kept.append(i)
            worth.append(share)
            last = now
    return [screen.terms[i] for i in kept], worth


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

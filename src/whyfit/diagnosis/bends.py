"""Columns of bends and products that might be added to a linear model, and what they would take of its held-out error.

Squares, logarithms, hinges at the quartiles and products of the columns with the largest t are candidates; every
training set chooses among them on its own (`probability.selection`). CA206 names what is found; PR303 asks whether
anything is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from whyfit.diagnosis.case import Case
from whyfit.probability.selection import FoldGrams, Gain, cross_selected, forward
from whyfit.probability.validation import Estimate, over_folds
from whyfit.spec import Term

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
class Screen:
    """Candidates, their Gram matrices per fold, and the fall of the held-out loss, relative to `scale`."""

    terms: tuple[Term, ...]
    favour: Float[np.ndarray, " t"]
    grams: FoldGrams
    gain: Gain
    scale: float  # held-out loss per row to which a fall is compared
    relative: Estimate


def screen_of(case: Case) -> Screen | None:
    """None where terms would say nothing: ridge, many columns, few rows, an exact fit."""
    if case.spec.ridge or not 0 < case.p <= _MOST_COLUMNS or case.linear.rank == 0:
        return None
    if not case.linear.rss > _EXACT * case.linear.tss:
        return None
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
    return Screen(
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


def named(screen: Screen, task: str) -> tuple[list[Term], list[float]]:
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


def edit_of(terms: list[Term]) -> dict[str, Any]:
    """The edit of a Spec that adds them."""
    return {"terms": [{"kind": t.kind, "columns": t.columns, "knot": t.knot} for t in terms]}

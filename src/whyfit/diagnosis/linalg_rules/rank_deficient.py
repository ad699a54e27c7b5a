"""A feature can be computed exactly from other features.

What it says

One column of the design is an exact combination of others: a copy, a copy in another unit, a sum and its parts,
the same category spelled as words and as numbers. The relation is written out with its coefficients.

The mathematics

Least squares solves (XᵀX) w = Xᵀy. If there is a vector v ≠ 0 with

    X v = 0          (every column centred)

then w and w + c·v give the same predictions for every c: the data say nothing about how the effect is shared among
the columns of v. The rank of X, the number of columns that are not combinations of others, is below p. whyfit
scales every column to unit length and measures the distance of each column to the span of the columns before
it. A column closer than 65,536 u = 7·10⁻¹² (u = 2⁻⁵³, what rounding alone can leave of a null distance) is left
out. The relation must then hold in every row up to rounding; that is the prediction, and it is checked row by
row. Reference: Golub & Van Loan (2013), Matrix Computations, §5.4 and §5.5.

Why it hurts

The coefficient of each column in the relation is arbitrary. Another program, or the same one on another machine,
may return a different split, even with opposite signs, and every one of them fits equally well. Standard errors
and p-values of these columns do not exist. Predictions are not affected as long as new rows obey the same relation.

What to do

Drop the redundant column: predictions stay the same, and each remaining coefficient is determined. Which of
two copies you keep is a question of meaning, not of fit. If all of them must stay, a ridge penalty makes the
split unique (it shares the effect out evenly), but that split is the penalty's choice, not the data's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.data.coding import MISSING
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import (
    columns_of,
    feature_of,
    features_of,
    shown_names,
    written,
)
from whyfit.diagnosis.finding import SEVERITIES, Evidence, Severity
from whyfit.diagnosis.measures import Measure, skill_of
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import latex, listed, plural, power
from whyfit.linalg.conditioning import correlation, live_columns
from whyfit.linalg.relations import Relation, participants, relation
from whyfit.linalg.solve import RANK_TOLERANCE

#: More groups of redundant columns than this are told in one finding.
MOST_FINDINGS = 5
#: Eigenvalues of a correlation matrix below this are zero to rounding: 1 − R² of an exact relation is about
#: 10⁻¹⁵ when it is computed from a Gram matrix (Higham 2002, §20.4).
_NULL = 1e-13


def undetermined(case: Case) -> Float[np.ndarray, " k"]:
    """Per training set, number of varying columns minus rank: coefficients the data do not determine."""
    out = np.zeros(case.k)
    if case.spec.ridge:
        return out
    for j in range(case.k):
        train = case.moments.without(j)
        live = np.flatnonzero(live_columns(train))
        if live.size:
            C = correlation(train.scatter)[np.ix_(live, live)]
            mu = np.linalg.eigvalsh(C)
            out[j] = int((mu <= _NULL * max(1.0, mu[-1])).sum())
    return out


UNDETERMINED = Measure("undetermined coefficients", undetermined, better="lower")


@dataclass(frozen=True, slots=True)
class _Group:
    """Dropped design columns whose relations involve the same features."""

    features: tuple[str, ...]
    relations: tuple[Relation, ...]


def check(case: Case) -> Iterator[Suspicion]:
    """Certain facts: the solver's own decisions on these data."""
    fit = case.linear
    live = live_columns(case.moments.total)
    gone = np.flatnonzero(fit.dropped & live)
    if case.spec.ridge or not gone.size or live.sum() >= case.n - 1:
        return  # with as many columns as rows the rule more-features-than-rows speaks
    groups = _groups(case, gone)
    ours = [g for g in groups if _severity(case, g.relations) != "error"]
    theirs = [g for g in groups if g not in ours]
    for some in (theirs, ours):
        if len(some) > (MOST_FINDINGS if some is theirs else 1):
            yield Suspicion(lambda some=some: _many(case, some))
            continue
        for group in some:
            yield Suspicion(lambda group=group: _one(case, group))


def _groups(case: Case, gone: np.ndarray) -> list[_Group]:
    C, kept = case.linear.correlation[:-1, :-1], np.flatnonzero(~case.linear.dropped)
    found: dict[frozenset[str], list[Relation]] = {}
    L = _factor(C[np.ix_(kept, kept)])
    for j in gone:
        before = int((kept < j).sum())
        known = None if L is None else L[:before, :before]
        few, _ = participants(C, int(j), kept[:before].tolist(), case.p, known)
        r = relation(case.sample.X, int(j), few)
        if not r.exact:  # a term too small to show in the Gram matrix takes part
            whole = relation(case.sample.X, int(j), kept[kept < j].tolist())
            r = whole if whole.exact else r
        found.setdefault(frozenset(features_of(case, r.columns)), []).append(r)
    return [
        _Group(features_of(case, [j for r in rs for j in r.columns]), tuple(rs))
        for rs in found.values()
    ]


def _factor(C: Float[np.ndarray, "k k"]) -> Float[np.ndarray, "k k"] | None:
    """Lower Cholesky factor; None where columns are so near to each other that there is none."""
    try:
        return np.linalg.cholesky(C)
    except np.linalg.LinAlgError:
        return None


def _redundant(case: Case, group: _Group) -> tuple[str, ...]:
    """What to drop: a whole feature the others determine, else the single design columns."""
    live = live_columns(case.moments.total)
    C = case.linear.correlation[:-1, :-1]

    def rank(columns: np.ndarray) -> int:
        if not columns.size:
            return 0
        mu = np.linalg.eigvalsh(C[np.ix_(columns, columns)])
        return int((mu > _NULL * max(1.0, mu[-1])).sum())

    everything = np.flatnonzero(live)
    full = rank(everything)
    own = [feature_of(case, r.column) for r in group.relations]
    for feature in dict.fromkeys([*reversed(own), *reversed(group.features)]):
        rest = np.setdiff1d(everything, columns_of(case, feature))
        if rest.size and rank(rest) == full:
            return (feature,)
    return tuple(case.names[r.column] for r in group.relations)


def _severity(case: Case, relations: Iterable[Relation]) -> Severity:
    """Columns that mark missing cells are whyfit's own: with them, nothing the user made is wrong."""
    worst: list[Severity] = []
    for r in relations:
        ours = [
            case.design.kinds[j] == "indicator" or case.names[j].endswith(f"={MISSING}")
            for j in r.columns
        ]
        worst.append("note" if all(ours) else "warning" if any(ours) else "error")
    return min(worst, key=SEVERITIES.index)


def _shortest(case: Case, relations: Iterable[Relation]) -> Relation:
    return min(
        relations, key=lambda r: (not r.exact, len(r.others), len(r.text(shown_names(case))))
    )


def _solved_for(case: Case, r: Relation, remove: tuple[str, ...]) -> Relation:
    """The same relation with the column that is to go on the left, if it reads as well."""
    if feature_of(case, r.column) in remove or case.names[r.column] in remove:
        return r
    for j in r.others:
        if feature_of(case, j) in remove:
            turned = relation(case.sample.X, j, [i for i in r.columns if i != j])
            return turned if turned.exact else r
    return r


def _one(case: Case, group: _Group) -> Confirmed:
    remove = _redundant(case, group)
    shortest = _solved_for(case, _shortest(case, group.relations), remove)
    text, count = written(case, shortest), len(group.relations)
    names = listed(group.features, 4)
    if len(group.features) == 1:
        message = f"{text}: the data do not determine these coefficients"
    elif count == 1:
        message = f"{text}: the data do not determine how they share the effect"
    else:
        message = f"{count} columns of {names} follow exactly from the others, e.g. {text}"
    return Confirmed(
        RULE.finding(
            _severity(case, group.relations),
            group.features,
            message,
            evidence=_evidence(case, count, shortest),
            prediction=_prediction(shortest),
            explains=("LA107",),
        ),
        (_drop(case, remove),),
    )


def _many(case: Case, groups: list[_Group]) -> Confirmed:
    relations = [r for g in groups for r in g.relations]
    best = _shortest(case, relations)
    severities: list[Severity] = [_severity(case, g.relations) for g in groups]
    worst: Severity = min(severities, key=SEVERITIES.index)
    features = tuple(dict.fromkeys(f for g in groups for f in g.features))
    remove = tuple(dict.fromkeys(f for g in groups for f in _redundant(case, g)))
    return Confirmed(
        RULE.finding(
            worst,
            features,
            f"{plural(len(relations), 'column')} follow exactly from others, e.g. {written(case, best)}",
            evidence=_evidence(case, len(relations), best),
            prediction=_prediction(best),
            explains=("LA107",),
        ),
        (_drop(case, remove),),
    )


def _drop(case: Case, remove: tuple[str, ...]) -> Proposal:
    return Proposal(
        f"drop {listed(remove, 4)}", {"drop": list(remove)}, UNDETERMINED, skill_of(case)
    )


def _prediction(r: Relation) -> str:
    where = (
        f"in all {plural(r.rows, 'row')}"
        if r.exact
        else f"in {r.holds:,} of {plural(r.rows, 'row')}"
    )
    return f"predicted residual ≤ {power(r.bound, 1)} (rounding)   observed {power(r.residual, 1)} {where}"


def _evidence(case: Case, count: int, r: Relation) -> tuple[Evidence, ...]:
    s = case.linear.solution
    live = int(live_columns(case.moments.total).sum())
    return (
        Evidence(
            "rank of the design",
            case.linear.rank,
            limit=live,
            formula=rf"\operatorname{{rank}} X = {case.linear.rank} < {live} = p",
            unit="columns",
        ),
        Evidence(
            "distance of a redundant column to the others' span",
            s.lost,
            limit=RANK_TOLERANCE,
            formula=rf"{latex(s.lost)} \le 65{{,}}536\,u = {latex(RANK_TOLERANCE)}",
            unit="of its length",
        ),
        Evidence(
            "smallest distance of a column that is kept",
            s.gap,
            limit=RANK_TOLERANCE,
            unit="of its length",
        ),
        Evidence("largest residual of the relation", r.residual, limit=r.bound, predicted=0.0),
        Evidence("undetermined coefficients", count, limit=0),
    )


RULE = Rule(
    "LA106",
    "rank-deficient",
    "linear algebra",
    "error",
    check,
    __doc__ or "",
    reference="Golub & Van Loan (2013), Matrix Computations, §5.4-5.5.",
)

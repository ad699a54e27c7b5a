"""Columns whose equal values may be groups of rows that depend on each other, and how much they do.

`Spec.groups`; else identifiers that repeat, categories most of whose levels have no column of their own, and columns
whose name says that they identify those who are observed, or (whole numbers) where they belong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from whyfit.data.coding import LevelCoding
from whyfit.data.grouping import labels_of
from whyfit.data.roles import id_like, words_of
from whyfit.data.schema import Column
from whyfit.diagnosis.working_errors import WIDENING, can_judge, errors_of, hat_factor, whitened
from whyfit.errors import InputError
from whyfit.probability.dependence import Intraclass, intraclass
from whyfit.probability.linear import LinearFit

if TYPE_CHECKING:
    from whyfit.diagnosis.case import Case

FEWEST_PAIRS = 30  # of rows in company; fewer say nothing
FEWEST_GROUPS = 5
_WORK = 2e9  # multiplications for the leverage of every row
MOST_HELD = 0.9  # of its own fit that a group can hold; the formula ends at 1
MOST_GROUPS = 8  # columns looked at: each is one more hypothesis
#: Words in the name of a column that identifies those who are observed, and further ones that tell where they belong.
_UNITS = frozenset((
    "account", "animal", "borrower", "client", "customer", "device", "donor", "driver",
    "employee", "household", "individual", "litter", "member", "mother", "participant",
    "patient", "person", "plant", "player", "rater", "respondent", "student", "subject", "unit",
    "user", "worker",
))  # fmt: skip
_COUNTS = frozenset(("n", "no", "nr", "num", "number", "count", "total", "mean", "avg"))
_PLACES = frozenset((
    "batch", "block", "business", "cage", "city", "classroom", "clinic", "cluster", "community",
    "company", "country", "county", "district", "doctor", "experiment", "factory", "family",
    "farm", "field", "firm", "group", "hospital", "house", "judge", "lab", "laboratory",
    "location", "lot", "machine", "movie", "neighborhood", "neighbourhood", "operator",
    "organization", "plot", "product", "region", "school", "seller", "sensor", "session", "shop",
    "site", "sire", "species", "state", "station", "store", "supplier", "teacher", "team",
    "tract", "trial", "village", "ward", "zip", "zipcode",
))  # fmt: skip


@dataclass(frozen=True, eq=False)
class GroupLook:
    """Groups of a column: `label` of the sampled rows, and of all rows the number of groups and the size m* = Σm²/n of
    the group of a row.

    `base` is the case without the column where it is a feature, and what the rest is about. `coded`: most values have a
    coefficient of their own; then errors are those of `base` too.
    `shared` is what company in training is worth: ½ Σ_g m_g (1/(1 − λ_g) − (1 − λ_g)), λ_g = Σ_{i≠k in g} H_ik / m_g, H
    the hat matrix; to first order Σ_g Σ_{i≠k in g} H_ik.
    """

    name: str
    intraclass: Intraclass
    label: Int[np.ndarray, " s"]
    number: int
    size: float
    shared: float
    coded: bool
    base: Case

    @property
    def limit(self) -> float:
        """The intraclass correlation that makes the standard error of a mean too small by a tenth."""
        return min((WIDENING**2 - 1) / max(self.size - 1, 1e-9), 1.0)

    @property
    def p_value(self) -> float:
        """Of "the intraclass correlation is at most `limit`"."""
        return self.intraclass.p_above(self.limit)


def groups_in(case: Case, coded_only: bool = False) -> list[GroupLook]:
    looks = []
    for column, coded in group_columns(case):
        if coded_only and not coded:
            continue
        try:
            label = labels_of(case.table, column.name)
        except InputError:  # values that were not kept
            continue
        count = np.bincount(label)
        number, size = count.size, float(count @ count) / label.size
        mine = label[case.sample.index]
        company = np.bincount(mine)
        pairs = int((company * (company - 1) // 2).sum())
        if number < FEWEST_GROUPS or pairs < FEWEST_PAIRS or size > case.n / 2:
            continue
        base = _base(case, column.name, coded)
        if base is None or not can_judge(base):
            continue
        share, judged = case.sample.share, base if coded else case
        e, D, A = _of_rows(case, judged)
        t, shared = _hat_in_groups(judged, D, A, mine, share)
        if base is not judged:
            shared = _hat_in_groups(base, *_of_rows(case, base)[1:], mine, share)[1]
        look = intraclass(mine, e, (t, (judged.fit.rank + 1) * share))
        looks.append(GroupLook(column.name, look, mine, number, size, shared, coded, base))
    return looks


def _base(case: Case, name: str, coded: bool) -> Case | None:
    """The case without the column, if it is a feature: that costs least squares no pass over the rows."""
    number = name in case.design.sources and case.loss == "squared"
    if not (coded or number):
        return case
    try:
        return case.rerun({"drop": [name]})
    except InputError:  # it is the only one
        return None if coded else case


def _of_rows(case: Case, base: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors of `base` in the sampled rows of `case`, and z and A of its hat matrix (see `whitened`).

    Least squares without a column needs no other z: its coefficient is 0, and so are row and column of A.
    """
    s, fit, whole = case.sample, base.fit, case.fit
    if isinstance(fit, LinearFit) and isinstance(whole, LinearFit):
        place = {name: j for j, name in enumerate(case.names)}
        names = [n for n, gone in zip(base.names, fit.dropped, strict=True) if not gone]
        if set(names) <= set(place) and not whole.dropped[[place[n] for n in names]].any():
            kept = np.cumsum(~whole.dropped)
            at = np.array([0, *(kept[place[n]] for n in names)])
            small, D = hat_factor(base), _centred(case)
            A = np.zeros((D.shape[1], D.shape[1]))
            A[np.ix_(at, at)] = small
            coef = np.zeros(D.shape[1])
            coef[at[1:]] = fit.coef[~fit.dropped]
            return s.y - fit.mean[-1] - D @ coef, D, A
    X = s.X if base is case else base.sample.X
    return errors_of(base, X, s.y), whitened(base, X, s.y), hat_factor(base)


def _centred(case: Case) -> Float[np.ndarray, "s c"]:
    """z of the sampled rows, once for all groups."""
    return case.remembered("centred rows", lambda: whitened(case, case.sample.X, case.sample.y))


def _hat_in_groups(
    case: Case,
    D: Float[np.ndarray, "s c"],
    A: Float[np.ndarray, "c c"],
    label: Int[np.ndarray, " s"],
    share: float,
) -> tuple[float, float]:
    """tr(PH) of the sampled rows, P the projection on group means, and what company is worth (`GroupLook.shared`)."""
    order = np.argsort(label, kind="stable")
    starts, size = np.unique(label[order], return_index=True, return_counts=True)[1:]
    Z = np.add.reduceat(D[order], starts, axis=0)
    q = np.einsum("gi,ij,gj->g", Z, A, Z, optimize=True)
    between = float((q / size).sum())
    if share < 1 or len(D) * len(A) ** 2 > _WORK:  # many rows or groups: first order will do
        return between, (float(q.sum()) - (case.fit.rank + 1) * share) / share**2
    h = np.einsum("ij,ij->i", D @ A, D)
    together = q - np.add.reduceat(h[order], starts)
    own = np.clip(together / size * case.k / (case.k - 1), 0.0, MOST_HELD)  # in training sets
    return between, float((size * (1 / (1 - own) - (1 - own))).sum()) / 2


def group_columns(case: Case) -> list[tuple[Column, bool]]:
    """Columns that may name groups, and whether each value has a coefficient; at most MOST_GROUPS."""
    spec, schema = case.spec, case.schema
    if spec.groups is not None:
        return [(schema[spec.groups], False)]
    own = {
        c.name: _own_share(schema[c.name], c)
        for c in case.design.codings
        if isinstance(c, LevelCoding) and c.name in case.design.sources
    }
    found = []
    for column in schema.columns:
        if column.name == spec.target or column.name == spec.order:
            continue
        coded = own.get(column.name, 0.0) > 0.5
        match column.role:
            case "identifier":
                fits = True
            case "categorical":
                fits = (own.get(column.name, 0.0) < 1 and not coded) or names_units(column.name)
            case "numeric":
                fits = column.integral and (names_units(column.name) or names_places(column.name))
            case _:
                fits = False
        if fits:
            found.append((column, coded))
    found.sort(key=lambda pair: not names_units(pair[0].name))
    return found[:MOST_GROUPS]


def _own_share(column: Column, coding: LevelCoding) -> float:
    """Share of the rows whose level has a coefficient of its own, or is the reference."""
    kept = {coding.levels.reference, *coding.levels.kept}
    counts = zip(column.levels, column.counts, strict=True)
    return sum(n for t, n in counts if t in kept) / max(sum(column.counts), 1)


def names_units(name: str) -> bool:
    """Whether the name says that values identify those who are observed: patient_id, Subject, user ..."""
    return id_like(name) or _last_word(name) in _UNITS


def names_places(name: str) -> bool:
    """Whether the name says that values tell where units belong: school, site, zip ..."""
    return _last_word(name) in _PLACES


def _last_word(name: str) -> str:
    """ "" for a number of something. A plural is one as well: the households of a district."""
    words = words_of(name)
    return "" if not words or words[0] in _COUNTS else words[-1]


def demeaned(look: GroupLook, e: Float[np.ndarray, " s"]) -> Float[np.ndarray, " s"]:
    """Errors of the sampled rows less the mean of their group."""
    size = np.maximum(np.bincount(look.label), 1)
    return e - (np.bincount(look.label, weights=e) / size)[look.label]

"""Rows are copies of other rows, more of them than chance makes.

What it says

Some rows repeat an earlier row in every feature and in the target, and they are more than the number of different
values in the columns would give by chance. They count as observations of their own, although they may say nothing new.

The mathematics

Cells are compared exactly, by a 64-bit hash of the row. What chance makes is counted on the table itself: if D pairs of
rows differ in column j alone, and pairs that differ in one other column agree in j with probability q, then

    pairs of equal rows by chance = D q / (1 − q)

A table of a few coarse columns is full of equal rows by nature, and the formula says so. The finding is made where
the pairs surely exceed three times that number. Two things follow from m copies too many among n rows:

    standard errors      if copies are no new observations, they are too narrow by the factor √(n/(n − m))
    held-out score       a row held out while t copies of it are trained on has the residual r = r'(1 − t h), h the
                         leverage of one such row and r' the residual without its copies (Sherman-Morrison)

The second gives the score with copies kept in one fold before it is measured; then it is measured.
Reference: Kapoor & Narayanan (2023), Patterns 4(9), 100804, on duplicates among the causes of leakage.

Why it hurts

Intervals are narrower than the data deserve. A held-out score is an answer given away: little for a linear model of
many rows, everything for a nearest neighbour, a deep tree or a network, which know a row that they have seen.

What to do

Find out where they come from. An export run twice, a join on a key that repeats, one message sent to many: keep one of
each. Independent observations that happen to agree, such as repeated measurements, stay; hold them out together
(group_copies), so that the score speaks about rows not seen before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from whyfit.data.folds import fold_of
from whyfit.data.repeats import (
    Groups,
    RowKeys,
    column_hashes,
    compared,
    groups_of,
    part_of,
    row_keys,
)
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import Measure, skill_of
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.trial import RELEVANT_LOSS
from whyfit.diagnosis.words import between, listed, percent, plural, signed
from whyfit.diagnosis.working_errors import WIDENING
from whyfit.errors import InputError
from whyfit.probability.coincidence import MOST_CELLS, MOST_COLUMNS, Coincidences, coincidences
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.straddling import leverages, log_loss_change, squared_error_change
from whyfit.probability.validation import over_folds

#: Pairs beyond this multiple of what chance makes: columns that hang together in groups of rows (families, machines)
#: bring more chance pairs than those of single columns tell; simulated latent classes stay below 2 (whyfit's design).
CHANCE_FACTOR = 3.0
#: Copies that are worth a word: this share of the rows, or this many (whyfit's design).
SHARE = 0.01
FEWEST = 20
_SHOWN = 3


@dataclass(frozen=True)
class _Copies:
    """Rows equal in features and target (`whole`) or in features (`alike`), and what chance would make."""

    keys: RowKeys
    whole: Groups
    alike: Groups
    chance: Coincidences

    @property
    def limit(self) -> float:
        """Pairs of equal rows that may still be chance."""
        return max(self.chance.upper, CHANCE_FACTOR * self.chance.expected)

    @property
    def excess(self) -> float:
        """Surplus rows beyond those the limit would make, in proportion to the pairs."""
        return self.whole.surplus * max(0.0, 1 - self.limit / max(self.whole.pairs, 1))

    @property
    def p_value(self) -> float:
        """Of so many surplus rows if pairs were as many as the limit says (Poisson)."""
        m, pairs = self.whole.surplus, self.whole.pairs
        if not m or not np.isfinite(self.limit):
            return 1.0
        return float(special.gammainc(m, m * self.limit / pairs))


def check(case: Case) -> Iterator[Suspicion]:
    """One hypothesis: there are no more equal rows than chance makes."""
    columns = compared(case.table, case.spec)
    if not columns:
        return
    keys = row_keys(case.table, case.design, columns)
    whole = groups_of(keys.whole)
    m, n = whole.surplus, len(keys.index)
    if m < min(FEWEST, SHARE * n):
        yield Suspicion(lambda: None, 1.0)
        return
    taken, share = _part(keys, len(columns) + 1)
    hashes = column_hashes(case.table, (*columns, case.schema[case.spec.target]), keys.index[taken])
    found = _Copies(keys, whole, groups_of(keys.features), coincidences(hashes, share))
    many = found.excess >= min(FEWEST, SHARE * n) and found.excess >= 2
    yield Suspicion(lambda: _confirm(case, found) if many else None, found.p_value)


def _part(keys: RowKeys, columns: int) -> tuple[np.ndarray, float]:
    """Rows to count pairs in, taken by key so that equal rows stay together, and their share."""
    n, most = len(keys.index), MOST_CELLS // min(columns, MOST_COLUMNS)
    if n <= most:
        return np.arange(n), 1.0
    share = most / n
    return np.flatnonzero(part_of(keys.whole, share)), share


def _confirm(case: Case, found: _Copies) -> Confirmed | None:
    n, m = len(found.keys.index), found.whole.surplus
    widening = float(np.sqrt(n / (n - m)))
    apart = _apart(case, found)
    if apart is not None and apart.refuted:
        return None
    said = apart.said if apart is not None else _share_said(case, found)
    warn = widening >= WIDENING or (apart is not None and apart.high < -RELEVANT_LOSS)
    target = case.spec.target
    chance = found.chance.expected * m / found.whole.pairs
    by = "under 1" if chance < 1 else f"about {chance:,.0f}"
    message = (
        f"{m:,} of {plural(n, 'row')} ({percent(m / n)}) repeat an earlier row in every feature and in {target}"
        f" ({by} by chance), e.g. {_examples(found)}"
    )
    return Confirmed(
        RULE.finding(
            "warning" if warn else "note",
            (),
            message,
            evidence=_evidence(case, found, widening, apart),
            prediction=said,
        ),
        (
            Proposal(
                "hold copies out together (group_copies)",
                {"group_copies": True},
                _straddling(found.keys, found.alike),
            ),
        )
        if not case.spec.group_copies
        else (),
    )


def _examples(found: _Copies) -> str:
    groups, rows = found.whole, found.keys.index
    later = groups.places != groups.first
    first, at = np.unique(groups.first[later], return_index=True)
    few = [
        f"{rows[a] + 1} = {rows[b] + 1}"
        for a, b in zip(first[:_SHOWN], groups.places[later][at[:_SHOWN]], strict=True)
    ]
    return f"row{'s' * (len(few) > 1)} {listed(few)}"


# -- copies on both sides of a fold ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Apart:
    """The held-out score with copies kept in one fold, less that without: predicted and observed."""

    name: str
    predicted: float
    observed: float
    low: float
    high: float

    @property
    def refuted(self) -> bool:
        """Whether the observed change is another one than theory says, by a relevant amount."""
        return not self.low - RELEVANT_LOSS <= self.predicted <= self.high + RELEVANT_LOSS

    @property
    def said(self) -> str:
        seen = f"observed {signed(self.observed, 4)} {between(self.low, self.high, 4)}"
        return f"predicted {self.name} {signed(self.predicted, 4)} with copies held out together   {seen}"


def _apart(case: Case, found: _Copies) -> _Apart | None:
    # a group larger than a fold makes other folds of it: nothing that one row's leverage tells
    small = found.alike.sizes.max() * case.k <= len(found.keys.index)
    predicted = _predicted(case, found) if small and not case.spec.group_copies else None
    if predicted is None:
        return None
    try:
        together = case.rerun({"group_copies": True})
    except InputError:
        return None
    if together.k != case.k:
        return None
    loss = "mse" if case.task == "regression" else "log_loss"
    fall = (case.scores[loss] - together.scores[loss]) / _loss_of_nothing(case)
    seen = over_folds(fall, case.spec.confidence)
    if not np.isfinite([seen.value, seen.low, seen.high]).all():
        return None
    return _Apart(skill_of(case).name, predicted, seen.value, seen.low, seen.high)


def _loss_of_nothing(case: Case) -> float:
    """Variance of y, or entropy of the classes: one for all folds, since grouping changes how much a fold varies."""
    total = case.moments.total
    if case.task == "regression":
        return float(total.scatter[-1, -1] / total.n)
    rate = float(np.clip(total.mean[-1], 1e-12, 1 - 1e-12))
    return float(-rate * np.log(rate) - (1 - rate) * np.log(1 - rate))


def _predicted(case: Case, found: _Copies) -> float | None:
    """Change of R² or skill by the update formula, from the sampled rows.

    None for several classes or another loss, and for a likelihood without a maximum: one Newton step says nothing
    there.
    """
    s = case.sample
    t = np.zeros(len(found.keys.index))
    t[found.whole.places] = _in_training(case, found.keys, found.whole)
    copies = t[np.searchsorted(found.keys.index, s.index)]
    share = 1 - 1 / case.k
    if case.loss == "squared":
        h = leverages(s.X, case.linear.V, share)
        change = squared_error_change(s.y - case.held_out, h, copies)
    elif isinstance(case.fit, LogisticFit) and case.fit.converged:
        q = leverages(s.X, case.fit.covariance, share)
        change = log_loss_change(s.y, case.held_out, q, copies)
    else:
        return None
    scale = _loss_of_nothing(case)
    fall = -float(change.mean()) / scale if scale > 0 else float("nan")
    return fall if np.isfinite(fall) else None


def _folds(case: Case, keys: RowKeys) -> Int[np.ndarray, " n"]:
    folds = fold_of(keys.index, case.k, case.spec.seed)
    if case.design.assignment is not None:
        case.design.assignment.write(keys.index, folds)
    return folds


def _in_training(case: Case, keys: RowKeys, groups: Groups) -> Float[np.ndarray, " c"]:
    """For each row that has copies, how many of them are in other folds."""
    fold, group = _folds(case, keys)[groups.places], groups.number
    table = np.zeros((len(groups.sizes), case.k))
    np.add.at(table, (group, fold), 1)
    return table.sum(axis=1)[group] - table[group, fold]


def _shares(case: Case, found: _Copies) -> tuple[float, float]:
    """Share of rows held out while an equal one is trained on: seen, and expected of folds drawn at random."""
    n, m = len(found.keys.index), found.alike.sizes
    seen = float((_in_training(case, found.keys, found.alike) > 0).sum()) / n
    return seen, float((m * (1 - (1 / case.k) ** (m - 1.0))).sum()) / n


def _share_said(case: Case, found: _Copies) -> str:
    if case.spec.group_copies:
        return ""
    seen, expected = _shares(case, found)
    return (
        f"predicted {percent(expected)} of the held-out rows with a copy in training"
        f"   observed {percent(seen)}"
    )


def _straddling(keys: RowKeys, groups: Groups) -> Measure:
    """Share of each fold's rows with an equal row in training; the same rows under any grouping of folds."""

    def of(case: Case) -> Float[np.ndarray, " k"]:
        folds = _folds(case, keys)
        both = np.zeros(len(folds))
        both[groups.places] = _in_training(case, keys, groups) > 0
        rows = np.bincount(folds, minlength=case.k)
        return np.bincount(folds, both, minlength=case.k) / np.maximum(rows, 1)

    return Measure("held-out rows with a copy in training", of, "lower")


def _evidence(case: Case, found: _Copies, widening: float, apart: _Apart | None):
    n, m, sizes = len(found.keys.index), found.whole.surplus, found.whole.sizes
    yield Evidence("rows that repeat an earlier row", m, unit="rows")
    yield Evidence(
        "pairs of equal rows",
        found.whole.pairs,
        limit=found.limit,
        predicted=found.chance.expected,
        formula=rf"D\,\frac{{q}}{{1-q}} = {found.chance.expected:.4g}",
        unit="pairs",
    )
    yield Evidence("rows of the largest group", int(sizes.max()), unit="rows")
    yield Evidence("rows with the features of an earlier row", found.alike.surplus, unit="rows")
    yield Evidence(
        "standard errors too narrow, if copies are no new observations",
        widening,
        limit=WIDENING,
        formula=rf"\sqrt{{\frac{{n}}{{n-m}}}} = \sqrt{{\frac{{{n}}}{{{n - m}}}}} = {widening:.4g}",
        unit="×",
    )
    if not case.spec.group_copies:
        seen, expected = _shares(case, found)
        yield Evidence(
            "held-out rows with a copy in training",
            seen,
            predicted=expected,
            formula=r"\frac{1}{n}\sum_g m_g\,(1 - k^{1-m_g})",
            unit="of the rows",
        )
    if apart is not None:
        yield Evidence(
            f"change of {apart.name} with copies held out together",
            apart.observed,
            low=apart.low,
            high=apart.high,
            predicted=apart.predicted,
            formula=r"r' = r/(1 - t\,h)",
        )


RULE = Rule(
    "LA104",
    "duplicate-rows",
    "linear algebra",
    "warning",
    check,
    __doc__ or "",
    reference="Kapoor & Narayanan (2023), Patterns 4(9), 100804.",
)

"""A category has levels of so few rows that nothing can be said about them.

What it says

Some levels of a category have a coefficient of their own whose interval covers everything that could be true, or a
category spends dozens of columns and tells nothing, or nearly all of its levels were too rare to have a column at all.

The mathematics

A category with L levels becomes L − 1 columns of 0 and 1. With n_l rows in level l and n_0 in the reference level the
difference between the two has, beside other columns unrelated to them, the standard error

    regression        se = σ √(1/n_l + 1/n_0)
    classification    se ≈ √(1/(n_l π_l(1 − π_l)) + 1/(n_0 π_0(1 − π_0)))   on the log odds, π_l the base rate in l

A level says nothing if it has at most 30 rows and its interval is wider than the outcome itself: from one standard
deviation below to one above, 2 s_y, or 2π/√3 = 3.6 on the log odds (π/√3 is the standard deviation of a logistic
error). What q such columns are worth before any row is held out is known from the fit: by Mallows' Cp

    held-out R² with them − without ≈ (RSS' − RSS − 2qσ̂²)/TSS

(by Akaike's criterion for a likelihood), and it is then measured. The finding is made only if merging the levels does
not cost 0.01 of held-out R² or skill, and of a whole category only if leaving it out surely costs less than that.
References: Mallows (1973), Technometrics 15, 661-675; Agresti (2013), Categorical Data Analysis, §5.3.

Why it hurts

The table of coefficients reads as if a village of eleven houses had an effect. Each column costs about σ²/n of held-out
error, new rows of a rare level get a guess with a name, and levels that never meet one class have no estimate at all.

What to do

Merge rare levels, into one (rare_level does it for all categories) or, better, into what they have in common: country
into continent, postcode into district. A category of hundreds of levels is better told by numbers that belong to its
levels, such as size, income or distance, than by the names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from whyfit.data.coding import RARE, LevelCoding
from whyfit.data.schema import Column
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import columns_of
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import Measure, skill_of
from whyfit.diagnosis.nested import expected_gain
from whyfit.diagnosis.rule import OF_LEAST_SQUARES, Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.trial import RELEVANT_LOSS, paired
from whyfit.diagnosis.words import between, listed, number, percent, plural, signed
from whyfit.errors import InputError
from whyfit.linalg.conditioning import live_columns
from whyfit.probability.logistic import LogisticFit

#: An interval this many standard deviations of the outcome wide covers everything: one below to one above the middle.
SPANS = 2.0
#: Standard deviation of a standard logistic variable, the error of the log odds.
LOGISTIC_SD = float(np.pi / np.sqrt(3))
#: Few rows: up to thirty a proportion is known to ± 0.18 at best, ± two standard errors (whyfit's design).
FEW_ROWS = 30
#: Columns of one category from which it is worth asking what they buy (whyfit's design).
MANY_COLUMNS = 20
#: Share of the rows in merged levels from which the category as such is lost.
MOSTLY_MERGED = 0.5
MOST_FINDINGS = 2


def check(case: Case) -> Iterator[Suspicion]:
    """Certain facts about the coding; what they cost is measured before anything is said. Once per category."""
    if case.spec.ridge or case.n < 2 * FEW_ROWS:
        return
    many = sorted(_categories(case), key=lambda c: -len(c[1].levels.names))
    idle = [column for column, _ in many if _idle(case, column)]
    for column in idle[:MOST_FINDINGS]:
        yield Suspicion(lambda column=column: _confirm_idle(case, column))
    merged = [
        (column, coding)
        for column, coding in many
        if column not in idle and _merged_share(column, coding) > MOSTLY_MERGED
    ]
    for column, coding in merged[:MOST_FINDINGS]:
        yield Suspicion(lambda column=column, coding=coding: _confirm_merged(case, column, coding))
    said = {c.name for c in idle} | {c.name for c, _ in merged}
    wide = [v for v in _wide_levels(case) if v.feature not in said]
    if wide:
        yield Suspicion(lambda: _confirm_wide(case, wide))


def _categories(case: Case) -> Iterator[tuple[Column, LevelCoding]]:
    for coding in case.design.codings:
        if isinstance(coding, LevelCoding) and columns_of(case, coding.name):
            yield case.schema[coding.name], coding


@dataclass(frozen=True, slots=True)
class _Change:
    """Of the held-out score once an edit is made: as the fit tells, and as measured."""

    name: str
    predicted: float
    observed: float
    low: float
    high: float

    @classmethod
    def of(cls, case: Case, simpler: Case) -> _Change:
        measure = skill_of(case)
        seen = paired(measure.of(case), measure.of(simpler), measure, case.spec.confidence)
        return cls(
            measure.name, -expected_gain(simpler, case), seen.difference, seen.low, seen.high
        )

    @property
    def harmless(self) -> bool:
        """Whether the edit surely costs less than a relevant amount."""
        return self.low > -RELEVANT_LOSS

    @property
    def refuted(self) -> bool:
        """Whether "it costs nothing" is wrong: a relevant loss, or a certain one."""
        return not (self.observed > -RELEVANT_LOSS and self.high >= 0)

    def said(self, done: str) -> str:
        seen = f"observed {signed(self.observed, 4)} {between(self.low, self.high, 4)}"
        if not np.isfinite(self.predicted):
            return ""
        return f"predicted {self.name} {signed(self.predicted, 4)} {done}   {seen}"

    def evidence(self, done: str) -> Evidence:
        return Evidence(
            f"change of {self.name} {done}",
            self.observed,
            low=self.low,
            high=self.high,
            predicted=self.predicted if np.isfinite(self.predicted) else None,
        )


def _simpler(case: Case, edit: dict[str, Any]) -> Case | None:
    try:
        other = case.rerun(edit)
        return other if other.design.n_used == case.design.n_used and other.k == case.k else None
    except InputError:
        return None


# -- levels whose interval covers everything ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Level:
    feature: str
    level: str
    rows: int
    width: float
    std_error: float


def _spread(case: Case) -> float:
    """One standard deviation of the outcome, on the scale of the coefficients."""
    if case.task == "binary":
        return LOGISTIC_SD
    return float(np.sqrt(case.linear.tss / max(case.n - 1, 1)))


def _wide_levels(case: Case) -> list[_Level]:
    fit = case.fit
    if case.loss not in OF_LEAST_SQUARES:
        return []  # coefficients are not in units of the target
    if isinstance(fit, LogisticFit) and not fit.converged:
        return []  # levels without one of the classes: separable-classes speaks
    inference = case.linear.inference(case.spec.confidence)
    if isinstance(fit, LogisticFit):
        inference = fit.inference(case.spec.confidence)
    limit, place = SPANS * _spread(case), {name: i for i, name in enumerate(inference.names)}
    out = []
    for column, coding in _categories(case):
        rows = dict(zip(column.levels, column.counts, strict=True))
        for level in coding.levels.kept:
            i = place.get(f"{column.name}={level}")
            if i is None or rows.get(level, 0) > FEW_ROWS:
                continue
            width = float(inference.high[i] - inference.low[i])
            if width >= limit:  # false for NaN
                se = float(inference.std_error[i])
                out.append(_Level(column.name, level, rows[level], width, se))
    return sorted(out, key=lambda v: -v.width)


def _confirm_wide(case: Case, wide: list[_Level]) -> Confirmed | None:
    least = max(v.rows for v in wide) + 1
    edit = {"rare_level": least}
    merged = _simpler(case, edit) if least > case.spec.rare_level else None
    change = _Change.of(case, merged) if merged is not None else None
    if change is None or change.refuted:
        return None
    limit, worst = SPANS * _spread(case), wide[0]
    features = tuple(dict.fromkeys(v.feature for v in wide))
    named = [f"{v.feature}={v.level}" for v in wide]
    few, most = min(v.rows for v in wide), max(v.rows for v in wide)
    rows = plural(few, "row") if few == most else f"{few} to {most} rows"
    unit = "log odds" if case.task == "binary" else case.spec.target
    have = "has" if len(wide) == 1 else "have"
    done = f"with levels below {least} rows merged"
    return Confirmed(
        RULE.finding(
            "note",
            features,
            f"{listed(named, 3)} {have} {rows}: the interval of {worst.level} is {number(worst.width, 3)}"
            f" wide in {unit} (limit {number(limit, 3)}), as wide as the outcome",
            evidence=(
                *(
                    Evidence(
                        f"width of the interval of {v.feature}={v.level}",
                        v.width,
                        limit=limit,
                        formula=rf"2 t \cdot se = 2 t \cdot {v.std_error:.3g},\quad n_l = {v.rows}",
                    )
                    for v in wide[:8]
                ),
                Evidence("levels of which nothing can be said", len(wide), unit="levels"),
                change.evidence(done),
            ),
            prediction=change.said(done),
        ),
        (
            Proposal(
                f"merge levels of fewer than {least} rows (rare_level)",
                edit,
                _widest_level(features),
                skill_of(case),
            ),
        ),
    )


def _widest_level(features: tuple[str, ...]) -> Measure:
    """Per training set, the largest standard error of a level of `features` in units of σ: √((XᶜᵀXᶜ)⁻¹_jj)."""

    def of(case: Case) -> Float[np.ndarray, " k"]:
        names = [n for f in features for n in (case.names[j] for j in columns_of(case, f))]
        own = np.array([n in names for n in case.names], dtype=bool)
        out = np.full(case.k, np.nan)
        for j in range(case.k):
            train = case.moments.without(j)
            live = live_columns(train) & ~case.linear.dropped
            if not (live & own).any():
                continue
            S = train.scatter[:-1, :-1][np.ix_(live, live)]
            d = np.sqrt(np.diag(S))
            G = np.linalg.pinv(S / d / d[:, None], hermitian=True)
            out[j] = np.sqrt((np.diag(G) / d**2)[own[live]].max())
        return out

    return Measure("largest standard error of a level", of, "lower", "ratio")


# -- many columns that buy nothing -------------------------------------------------------------------


def _idle(case: Case, column: Column) -> bool:
    """Whether the columns of a category are many and, by Mallows' Cp, worth less than a relevant amount."""
    if len(columns_of(case, column.name)) < MANY_COLUMNS:
        return False
    without = _simpler(case, {"drop": [column.name]})
    if without is None:
        return False
    a, b = without.linear, case.linear
    gain = (a.rss - b.rss - 2 * (b.rank - a.rank) * b.sigma2) / b.tss if b.tss > 0 else np.inf
    return bool(gain < RELEVANT_LOSS)


def _confirm_idle(case: Case, column: Column) -> Confirmed | None:
    edit = {"drop": [column.name]}
    without = _simpler(case, edit)
    change = _Change.of(case, without) if without is not None else None
    if change is None or without is None or not change.harmless:
        return None
    q, levels = case.p - without.p, len(column.levels)
    done = f"without {column.name}"
    return Confirmed(
        RULE.finding(
            "note",
            (column.name,),
            f"{plural(q, 'column')} for {plural(levels, 'level')} of {column.name} tell next to nothing about"
            f" {case.spec.target}: {change.name} {signed(change.observed)} without them",
            evidence=(
                Evidence("columns of the category", q, limit=MANY_COLUMNS, unit="columns"),
                Evidence("rows per column", case.n / max(q, 1), unit="rows"),
                change.evidence(done),
            ),
            prediction=change.said(done),
        ),
        (Proposal(f"drop {column.name}", edit, skill_of(case)),),
    )


# -- a category that is nearly all "(rare)" ----------------------------------------------------------


def _merged_share(column: Column, coding: LevelCoding) -> float:
    """Share of the cells whose level was merged into "(rare)"; 0 for a category of few levels."""
    if not coding.levels.rare or len(column.levels) < MANY_COLUMNS:
        return 0.0
    kept = {coding.levels.reference, *coding.levels.kept}
    rows = sum(n for t, n in zip(column.levels, column.counts, strict=True) if t not in kept)
    return rows / max(sum(column.counts), 1)


def _confirm_merged(case: Case, column: Column, coding: LevelCoding) -> Confirmed | None:
    """Said whether or not separate levels would help; the trial tells which."""
    share = _merged_share(column, coding)
    kept = {coding.levels.reference, *coding.levels.kept}
    gone = sum(t not in kept for t in column.levels)
    edit = {"drop": [column.name]}
    without = _simpler(case, edit)
    change = _Change.of(case, without) if without is not None else None
    if change is None or not change.harmless:
        return None
    done = f"without {column.name}"
    rare = sum(n < case.spec.rare_level for n in column.counts)
    few = rare >= gone / 2
    why = (
        "have too few rows for a column"
        if few
        else f"are more than max_levels, {case.spec.max_levels}"
    )
    return Confirmed(
        RULE.finding(
            "note",
            (column.name,),
            f"{gone:,} of {plural(len(column.levels), 'level')} of {column.name} {why}: {RARE}"
            f" holds {percent(share)} of the rows, and the names are lost",
            evidence=(
                Evidence(
                    "share of rows in merged levels", share, limit=MOSTLY_MERGED, unit="of the rows"
                ),
                Evidence("levels merged", gone, unit="levels"),
                Evidence("rows per level", sum(column.counts) / len(column.levels), unit="rows"),
                change.evidence(done),
            ),
            prediction=change.said(done),
        ),
        (Proposal(f"drop {column.name}", edit, skill_of(case)),),
    )


RULE = Rule(
    "LA114",
    "rare-category",
    "linear algebra",
    "note",
    check,
    __doc__ or "",
    reference="Agresti (2013), Categorical Data Analysis, §5.3.",
    tasks=("regression", "binary"),
)

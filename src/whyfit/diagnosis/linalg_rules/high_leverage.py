"""A few rows lie so far out that they hold half of what the data say about a coefficient.

What it says

One row, or up to five, lie so far from the others in a feature that its coefficient is mostly theirs: without them it
is another one, by more than a standard error.

The mathematics

With x̃ᵢ = (1, xᵢ) and V = (X̃ᵀX̃)⁻¹ the leverage hᵢ = x̃ᵢᵀ V x̃ᵢ of a row depends on its position only, not on y. The h sum
to p + 1; a row above 2(p + 1)/n to 3(p + 1)/n is called far out (Hoaglin & Welsch 1978). Skewed columns have many of
those and most do no harm, so whyfit asks how much of *one* coefficient a row holds. Let r be what the other features
leave of the feature. Then

    φᵢ = rᵢ²/Σr² = (X̃V)ᵢⱼ²/Vⱼⱼ,    Σ φᵢ = 1,    hᵢ ≥ φᵢ

is the share of row i. The finding is made where up to five rows (and a tenth of all) hold half or more, the coefficient
moves by more than one standard error without them, and either

- they do not follow the others: if they did, ŵ − ŵ' would vary with σ²(V'ⱼⱼ − Vⱼⱼ), ŵ', V' without them, whatever the
  columns look like; its t is beyond the false-alarm budget (a warning; where the residuals of the others grow with
  r, σ² is taken to grow with r² out there); or
- one row alone holds nine tenths (a note), or all: the column is constant without it (a warning if the coefficient is
  significant).

Leaving the rows out needs no refit: ŵ' = ŵ − V X̃ᵀ_K (I − H_K)⁻¹ e_K (Sherman-Morrison-Woodbury). The refit is made all
the same; a finding whose formula and refit differ is not reported.
References: Hoaglin & Welsch (1978), The American Statistician 32, 17-22; Cook & Weisberg (1982), ch. 2-3.

Why it hurts

The slope is a line from the cloud to these rows, and n is not the number of rows that determine it. If their value is a
slip of the pen or another unit, the coefficient is that slip. Residuals do not show it: the line goes through them.

What to do

Look at the rows first. If the value is wrong, correct it. If it is right, say what the coefficient rests on, or ask for
one that all rows share: the logarithm of a positive, skewed feature draws far rows in. whyfit tries that, and the fit
without the rows, judged by the typical (median) held-out error of all rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import feature_of
from whyfit.diagnosis.finding import Evidence, Severity
from whyfit.diagnosis.rows import fitted, refitted_without, spans, typical_error
from whyfit.diagnosis.rule import OF_LEAST_SQUARES, Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import fixed, listed, number, percent
from whyfit.errors import InputError
from whyfit.linalg.leverage import carriers, partial_leverage
from whyfit.probability.distributions import t_quantile, t_two_sided
from whyfit.probability.influence import Fitted
from whyfit.probability.outlying import variance_far_out

#: Share of a coefficient that so few rows may hold (whyfit's design): from one half on, the variance of the estimate at
#: least doubles without them, and all other rows together say less than these.
HALF = 0.5
#: Share from which one row is worth a note even if it agrees with the others: without it the standard error is at
#: least √10 = 3.2 times wider, the size at which LA107 speaks too.
NEARLY_ALL = 0.9
#: A coefficient has moved if it did so by more than its own standard error (Belsley, Kuh & Welsch 1980, DFBETAS > 1).
SHIFT = 1.0
#: Leverage is called high from this multiple of its mean (p + 1)/n on, and very high from the second.
HIGH, VERY_HIGH = 2.0, 3.0
#: A logarithm is tried where the largest value is this many times the smallest: below a factor of ten log x is
#: nearly a straight line of x over the middle of the data (Mosteller & Tukey 1977, ch. 5).
SKEWED = 10.0
MOST_ROWS = 5
MOST_SHARE = 0.1
MOST_FINDINGS = 3
_FEWEST_ROWS = 10
_MOST_COLUMNS = 400
_POSITION = ("numeric", "text")  # what a position is a matter of; of levels LA114 speaks
#: Below this share of the variance the residuals are rounding; below this leverage short of 1 nothing is left over.
_EXACT = 1e-20
_ONE = 1 - 1e-9
#: A column whose scatter without one row is below this share of its scatter is constant but for that row.
_ALONE = 1e-9


@dataclass(frozen=True, slots=True)
class _Carried:
    """Design column `column` is held by `rows` (source row numbers) to the `share`; `after` is the fit without them."""

    column: int
    rows: tuple[int, ...]
    places: tuple[int, ...]
    share: float
    leverage: float
    before: float
    after: float
    std_error: float
    std_error_after: float
    t: float
    p: float

    @property
    def shift(self) -> float:
        return abs(self.after - self.before) / self.std_error


def check(case: Case) -> Iterator[Suspicion]:
    """One hypothesis for every column that few rows hold; their choice never looks at y."""
    fit = case.linear
    live = np.flatnonzero(~fit.dropped)
    if case.spec.ridge or fit.df < 3 or case.n < _FEWEST_ROWS or not 0 < live.size <= _MOST_COLUMNS:
        return
    if not (fit.rss > _EXACT * fit.tss and np.isfinite(fit.sigma2)):
        return
    whole, index = fitted(case, live)
    share = partial_leverage(whole.X, whole.V)
    high = whole.h > HIGH * (live.size + 1) / case.n
    most = int(min(MOST_ROWS, MOST_SHARE * case.n))
    found: list[_Carried] = []
    for place, j in enumerate(live, 1):
        if case.design.kinds[j] not in _POSITION:
            continue
        rows, held = carriers(share[:, place], HALF, most)
        if not rows.size or not high[rows].all():
            continue
        if rows.size == 1 and whole.h[rows[0]] > _ONE:
            if _constant_without(case, whole, int(rows[0]), place, int(j)):
                yield from _certain(case, whole, int(rows[0]), index, place, int(j))
            continue
        carried = _without(case, whole, index, rows, held, place, int(j))
        if carried is not None:
            found.append(carried)
    yield from _tested(case, found)


def _tested(case: Case, found: list[_Carried]) -> Iterator[Suspicion]:
    """One suspicion per set of rows, at the p-value of its clearest column times their number."""
    for i, cs in enumerate(_sets(found)):
        p = min(1.0, len(cs) * min(c.p for c in cs))
        moved = [c for c in cs if c.shift > SHIFT and c.p <= 0.05] if i < MOST_FINDINGS else []
        yield Suspicion(
            lambda moved=moved, cs=cs: _confirm(case, moved[0], cs, "warning") if moved else None, p
        )
        lone = [c for c in cs if len(c.rows) == 1 and c.share >= NEARLY_ALL and c.shift > SHIFT]
        if lone and p > 0.05:  # agrees with the others, and there is hardly anything else
            yield Suspicion(lambda lone=lone: _confirm(case, lone[0], lone, "note"))


def _sets(found: list[_Carried]) -> list[list[_Carried]]:
    """Columns whose rows meet belong together: one far-off cell changes what others leave over. Largest share first."""
    out: list[list[_Carried]] = []
    for c in found:
        joined = [cs for cs in out if any(set(c.rows) & set(o.rows) for o in cs)]
        out = [cs for cs in out if cs not in joined] + [[c, *(o for cs in joined for o in cs)]]
    ordered = [sorted(cs, key=lambda c: -c.share) for cs in out]
    return sorted(ordered, key=lambda cs: min(c.p for c in cs))


def _without(
    case: Case, whole: Fitted, index: np.ndarray, rows: np.ndarray, held: float, place: int, j: int
) -> _Carried | None:
    """The coefficient without `rows`, and the t of its change; None if it is not determined without them."""
    after = whole
    for i in rows:
        if not after.h[i] < _ONE:
            return None
        after = after.without(int(i))
    if after.df < 1 or not after.rss > 0:
        return None
    before, moved = float(whole.beta[place]), float(after.beta[place])
    variance = after.rss / after.df
    grown = 1.0
    if case.sample.share == 1:  # all other rows are at hand
        share = partial_leverage(whole.X, whole.V)[:, place]
        others = np.delete(np.arange(len(share)), rows)
        grown = max(
            variance_far_out(after.e[others] ** 2, q[others], float(q[rows].mean()))
            for q in (share, after.h)
        )
    spread = grown * variance * (after.V[place, place] - whole.V[place, place])
    t = (before - moved) / np.sqrt(spread) if spread > 0 else 0.0
    return _Carried(
        j,
        tuple(int(r) for r in index[rows]),
        tuple(int(r) for r in rows),
        held,
        float(whole.h[rows].max()),
        before,
        moved,
        float(np.sqrt(whole.rss / whole.df * whole.V[place, place])),
        float(np.sqrt(variance * after.V[place, place])),
        float(t),
        float(t_two_sided(t, after.df)),
    )


def _confirm(
    case: Case, c: _Carried, all_of: list[_Carried], severity: Severity
) -> Confirmed | None:
    rows = tuple(sorted(c.rows))
    edit, name = {"exclude_rows": rows}, case.names[c.column]
    observed = refitted_without(case, rows, name, c.after, c.std_error)
    if observed is None:
        return None
    k = len(rows)
    others = [case.names[o.column] for o in all_of if o.column != c.column and o.rows == c.rows]
    more = f" (and much about {listed(others, 2)})" if others else ""
    message = (
        f"{_named(case, c)} hold{'s' * (k == 1)} {percent(c.share)} of what the data say about {name}{more}: without"
        f" {'it' if k == 1 else 'them'} its coefficient is {number(c.after, 3)}, not {number(c.before, 3)}"
        f" ({fixed(c.shift, 1)} standard errors)"
    )
    return Confirmed(
        RULE.finding(
            severity,
            tuple(f"row {r + 1}" for r in rows),
            message,
            evidence=tuple(_evidence(case, c)),
            prediction=(
                f"predicted {number(c.after)} by the update formula"
                f"   observed {number(observed)} on refitting"
            ),
            explains=("PR307",),
        ),
        tuple(_proposals(case, c, edit)),
    )


def _named(case: Case, c: _Carried) -> str:
    x = _value(case, c.rows[0], c.column) if len(c.rows) == 1 else None
    value = f" ({case.names[c.column]} = {number(x, 5)})" if x is not None else ""
    return _those(tuple(sorted(c.rows))) + value


def _those(rows: tuple[int, ...]) -> str:
    return f"row{'s' * (len(rows) > 1)} {spans(rows)}"


def _evidence(case: Case, c: _Carried) -> Iterator[Evidence]:
    p, n, name = case.linear.rank, case.n, case.names[c.column]
    yield Evidence(
        f"share of the coefficient of {name}",
        c.share,
        limit=HALF,
        formula=rf"\sum_i r_i^2 / \lVert r \rVert^2 = {c.share:.3g}",
        unit="of the whole",
    )
    limit = VERY_HIGH * (p + 1) / n
    yield Evidence(
        "leverage of the row" if len(c.rows) == 1 else "largest leverage among them",
        c.leverage,
        limit=limit,
        formula=rf"h = {c.leverage:.3g},\quad 3(p+1)/n = 3 \cdot {p + 1} / {n} = {limit:.2g}",
    )
    yield from _positions(case, c)
    yield Evidence(
        f"change of the coefficient of {name}",
        c.shift,
        limit=SHIFT,
        formula=rf"|{c.before:.4g} - ({c.after:.4g})| / {c.std_error:.3g} = {c.shift:.3g}",
        unit="standard errors",
    )
    half = 1.96 * c.std_error_after
    yield Evidence(
        f"coefficient of {name} without them", c.after, low=c.after - half, high=c.after + half
    )
    yield Evidence(
        "chance of such a change if they follow the others",
        c.p,
        limit=0.05,
        formula=rf"t = \frac{{\hat w - \hat w'}}{{\hat\sigma'\sqrt{{V' - V}}}} = {c.t:.3g}",
    )


def _positions(case: Case, c: _Carried) -> Iterator[Evidence]:
    total, name = case.moments.total, case.names[c.column]
    mean = float(total.mean[c.column])
    sd = float(np.sqrt(total.scatter[c.column, c.column] / max(total.n - 1, 1)))
    for row in sorted(c.rows):
        x = _value(case, row, c.column)
        if x is not None and sd > 0:
            away = abs(x - mean) / sd
            yield Evidence(
                f"{name} in row {row + 1}",
                x,
                formula=rf"|{x:.5g} - {mean:.4g}| / {sd:.3g} = {away:.3g}\ \text{{standard deviations}}",
            )


def _value(case: Case, row: int, j: int) -> float | None:
    for rows in (case.sample, case.residuals.top):
        at = np.flatnonzero(rows.index == row)
        if at.size:
            return float(rows.X[at[0], j])
    return None


def _proposals(case: Case, c: _Carried, edit: dict[str, Any]) -> Iterator[Proposal]:
    name = case.names[c.column]
    source = next((s for s in case.schema.columns if s.name == name), None)
    if (
        case.design.kinds[c.column] == "numeric"
        and source is not None
        and source.minimum > 0
        and source.maximum >= SKEWED * source.minimum
    ):
        log = {"terms": [{"kind": "log", "columns": [name]}], "drop": [name]}
        yield Proposal(f"log({name}) in place of {name}", log, typical_error(case))
    k = len(c.rows)
    yield Proposal(
        f"look at {_those(tuple(sorted(c.rows)))}; fitted without {'it' if k == 1 else 'them'}",
        edit,
        typical_error(case),
    )


# -- a row without which the column is constant ------------------------------------------------------


def _constant_without(case: Case, whole: Fitted, i: int, place: int, j: int) -> bool:
    total, d = case.moments.total, float(whole.X[i, place])
    left = total.scatter[j, j] - total.n / (total.n - 1) * d * d
    return bool(left <= _ALONE * total.scatter[j, j] and d != 0)


def _certain(
    case: Case, whole: Fitted, i: int, index: np.ndarray, place: int, j: int
) -> Iterator[Suspicion]:
    """The column is constant but for row i: no test, if the coefficient would be called significant."""
    if abs(whole.t(place)) > t_quantile(1 - 0.05 / (len(whole.beta) - 1), whole.df):
        here = float(whole.X[i, place]) + float(case.linear.mean[j])
        yield Suspicion(lambda: _rests_on(case, int(index[i]), j, here))


def _rests_on(case: Case, row: int, j: int, here: float) -> Confirmed | None:
    name, mean = case.names[j], case.moments.total.mean[j]
    others = float((case.n * mean - here) / (case.n - 1))
    edit = {"exclude_rows": (row,)}
    try:
        left = case.rerun(edit)
    except InputError:
        left = None
    if left is not None and name in left.names and not left.linear.dropped[left.names.index(name)]:
        return None  # there is something else that determines it
    return Confirmed(
        RULE.finding(
            "warning",
            (f"row {row + 1}",),
            f"the coefficient of {name} rests on row {row + 1} alone:"
            f" {feature_of(case, j)} is {number(others, 6)} in all other rows",
            evidence=(
                Evidence(
                    "leverage of the row",
                    1.0,
                    limit=VERY_HIGH * (case.linear.rank + 1) / case.n,
                    formula=r"h_i = \tilde x_i^\top V \tilde x_i = 1",
                ),
                Evidence(f"{name} in row {row + 1}", here),
            ),
            prediction=(
                f"predicted no slope of {name} without row {row + 1}"
                "   observed none: the column is constant"
            ),
            explains=("PR307",),
        )
    )


RULE = Rule(
    "LA111", "high-leverage", "linear algebra", "warning", check, __doc__ or "",
    reference="Hoaglin & Welsch (1978), The American Statistician 32, 17-22",
    tasks=("regression",),
    losses=OF_LEAST_SQUARES,
)  # fmt: skip

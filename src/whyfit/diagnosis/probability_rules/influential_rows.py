"""A handful of rows decides what the fit says about a feature.

What it says

Without a few named rows a coefficient changes its sign, is no longer distinguishable from zero, or leaves the
interval that was reported for it.

The mathematics

Leaving out row i changes the coefficients by an exact formula, no refit needed:

    β' = β − V x̃ᵢ eᵢ / (1 − hᵢ),   V = (X̃ᵀX̃)⁻¹,   hᵢ = x̃ᵢᵀ V x̃ᵢ

with x̃ᵢ the row (and a leading 1), eᵢ its residual and hᵢ its leverage. whyfit leaves out the row that moves t = ŵ/se
furthest, applies the formula again, and so on, up to five rows or a tenth of all. Rows can hide each other: one of
four may look harmless while the other three hold the line in place, which is why they are taken one after another.

Where many rows err together, no row looks worst alone. In tables up to 1,000 rows a robust fit (least trimmed squares)
is made as well, and the rows far from it, up to a third of all, are judged as one set.

Every data set has some most influential rows. The finding is made only if the rows together move the fit to the edge of
the middle half of its joint confidence region (Cook's distance of the set at least 1), a conclusion changes, and either

- the sign turns and the new sign is significant; or
- the rows do not follow the model of the others: the F test of k shifted rows, multiplied by the number of ways to
  choose k rows out of n (Bonferroni), stays below the false-alarm budget.

Rows that decide a coefficient by their position alone are the subject of the rule high-leverage.

"Rows expected" is what the same change would take in a table of normal columns and errors, where influences are
products of two normals: moving t by d takes the share α of rows with d/√n = q K₁(q)/π, α = ∫ K₀(x)/π dx over x > q.

Reference: Cook & Weisberg (1982), Residuals and Influence in Regression, ch. 2-3; Broderick, Giordano & Meager (2020).

Why it hurts

A conclusion about thousands of houses should not hang on two of them. Often the rows are wrong: a unit, a comma, a
placeholder. Sometimes they are right, the most interesting rows of the table, and the straight line is wrong.

What to do

Look at the rows first. If they are errors, correct them or leave them out; if they are not, say that the conclusion
depends on them. whyfit tries the fit without them and measures the typical (median) held-out error, which is not
dominated by the rows in question; leaving rows out only because they do not fit is no remedy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.rows import fitted, refitted_without, spans, typical_error
from whyfit.diagnosis.rule import OF_LEAST_SQUARES, Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import fixed, latex, number
from whyfit.probability.distributions import t_quantile
from whyfit.probability.influence import (
    Fitted,
    deletion_path,
    far_rows,
    group_distance,
    outlier_p,
    rows_expected,
)

#: Rows, and share of rows, left out at most: more of them are no handful. Healthy tables of 30 to 500 rows, with
#: normal, binary, t5 and lognormal columns, had a sign turned so easily in 0.6 % of 1,500 simulated cases.
MOST_ROWS = 5
MOST_SHARE = 0.1
#: Cook's distance at which a set of rows moves the fit about to the edge of its 50 % region (Cook & Weisberg 1982).
COOK_LIMIT = 1.0
#: A coefficient has moved if it also changed by this share of itself (the 10 % change-in-estimate criterion of
#: Maldonado & Greenland 1993, American Journal of Epidemiology 138, 923-936).
RELEVANT_CHANGE = 0.1
#: Candidates followed per coefficient and direction, by first-order influence.
_CANDIDATES = 300
#: First-order influences understate rows that mask each other; four giants of stars_cyg by a factor of 2.5.
_MASKING = 4.0
_FEWEST_ROWS = 10
#: Tables small enough for a robust fit (about 0.1 s).
_ROBUST_ROWS = 1_000
_ROBUST_COLUMNS = 12
#: Below this share of the variance the residuals are rounding.
_EXACT = 1e-20
_MOST_COLUMNS = 400


@dataclass(frozen=True, slots=True)
class _Event:
    """Without `rows` (source row numbers) the conclusion on column j changes; `p` is the outlier test's."""

    kind: str  # turned, lost, moved
    j: int
    rows: tuple[int, ...]
    before: float
    after: float
    std_error: float
    t_before: float
    t_after: float
    expected: float
    distance: float
    p: float


_ORDER = {"turned": 0, "lost": 1, "moved": 2}


def check(case: Case) -> Iterable[Suspicion]:
    fit = case.linear
    live = np.flatnonzero(~fit.dropped)
    if case.spec.ridge or fit.df < 3 or case.n < _FEWEST_ROWS or not 0 < live.size <= _MOST_COLUMNS:
        return ()
    if not (fit.rss > _EXACT * fit.tss and np.isfinite(fit.sigma2)):
        return ()
    whole, index = fitted(case, live)
    limits = t_quantile(1 - 0.05 / live.size, fit.df), t_quantile(0.95, fit.df)
    events = _few(case, whole, index, limits) + _block(case, whole, index, limits)
    out = []
    turned = [
        e
        for e in events
        if e.kind == "turned" and len(e.rows) <= _most(case) and e.expected > len(e.rows)
    ]
    if turned:
        best = min(turned, key=lambda e: (len(e.rows), -e.distance))
        out.append(Suspicion(lambda: _confirm(case, best)))
    p = min([1.0, *(e.p for e in events)])
    sure = [e for e in events if e.p <= max(p, 1e-4)]
    if not turned or not sure:
        first = (
            min(sure, key=lambda e: (len(e.rows), _ORDER[e.kind], -e.distance)) if sure else None
        )
        out.append(Suspicion(lambda: _confirm(case, first) if first else None, p))
    return out


def _most(case: Case) -> int:
    return int(min(MOST_ROWS, MOST_SHARE * case.n))


def _few(case: Case, whole: Fitted, index: np.ndarray, limits) -> list[_Event]:
    """The first event of each kind on the way, for every coefficient and direction."""
    sure, plain = limits
    most, influence = _most(case), whole.influence()
    events = []
    for j in range(1, len(whole.beta)):
        t0, order = abs(whole.t(j)), np.argsort(influence[:, j])
        need = min(plain, t0 - plain) if t0 > sure else plain
        for down in (True, False):
            # t falls without rows of positive influence, so those come first when t is to go down
            some = order[::-1][:_CANDIDATES] if down else order[:_CANDIDATES]
            if np.abs(influence[some[:most], j]).sum() * _MASKING < need:
                continue
            part = dataclasses.replace(whole, X=whole.X[some], e=whole.e[some], h=whole.h[some])
            path = deletion_path(part, j, most, down=down)
            seen: set[str] = set()
            for k, after in enumerate(path.fits, 1):
                rows = index[some[list(path.rows[:k])]]
                for e in _changes(case.n, whole, after, j, limits, rows, MOST_ROWS):
                    if e.kind not in seen:
                        seen.add(e.kind)
                        events.append(e)
    return events


def _block(case: Case, whole: Fitted, index: np.ndarray, limits) -> list[_Event]:
    """Rows that hide each other from any one-by-one search: those far from a robust fit."""
    if case.sample.share < 1 or case.n > _ROBUST_ROWS or len(whole.beta) > _ROBUST_COLUMNS:
        return []
    rows = far_rows(whole.X, case.sample.y, case.rng("PR307"))
    after = whole
    for i in rows:
        if not after.h[i] < 1 - 1e-9:
            return []
        after = after.without(int(i))
    if not len(rows) or after.df < 3:
        return []
    sizes = max(1, len(index) // 3)
    return [
        e
        for j in range(1, len(whole.beta))
        for e in _changes(case.n, whole, after, j, limits, index[rows], sizes)
    ]


def _changes(
    n: int, before: Fitted, after: Fitted, j: int, limits, rows, sizes: int
) -> list[_Event]:
    """What the conclusion on column j loses without `rows`, one of `sizes` numbers of rows looked at."""
    sure, plain = limits
    t0, t, distance = before.t(j), after.t(j), group_distance(before, after)
    se = float(np.sqrt(before.rss / before.df * before.V[j, j]))
    if distance < COOK_LIMIT:
        return []
    shifts = {}
    if np.sign(t0) * t < -sure:
        shifts["turned"] = abs(t0) + sure
    if abs(t0) > sure and np.sign(t0) * t < plain:
        shifts["lost"] = abs(t0) - plain
    if abs(after.beta[j] - before.beta[j]) > max(plain * se, RELEVANT_CHANGE * abs(before.beta[j])):
        shifts["moved"] = plain
    p = min(1.0, outlier_p(before, after, n) * sizes)
    return [
        _Event(
            kind, j - 1, tuple(int(i) for i in rows), float(before.beta[j]), float(after.beta[j]), se,
            t0, t, rows_expected(shift, n), distance, p,
        )
        for kind, shift in shifts.items()
    ]  # fmt: skip


def _confirm(case: Case, event: _Event) -> Confirmed | None:
    rows = tuple(sorted(event.rows))
    name = [n for n, gone in zip(case.names, case.linear.dropped, strict=True) if not gone][event.j]
    edit = {"exclude_rows": rows}
    observed = refitted_without(case, rows, name, event.after, event.std_error)
    if observed is None:
        return None
    k, n = len(rows), case.n
    labels = tuple(f"row {r + 1}" for r in rows)
    those = f"row{'s' * (k > 1)} {spans(rows)}"
    change = {
        "turned": "turns its sign",
        "lost": "is no longer significant",
        "moved": "leaves its own 95 % interval",
    }[event.kind]
    message = (
        f"without {those} ({k} of {n:,}) the coefficient of {name} {change}:"
        f" {number(event.before, 3)} (t = {fixed(event.t_before, 1)}) becomes"
        f" {number(event.after, 3)} (t = {fixed(event.t_after, 1)})"
    )
    return Confirmed(
        RULE.finding(
            "warning",
            labels,
            message,
            evidence=_evidence(event, name, n),
            prediction=(
                f"predicted {number(event.after)} by the update formula"
                f"   observed {number(observed)} on refitting"
            ),
        ),
        (
            Proposal(
                f"look at {those}; fitted without {'it' if k == 1 else 'them'}",
                edit,
                typical_error(case),
            ),
        ),
    )


def _evidence(e: _Event, name: str, n: int) -> tuple[Evidence, ...]:
    k, expected = len(e.rows), e.expected if np.isfinite(e.expected) else None
    error = abs(e.after / e.t_after) if e.t_after else float("nan")
    t = rf"t = {e.t_before:.2f} \to t' = {e.t_after:.2f}"
    quadratic = r"\frac{(\hat\beta-\hat\beta')^\top \tilde X^\top\tilde X(\hat\beta-\hat\beta')}{r\,\hat\sigma^2}"
    return (
        Evidence("rows that change the conclusion", k, predicted=expected, unit="rows"),
        Evidence(
            f"coefficient of {name} without them",
            e.after,
            low=e.after - 1.96 * error,
            high=e.after + 1.96 * error,
            formula=rf"\hat w = {e.before:.4g} \to \hat w' = {e.after:.4g},\quad {t}",
        ),
        Evidence(
            "Cook's distance of the rows together",
            e.distance,
            limit=COOK_LIMIT,
            formula=rf"D = {quadratic} = {e.distance:.3g}",
        ),
        Evidence(
            "chance of rows this far off under normal errors",
            e.p,
            limit=0.05,
            formula=rf"\min\left(1, \binom{{{n}}}{{{k}}}\,P(F > f)\right) = {latex(e.p)}",
        ),
    )


RULE = Rule(
    "PR307", "influential-rows", "probability", "warning", check, __doc__ or "",
    reference="Cook & Weisberg (1982), Residuals and Influence in Regression, ch. 3",
    tasks=("regression",),
    losses=OF_LEAST_SQUARES,
)  # fmt: skip

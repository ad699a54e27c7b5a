"""The errors are larger in one region of the data than in another.

What it says

The spread of the residuals at one end of a column, or of the prediction, is more than 1.5 times the spread at the
other end. Intervals made with one common σ are then too narrow where the errors are large and too wide elsewhere.

The mathematics

Residuals are those of held-out rows. The lowest and highest tenth along a direction (at least 30 rows, at most a
third) are compared by their standard deviations, each around its own straight line, so that a curve does not pass for
spread:

    ℓ = log(s₂/s₁),   var ℓ ≈ ¼ Σ (κ − (m−3)/m)/(m−1)

with m the rows of an end and κ the kurtosis of the residuals (3 if normal). The gate is the null |ℓ| ≤ log 1.5, one
test for every direction looked at. Koenker's n R² of e² on all columns and the robust standard errors
HC3 = V Σ x̃x̃ᵀ e²/(1−h)² V against the classic σ²V are shown as evidence.

A normal error with the local spread s leaves an interval of half-width c with probability 2Φ(−c/s): that is the
prediction, made from every second row of the region, and the coverage of the other rows is the observation.

Reference: Goldfeld & Quandt (1965); Koenker (1981), J. Econometrics 17, 107-112; MacKinnon & White (1985).

Why it hurts

Least squares still estimates the right line, but its standard errors, p-values and prediction intervals assume one σ.
An interval said to cover 95 % of new houses may cover 80 % of the expensive ones.

What to do

Where errors grow with a positive target, fit its logarithm: errors in per cent are often even (tried; measured by the
held-out log density of the target itself). Otherwise report robust standard errors (HC3). Their trial compares, for
each training set, the reported standard errors with the spread of the coefficients over bootstrap samples of its rows,
which assumes no common σ: the measure is the mean of |log(reported/bootstrap)| over the coefficients.
HC3 repairs the inference on coefficients, not the prediction intervals.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np

from whyfit.data.arrays import ArrayRows
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import LOG_SCORE, Measure
from whyfit.diagnosis.rule import OF_LEAST_SQUARES, Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import latex, number, percent
from whyfit.linalg.moments import Moments
from whyfit.probability.association import wilson
from whyfit.probability.bootstrap import pairs_bootstrap
from whyfit.probability.linear import fit_moments
from whyfit.probability.residuals import examine
from whyfit.probability.spread import Ratio, koenker, normal_coverage_around, ratio_of

#: Spread of one end over the other that is tolerated. Least squares is commonly called safe up to a ratio of 2 of the
#: extreme standard deviations (Moore & McCabe); at 1.5, intervals of nominal 95 % cover about 90 % at the wide end.
RATIO_LIMIT = 1.5
#: Coverage short of its nominal level by more than this is a warning: at 90 % for 95 % they fail twice as often.
RELEVANT_SHORTFALL = 0.05
#: The prediction's coverage and the one observed may differ by this beyond sampling: errors are not exactly normal.
COVERAGE_TOLERANCE = 0.05
#: Directions looked at; with more columns those whose correlation with e² is largest, all of them paid for.
_MOST_DIRECTIONS = 100
#: The name of a direction that is no column.
FITTED = "prediction"
#: Below this share of the variance the residuals are rounding.
_EXACT = 1e-20
_BOOTSTRAP = 100
_BOOTSTRAP_ROWS = 1_000
_BOOTSTRAP_COLUMNS = 60


@dataclass(frozen=True, slots=True)
class _Look:
    name: str
    ratio: Ratio
    values: np.ndarray

    @property
    def strength(self) -> float:
        """Standard errors by which the spreads differ beyond the limit."""
        return (abs(self.ratio.log) - np.log(RATIO_LIMIT)) / self.ratio.std_error


def check(case: Case) -> Iterable[Suspicion]:
    if case.linear.df < 3 or not case.linear.rss > _EXACT * case.linear.tss:
        return []
    s = case.sample
    fitted = case.held_out
    e = s.y - fitted
    if not np.isfinite(e).all() or not e.any():
        return []
    looks, paid = _looks(case, e, fitted)
    if not looks:
        return []
    best = max(looks, key=lambda look: look.strength)
    out = [
        Suspicion(lambda: None, look.ratio.p_above(RATIO_LIMIT))
        for look in looks
        if look is not best
    ]
    out.append(Suspicion(lambda: _confirm(case, looks, best), best.ratio.p_above(RATIO_LIMIT)))
    return out + [Suspicion(lambda: None, 1.0)] * (paid - len(looks))


def _looks(case: Case, e: np.ndarray, fitted: np.ndarray) -> tuple[list[_Look], int]:
    """Directions with something to compare, and how many were considered."""
    X, live = case.sample.X, np.flatnonzero(~case.linear.dropped)
    paid = live.size + 1
    if live.size > _MOST_DIRECTIONS:
        u = e * e - np.mean(e * e)
        sd = np.where(X[:, live].std(axis=0) > 0, X[:, live].std(axis=0), np.inf)
        live = live[np.argsort(-np.abs(u @ X[:, live]) / sd, kind="stable")[:_MOST_DIRECTIONS]]
    directions = [(FITTED, fitted), *((case.names[j], X[:, j]) for j in live)]
    found = ((name, ratio_of(e, d), d) for name, d in directions)
    return [_Look(name, ratio, d) for name, ratio, d in found if ratio is not None], paid


def _confirm(case: Case, looks: list[_Look], best: _Look) -> Confirmed | None:
    # the prediction sums up all columns: it is named if it does (nearly) as well as the best of them
    look = next((v for v in looks if v.name == FITTED), best)
    alone = look.ratio.p_above(RATIO_LIMIT) * len(looks) < 0.05
    if not (alone and look.ratio.size >= 0.8 * best.ratio.size):
        look = best
    coverage = _coverage(case, look)
    if coverage is None:
        return None
    predicted, observed, low, high, m = coverage
    level = case.spec.confidence
    # the prediction was learned from as many rows and is about as uncertain as the observation
    slack = COVERAGE_TOLERANCE + 2 * np.sqrt(2 * predicted * (1 - predicted) / m)
    if observed >= level or abs(predicted - observed) > slack:
        return None
    ratio = look.ratio
    interval = ratio.interval(level)
    wide, narrow = _places(look, case.spec.target, case.spec.target_transform)
    message = (
        f"errors are {ratio.size:.1f} times as large where {wide} as {narrow}"
        f" (limit {RATIO_LIMIT:g}, interval [{interval[0]:.1f}, {interval[1]:.1f}])"
    )
    subject = (case.spec.target,) if look.name == FITTED else (_source(case, look.name),)
    return Confirmed(
        RULE.finding(
            "warning" if observed < level - RELEVANT_SHORTFALL else "note",
            subject,
            message,
            evidence=_evidence(case, look, coverage, interval),
            prediction=(
                f"predicted {percent(level)} intervals cover {percent(predicted)} there"
                f"   observed {percent(observed)} [{100 * low:.0f}, {100 * high:.0f}] held-out"
            ),
            explains=("PR312", "PR313"),
        ),
        _proposals(case),
    )


def _places(look: _Look, target: str, transform: str) -> tuple[str, str]:
    """Where the errors are large, and where they are small, in words."""
    high = look.ratio.log >= 0
    name = look.name
    if name == FITTED:
        name = f"the predicted {target if transform == 'identity' else f'log({target})'}"
    values = np.unique(look.values[:10_000])
    if values.size == 2 and name == look.name:
        if tuple(values) == (0.0, 1.0):
            yes = name if "=" in name or name.endswith("missing") else f"{name} is 1"
            return (yes, "elsewhere") if high else (f"not {yes}", "elsewhere")
        return (
            f"{name} is {number(values[int(high)])}",
            f"where it is {number(values[1 - int(high)])}",
        )
    ends = ("high", "low") if high else ("low", "high")
    return f"{name} is {ends[0]}", f"where it is {ends[1]}"


def _source(case: Case, name: str) -> str:
    return case.design.origin[case.names.index(name)]


def _coverage(case: Case, look: _Look) -> tuple[float, float, float, float, int] | None:
    """Predicted and observed coverage at the wide end, its interval, and the rows observed."""
    rows = np.flatnonzero(look.ratio.wide)
    learn, test = rows[::2], rows[1::2]
    e = case.sample.y - case.held_out
    if len(learn) < 5 or len(test) < 5:
        return None
    centre, low, _ = case.linear.predict_interval(case.sample.X[rows], case.spec.confidence, "new")
    half = centre - low
    if not np.isfinite(half).all():
        return None
    predicted = normal_coverage_around(half[::2], e[learn].mean(), float(e[learn].std(ddof=1)))
    hit = int((np.abs(e[test]) <= half[1::2]).sum())
    interval = wilson(hit, len(test), case.spec.confidence)
    return predicted, hit / len(test), *interval, len(test)


def _evidence(case: Case, look: _Look, coverage, interval) -> tuple[Evidence, ...]:
    ratio, s = look.ratio, case.sample
    predicted, observed, low, high, _ = coverage
    live = ~case.linear.dropped
    statistic, df, p = koenker(s.y - case.held_out, s.X[:, live])
    wide, narrow = max(ratio.low_sd, ratio.high_sd), min(ratio.low_sd, ratio.high_sd)
    robust = _robust_over_classic(case)
    j = int(np.nanargmax(np.abs(np.log(robust))))
    name = ("intercept", *case.names)[j]
    return (
        Evidence(
            "spread of the wide end over the narrow end", ratio.size, limit=RATIO_LIMIT,
            low=interval[0], high=interval[1], unit="×",
            formula=rf"\frac{{s_2}}{{s_1}} = \frac{{{wide:.4g}}}{{{narrow:.4g}}} = {ratio.size:.2f}",
        ),
        Evidence(
            "coverage at the wide end", observed, limit=case.spec.confidence, predicted=predicted, low=low, high=high,
            formula=rf"2\Phi(c/s) - 1 = {predicted:.3f}",
        ),
        Evidence(
            f"robust over classic standard error of {name}", float(robust[j]), unit="×",
            formula=r"\sqrt{(V M_3 V)_{jj} / (\hat\sigma^2 V_{jj})}",
        ),
        Evidence(
            "Koenker's test of e² on all columns", p,
            formula=rf"n R^2 = {statistic:.1f},\ P(\chi^2_{{{df:.0f}}} \ge n R^2) = {latex(p)}",
        ),
    )  # fmt: skip


def _robust_over_classic(case: Case) -> np.ndarray:
    fit = case.linear
    meat = case.residuals.meat("HC3", fit.rank)
    return fit.inference(meat=meat, kind="HC3").std_error / fit.inference().std_error


def _proposals(case: Case) -> tuple[Proposal, ...]:
    spec = case.spec
    out = []
    if (
        spec.target_transform == "identity"
        and case.schema[spec.target].minimum > 0
        and not spec.ridge
    ):
        out.append(Proposal(f"fit log({spec.target})", {"target_transform": "log"}, LOG_SCORE))
    if spec.covariance in ("classic", "HC0", "HC1", "HC2") and not spec.ridge:
        name = "robust standard errors (HC3)"
        out.append(Proposal(name, {"covariance": "HC3"}, distance_to_bootstrap(case)))
    return tuple(out)


def distance_to_bootstrap(control: Case) -> Measure:
    """Mean |log(reported se / bootstrap spread)| of the slopes, one value per training set of a subsample."""
    s = control.sample
    step = max(1, len(s.y) // _BOOTSTRAP_ROWS)
    y, label = s.y[::step], s.fold[::step]
    varies = ~control.linear.dropped
    for j in range(control.k):  # a rare level may be absent from some training set
        varies &= s.X[::step][label != j].std(axis=0) > 0
    live = np.flatnonzero(varies)[:_BOOTSTRAP_COLUMNS]
    X = np.ascontiguousarray(s.X[::step, live])

    @cache
    def training(j: int):
        """Fit, rows and bootstrap spread of training set j; None if it is too small."""
        keep = label != j
        if not live.size or keep.sum() <= 3 * live.size:
            return None
        rows = ArrayRows(X[keep], y[keep], 2)
        fit = fit_moments(Moments.of(np.column_stack([X[keep], y[keep]])), rows.names)
        rng = np.random.default_rng([control.spec.seed, j])
        return (
            fit,
            rows,
            pairs_bootstrap(X[keep], y[keep], _BOOTSTRAP, rng)[:, 1:].std(axis=0, ddof=1),
        )

    def of(case: Case) -> np.ndarray:
        out = np.full(control.k, np.nan)
        kind = case.spec.covariance
        for j in range(control.k):
            if (known := training(j)) is None:
                continue
            fit, rows, spread = known
            meat = (
                None
                if kind == "classic"
                else examine(fit, rows, kinds=(kind,)).meat(kind, fit.rank)
            )
            reported = fit.inference(meat=meat, kind=kind).std_error[1:]
            with np.errstate(divide="ignore", invalid="ignore"):
                distance = np.abs(np.log(reported / spread))
            if np.isfinite(distance).any():
                out[j] = float(np.mean(distance[np.isfinite(distance)]))
        return out

    return Measure("log error of the standard errors (against the bootstrap)", of, "lower")


RULE = Rule(
    "PR304", "heteroscedastic", "probability", "warning", check, __doc__ or "",
    reference="Koenker (1981), J. Econometrics 17, 107-112",
    tasks=("regression",),
    losses=OF_LEAST_SQUARES,
)  # fmt: skip

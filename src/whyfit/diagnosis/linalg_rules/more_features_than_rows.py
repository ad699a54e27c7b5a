"""There are too few rows for so many coefficients.

What it says

The fit has fewer than five rows per coefficient, or even more coefficients than rows. A fit with so much freedom
reaches a high training score on anything, also on noise.

The mathematics

Let the fit have p free columns beside the intercept and let y be noise that has nothing to do with X. Least squares
projects y − ȳ, a random direction in n − 1 dimensions, on p of them, so the expected training R² is

    E[R²] = p/(n − 1),

and 1 once p ≥ n − 1, whatever the features are. The prediction is checked by shuffling the target: the mean training
R² over shuffled targets must equal it. With a penalty, p becomes Σ (2f_i − f_i²), f_i = μ_i/(μ_i + λ/n), from the
eigenvalues μ_i of the correlation matrix. From p ≥ n − 1 on, infinitely many coefficient vectors fit the training
rows without error. Reference: Seber & Lee (2003), Linear Regression Analysis, §4.4; Harrell (2015), Regression
Modeling Strategies, §4.4, who asks for 10 to 20 rows per coefficient; below 5, whyfit speaks.

Why it hurts

Training score, standard errors and p-values say little: the residuals are small because they were fitted. New rows
are predicted worse by a factor of about (1 + p/n)/(1 − p/n) in mean squared error.

What to do

Shrink: a ridge penalty lets the data say (by the evidence, the probability of y before w is known) how much freedom
they can pay for. Or use fewer features, chosen before looking at y, or collect more rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import skill_of
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import plural
from whyfit.linalg.conditioning import live_columns
from whyfit.probability.evidence import effective_parameters, ridge_by_evidence

#: Rows per coefficient below which the rule speaks (whyfit's catalogue). Harrell (2015), §4.4, asks for 10-20.
ROWS_PER_COEFFICIENT = 5.0
ADVISED = 10
SHUFFLES = 200
#: Rows × columns² that the check on shuffled targets may cost; beyond, it is made on a part of the table with
#: the same proportions.
_WORK = 2e10
#: Standard errors by which the mean over shuffled targets may miss the prediction.
_MISS = 5.0


def check(case: Case) -> Iterator[Suspicion]:
    """Certain facts: two counts."""
    total = case.moments.total
    live = np.flatnonzero(live_columns(total))
    if not live.size or case.n < 3:
        return
    if live.size < case.n - 1 and not case.spec.ridge:
        live = live[
            ~case.linear.dropped[live]
        ]  # copies are no coefficients; rank-deficient speaks of them
    C = case.linear.correlation[:-1, :-1][np.ix_(live, live)]
    free = effective_parameters(C, case.spec.ridge, case.n) if case.spec.ridge else float(live.size)
    if free >= case.n or case.n / free < ROWS_PER_COEFFICIENT:
        yield Suspicion(lambda: _confirm(case, live, C, free))


def _confirm(case: Case, live: np.ndarray, C: np.ndarray, free: float) -> Confirmed | None:
    n, ridge = case.n, case.spec.ridge
    predicted = noise_r2(C, n, ridge)
    expected, seen, error, note = _shuffled(case, live, ridge, predicted)
    if abs(seen - expected) > _MISS * error + 1e-6:
        return None
    every = free >= n - 1
    each = (
        f"{n / free:.1f} rows per coefficient (limit {ROWS_PER_COEFFICIENT:.0f}, {ADVISED} advised)"
    )
    count = (
        plural(round(free), "coefficient") if not ridge else f"{free:.3g} effective coefficients"
    )
    if every:
        message = f"{count} and {plural(n, 'row')}: any target, even noise, is fitted without error"
    else:
        message = f"{count} and {plural(n, 'row')}, {each}: pure noise would reach training R² {predicted:.2f}"
    lam = ridge_by_evidence(case.moments.total)
    if case.task != "regression":
        share = float(np.mean(case.sample.y == case.sample.y.max()))
        lam *= max(
            share * (1 - share), 1e-3
        )  # precision of the same prior on the logit scale, see LA107
    better = (
        (Proposal(f"ridge, λ = {lam:.3g} by evidence", {"ridge": lam}, skill_of(case)),)
        if lam > 1.5 * ridge and np.isfinite(skill_of(case).of(case)).sum() >= 2
        else ()
    )
    return Confirmed(
        RULE.finding(
            "error" if every else "warning",
            (),
            message,
            evidence=(
                Evidence(
                    "rows per coefficient", n / free, limit=ROWS_PER_COEFFICIENT,
                    formula=rf"n/p = {n}/{free:.4g} = {n / free:.3g}", unit="rows",
                ),
                Evidence(
                    "training R² of pure noise", seen, predicted=expected,
                    low=seen - 2 * error, high=seen + 2 * error,
                    formula=rf"\frac{{p}}{{n-1}} = \frac{{{free:.4g}}}{{{n - 1}}} = {predicted:.3g}"
                    if not ridge else rf"\frac{{1}}{{n-1}}\sum_i (2f_i - f_i^2) = {predicted:.3g}",
                ),
                Evidence("training R² of this fit", case.linear.r2),
            ),
            prediction=(
                f"predicted training R² {expected:.3f} on shuffled targets{note}   observed {seen:.3f}"
                f" (mean of {SHUFFLES} shuffles)"
            ),
            explains=("LA106", "PR302"),
        ),
        better,
    )  # fmt: skip


def noise_r2(C: Float[np.ndarray, "p p"], n: int, ridge: float = 0.0) -> float:
    """Expected training R² of a target unrelated to the columns with correlation matrix C."""
    mu = np.maximum(np.linalg.eigvalsh(C), 0.0)
    mu = mu[mu > 1e-13 * max(1.0, float(mu.max(initial=0.0)))]
    f = mu / (mu + ridge / n)
    return float(min(1.0, (2 * f - f * f).sum() / max(n - 1, 1)))


def _shuffled(
    case: Case, live: np.ndarray, ridge: float, predicted: float
) -> tuple[float, float, float, str]:
    """Expected and mean training R² over shuffled targets, its standard error, and what was left out."""
    rng = case.rng(RULE.code)
    X, y = case.sample.X[:, live], case.sample.y
    n, p = X.shape
    expected, note = predicted, ""
    shrink = min(1.0, (_WORK / (float(n) * p * p)) ** (1 / 3))
    part = shrink < 1 or n < case.n
    if part:
        rows = rng.permutation(n)[: max(3, int(n * shrink))]
        share = len(rows) / case.n
        columns = rng.permutation(p)[: max(1, int(p * share))]
        X, y = X[np.ix_(rows, columns)], y[rows]
        note = f" of {plural(len(rows), 'row')} × {len(columns)} columns"
    X = X - X.mean(axis=0)
    d = np.sqrt((X * X).sum(axis=0))
    X = X[:, d > 0] / d[d > 0]
    U, s, _ = np.linalg.svd(X, full_matrices=False)
    keep = s > 1e-9 * s.max(initial=0.0)
    mu = s[keep] ** 2
    f = mu / (mu + ridge / case.n)
    weight = 2 * f - f * f
    if part:
        expected = min(1.0, float(weight.sum()) / max(len(y) - 1, 1))
    e = y - y.mean()
    size = float(e @ e)
    if size == 0:
        return expected, expected, 0.0, note
    Y = rng.permuted(np.tile(e, (SHUFFLES, 1)), axis=1)
    r2 = ((Y @ U[:, keep]) ** 2) @ weight / size
    return expected, float(r2.mean()), float(r2.std(ddof=1) / np.sqrt(SHUFFLES)), note


RULE = Rule(
    "LA110",
    "more-features-than-rows",
    "linear algebra",
    "error",
    check,
    __doc__ or "",
    reference="Harrell (2015), Regression Modeling Strategies, §4.4.",
)

"""A feature is the target in disguise.

What it says

One feature, or a simple function of one or two features, reproduces the target almost exactly: its logarithm, its
square, another spelling of the class, a total of which the target is a part. Such a column usually became known
together with the target, or after it, and will not be there when a prediction is wanted.

The mathematics

R² = 1 − Σ(y − ŷ)²/Σ(y − ȳ)² is the share of the target's variance that a single column explains. Real
measurements carry noise of their own: alone, an honest feature of a table with several hardly ever reaches

    R² ≥ 0.99          for y on x, log x, x², √x, 1/x, for log y on them, or Spearman's ρ² for any monotone form
    R² ≥ 0.999         for y on a + b or a − b; for log y on log a + log b or log a − log b (product, ratio)
    AUC ≥ 0.99         the chance that a positive row has the larger (or the smaller) value
    λ ≥ 0.99           the share of the majority guess's errors that knowing the level removes, on held-out folds

The lower end of the interval must pass the limit. If it is the only feature of the table, only an exact identity
counts: a calibration curve may well have R² = 0.9999. A weaker sign is reported as a warning: without the feature
the held-out squared error is more than 20 times larger, although the other features say a good deal on their own,
and given this one they add nothing. Reference: Kaufman, Rosset, Perlich & Stitelman (2012), ACM TKDD 6(4), 15.

Why it hurts

The scores look wonderful and mean nothing: the model has learned to read the answer. In use, where the column is
missing, empty or not yet known, it fails. All other coefficients are distorted, since the leak took their share.

What to do

Ask of every named column: is it known at the moment of prediction, and was it recorded without knowledge of the
target? If not, drop it. The score falls, by design: what remains is what can be had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import columns_by_feature, columns_of, feature_of
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.leaks import (
    DETERMINED_LIMIT,
    IMPLAUSIBLE,
    SEARCHED,
    Leak,
    block_r2,
    in_classes,
    in_numbers,
    target_name,
)
from whyfit.diagnosis.measures import Measure, skill_of
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import fixed, listed, plural
from whyfit.errors import InputError
from whyfit.linalg.conditioning import correlation, live_columns
from whyfit.probability import copies
from whyfit.probability.validation import over_folds

MOST_FINDINGS = 3


def check(case: Case) -> Iterator[Suspicion]:
    """The best candidates, each at its p-value times the number of candidates looked at."""
    if not case.p or case.n < 5:
        return
    found, tests, best = in_numbers(case) if case.task == "regression" else in_classes(case)
    found.sort(key=lambda leak: (leak.severity != "error", -leak.statistic))
    certain = tuple(
        dict.fromkeys(f for leak in found if leak.severity == "error" for f in leak.features)
    )
    for leak in found[:MOST_FINDINGS]:
        gone = (
            certain or leak.features
        )  # one leak left in place would hide the effect of dropping another
        p = None if leak.exact else min(1.0, (leak.tests or tests) * leak.p_value)
        yield Suspicion(lambda leak=leak, gone=gone: _confirm(case, leak, gone), p)
    if not found:
        yield Suspicion(lambda: None, min(1.0, tests * best))


# -- what is said ----------------------------------------------------------------------------------


_NAMES = {"×": "held-out squared error without ÷ with it", "λ": "Goodman–Kruskal λ"}


def _confirm(case: Case, leak: Leak, gone: tuple[str, ...]) -> Confirmed | None:
    measure = skill_of(case)
    try:
        rest = case.rerun({"drop": list(gone)})
        after = over_folds(measure.of(rest), case.spec.confidence)
    except InputError:
        rest = after = None
    before = over_folds(measure.of(case), case.spec.confidence)
    prediction = _prediction(case, leak, gone, rest)
    if prediction is None:
        return None
    message = _message(case, leak, listed(leak.features))
    them = "it" if len(gone) == 1 else "them"
    evidence = [
        Evidence(
            _NAMES.get(leak.kind, leak.kind),
            leak.statistic, limit=leak.limit, formula=_formula(leak), unit="×" if leak.kind == "×" else "",
        ),
        Evidence(f"{measure.name} with {them}", before.value, low=before.low, high=before.high),
    ]  # fmt: skip
    if after is not None:
        evidence.append(
            Evidence(
                f"{measure.name} without {them}", after.value, low=after.low, high=after.high,
                predicted=_expected_r2(case, gone) if case.task == "regression" else None,
            )
        )  # fmt: skip
    return Confirmed(
        RULE.finding(
            leak.severity, leak.features, message, evidence=evidence, prediction=prediction,
            explains=("CA205", "CA206", "LA107"),
        ),
        (
            Proposal(
                f"drop {listed(gone)}", {"drop": list(gone)},
                BEST_SINGLE if len(leak.features) == 1 else _together(leak.features),
            ),
        ) if rest is not None else (),
    )  # fmt: skip


def _message(case: Case, leak: Leak, names: str) -> str:
    target = target_name(case)
    if leak.kind == "×":
        return f"{leak.form} (limit {IMPLAUSIBLE:.0f} ×), though the other features say much on their own"
    if leak.kind == "R²":
        alone = "alone" if len(leak.features) == 1 else "together"
        return (
            f"{leak.form}: R² {_digits(leak.statistic)} from {names} {alone} (limit {leak.limit})"
        )
    if leak.kind == "λ":
        wrong, n = leak.errors
        return f"{names} alone tells the class of {target}: {plural(wrong, 'error')} in {n:,} rows held out"
    return f"{names} alone tells the class of {target}: AUC {_digits(leak.statistic)} (limit {leak.limit})"


def _prediction(case: Case, leak: Leak, gone: tuple[str, ...], rest: Case | None) -> str | None:
    """The line; None if what was predicted did not come true."""
    if case.task == "regression":
        if rest is None:
            return f"predicted nothing to fit without {listed(gone)}   observed no other feature"
        expected, (seen, low, high) = _expected_r2(case, gone), _pooled_r2(rest)
        if leak.severity == "warning" and not low - 0.05 <= expected <= high + 0.05:
            return None
        return (
            f"predicted held-out R² {fixed(expected, 2)} without {'it' if len(gone) == 1 else 'them'}"
            f"   observed {fixed(seen, 2)} [{fixed(low, 2)}, {fixed(high, 2)}]"
        )
    if leak.kind == "λ":
        wrong, n = leak.errors
        allowed = (1 - DETERMINED_LIMIT) * n
        return f"predicted the class of rows held out with at most {allowed:,.0f} errors in {n:,}   observed {wrong:,}"
    s = case.sample
    j = columns_of(case, leak.features[0])[0]
    parts = [copies.auc(s.X[s.fold == f, j], s.y[s.fold == f] == 1) for f in range(case.k)]
    return f"predicted AUC {leak.statistic:.4g} in every fold   observed {min(parts):.4g} to {max(parts):.4g}"


def _pooled_r2(case: Case) -> tuple[float, float, float]:
    """1 − mean held-out squared error over the variance of y, with its interval: steadier than R² per fold."""
    variance = case.linear.tss / case.n
    mse = over_folds(case.scores["mse"], case.spec.confidence)
    return 1 - mse.value / variance, 1 - mse.high / variance, min(1.0, 1 - mse.low / variance)


def _expected_r2(case: Case, features: tuple[str, ...]) -> float:
    """Held-out R² that the other features give in theory: σ̂²(1 + (m+1)/n') against the variance of y."""
    out = {j for f in features for j in columns_of(case, f)}
    rest = [int(j) for j in np.flatnonzero(live_columns(case.moments.total)) if j not in out]
    n = case.n * (1 - 1 / case.k)
    r2, m = block_r2(case.linear.correlation, rest), len(rest)
    if n <= m + 2:
        return float("nan")
    return 1 - (1 - r2) * (n - 1) / (n - m - 1) * (1 + (m + 1) / n)


def _digits(x: float) -> str:
    if x >= 1 - 5e-7 and x <= 1:
        return "1"
    return f"{x:,.0f}" if x > 1 else f"{x:.4f}" if x < 0.9999 else f"{x:.6f}"


def _formula(leak: Leak) -> str:
    if leak.kind == "R²":
        return rf"R^2 = 1 - {1 - leak.statistic:.2g} \ge {leak.limit}"
    if leak.kind == "λ":
        return rf"\lambda = 1 - {leak.errors[0]} / \text{{errors of the majority}} = {leak.statistic:.4g}"
    if leak.kind == "AUC":
        return rf"\mathrm{{AUC}} = {leak.statistic:.4g} \ge {leak.limit}"
    return rf"\frac{{\mathrm{{MSE}}_{{\text{{without}}}}}}{{\mathrm{{MSE}}}} = {leak.statistic:.4g}"


def _per_training_set(case: Case, of: Callable[[np.ndarray], float]) -> Float[np.ndarray, " k"]:
    return np.array([of(correlation(case.moments.without(j).scatter)) for j in range(case.k)])


def _best_single(case: Case) -> Float[np.ndarray, " k"]:
    many = [b for b in columns_by_feature(case).values() if len(b) > 1]

    def of(C: np.ndarray) -> float:
        return max([float((C[:-1, -1] ** 2).max(initial=0.0)), *(block_r2(C, b) for b in many)])

    out = _per_training_set(case, of)
    if case.task == "regression":  # simple functions of one feature as well, on sampled rows
        s = case.sample
        numbers = np.flatnonzero(np.array(case.design.kinds) == "numeric")
        for j in range(case.k) if numbers.size else ():
            rows = np.flatnonzero(s.fold != j)[:SEARCHED]
            if rows.size > 2:
                forms = copies.best_forms(s.X[np.ix_(rows, numbers)], s.y[rows])
                out[j] = max(out[j], *(f.r2 for f in forms))
    return out


#: Honest by design: the score falls without a leak, but no single feature may explain nearly everything.
BEST_SINGLE = Measure("R² of the best single feature", _best_single, better="lower")


def _together(features: tuple[str, ...]) -> Measure:
    """R² from the named features alone, 0 once they are gone."""

    def of(case: Case) -> Float[np.ndarray, " k"]:
        columns = [j for j in range(case.p) if feature_of(case, j) in features]
        return _per_training_set(case, lambda C: block_r2(C, columns))

    return Measure(f"R² from {listed(features)}", of, better="lower")


RULE = Rule(
    "LA113",
    "target-leak",
    "linear algebra",
    "error",
    check,
    __doc__ or "",
    reference="Kaufman, Rosset, Perlich & Stitelman (2012), ACM TKDD 6(4), 15.",
)

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
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import columns_of, feature_of, features_of, live_columns
from whyfit.diagnosis.finding import Evidence, Severity
from whyfit.diagnosis.measures import Measure, skill_of
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import listed
from whyfit.errors import InputError
from whyfit.linalg.conditioning import correlation
from whyfit.linalg.solve import solve_gram
from whyfit.probability import copies
from whyfit.probability.validation import over_folds

#: Alone: whyfit's catalogue. A reliability of 0.99 is beyond that of nearly every measurement of people or markets.
R2_LIMIT = 0.99
AUC_LIMIT = 0.99
DETERMINED_LIMIT = 0.99
#: What sampling must exclude for the last two, where 0.99 itself needs thousands of rows to be told from 1.
AUC_SURE = 0.98
DETERMINED_SURE = 0.95
PAIR_LIMIT = 0.999
#: 1 − R² of an exact identity: the rounding of moments and of values written with about six digits.
EXACT = 1e-9
#: Held-out squared error without the feature over that with it, of the weaker sign.
IMPLAUSIBLE = 20.0
ALONE_AS_GOOD = (
    1.1  # given the feature, the others may lower the squared error by a tenth at most ...
)
OTHERS_SAY = 0.2  # ... although without it their R² is at least this
MOST_FINDINGS = 3
SEARCHED = 5_000  # sampled rows in which forms are looked for
FEW_VALUES = 50  # a number with no more different values is read as levels too


@dataclass(frozen=True, slots=True)
class _Leak:
    """One disguise. `statistic` is R², AUC or λ; `form` says it in the user's names."""

    features: tuple[str, ...]
    form: str
    kind: str
    statistic: float
    limit: float
    p_value: float
    exact: bool = False
    errors: tuple[int, int] = (0, 0)  # held-out errors, rows
    severity: Severity = "error"


def check(case: Case) -> Iterator[Suspicion]:
    """The best candidates, each at its p-value times the number of candidates looked at."""
    if not case.p or case.n < 5:
        return
    found, tests, best = _regression(case) if case.task == "regression" else _classes(case)
    found.sort(key=lambda leak: (leak.severity != "error", -leak.statistic))
    for leak in found[:MOST_FINDINGS]:
        p = None if leak.exact else min(1.0, tests * leak.p_value)
        yield Suspicion(lambda leak=leak: _confirm(case, leak), p)
    if not found:
        yield Suspicion(lambda: None, min(1.0, tests * best))


# -- a numeric target ------------------------------------------------------------------------------


def _regression(case: Case) -> tuple[list[_Leak], int, float]:
    """Leaks, number of hypotheses, smallest p-value."""
    target, n = _target(case), case.n
    C = case.linear.correlation
    sources = features_of(case, np.flatnonzero(live_columns(case.moments.total)))
    rows = slice(0, None, max(1, len(case.sample.y) // SEARCHED))
    X, y = case.sample.X[rows], case.sample.y[rows]
    numbers = [j for j in range(case.p) if case.design.kinds[j] == "numeric"]
    transformed = case.spec.target_transform != "identity"
    forms = dict(zip(numbers, copies.best_forms(X[:, numbers], y, not transformed), strict=True))
    monotone = dict(zip(numbers, copies.spearman_squared(X[:, numbers], y), strict=True))
    found, p_values = [], []
    lonely = len(sources) == 1
    tests = len(sources) * (len(copies.FORMS) * 2 + 1)
    for feature in sources:
        columns = [j for j in columns_of(case, feature) if case.design.kinds[j] != "indicator"]
        if not columns or case.design.kinds[columns[0]] == "term":
            continue
        if len(columns) == 1 and columns[0] in forms:
            j = columns[0]
            form, linear = forms[j], float(C[j, -1] ** 2)
            r2, size, text = linear, n, _line(case, j, target)
            bent = (form.x, form.y) != ("{}", "{}")
            if bent and 1 - form.r2 < 0.5 * (1 - linear):  # clearly better than the line
                r2, size, text = form.r2, len(y), form.said(feature, target)
            if monotone[j] > r2 and r2 < R2_LIMIT and not lonely:
                r2, size, text = (
                    float(monotone[j]),
                    len(y),
                    f"{feature} rises or falls with {target} throughout",
                )
            p = copies.r2_p_value(r2, size, R2_LIMIT)
        else:
            r2 = _block_r2(C, columns)
            size, text = n, f"the levels of {feature} determine {target}"
            p = copies.r2_p_value(r2, n, R2_LIMIT, len(columns))
        exact = 1 - r2 <= EXACT and size > 2 * len(columns) + 3
        p_values.append(p)
        if exact or (not lonely and r2 >= R2_LIMIT):
            found.append(_Leak((feature,), text, "R²", r2, R2_LIMIT, p, exact))
    if not found and len(numbers) >= 2:
        pair, several = _pair(case, numbers, X, y, target, len(sources))
        tests += several
        if pair is not None:
            found.append(pair)
    if not found and not lonely:
        found += _implausible(case, sources)
    return found, tests, min(p_values, default=1.0)


def _target(case: Case) -> str:
    name = case.spec.target or "y"
    return (
        name
        if case.spec.target_transform == "identity"
        else f"{case.spec.target_transform}({name})"
    )


def _line(case: Case, j: int, target: str) -> str:
    """ "b = 2.54 price + 3" or, if the numbers are not simple, "b is a straight line in price"."""
    S, mu = case.moments.total.scatter, case.moments.total.mean
    slope = float(S[j, -1] / S[j, j])
    start = float(mu[-1] - slope * mu[j])
    if abs(slope - 1) < 1e-6 and abs(start) < 1e-6 * float(np.sqrt(S[-1, -1] / case.n)):
        return f"{target} = {case.names[j]}"
    sign = "−" if start < 0 else "+"
    return f"{target} ≈ {slope:.4g} {case.names[j]} {sign} {abs(start):.4g}"


def _block_r2(C: Float[np.ndarray, "q q"], columns: list[int]) -> float:
    if not columns:
        return 0.0
    c = C[columns, -1]
    return float(np.clip(c @ solve_gram(C[np.ix_(columns, columns)], c), 0.0, 1.0))


def _pair(case, numbers, X, y, target, sources) -> tuple[_Leak | None, int]:
    """Sum or difference from moments; product or ratio from logarithms of the sampled rows."""
    S = case.moments.total.scatter
    place = [*numbers, case.p]
    tried: list[tuple[copies.Pair, list[int], int, bool]] = []
    if (pair := copies.best_pair(S[np.ix_(place, place)], slope_one=False)) is not None:
        tried.append((pair, numbers, case.n, False))
    positive = [j for j in numbers if (X[:, j] > 0).all()]
    if len(positive) >= 2 and (y > 0).all() and case.spec.target_transform == "identity":
        L = np.log(np.column_stack([X[:, positive], y]))
        L -= L.mean(axis=0)
        if (pair := copies.best_pair(L.T @ L, slope_one=True)) is not None:
            tried.append((pair, positive, len(y), True))
    tests = sum(t[0].tests for t in tried)
    best: _Leak | None = None
    for pair, columns, size, logs in tried:
        names = [case.names[columns[k]] for k in (pair.i, pair.j)]
        p = copies.r2_p_value(pair.r2, size, PAIR_LIMIT)
        exact = 1 - pair.r2 <= EXACT and size > 10
        if not exact and (pair.r2 < PAIR_LIMIT or sources <= 2):
            continue
        text = _pair_text(target, names, pair, logs)
        features = features_of(case, [columns[pair.i], columns[pair.j]])
        if best is None or pair.r2 > best.statistic:
            best = _Leak(features, text, "R²", pair.r2, PAIR_LIMIT, p, exact)
    return best, tests


def _pair_text(target: str, names: list[str], pair: copies.Pair, logs: bool) -> str:
    a, b = names
    if pair.slope < 0 and pair.sign < 0:
        a, b = b, a
    if logs:
        if pair.slope < 0 and pair.sign > 0:
            return f"{target} ∝ 1/({a} × {b})"
        return f"{target} ∝ {a} {'×' if pair.sign > 0 else '/'} {b}"
    slope = abs(pair.slope)
    inner = f"{a} {'+' if pair.sign > 0 else '−'} {b}"
    lead = "−" if pair.slope < 0 and pair.sign > 0 else ""
    return (
        f"{target} = {lead}{inner}"
        if abs(slope - 1) < 0.01
        else f"{target} ≈ {lead}{slope:.3g} ({inner})"
    )


def _implausible(case: Case, sources: tuple[str, ...]) -> list[_Leak]:
    """The weaker sign, screened on moments and judged on held-out folds."""
    C = case.linear.correlation
    full = max(1 - case.linear.r2, 1e-15)
    everything = np.flatnonzero(~case.linear.dropped)
    found = []
    for feature in sources:
        own = columns_of(case, feature)
        single = 1 - _block_r2(C, own)
        if single > ALONE_AS_GOOD * full:
            continue
        without = 1 - _block_r2(C, [int(j) for j in everything if j not in set(own)])
        if without / full < IMPLAUSIBLE or 1 - without < OTHERS_SAY:
            continue
        try:
            rest = case.rerun({"drop": [feature]})
        except InputError:
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            change = over_folds(
                np.log(rest.scores["mse"] / case.scores["mse"]), case.spec.confidence
            )
        if not np.isfinite(change.low) or change.value < np.log(IMPLAUSIBLE):
            continue
        p = change.p_above(float(np.log(IMPLAUSIBLE)))
        ratio = float(np.exp(change.value))
        text = f"without {feature} the held-out squared error is {ratio:,.0f} × larger"
        found.append(_Leak((feature,), text, "×", ratio, IMPLAUSIBLE, p, severity="warning"))
    return found


# -- classes ---------------------------------------------------------------------------------------


def _classes(case: Case) -> tuple[list[_Leak], int, float]:
    """Leaks, number of hypotheses, smallest p-value."""
    s, target = case.sample, _target(case)
    label = s.y.astype(np.int64)
    found, p_values, tests = [], [], 0
    for feature in features_of(case, np.flatnonzero(live_columns(case.moments.total))):
        columns = [j for j in columns_of(case, feature) if case.design.kinds[j] != "indicator"]
        if not columns or case.design.kinds[columns[0]] in ("term", "text", "calendar"):
            continue
        tests += 1
        number = case.design.kinds[columns[0]] == "numeric" and len(columns) == 1
        x = s.X[:, columns[0]] if number else s.X[:, columns] @ np.arange(1.0, len(columns) + 1)
        many = np.unique(x[:SEARCHED]).size > FEW_VALUES
        if number and many and case.task == "binary":
            value, kind, errors = copies.auc(x, label == 1), "AUC", (0, 0)
            p = copies.auc_p_value(
                value, int((label == 1).sum()), int((label == 0).sum()), AUC_SURE
            )
        else:
            if many and number:
                cut = np.unique(np.quantile(x, np.linspace(0, 1, FEW_VALUES + 1)[1:-1]))
                code = np.searchsorted(cut, x, side="right")
            else:
                code = np.unique(x, return_inverse=True)[1].ravel()
            d = copies.determined_by(code, label, s.fold)
            value, kind, errors = d.share, "λ", (d.errors, d.n)
            p = d.p_value(DETERMINED_SURE)
        p_values.append(p)
        limit = AUC_LIMIT if kind == "AUC" else DETERMINED_LIMIT
        if value >= limit:
            text = f"the {'size' if many and number else 'value'} of {feature} tells the class of {target}"
            found.append(_Leak((feature,), text, kind, value, limit, p, errors=errors))
    return found, max(tests, 1), min(p_values, default=1.0)


# -- what is said ----------------------------------------------------------------------------------


def _confirm(case: Case, leak: _Leak) -> Confirmed | None:
    measure = skill_of(case)
    try:
        rest = case.rerun({"drop": list(leak.features)})
        after = over_folds(measure.of(rest), case.spec.confidence)
    except InputError:
        rest = after = None
    before = over_folds(measure.of(case), case.spec.confidence)
    prediction = _prediction(case, leak, rest)
    if prediction is None:
        return None
    value = (
        f"{_digits(leak.statistic)} {leak.kind}"
        if leak.kind == "×"
        else f"{leak.kind} {_digits(leak.statistic)}"
    )
    names = listed(leak.features)
    lead = f"{names} alone" if len(leak.features) == 1 else f"{names} together"
    if leak.kind == "×":
        message = f"{leak.form} (limit {IMPLAUSIBLE:.0f} ×), though the other features say much on their own"
    else:
        message = f"{lead} {'give' if len(leak.features) > 1 else 'gives'} {value} (limit {leak.limit}): {leak.form}"
    evidence = [
        Evidence(
            leak.kind if leak.kind != "×" else "held-out squared error without ÷ with it",
            leak.statistic, limit=leak.limit, formula=_formula(leak), unit="×" if leak.kind == "×" else "",
        ),
        Evidence(f"{measure.name} with it", before.value, low=before.low, high=before.high),
    ]  # fmt: skip
    if after is not None:
        evidence.append(
            Evidence(
                f"{measure.name} without it", after.value, low=after.low, high=after.high,
                predicted=_expected_r2(case, leak.features) if case.task == "regression" else None,
            )
        )  # fmt: skip
    return Confirmed(
        RULE.finding(
            leak.severity, leak.features, message, evidence=evidence, prediction=prediction,
            explains=("CA205", "CA206"),
        ),
        (
            Proposal(
                f"drop {names}", {"drop": list(leak.features)},
                BEST_SINGLE if len(leak.features) == 1 else _together(leak.features),
            ),
        ) if rest is not None else (),
    )  # fmt: skip


def _prediction(case: Case, leak: _Leak, rest: Case | None) -> str | None:
    """The line; None if what was predicted did not come true."""
    if case.task == "regression":
        if rest is None:
            return f"predicted nothing to fit without {listed(leak.features)}   observed no other feature"
        expected, (seen, low, high) = _expected_r2(case, leak.features), _pooled_r2(rest)
        if leak.severity == "warning" and not low - 0.05 <= expected <= high + 0.05:
            return None
        return (
            f"predicted held-out R² {_decimals(expected)} without {'it' if len(leak.features) == 1 else 'them'}"
            f"   observed {_decimals(seen)} [{_decimals(low)}, {_decimals(high)}]"
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


def _decimals(x: float) -> str:
    """Two decimals, with a proper minus sign."""
    return f"{x:.2f}".replace("-", "−")


def _expected_r2(case: Case, features: tuple[str, ...]) -> float:
    """Held-out R² that the other features give in theory: σ̂²(1 + (m+1)/n') against the variance of y."""
    out = {j for f in features for j in columns_of(case, f)}
    rest = [int(j) for j in np.flatnonzero(live_columns(case.moments.total)) if j not in out]
    n = case.n * (1 - 1 / case.k)
    r2, m = _block_r2(case.linear.correlation, rest), len(rest)
    if n <= m + 2:
        return float("nan")
    return 1 - (1 - r2) * (n - 1) / (n - m - 1) * (1 + (m + 1) / n)


def _digits(x: float) -> str:
    if x >= 1 - 5e-7 and x <= 1:
        return "1"
    return f"{x:,.0f}" if x > 1 else f"{x:.4f}" if x < 0.9999 else f"{x:.6f}"


def _formula(leak: _Leak) -> str:
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
    blocks: dict[str, list[int]] = {}
    for j in range(case.p):
        blocks.setdefault(feature_of(case, j), []).append(j)
    many = [b for b in blocks.values() if len(b) > 1]

    def of(C: np.ndarray) -> float:
        return max([float((C[:-1, -1] ** 2).max(initial=0.0)), *(_block_r2(C, b) for b in many)])

    return _per_training_set(case, of)


#: Honest by design: the score falls without a leak, but no single feature may explain nearly everything.
BEST_SINGLE = Measure("R² of the best single feature", _best_single, better="lower")


def _together(features: tuple[str, ...]) -> Measure:
    """R² from the named features alone, 0 once they are gone."""

    def of(case: Case) -> Float[np.ndarray, " k"]:
        columns = [j for j in range(case.p) if feature_of(case, j) in features]
        return _per_training_set(case, lambda C: _block_r2(C, columns))

    return Measure(f"R² from {listed(features)}", of, better="lower")


RULE = Rule(
    "LA113",
    "target-leak",
    "linear algebra",
    "error",
    check,
    __doc__,
    reference="Kaufman, Rosset, Perlich & Stitelman (2012), ACM TKDD 6(4), 15.",
)

"""The search for features that are the target in disguise; the rule target-leak judges what it finds.

A numeric target is sought in single features and simple functions of them, in sums, differences, products and
ratios of two, and as the one feature beside which informative others say nothing. A class is sought in the
values, levels or the size of single features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import columns_by_feature, features_of
from whyfit.diagnosis.finding import Severity
from whyfit.errors import InputError
from whyfit.linalg.conditioning import live_columns
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
SEARCHED = 5_000  # sampled rows in which forms are looked for
RANKED_ROWS = 10  # fewer rise together by chance: 2 of 10! orders are monotone
FEW_VALUES = 50  # a number with no more different values is read as levels too


@dataclass(frozen=True, slots=True)
class Leak:
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
    tests: int | None = None  # hypotheses among which it was looked for, if not all of the search


class Search(NamedTuple):
    """Leaks found, number of hypotheses looked at, smallest p-value among them."""

    found: list[Leak]
    tests: int
    p_value: float


# -- a numeric target ------------------------------------------------------------------------------


def in_numbers(case: Case) -> Search:
    """Disguises of a numeric target."""
    target, n = target_name(case), case.n
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
    blocks = columns_by_feature(case)
    for feature in sources:
        columns = [j for j in blocks[feature] if case.design.kinds[j] != "indicator"]
        if not columns or case.design.kinds[columns[0]] == "term":
            continue
        if len(columns) == 1 and (j := columns[0]) in forms:
            form, r2, size, how = forms[j], float(C[j, -1] ** 2), n, "line"
            bent = (form.x, form.y) != ("{}", "{}")
            if bent and 1 - form.r2 < 0.5 * (1 - r2):  # clearly better than the line
                r2, size, how = form.r2, len(y), "form"
            if monotone[j] > r2 and r2 < R2_LIMIT and not lonely and len(y) >= RANKED_ROWS:
                r2, size, how = float(monotone[j]), len(y), "ranks"
        else:
            r2, size, how = block_r2(C, columns), n, "levels"
        p_values.append(copies.r2_p_value(r2, size, R2_LIMIT, len(columns)))
        exact = 1 - r2 <= EXACT and size > 2 * len(columns) + 3
        if exact or (not lonely and r2 >= R2_LIMIT):
            match how:
                case "line":
                    text = _line(case, columns[0], target)
                case "form":
                    text = _undone(forms[columns[0]], feature, target)
                case "ranks":
                    text = f"{feature} rises or falls with {target} throughout"
                case _:
                    text = f"the levels of {feature} determine {target}"
            found.append(Leak((feature,), text, "R²", r2, R2_LIMIT, p_values[-1], exact))
    if not found and len(numbers) >= 2:
        pair, several = _pair(case, numbers, X, y, target, len(sources))
        tests += several
        if pair is not None:
            found.append(pair)
    if not found and not lonely:
        found += _implausible(case, sources)
    return Search(found, tests, min(p_values, default=1.0))


def target_name(case: Case) -> str:
    name = case.spec.target or "y"
    return (
        name
        if case.spec.target_transform == "identity"
        else f"{case.spec.target_transform}({name})"
    )


def _undone(form: copies.Form, feature: str, target: str) -> str:
    if target.startswith("log(") and (form.x, form.y) == ("log({})", "{}"):
        return f"{target[4:-1]} ∝ {feature} or a power of it"
    return form.said(feature, target)


def _line(case: Case, j: int, target: str) -> str:
    """ "price = copy" or "price ≈ 2.54 copy + 3"."""
    total = case.moments.total
    S, mu = total.scatter, total.mean
    slope = float(S[j, -1] / S[j, j])
    start = float(mu[-1] - slope * mu[j])
    none = 1e-6 * float(np.sqrt(S[-1, -1] / total.n))
    if abs(slope - 1) < 1e-6 and abs(start) < none:
        return f"{target} = {case.names[j]}"
    offset = f" {'−' if start < 0 else '+'} {abs(start):.4g}" if abs(start) >= none else ""
    number = "" if abs(abs(slope) - 1) < 5e-5 else f"{abs(slope):.4g} "
    return f"{target} ≈ {'−' if slope < 0 else ''}{number}{case.names[j]}{offset}"


def block_r2(C: Float[np.ndarray, "q q"], columns: list[int]) -> float:
    if not columns:
        return 0.0
    c = C[columns, -1]
    return float(np.clip(c @ solve_gram(C[np.ix_(columns, columns)], c), 0.0, 1.0))


def _pair(case, numbers, X, y, target, sources) -> tuple[Leak | None, int]:
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
    best: Leak | None = None
    for pair, columns, size, logs in tried:
        names = [case.names[columns[k]] for k in (pair.i, pair.j)]
        p = copies.r2_p_value(pair.r2, size, PAIR_LIMIT)
        exact = 1 - pair.r2 <= EXACT and size > 10
        if not exact and (pair.r2 < PAIR_LIMIT or sources <= 2):
            continue
        text = _pair_text(target, names, pair, logs)
        features = features_of(case, [columns[pair.i], columns[pair.j]])
        if best is None or pair.r2 > best.statistic:
            best = Leak(features, text, "R²", pair.r2, PAIR_LIMIT, p, exact)
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


def _implausible(case: Case, sources: tuple[str, ...]) -> list[Leak]:
    """The weaker sign, screened on moments and judged on held-out folds."""
    C = case.linear.correlation
    full = max(1 - case.linear.r2, 1e-15)
    everything = np.flatnonzero(~case.linear.dropped)
    found = []
    blocks = columns_by_feature(case)
    for feature in sources:
        own = blocks[feature]
        single = 1 - block_r2(C, own)
        if single > ALONE_AS_GOOD * full:
            continue
        without = 1 - block_r2(C, [int(j) for j in everything if j not in set(own)])
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
        found.append(
            Leak(
                (feature,), text, "×", ratio, IMPLAUSIBLE, p, severity="warning", tests=len(sources)
            )
        )
    return found


# -- classes ---------------------------------------------------------------------------------------


def in_classes(case: Case) -> Search:
    """Disguises of a class."""
    s = case.sample
    label = s.y.astype(np.int64)
    found, p_values, tests = [], [], 0
    blocks = columns_by_feature(case)
    for feature in features_of(case, np.flatnonzero(live_columns(case.moments.total))):
        columns = [j for j in blocks[feature] if case.design.kinds[j] != "indicator"]
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
            found.append(Leak((feature,), "", kind, value, limit, p, errors=errors))
    return Search(found, max(tests, 1), min(p_values, default=1.0))

"""The worked example: one row, one matrix, one loss, one interval, one test, one probability.

    ŷ = β₀ + Xw,   L(w) = (1/n) Σ (yᵢ − ŷᵢ)²,   ∂L/∂w = −(2/n) Xᵀ(y − ŷ)

Every number is computed when the text is made: the fits, intervals and tests by the pillars, the
loss and its gradient here, straight from their formulas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from rich.text import Text

from whyfit.demo.example import Question, Regression, Words
from whyfit.demo.layout import NO, YES, Layout
from whyfit.diagnosis.words import fixed, number, power
from whyfit.linalg.conditioning import Conditioning
from whyfit.linalg.solve import GAMMA
from whyfit.probability import linear, logistic
from whyfit.report.numbers import p_value

LEVEL = 0.95
_NEARER = 1000.0  # steps of gradient descent are counted until w is this many times nearer


@dataclass(frozen=True, slots=True)
class Slope:
    """Loss and gradient at one w, and the size rounding alone may give each slope."""

    loss: float
    gradient: Float[np.ndarray, " p"]
    rounding: Float[np.ndarray, " p"]


def slope(e: Regression, intercept: float, w: Float[np.ndarray, " p"]) -> Slope:
    """L(w) and ∂L/∂w = −(2/n) Xᵀ(y − ŷ) with ŷ = β₀ + Xw."""
    n = len(e.y)
    residual = e.y - (intercept + e.X @ w)
    sizes = np.abs(e.y) + abs(intercept) + np.abs(e.X) @ np.abs(w)
    return Slope(
        float(residual @ residual / n),
        -2 / n * (e.X.T @ residual),
        GAMMA * 2 / n * (np.abs(e.X).T @ sizes),
    )


def vectors(e: Regression, fit: linear.LinearFit, layout: Layout) -> list[Text]:
    """A row is a vector, a table a matrix, a prediction a weighted sum."""
    words, (n, p) = e.words, e.X.shape
    x = ", ".join(_plain(v) for v in e.X[0])
    lines = layout.heading("1  Data become vectors", "linear algebra")
    lines += layout.prose(
        f"A {words.row} is a vector, x = [{x}]: its {', '.join(e.names)}. All {n:,} {words.rows} are"
        f" a matrix X, {n:,} × {p}, one {words.row} a row, and what is to be explained is a vector y."
    )
    pick = [0, 1, 2, n - 1]
    X = layout.matrix("   X = ", e.names, [[_plain(v) for v in e.X[i]] for i in pick])
    y = layout.matrix("y = ", [words.target], [[number(float(e.y[i]))] for i in pick])
    left = max(line.cell_len for line in X) + 3
    fits = left + max(line.cell_len for line in y) <= layout.screen.width
    lines += [Text(), *(layout.beside(X, y, left) if fits else [*X, *y]), Text()]
    lines += layout.prose(
        "A linear model adds up the columns, ŷ = β₀ + Xw. With the fitted w the first"
        f" {words.row} comes to"
    )
    terms = [f"{_plain(v)}·{_factor(w)}" for v, w in zip(e.X[0], fit.coef, strict=True)]
    total = number(float(fit.predict(e.X[:1])[0]))
    return lines + layout.prose(f"ŷ = {number(fit.intercept)} + {' + '.join(terms)} ≈ {total}", 6)


def _plain(x: float) -> str:
    return f"{x:g}".replace("-", "−")


def _factor(w: float) -> str:
    return f"({number(w)})" if w < 0 else number(w)


def learning(e: Regression, fit: linear.LinearFit, C: np.ndarray, layout: Layout) -> list[Text]:
    """The loss, its gradient before and after, and how far a gradient method would have to go."""
    words, p = e.words, len(e.names)
    start, end = slope(e, float(e.y.mean()), np.zeros(p)), slope(e, fit.intercept, fit.coef)
    lines = layout.heading("2  Vectors become a model", "calculus")
    lines += layout.prose("The loss to be made small, and its gradient, which points uphill:")
    lines += layout.prose("L(w) = (1/n) Σ (yᵢ − ŷᵢ)²     ∂L/∂w = −(2/n) Xᵀ(y − ŷ)", 6)
    rows = [
        [f"∂L/∂w of {c}", power(a, 2), power(b, 2)]
        for c, a, b in zip(e.names, start.gradient, end.gradient, strict=True)
    ]
    rows = [
        ["L(w)", power(start.loss, 2), power(end.loss, 2)],
        [f"√L, per {words.row}", *(_amount(words, math.sqrt(s.loss)) for s in (start, end))],
        *rows,
    ]
    lines += layout.table(["", f"w = 0, β₀ = mean {words.target}", "the fitted w"], rows, 6)
    lines += [Text()]
    still = (np.abs(end.gradient) <= end.rounding).all()
    lines += layout.prose(
        "At the fitted w the gradient is zero: what is left is rounding, which may reach"
        f" {power(float(end.rounding.max()), 2)}. No direction lowers the loss."
        if still
        else "At the fitted w the gradient is larger than rounding explains."
    )
    raw, even, limit = _steps(fit, C)
    lines += layout.prose(
        "Least squares goes there in one step. Gradient descent has to keep its step below 2/λmax ="
        f" {power(limit, 2)} and takes some {_rough(raw)} steps to come 1,000 times nearer;"
        f" with all columns at unit variance, {_rough(even)}."
    )
    return lines


def _amount(words: Words, x: float) -> str:
    return words.unit + number(x, 3)


def _steps(fit: linear.LinearFit, C: np.ndarray) -> tuple[float, float, float]:
    """Steps of gradient descent at its best step size, raw and standardised; its limit 2/λmax.

    Per step the slowest direction shrinks by (κ − 1)/(κ + 1), κ of the Hessian H = (2/n)XᶜᵀXᶜ.
    Reference: Nesterov (2004), Introductory Lectures on Convex Optimization, th. 2.1.15.
    """
    mu = np.linalg.eigvalsh(2 / fit.n * C)
    even = Conditioning.of(fit.correlation[:-1, :-1], fit.n).number ** 2

    def steps(kappa: float) -> float:
        return math.log(_NEARER) / math.log((kappa + 1) / (kappa - 1)) if kappa > 1 else 1.0

    return steps(mu[-1] / mu[0]), steps(even), 2 / float(mu[-1])


def _rough(steps: float) -> str:
    return number(float(f"{max(math.ceil(steps), 1):.1e}"))


def trust(e: Regression, fit: linear.LinearFit, layout: Layout) -> list[Text]:
    """The intervals around one prediction, and whether each column influences the target."""
    words = e.words
    lines = layout.heading("3  A model becomes predictions", "probability")
    spans = {kind: fit.predict_interval(e.X[:1], LEVEL, kind) for kind in ("mean", "new")}
    centre, low, high = (float(v[0]) for v in spans["mean"])
    said = f"{words.asks} ŷ = {words.unit}{fixed(centre, _places(low, high))}."
    if e.expected is not None:
        said += f" By the law it is {words.unit}{number(e.expected)} on average."
    lines += layout.prose(said)
    rows = []
    for kind, what, variance in (
        ("mean", f"the average of such {words.rows}", "σ² x₁ᵀ(X₁ᵀX₁)⁻¹x₁"),
        ("new", f"one such {words.row}", "the same + σ²"),
    ):
        _, low, high = (float(v[0]) for v in spans[kind])
        rows.append([what, _span(low, high, words.unit), variance])
    lines += layout.table(["", "95 % interval", "variance, x₁ = [1 x]"], rows, 6)
    lines += [Text()]
    lines += layout.prose(
        f"Does a column influence {words.target}? If wⱼ were 0, t = wⱼ/se(wⱼ) would be an ordinary draw"
        " of Student's t, and p is how rare one so large is."
        + (f" {YES} says that the law's value is inside the interval." if e.truth else "")
    )
    return [*lines, *layout.table(*_tests(e, fit), 6)]


def _tests(e: Regression, fit: linear.LinearFit) -> tuple[list[str], list[list[str]]]:
    law = bool(e.truth)
    head = ["", "w", "se(w)", "t", "p", "95 % interval", *(["the law"] if law else [])]
    table = fit.inference(LEVEL)
    rows = [_test(c, table[c], e.truth.get(c)) for c in e.names]
    for name, column in e.idle.items():
        wider = linear.fit_arrays(
            np.column_stack([e.X, column]), e.y, names=(*e.names, name), level=LEVEL
        )
        rows.append(_test(name, wider.inference[name], 0.0))
    return head, rows


def _test(name: str, row: dict[str, float], truth: float | None) -> list[str]:
    places = _two_digits(row["std_error"])
    cells = [
        name,
        fixed(row["estimate"], places),
        fixed(row["std_error"], places),
        number(row["statistic"], 3),
        p_value(row["p_value"]),
        f"{fixed(row['low'], places)} … {fixed(row['high'], places)}",
    ]
    if truth is None:
        return cells
    mark = YES if row["low"] <= truth <= row["high"] else NO
    return [*cells, f"{number(truth)} {mark}"]


def _span(low: float, high: float, unit: str = "") -> str:
    places = _places(low, high)
    return f"{unit}{fixed(low, places)} … {unit}{fixed(high, places)}"


def _places(low: float, high: float) -> int:
    """Decimals that show two significant digits of the half width of an interval."""
    return _two_digits((high - low) / 2)


def _two_digits(uncertainty: float) -> int:
    return 1 - math.floor(math.log10(uncertainty))


def regression(e: Regression, layout: Layout) -> list[Text]:
    """Sections 1 to 3."""
    done = linear.fit_arrays(e.X, e.y, names=e.names, level=LEVEL)
    C = done.moments.total.scatter[:-1, :-1]
    return [
        *vectors(e, done.fit, layout),
        *learning(e, done.fit, C, layout),
        *trust(e, done.fit, layout),
    ]


def classification(q: Question, layout: Layout) -> list[Text]:
    """Section 4: probability with its interval, odds ratio with its interval."""
    fit = logistic.fit_arrays(q.X, q.y, names=q.names, level=LEVEL).fit
    probability, low, high = (float(v[0]) for v in fit.predict_interval(q.X[:1], LEVEL))
    lines = layout.heading(f"4  {q.title}", "calculus, probability")
    lines += layout.prose(
        f"{q.says} Logistic regression gives its probability, π = 1/(1 + exp(−β₀ − xw)), by"
        f" {len(fit.optimum.losses)} Newton steps on the log loss."
    )
    row = fit.inference(LEVEL)[q.per]
    ratio = [math.exp(row[k]) for k in ("estimate", "low", "high")]
    rows = [
        [
            f"π({q.yes}), the first {q.words.row}",
            fixed(probability, _places(low, high)),
            _span(low, high),
        ],
        [
            f"odds ratio of {q.one_more}",
            fixed(ratio[0], _places(*ratio[1:])),
            _span(ratio[1], ratio[2]),
        ],
    ]
    return [*lines, *layout.table(["", "estimate", "95 % interval"], rows, 6)]


__all__ = ["LEVEL", "Slope", "classification", "regression", "slope"]

"""Features are measured in units so different that gradient methods crawl.

What it says

The largest and the smallest spread among the columns differ so much that the loss is a long narrow valley: steep
across, almost flat along. Dividing every column by its standard deviation would make it much rounder.

The mathematics

For L(w) = (1/n) Σ (y − ŷ)² the gradient is ∂L/∂w = −(2/n) Xᵀ(y − ŷ) and the Hessian H = (2/n) XᵀX (columns centred).
Gradient descent w ← w − η ∂L/∂w is stable for η < 2/λ_max. With η = 1/λ_max the part of the error along the
eigenvector of λ_i shrinks by 1 − λ_i/λ_max per step, and the flattest part needs about

    (κ/2) ln(1/ε) steps to shrink its share of the loss to ε,      κ = λ_max/λ_min.

H has squared units: columns whose spreads differ by a factor 1000 already give κ = 10⁶. In eigen-coordinates the whole
path is known without walking it, L_t − L* = Σ e_i (1 − λ_i/λ_max)²ᵗ, and whyfit reads off how many steps bring the
excess loss to 1 % of its start, before and after scaling. Both descents are then really run (the slow one for a few
thousand steps) and must do what was predicted. The spectrum takes time with the cube of the number of columns: beyond
500 columns the remedy is tried on three training sets only, and beyond 2,000 the rule is silent.

Reference: Boyd & Vandenberghe (2004), Convex Optimization, §9.3.

Why it hurts

The closed-form fit of whyfit does not suffer: it scales internally. But the same data in a gradient method (a
neural network, SGD, a logistic solver with an iteration limit) stop far from the optimum; a ridge or lasso penalty
on raw columns punishes a coefficient for its unit; distances between rows are ruled by one column. An offset
(years around 2000, say) makes it worse still where an intercept is learned by the same steps.

What to do

Subtract the mean and divide by the standard deviation, from training rows only, and keep both numbers with the model.
The fit and its predictions do not change, only the road to it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from whyfit.calculus.descent import Quadratic
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import features_of
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import Measure
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import latex, number
from whyfit.linalg.conditioning import live_columns
from whyfit.linalg.moments import Moments

#: κ(XᵀX) before ÷ after standardising, from which iteration counts differ visibly whatever the target
#: (whyfit's catalogue; a ratio of spreads of √1000 ≈ 32).
KAPPA_RATIO = 1e3
#: The steps that really matter must differ too: a flat direction that holds none of the loss costs nothing.
STEPS_RATIO = 10.0
EPSILON = 0.01  # share of the excess loss that counts as left
#: Steps really taken to check the prediction on raw columns; cheap at p dimensions.
RUN = 2000
#: Predicted and observed share of the excess loss after those steps may differ by this much.
TOLERANCE = 0.01
#: Fewer steps harm nobody: solvers commonly stop after about this many (scikit-learn's SGD: 1000 epochs).
BUDGET = 1000
#: A spectrum takes p³: beyond WIDE columns three training sets stand for all, beyond MOST_COLUMNS (seconds for each)
#: nothing is said.
WIDE, MOST_COLUMNS = 500, 2_000
ABSURD = 1e60  # ratios of spreads beyond which the curvatures leave float64


def check(case: Case) -> Iterator[Suspicion]:
    """Certain facts: the curvature of these data."""
    if case.spec.standardise or not 2 <= case.p <= MOST_COLUMNS:
        return
    total = _fitted(case, case.moments.total)
    d = np.sqrt(np.diag(total.scatter)[:-1])
    if d.size < 2 or not KAPPA_RATIO**0.5 <= d.max() / d.min() <= ABSURD:
        return  # κ(DCD) ≤ κ(C)·(d_max/d_min)²: scaling cannot gain more
    raw, unit = _kappa(total, False), _kappa(total, True)
    if np.isfinite(raw) and raw / unit >= KAPPA_RATIO:
        yield Suspicion(lambda: _confirm(case, total, raw, unit))


def _fitted(case: Case, total: Moments) -> Moments:
    """Moments of the columns that take part, y last."""
    keep = ~case.linear.dropped & live_columns(total)
    return total.columns(np.append(keep, True))


def _kappa(total: Moments, standardise: bool) -> float:
    A = Quadratic.of(total, standardise).A
    if not len(A):
        return 1.0
    # The smallest eigenvalue of a badly scaled matrix is lost beside the largest; its inverse has it well.
    return _kappa_of(A)


def _kappa_of(A: Float[np.ndarray, "p p"]) -> float:
    d = np.sqrt(np.diag(A))
    inverse = np.linalg.pinv(A / d / d[:, None], hermitian=True) / d / d[:, None]
    return float(np.linalg.eigvalsh(A)[-1] * np.linalg.eigvalsh(inverse)[-1])


def steps_per_training_set(case: Case) -> Float[np.ndarray, " k"]:
    """Steps of gradient descent to 1 % excess loss, on the columns as the Spec has them.

    Of wide designs only the first training sets are looked at, and NaN stands for the others.
    """
    out = np.full(case.k, np.nan)
    for j in range(case.k if case.p <= WIDE else min(case.k, 3)):
        loss = Quadratic.of(_fitted(case, case.moments.without(j)), case.spec.standardise)
        out[j] = max(loss.steps_to(EPSILON), 1.0)
    return out


STEPS = Measure("gradient steps to 1 % excess loss", steps_per_training_set, "lower", "ratio")


def _confirm(case: Case, total: Moments, raw: float, unit: float) -> Confirmed | None:
    before, after = Quadratic.of(total), Quadratic.of(total, standardise=True)
    slow, quick = before.steps_to(EPSILON), after.steps_to(EPSILON)
    if not np.isfinite(slow) or slow < max(BUDGET, STEPS_RATIO * quick):
        return None
    left = _left(before, min(slow, RUN))
    told = before.remaining(min(slow, RUN))
    run = after.run(int(min(quick + 10, RUN)), until=EPSILON)
    walked = len(run) - 1
    if abs(left - told) > TOLERANCE or (quick <= RUN and abs(walked - quick) > 1):
        return None
    wide, narrow, sd = _extremes(case)
    subject = features_of(case, [wide, narrow])
    return Confirmed(
        RULE.finding(
            "note",
            subject,
            f"spreads from {number(sd[narrow], 3)} ({case.names[narrow]}) to {number(sd[wide], 3)}"
            f" ({case.names[wide]}): gradient descent would need {_count(slow)} steps,"
            f" {_count(quick)} on scaled columns",
            evidence=(
                Evidence(
                    "κ(XᵀX) before ÷ after scaling", raw / unit, limit=KAPPA_RATIO,
                    formula=rf"\frac{{\kappa_{{\text{{raw}}}}}}{{\kappa_{{\text{{scaled}}}}}}"
                    rf" = \frac{{{latex(raw)}}}{{{latex(unit)}}} = {latex(raw / unit)}",
                    unit="×",
                ),
                Evidence("largest ÷ smallest standard deviation", float(sd[wide] / sd[narrow]), unit="×"),
                Evidence(
                    "largest stable step on raw columns", 2 / before.largest_curvature,
                    formula=rf"\eta < 2/\lambda_{{\max}} = 2/{latex(before.largest_curvature)}",
                ),
                Evidence(
                    "steps to 1 % excess loss, raw", slow, limit=BUDGET,
                    formula=rf"t \le \tfrac{{\kappa}}{{2}}\ln\tfrac{{1}}{{\varepsilon}}"
                    rf" = \tfrac12\,{latex(raw)}\,\ln 100 = {latex(raw / 2 * np.log(100))}",
                    unit="steps",
                ),
                Evidence(
                    "steps to 1 % excess loss, scaled", walked if quick <= RUN else quick,
                    predicted=quick if quick <= RUN else None, unit="steps",
                ),
                Evidence(
                    f"excess loss left after {min(slow, RUN):,.0f} steps, raw", left, predicted=told
                ),
                Evidence("κ with the intercept and the offsets of the columns", _kappa_with_offsets(total)),
            ),
            prediction=(
                f"predicted {_share(told)} of the loss left after {min(slow, RUN):,.0f} steps"
                f"   observed {_share(left)}"
            ),
        ),
        (Proposal("standardise the columns", {"standardise": True}, STEPS),),
    )  # fmt: skip


def _extremes(case: Case) -> tuple[int, int, Float[np.ndarray, " p"]]:
    """Columns with the largest and smallest spread, numbers if they alone make the difference; all spreads."""
    total = case.moments.total
    sd = np.sqrt(np.maximum(np.diag(total.scatter)[:-1], 0.0) / total.n)
    live = ~case.linear.dropped & live_columns(total)
    numbers = np.flatnonzero(live & np.isin(case.design.kinds, ("numeric", "term", "text")))
    if numbers.size < 2 or (sd[numbers].max() / sd[numbers].min()) ** 2 < KAPPA_RATIO:
        numbers = np.flatnonzero(live)
    return int(numbers[np.argmax(sd[numbers])]), int(numbers[np.argmin(sd[numbers])]), sd


def _left(loss: Quadratic, steps: float) -> float:
    """Share of the excess loss that a descent really taken leaves."""
    losses = loss.run(int(steps))
    return float((losses[-1] - loss.minimum) / (losses[0] - loss.minimum))


def _kappa_with_offsets(total: Moments) -> float:
    """κ of [1 X]ᵀ[1 X]: what a method sees that learns the intercept by the same steps."""
    mu = total.mean[:-1]
    M = np.empty((mu.size + 1, mu.size + 1))
    M[0, 0], M[0, 1:], M[1:, 0] = 1.0, mu, mu
    M[1:, 1:] = total.scatter[:-1, :-1] / total.n + np.outer(mu, mu)
    return _kappa_of(M)


def _share(x: float) -> str:
    return f"{100 * x:.2g} %" if x < 0.995 else f"{100 * x:.4g} %"


def _count(x: float) -> str:
    return f"{x:,.0f}" if x < 1e6 else number(float(f"{x:.2g}"))


RULE = Rule(
    "LA108",
    "unscaled-features",
    "linear algebra",
    "note",
    check,
    __doc__ or "",
    reference="Boyd & Vandenberghe (2004), Convex Optimization, §9.3.",
)

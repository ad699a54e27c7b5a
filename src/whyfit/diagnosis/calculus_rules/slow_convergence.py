"""The loss is a long narrow valley: a gradient method crawls along it even on standardised columns.

What it says

Of a fit: standardising does not make this loss round. Gradient descent would need more than 1,000 steps to 1 % of
the excess loss all the same, though no column follows from the others. (Units alone are LA108's matter, near copies
LA107's; this speaks only where neither does.) Of a descent (`whyfit descend`): even the best constant step does not
arrive in the steps given; the ratio of the sharpest to the flattest curvature, not the step, is in the way.

The mathematics

With κ = λ_max/λ_min of the Hessian the best constant step of gradient descent shrinks the distance to the minimum by
(κ − 1)/(κ + 1) per step. At η = 1/λ_max the excess loss falls to a share ε after at most

    t ≤ (κ/2) ln(1/ε)   steps      (momentum and Nesterov: √κ in place of κ)

and in eigen-coordinates after exactly the t at which Σ e_i (1 − λ_i/λ_max)²ᵗ = ε Σ e_i. The Hessian of standardised
columns is twice their correlation matrix C. Many columns that share one factor, with correlation ρ between any two,
have λ_max/λ_min = 1 + pρ/(1 − ρ): five hundred columns with ρ = ½ give κ = 501, at a variance inflation of only 2. What
a target needs of the flat directions decides; whyfit reads off the steps, runs that descent, and must see what was
predicted.

Why it hurts

A fit by whyfit does not suffer: it solves. A neural network, SGD or a solver with an iteration limit on these columns
stops early: the loss curve looks flat, as if it had arrived, while some coefficients have hardly left their start.

What to do

Momentum needs √κ in place of κ and is run here beside plain descent; Newton's method and L-BFGS do not depend on κ so.
Of a descent: standardise the columns first, which is tried with the same optimizer, then L-BFGS. References: Boyd &
Vandenberghe (2004), Convex Optimization, §9.3; Nesterov (2018), Lectures on Convex Optimization, §2.1.5.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from whyfit.calculus.descent import Quadratic
from whyfit.calculus.forecast import Spectrum
from whyfit.calculus.optimizers import Momentum
from whyfit.calculus.stability import best_rate
from whyfit.calculus.walk import Plan, walk
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence, Remedy, Trial
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import latex, number
from whyfit.linalg.conditioning import live_columns

EPSILON = 0.01  # share of the excess loss that counts as left, as in LA108
#: Fewer steps harm nobody: solvers commonly stop after about this many (scikit-learn's SGD: 1000 epochs).
BUDGET = 1000
#: Marquardt (1970): from a variance inflation of 10 on columns nearly repeat each other, which LA107 tells better.
VIF_LIMIT = 10.0
#: Steps really taken to check the prediction; predicted and observed share left may differ by TOLERANCE.
RUN, TOLERANCE = 2000, 0.01
#: A spectrum takes p³.
MOST_COLUMNS = 1_000
_HELPED = 2.0  # a factor of steps that is worth a word


def check(case: Case) -> Iterator[Suspicion]:
    """Certain facts: the curvature of these data."""
    if not 2 <= case.p <= MOST_COLUMNS or case.spec.ridge:
        return
    live = live_columns(case.moments.total)
    if case.linear.dropped[live].any() or live.sum() < 2:
        return
    C = case.linear.correlation[:-1, :-1][np.ix_(live, live)]
    inflation = np.diag(case.linear.solution.G)[live]
    # κ ≤ ‖C‖₁ tr C⁻¹: most tables are let go without a spectrum
    most = float(np.abs(C).sum(axis=0).max()) * float(inflation.sum())
    if inflation.max() < VIF_LIMIT and most / 2 * math.log(1 / EPSILON) >= BUDGET:
        yield Suspicion(lambda: _confirm(case))


def _confirm(case: Case) -> Confirmed | None:
    loss = Quadratic.of(case.moments.total, standardise=True)
    steps = loss.steps_to(EPSILON)
    if not BUDGET <= steps < math.inf:
        return None
    lam = loss.spectrum[0]
    kappa = float(lam[0] / lam[-1])
    taken = int(min(steps, RUN))
    losses = loss.run(taken)
    first = losses[0] - loss.minimum
    left, told = float((losses[-1] - loss.minimum) / first), loss.remaining(taken)
    if abs(left - told) > TOLERANCE:
        return None
    remedy = _momentum(loss, steps)
    return Confirmed(
        RULE.finding(
            "note",
            (),
            f"even on standardised columns the loss is {number(kappa, 2)} times sharper across than along (κ): "
            f"gradient descent would need {steps:,.0f} steps",
            evidence=(
                Evidence("κ of the correlations", kappa,
                         formula=rf"\lambda_{{\max}}/\lambda_{{\min}} = {latex(kappa)}"),
                Evidence("steps to 1 % excess loss", steps, BUDGET, unit="steps",
                         formula=r"t \le \tfrac{\kappa}{2}\ln\tfrac{1}{\varepsilon}"
                         rf" = {latex(kappa / 2 * math.log(1 / EPSILON))}"),
                Evidence(f"excess loss left after {taken:,} steps", left, predicted=told),
            ),
            prediction=f"predicted {100 * told:.2g} % of the excess loss left after {taken:,} steps   observed "
            f"{100 * left:.2g} %",
            remedy=remedy,
        )
    )  # fmt: skip


def _momentum(loss: Quadratic, steps: float) -> Remedy:
    """Momentum at Polyak's best β and step, really run until 1 % is left."""
    lam = loss.spectrum[0]
    root = math.sqrt(float(lam[0] / lam[-1]))
    rule = Momentum(((root - 1) / (root + 1)) ** 2)
    rate = best_rate(rule, lam)
    minimum = np.linalg.solve(loss.A, loss.g)
    told = Spectrum.of(loss.hessian(minimum), minimum).steps_to(rule, rate, EPSILON)
    least = loss.minimum
    until = least + EPSILON * (loss.c - least)
    run = walk(loss, Plan(rule, rate, int(min(max(4 * told, 100), steps)), until=until))
    after = float(run.steps)
    gain = math.log(steps / after)
    name = f"momentum, β = {rule.beta:.2g}"
    return Remedy(
        name,
        {},
        Trial("gradient steps to 1 % excess loss", steps, after, gain, gain, gain,
              run.outcome == "reached" and gain > math.log(_HELPED)),
    )  # fmt: skip


RULE = Rule(
    "CA203",
    "slow-convergence",
    "calculus",
    "warning",
    check,
    __doc__ or "",
    reference="Boyd & Vandenberghe (2004), Convex Optimization, §9.3.",
    tasks=("regression",),
    losses=("squared",),
)

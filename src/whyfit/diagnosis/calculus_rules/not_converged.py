"""The steps stopped before the minimum: the coefficients are where they happened to be.

What it says

Of a fit: Newton's steps did not settle within their limit. By certificate there is still something to be gained, and
the next step gains about that. Of a descent (`whyfit descend`): the gradient at the parameters that were returned is
not small, more than 1 % of the excess loss is left, and neither the step nor the conditioning is at fault; there were
too few steps.

The mathematics

Newton's decrement gives what is left without knowing the minimum,

    L(w) − L* = ½ ∇L(w)ᵀ H⁻¹ ∇L(w) = ½ δ²

exactly on a quadratic, to second order near a smooth minimum. In units of the log-likelihood a fit that has settled
has δ below 1e-10; δ = 1 is one standard error. Where the minimum is at infinity (counts that are all zero in one
level of a category, say) every step multiplies what is left by 1/e, and moves the same coefficients by one unit: the
finding names them. It sets the predicted fall beside the one that the next step really brings, which must be the same
within a factor 2. Newton settles in 5 to 10 steps wherever a minimum exists, so that this is silent on nearly all fits.
Classes that a plane separates have a finding of their own (CA205).

Why it hurts

A solver that stops at an iteration limit returns coefficients like any other; only the gradient tells. Their standard
errors are those of another point, and another limit gives other coefficients.

What to do

Of a fit: a small penalty gives finite coefficients; it is tried here. Look at the columns named: a level without any
counts is a fact to report, not a coefficient. Of a descent: more steps, or a method that needs fewer; tried with four
times as many. Reference: Boyd & Vandenberghe (2004), Convex Optimization, §9.5.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from whyfit.calculus.losses.huber import EFFICIENT
from whyfit.calculus.newton import DECREMENT, NewtonSums, Problem, penalty
from whyfit.calculus.stability import live_excess
from whyfit.data.views import without_columns
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import features_of
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import skill_of
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import listed, number
from whyfit.fold import fold, joined
from whyfit.probability.glm import Columns, GLMFit, TargetSize, problem_of

#: Predicted fall ÷ observed: beyond it the decrement is no certificate here, and nothing is claimed.
ROUGH = 2.0
#: Below this fall (in units of the log-likelihood) the coefficients are within √(2·0.005) = 0.1 standard errors.
NOTHING = 5e-3
#: A column moves with the step if it moves by this share of the one that moves most, in standard deviations.
MOVES = 0.5


def check(case: Case) -> Iterator[Suspicion]:
    """A certain fact of one fit."""
    if isinstance(case.fit, GLMFit) and not case.fit.converged:
        yield Suspicion(lambda: _confirm(case))


def _confirm(case: Case) -> Confirmed | None:
    fit = case.fit
    assert isinstance(fit, GLMFit)
    b, problem = fit.optimum.b, _problem(case, fit)
    loss, gradient, H = _at(problem, b, True)
    told, step = live_excess(gradient, H)
    seen = loss - _at(problem, b - step, False)[0]
    never = fit.optimum.runaway
    if not (told > (0.0 if never else NOTHING) and told / ROUGH <= seen <= told * ROUGH):
        return None
    keep = np.flatnonzero(~fit.dropped)
    moves = np.abs(step[1 : keep.size + 1]) * problem.scale[: keep.size]
    order = np.argsort(-moves)
    some = keep[order[moves[order] >= MOVES * moves.max(initial=0.0)]]
    subject = features_of(case, some.tolist())
    steps, moving = len(fit.optimum.losses), f"{listed(subject[:3])} still {_moves(subject)}"
    message = (
        f"the loss has no minimum: after {steps} Newton steps {moving}, by as much at every step"
        if never
        else f"{steps} Newton steps did not settle: {moving}, and one more gains {number(seen, 2)} in log-likelihood"
    )
    return Confirmed(
        RULE.finding(
            "error",
            subject,
            message,
            evidence=(
                Evidence("fall of the loss by one more step", seen, predicted=told,
                         formula=r"L - L^* = \tfrac12 \nabla L^\top H^{-1} \nabla L"),
                Evidence("distance from the minimum", float(np.sqrt(2 * told)), DECREMENT, unit="standard errors"),
            ),
            prediction=f"predicted fall {number(told, 3)}   observed {number(seen, 3)}",
        ),
        () if case.spec.ridge else (Proposal("ridge, λ = 1", {"ridge": 1.0}, skill_of(case)),),
    )  # fmt: skip


def _moves(subject: tuple[str, ...]) -> str:
    return "moves" if len(subject) == 1 else "move"


def _problem(case: Case, fit: GLMFit) -> Problem:
    """What Newton was to minimise, in the coordinates in which it stopped."""
    total, keep = case.moments.total, ~fit.dropped
    mean, sd = total.mean[:-1].copy(), np.sqrt(np.diag(total.scatter)[:-1] / total.n)
    mean[keep] = fit.optimum.centre
    size = replace(TargetSize.of(case.sample.y), mean=float(total.mean[-1]))
    columns = Columns(total.n, mean, np.where(sd > 0, sd, 1.0), fit.dropped, size)
    source = without_columns(case.rows, fit.dropped)
    problem = problem_of(fit.family, source, columns, fit.ridge, EFFICIENT)
    return replace(problem, engine=case.engine)


def _at(
    problem: Problem, b: Float[np.ndarray, " c"], hessian: bool
) -> tuple[float, Float[np.ndarray, " c"], Float[np.ndarray, "c c"]]:
    """Loss, gradient and Hessian with the penalty."""
    zero = NewtonSums.empty(len(b), hessian)
    sums = fold(joined(problem.blocks()), problem.sums_at(b, hessian), zero, problem.engine)
    value, slope, diagonal = penalty(b, problem.scale, problem.ridge)
    H = np.diag(diagonal) if sums.hessian is None else sums.hessian + np.diag(diagonal)
    return sums.loss + value, sums.gradient + slope, H


RULE = Rule(
    "CA204",
    "not-converged",
    "calculus",
    "error",
    check,
    __doc__ or "",
    reference="Boyd & Vandenberghe (2004), Convex Optimization, §9.5.1.",
    tasks=("regression",),
    losses=("poisson", "gamma", "huber"),
)

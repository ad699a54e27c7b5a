"""Squared loss is the wrong loss for this target: the errors are multiplicative, counts, or the target is a class.

What it says

Least squares is the best fit for errors that are added, alike in size and roughly normal. This target is two-valued,
or positive and skewed, and another loss describes it better: held-out rows have a higher density under it.

The mathematics

Least squares maximises the normal log density. If instead log y has normal errors, the density of y itself is

    log p(y|x) = −½ log 2πσ² − (log y − ŷ)²/(2σ²) − log y

where the last term (the Jacobian) makes it comparable with that of the normal model of y, on the same scale. The
difference per held-out row, fold by fold on the same folds, is the evidence; the gate is 0.05 nats per row. The
training rows predict the same number: half the difference of the two log variances, less the mean of log y.

Where errors are normal, the one per cent of rows with the largest errors carries 8.5 % of the squared loss. The share
seen here tells how few rows steer the fit.

Reference: Box & Cox (1964), J. R. Stat. Soc. B 26, 211-252; Gneiting & Raftery (2007), JASA 102, 359-378.

Why it hurts

The fit bends to a few large values: a mistake of 100,000 on a castle counts as much as 10,000 mistakes of 1,000.
Prediction intervals reach below zero, and standard errors mix rows of very different certainty.

What to do

For a positive target fit its logarithm (tried; effects become per cent). For two values fit a logistic regression
(tried; compared by the squared error of the probability). For counts with zeros use a Poisson or negative-binomial
loss; whyfit has none yet, so nothing is tried.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import LOG_SCORE, Measure
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import between, number, percent
from whyfit.fold import Rows
from whyfit.linalg.moments import FoldMoments, moments_of
from whyfit.probability.linear import fit_moments
from whyfit.probability.validation import Estimate, cross_validate, over_folds

#: Nats per row. e^0.05: each row is 5 % more probable, and 60 rows decide between the models at a Bayes factor of 20,
#: "strong" for Kass & Raftery (1995), JASA 90, 773-795.
LIMIT = 0.05
#: Share of Σe² that the largest 1 % of normal errors carries: 2(qφ(q) + Φ(−q)), q = 2.576.
NORMAL_SHARE = 0.0845
#: log y as exactly explained as this is a column of the table (a leak), not a better loss.
GIVEN_AWAY = 0.999
#: A target with fewer values is a grade or a code of a class; its logarithm has no meaning.
FEWEST_VALUES = 15
#: Folds with fewer rows do not show the tail of a density.
_FEWEST_ROWS = 50


def check(case: Case) -> Iterable[Suspicion]:
    """Two values: certain. Otherwise one test, of the gain by a logarithm."""
    spec, column = case.spec, case.schema[case.spec.target]
    if spec.target_transform != "identity" or spec.ridge:
        return []
    if column.n_distinct == 2:
        return [Suspicion(lambda: _two_values(case))]
    counts = column.integral and column.minimum == 0
    if column.n_distinct is not None and column.n_distinct < FEWEST_VALUES:
        return []
    if (
        not (column.minimum > 0 or counts)
        or len(case.sample.y) < _FEWEST_ROWS
        or case.linear.df < 3
    ):
        return []
    start = 1.0 if counts else 0.0
    plain, logs = _moments(case, case.sample.y), _moments(case, np.log(case.sample.y + start))
    gain = cross_validate(logs)["log_score"] - logs.mean[:, -1] - cross_validate(plain)["log_score"]
    seen = over_folds(gain, spec.confidence)
    return [Suspicion(lambda: _skewed(case, (plain, logs), seen, counts), seen.p_above(LIMIT))]


def _moments(case: Case, y: Float[np.ndarray, " s"]) -> FoldMoments:
    s = case.sample
    return moments_of(case.k)(Rows(s.X, y, s.index, s.fold))


def _skewed(case: Case, moments, seen: Estimate, counts: bool) -> Confirmed | None:
    before, after = (fit_moments(m.total, case.names) for m in moments)
    if after.r2 > GIVEN_AWAY:
        return None
    # both models have as many parameters, so neither is favoured on the training rows
    expected = float(0.5 * np.log(before.rss / after.rss) - moments[1].total.mean[-1])
    slack = max(0.5 * expected, 3 * seen.std_error)
    if not abs(expected - seen.value) <= slack:  # an outlier, not the shape of the errors
        return None
    target = case.spec.target
    e = case.sample.y - case.held_out
    share, skew = _share(e), _skewness(e)
    negative = float(np.mean(case.held_out < 0))
    steer = f"1 % of rows carry {percent(share)} of the loss"
    better = f"{seen.value:.2f} nats of log density per row (limit {LIMIT:g})"
    if counts:
        message = f"{target} is a skewed count, for Poisson loss: even log(1 + {target}) gains {better}; {steer}"
    else:
        message = f"errors of {target} are multiplicative: its log gains {better}; {steer}"
    ratio = r"\frac12\log\frac{\hat\sigma^2_y}{\hat\sigma^2_{\log y}} - \overline{\log y}"
    evidence = (
        Evidence(
            "gain in held-out log density", seen.value, limit=LIMIT, predicted=expected, low=seen.low, high=seen.high,
            formula=f"{ratio} = {expected:.3f}",
            unit="nats per row",
        ),
        Evidence(
            "squared loss owed to the top 1 % of rows", share, predicted=NORMAL_SHARE,
            formula=r"2\,(q\,\varphi(q) + \Phi(-q)) = 0.085,\ q = 2.576",
        ),
        Evidence("skewness of the errors", skew, predicted=0.0, formula=r"\overline{e^3}/s^3"),
        Evidence("predictions below zero", negative, formula=r"\Pr(\hat y < 0)"),
    )  # fmt: skip
    proposal = Proposal(f"fit log({target})", {"target_transform": "log"}, LOG_SCORE)
    return Confirmed(
        RULE.finding(
            "warning",
            (target,),
            message,
            evidence=evidence,
            prediction=(
                f"predicted gain {expected:.2f} nats per row"
                f"   observed {seen.value:.2f} {between(seen.low, seen.high, 2)} held-out"
            ),
        ),
        () if counts else (proposal,),
    )


def _share(e: np.ndarray) -> float:
    squares = np.sort(e * e)
    return float(squares[-max(1, round(0.01 * len(e))) :].sum() / squares.sum())


def _skewness(e: np.ndarray) -> float:
    d = e - e.mean()
    return float(np.mean(d**3) / np.mean(d * d) ** 1.5)


def _two_values(case: Case) -> Confirmed:
    target = case.spec.target
    column = case.schema[target]
    low, high = column.minimum, column.maximum
    outside = float(np.mean((case.held_out < low) | (case.held_out > high)))
    spread = high - low

    def brier(c: Case) -> np.ndarray:
        return c.scores["mse"] / spread**2 if c.task == "regression" else c.scores["brier"]

    message = (
        f"{target} has only the values {number(low)} and {number(high)}, but squared loss treats it as a measurement:"
        f" {percent(outside)} of predictions lie outside"
    )
    formula = r"\Pr(\hat y \notin [y_{\min}, y_{\max}])"
    evidence = (
        Evidence("predictions outside the two values", outside, limit=0.0, formula=formula),
    )
    measure = Measure("held-out squared error of the probability", brier, "lower")
    return Confirmed(
        RULE.finding("warning", (target,), message, evidence=evidence),
        (Proposal("logistic regression", {"task": "binary"}, measure),),
    )


RULE = Rule(
    "CA207", "wrong-loss", "calculus", "warning", check, __doc__ or "",
    reference="Box & Cox (1964), J. R. Stat. Soc. B 26, 211-252",
    tasks=("regression",),
)  # fmt: skip

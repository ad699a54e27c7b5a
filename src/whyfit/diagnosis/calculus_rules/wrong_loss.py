"""The loss does not suit this target: its errors multiply, are counts or have heavy tails, or it is a class.

What it says

Least squares is the best fit for errors that are added, alike in size and roughly normal. This target is two-valued,
a count, positive and skewed, or has errors with heavy tails, and another loss describes it better: held-out rows have
a higher density under it. Under a Poisson loss: counts vary more than a Poisson law allows, and its standard errors are
too small. Under a Poisson or gamma loss: the log link predicts the mean worse than a straight line does.

The mathematics

Every loss is the negative log density of a law, and densities of the same y compare:

    squared    normal, variance σ²
    log        log p(y|x) = −½ log 2πσ² − (log y − ŷ)²/(2σ²) − log y, the last term being the Jacobian
    Poisson    of counts with mean μ = e^η and variance φμ: negative binomial, Poisson for φ = 1
    gamma      of amounts with mean μ = e^η and variance φμ²
    Huber      normal in the middle, exponential beyond 1.345 σ

The difference per held-out row, fold by fold on the same folds, is the evidence; the gate is 0.05 nats per row. For
tails no row counts more than three nats, and the two largest errors not at all: wild rows are no tail. The
training rows predict the same number: it is the log of the likelihood ratio of the two laws, per row.

An estimator with Σ ψ_i x̃_i = 0 has slopes of variance A⁻¹(Σψ²x̃x̃ᵀ)A⁻¹. With the ψ² that the better law expects this
gives the variance of the slopes under squared loss over that under the other: how many times as many rows least squares
needs for the same certainty. A bootstrap of both estimators observes it.

Where errors are normal, the one per cent of rows with the largest errors carries 8.5 % of the squared loss and 3.6 % of
its gradient. The shares seen here tell how few rows steer the fit. Hill's tail index α says how the errors end,
P(|e| > t) ~ t^−α: below 2 they have no variance.

For counts φ = Σ(y − μ)²/μ / (n − p − 1) must be 1 if the law is Poisson's. Its standard errors are then right, and too
small by √φ otherwise. The robust ones, from (Σψ²x̃x̃ᵀ), do not need the law.

Reference: Box & Cox (1964), J. R. Stat. Soc. B 26, 211-252; Gneiting & Raftery (2007), JASA 102, 359-378; McCullagh &
Nelder (1989), Generalized Linear Models, ch. 6, 8; Huber & Ronchetti (2009), Robust Statistics, ch. 7.

Why it hurts

The fit bends to a few large values: a mistake of 100,000 on a castle counts as much as 10,000 mistakes of 1,000.
Prediction intervals reach below zero, and standard errors mix rows of very different certainty.

What to do

For counts use the Poisson loss (tried; e^w are factors of the mean), with robust standard errors if they are dispersed
(tried, against a bootstrap). For a positive target fit its logarithm or use the gamma loss (both tried, the better one
first; effects become per cent, of the median or the mean). For heavy tails use Huber's loss (tried: the standard error
of the slopes by bootstrap, its centre staying at the mean). For two values fit a logistic regression (tried; compared
by the squared error of the probability). Poisson and gamma must not predict the mean worse than before: held-out R²
guards them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from whyfit.data.sample import Sample
from whyfit.data.schema import Column
from whyfit.diagnosis import overdispersion, steep_link
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.losses_compared import (
    Rival,
    efficiency,
    looked_at,
    moments,
    normal_inside,
    slope_errors,
    tail_gain,
    tail_gain_inside,
    tail_index,
)
from whyfit.diagnosis.measures import LOG_SCORE, Measure
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.steep_link import POOLED_R2
from whyfit.diagnosis.words import between, number, percent
from whyfit.probability.linear import fit_moments
from whyfit.probability.validation import Estimate, cross_validate, over_folds

#: Nats per row. e^0.05: each row is 5 % more probable, and 60 rows decide between the models at a Bayes factor of 20,
#: "strong" for Kass & Raftery (1995), JASA 90, 773-795.
LIMIT = 0.05
#: Share of Σe² that the largest 1 % of normal errors carries: 2(qφ(q) + Φ(−q)), q = 2.576; and of Σ|e|: e^{−q²/2}.
NORMAL_SHARE, NORMAL_PULL = 0.0845, 0.0362
#: log y as exactly explained as this is a column of the table (a leak), not a better loss.
GIVEN_AWAY = 0.999
#: A target with fewer values is a grade or a code of a class; its logarithm has no meaning.
FEWEST_VALUES = 15
#: Folds with fewer rows do not show the tail of a density.
_FEWEST_ROWS = 50
#: Certainty is foretold where the bootstrap bears it out to a factor of 2: elsewhere the law's variance is not y's.
AGREE = np.log(2)
#: Whole numbers without a zero whose mean is larger are amounts: a Poisson law would spread by less than 10 %.
LARGE_COUNTS = 100


@dataclass(frozen=True)
class _Look:
    """Rows that rival losses are fitted to, and held-out gains over squared loss."""

    rows: Sample
    plain: Float[np.ndarray, " k"]  # log density per row under squared loss
    skewed: Estimate | None = None  # gain of the logarithm, or of counts
    tails: Estimate | None = None  # of Huber's law


def check(case: Case) -> Iterable[Suspicion]:
    """Two values: certain. Otherwise a test of the shape of the errors and one of their tails."""
    spec, column = case.spec, case.schema[case.spec.target]
    if spec.ridge:
        return
    if case.loss == "poisson" and spec.covariance == "classic":
        yield from overdispersion.suspicions(case, RULE.finding)
    if case.loss in ("poisson", "gamma"):
        yield from steep_link.suspicions(case, RULE.finding)
    if case.loss != "squared" or spec.target_transform != "identity":
        return
    if column.n_distinct == 2:
        yield Suspicion(lambda: _two_values(case))
        return
    if len(case.sample.y) < _FEWEST_ROWS or case.linear.df < 3:
        return
    measured = column.n_distinct is None or column.n_distinct >= FEWEST_VALUES
    skewed, speak, tails = None, None, _tails(case) if measured else None
    s = looked_at(case)
    plain = cross_validate(moments(case, s, s.y))["log_score"]
    if _counts(case, column):
        if (rival := Rival.of(case, "poisson", s)) is not None:
            skewed = over_folds(rival.scores["log_score"] - plain, spec.confidence)
            speak = partial(_of_counts, rival=rival)
    elif column.minimum > 0 and measured:
        skewed, speak = _gain_of_logarithm(case), _of_amounts
    look = _Look(s, plain, skewed, tails)
    if speak is not None and skewed is not None:
        yield Suspicion(partial(speak, case, look), skewed.p_above(LIMIT))
    # tails are looked at where no other law accounts for them
    if tails is not None and (skewed is None or tails.value > skewed.value):
        yield Suspicion(lambda: _of_tails(case, look), tails.p_above(LIMIT))


def _tails(case: Case) -> Estimate:
    """Gain of Huber's law for the held-out errors of least squares."""
    s = case.sample
    return over_folds(tail_gain(s.y - case.held_out, s.fold, case.k), case.spec.confidence)


def _gain_of_logarithm(case: Case) -> Estimate:
    s = case.sample
    plain, logs = moments(case, s, s.y), moments(case, s, np.log(s.y))
    gain = cross_validate(logs)["log_score"] - logs.mean[:, -1] - cross_validate(plain)["log_score"]
    return over_folds(gain, case.spec.confidence)


def _counts(case: Case, column: Column) -> bool:
    small = column.minimum == 0 or case.moments.total.mean[-1] < LARGE_COUNTS
    return bool(column.integral and column.minimum >= 0 and small)


def _believable(expected: float, seen: Estimate) -> bool:
    """Both laws have as many parameters, so neither is favoured on the training rows: else it is an outlier's doing."""
    return bool(abs(expected - seen.value) <= max(0.5 * abs(expected), 3 * seen.std_error))


def _of_counts(case: Case, look: _Look, rival: Rival) -> Confirmed | None:
    seen, s, target = look.skewed, look.rows, case.spec.target
    assert seen is not None
    before = fit_moments(moments(case, s, s.y).total, case.names)
    expected = rival.inside - normal_inside(before)
    if not _believable(expected, seen):
        return None
    phi = rival.fit.dispersion
    gain = efficiency(s, rival.fit, case.rng(RULE.code))
    negative = float(np.mean(case.held_out < 0))
    law = "Poisson's law" if phi < overdispersion.LIMIT else "a count's law"
    below = f"; {percent(negative)} of predictions lie below zero" if negative else ""
    message = (
        f"{target} is a count: {law} with variance {phi:.2g} × mean gains {seen.value:.2f} nats of log density per"
        f" row (limit {LIMIT:g}){below}"
    )
    evidence = (
        _gained(seen, expected, r"\frac1n\log\frac{p(y\,|\,\hat\mu,\hat\varphi)}{N(y;\hat y,\hat\sigma^2)}"),
        _ratio(expected, case.n),
        _certainty(gain),
        Evidence("dispersion of the counts", phi, predicted=1.0, formula=r"\chi^2_P/(n - p - 1)"),
        *_steer(case),
        Evidence("predictions below zero", negative, formula=r"\Pr(\hat y < 0)"),
    )  # fmt: skip
    proposals = (Proposal("Poisson loss", {"loss": "poisson"}, LOG_SCORE, POOLED_R2),)
    return _finding(target, message, evidence, (expected, seen, gain), proposals)


def _of_amounts(case: Case, look: _Look) -> Confirmed | None:
    s, seen, target = case.sample, look.skewed, case.spec.target
    assert seen is not None
    plain, logs = moments(case, s, s.y), moments(case, s, np.log(s.y))
    before, after = (fit_moments(m.total, case.names) for m in (plain, logs))
    if after.r2 > GIVEN_AWAY:
        return None
    expected = float(0.5 * np.log(before.rss / after.rss) - logs.total.mean[-1])
    if not abs(expected - seen.value) <= max(0.5 * expected, 3 * seen.std_error):
        return None  # an outlier, not the shape of the errors
    rival = Rival.of(case, "gamma", look.rows)
    gain = None if rival is None else efficiency(look.rows, rival.fit, case.rng(RULE.code))
    share = _share(case.sample.y - case.held_out)
    message = (
        f"errors of {target} are multiplicative: its log gains {seen.value:.2f} nats of log density per row"
        f" (limit {LIMIT:g}); 1 % of rows carry {percent(share)} of the loss"
    )
    ratio = r"\frac12\log\frac{\hat\sigma^2_y}{\hat\sigma^2_{\log y}} - \overline{\log y}"
    negative = float(np.mean(case.held_out < 0))
    evidence = (
        _gained(seen, expected, ratio),
        _ratio(expected, case.n),
        *(() if gain is None else (_certainty(gain),)),
        *_steer(case),
        Evidence("predictions below zero", negative, formula=r"\Pr(\hat y < 0)"),
    )
    proposals = [Proposal(f"fit log({target})", {"target_transform": "log"}, LOG_SCORE)]
    if rival is not None:
        proposals.append(Proposal("gamma loss", {"loss": "gamma"}, LOG_SCORE, POOLED_R2))
        better = over_folds(rival.scores["log_score"] - look.plain).value
        evidence = (evidence[0], _gamma(better), *evidence[1:])
        if better > seen.value:
            proposals.reverse()
    if look.tails is not None and look.tails.low > LIMIT:
        proposals.append(_huber(case))
    return _finding(target, message, evidence, (expected, seen, gain), tuple(proposals))


def _of_tails(case: Case, look: _Look) -> Confirmed | None:
    seen = look.tails
    assert seen is not None
    if look.skewed is not None and look.skewed.low > LIMIT:
        return None  # the other law speaks
    rival = Rival.of(case, "huber", look.rows)
    if rival is None:
        return None
    s, target, e = look.rows, case.spec.target, case.sample.y - case.held_out
    straight = case.linear.predict(s.X)
    expected = tail_gain_inside(s.y - straight, s.y - rival.fit.predict(s.X))
    if not _believable(expected, seen):
        return None
    gain = efficiency(s, rival.fit, case.rng(RULE.code))
    alpha, pull = tail_index(e), _pull(e)
    message = (
        f"errors of {target} have heavy tails (index {alpha:.2g}): Huber's law gains {seen.value:.2f} nats of log"
        f" density per row (limit {LIMIT:g}); 1 % of rows pull with {percent(pull)} of the gradient"
    )
    evidence = (
        _gained(seen, expected, r"\frac1n\log\frac{e^{-\rho(e/\hat\sigma)}/(C\hat\sigma)}{N(y;\hat y,\hat\sigma^2)}"),
        _certainty(gain),
        Evidence("tail index of the errors (Hill)", alpha, formula=r"\Pr(|e| > t) \sim t^{-\alpha}"),
        *_steer(case),
    )  # fmt: skip
    return _finding(target, message, evidence, (expected, seen, gain), (_huber(case),))


def _bias(case: Case) -> Float[np.ndarray, " k"]:
    """Squared mean held-out error over the variance of the errors of least squares."""
    s = case.sample
    return np.full(case.k, np.mean(s.y - case.held_out) ** 2 * case.n / case.linear.rss)


#: Huber's centre must be the mean, or nearly: errors with one long tail have another.
BIAS = Measure("squared mean error over variance", _bias, "lower")


def _huber(case: Case) -> Proposal:
    """Judged by what it is for, certain slopes: densities of single folds are as noisy as their largest rows."""
    return Proposal("Huber's loss", {"loss": "huber"}, slope_errors(case), BIAS)


def _gained(seen: Estimate, expected: float, formula: str) -> Evidence:
    return Evidence(
        "gain in held-out log density", seen.value, limit=LIMIT, predicted=expected, low=seen.low, high=seen.high,
        formula=f"{formula} = {expected:.3f}", unit="nats per row",
    )  # fmt: skip


def _gamma(gain: float) -> Evidence:
    return Evidence("gain in held-out log density of gamma loss", gain, unit="nats per row")


def _ratio(expected: float, n: int) -> Evidence:
    """Twice the log of the likelihood ratio of the two laws, all rows."""
    return Evidence(
        "likelihood ratio against the normal law", 2 * n * expected, formula=r"2(\ell - \ell_{N})"
    )


def _certainty(gain) -> Evidence:
    return Evidence(
        "variance of the slopes under squared loss over that under the other", gain.observed, predicted=gain.predicted,
        formula=r"\frac{\sum_j \mathrm{var}(\hat w_j^{\mathrm{LS}})}{\sum_j \mathrm{var}(\hat w_j)}"
        rf" = {gain.predicted:.3g}",
        unit="×",
    )  # fmt: skip


def _steer(case: Case) -> tuple[Evidence, ...]:
    e = case.sample.y - case.held_out
    return (
        Evidence(
            "squared loss owed to the top 1 % of rows", _share(e), predicted=NORMAL_SHARE,
            formula=r"2\,(q\,\varphi(q) + \Phi(-q)) = 0.085,\ q = 2.576",
        ),
        Evidence(
            "gradient owed to the top 1 % of rows", _pull(e), predicted=NORMAL_PULL,
            formula=r"e^{-q^2/2} = 0.036,\ q = 2.576",
        ),
        Evidence("skewness of the errors", _skewness(e), predicted=0.0, formula=r"\overline{e^3}/s^3"),
    )  # fmt: skip


def _finding(target, message, evidence, known, proposals) -> Confirmed:
    expected, seen, gain = known
    foretold = f"predicted gain {expected:.2f} nats per row"
    observed = f"observed {seen.value:.2f} {between(seen.low, seen.high, 2)} held-out"
    if gain is not None and abs(np.log(gain.predicted / gain.observed)) < AGREE:
        foretold += f", slopes' variance ÷ {gain.predicted:.2g}"
        observed += f", ÷ {gain.observed:.2g}"
    return Confirmed(
        RULE.finding(
            "warning", (target,), message, evidence=evidence, prediction=f"{foretold}   {observed}",
            explains=("PR305", "PR312"),
        ),
        proposals,
    )  # fmt: skip


def _share(e: np.ndarray) -> float:
    squares = np.sort(e * e)
    return float(squares[-max(1, round(0.01 * len(e))) :].sum() / squares.sum())


def _pull(e: np.ndarray) -> float:
    size = np.sort(np.abs(e))
    return float(size[-max(1, round(0.01 * len(e))) :].sum() / size.sum())


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

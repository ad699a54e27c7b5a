"""The errors are far from normal: heavy tails, or long on one side.

What it says

Errors far from the middle are much more frequent than under a normal law of the same spread, or those on one side are
much longer than on the other. Then 95 % intervals made with ±1.96 σ promise what they do not keep: not 2.5 % of rows
lie beyond each end, and misses are larger than expected.

The mathematics

L-moments describe the law of the held-out errors by linear functions of their ordered values; a wild row moves them
in proportion to its distance only:

    τ₃ = λ₃/λ₂   skewness, 0 if symmetric        τ₄ = λ₄/λ₂   tails, 0.123 if normal

The gate for tails is τ₄ = 0.194, that of Student's t with 5 degrees of freedom: there least squares needs 5/4 as many
rows as the best estimator for the same certainty, and twice as many at 3 degrees (1/(variance × Fisher information),
(ν + 3)(ν − 2)/(ν (ν + 1))). The gate for skewness is |τ₃| = 0.165, that of a gamma law of skewness 1, of which a normal
95 % interval misses 4 % on the long side and next to nothing on the other. Two tests.

The two largest errors are left out: wild rows are no tail. Where the spread of errors depends on the columns, errors
are first divided by it, so that a mixture of spreads does not pass for a tail. Where squares and products of the
columns explain more than 5 % of the errors, or of their size, the line or the spread is wrong, not the law, and nothing
is said. Of errors that are skewed nothing else is said, and nothing at all where intervals are conformal already.

The law with these L-moments, Student's t or a gamma law, is found from one half of the folds; what it predicts is
compared with the rows of the other half: the share beyond 3 standard deviations (0.27 % if normal), or the shares that
normal intervals miss on either side. If they disagree nothing is said.

Of 100 tables with errors of t₃ the gate alone lets pass 45 at 500 rows and 90 at 1,000; of t₂ 54 at 200 and 100 at 500.

Reference: Hosking (1990), J. R. Stat. Soc. B 52, 105-124; Lehmann & Casella (1998), Theory of Point Estimation, ch. 6.

Why it hurts

The coefficients are still right on average, but far less certain than the same number of rows could make them: few
large errors decide. Intervals of predictions are too long for most rows, and too short where it matters; one-sided
statements ("in 97.5 % of cases below") are off by a factor.

What to do

Conformal intervals take their ends from the errors that held-out rows had, each end its own (tried; measured by the
held-out interval score, a proper score of length and misses). For symmetric heavy tails Huber's loss restores the
certainty of the coefficients (tried; the standard error of the slopes by bootstrap, its centre staying at the mean).
For a positive target that is long on the right fit its logarithm (tried; held-out log density).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.diagnose import FAMILY_WISE
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.held_out_intervals import INTERVAL_SCORE, errors_of
from whyfit.diagnosis.losses_compared import SET_ASIDE, Efficiency, Rival, efficiency, looked_at
from whyfit.diagnosis.losses_compared import slope_errors as slopes
from whyfit.diagnosis.measures import LOG_SCORE, Measure
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import percent
from whyfit.linalg.rank import EPS
from whyfit.probability.association import wilson
from whyfit.probability.distributions import t_quantile, t_two_sided, t_upper
from whyfit.probability.lmoments import LMoments, gamma_of, lmoments, student_of

#: τ₄ of t₅, where least squares needs 5/4 as many rows as the best estimator: "small" losses of efficiency end there.
TAILS_LIMIT = 0.1936
#: |τ₃| of a gamma law of shape 4, whose skewness is 1: "highly skewed" from there (Bulmer 1979, Principles of
#: Statistics, §5).
SKEW_LIMIT = 0.1647
#: Rows below which τ₃ and τ₄ say little.
FEWEST_ROWS = 100
#: Share of the errors' variance that squares and products of columns may explain (adjusted R²).
BENT = 0.05
#: Efficiency, or misses of one side over nominal ones, from which it is a warning.
WARNING = 1.5
#: Beyond its sampling error the predicted share may miss by this, as no law is exactly t or gamma.
TOLERANCE = 0.005
#: ... and that of a far tail by half: a mixture of two normal laws is no t.
ROUGHLY = 0.5
_MOST_ROWS, _MOST_TERMS = 20_000, 90
_BEYOND = 3.0
#: A target with fewer values is a grade or a class.
_FEWEST_VALUES = 15


@dataclass(frozen=True)
class _Look:
    """Errors in units of their standard deviation, even folds first in mind, and their L-moments."""

    z: Float[np.ndarray, " s"]
    fold: np.ndarray
    made: LMoments
    rows: np.ndarray


def check(case: Case) -> Iterable[Suspicion]:
    column = case.schema[case.spec.target]
    if case.linear.df < 3 or not case.linear.rss > EPS * case.linear.tss:
        return []
    if column.n_distinct is not None and column.n_distinct < _FEWEST_VALUES:
        return []
    look = _look(case)
    if look is None:
        return []
    m = look.made
    told = case.spec.intervals == "conformal"  # intervals have ends of their own already
    return [
        Suspicion(partial(_tails, case, look), _p(m.tails - TAILS_LIMIT, m.tails_error, m.n)),
        Suspicion(
            (lambda: None) if told else partial(_skew, case, look),
            _p(abs(m.skew) - SKEW_LIMIT, m.skew_error, m.n),
        ),
    ]


def _p(excess: float, error: float, n: int) -> float:
    """Of "no more than the limit"; the errors of the outer tenth are what there is to know of a tail."""
    return float(t_upper(excess / error, n / 10)) if error > 0 else 1.0


def _look(case: Case) -> _Look | None:
    errors = errors_of(case)
    z = errors.score
    step = -(-len(z) // _MOST_ROWS)
    rows = np.arange(len(z))[::step]
    z = z[rows]
    if len(z) < FEWEST_ROWS + SET_ASIDE or not np.isfinite(z).all():
        return None
    usual = np.argsort(np.abs(z), kind="stable")[:-SET_ASIDE]
    usual.sort()
    rows, z = rows[usual], z[usual]
    spread = float(z.std())
    made = lmoments(z / spread) if spread > 0 else None
    if made is None or not np.isfinite(made.tails):
        return None
    return _Look(z / spread, case.sample.fold[rows], made, rows)


def _tails(case: Case, look: _Look) -> Confirmed | None:
    m = look.made
    if _p(abs(m.skew) - SKEW_LIMIT, m.skew_error, m.n) < FAMILY_WISE or _bent(case, look):
        return None
    learn, test = look.z[look.fold % 2 == 0], look.z[look.fold % 2 == 1]
    law = student_of(lmoments(learn))
    predicted = sum(law.beyond(-_BEYOND, _BEYOND))
    hit, tested = int((np.abs(test) > _BEYOND).sum()), len(test)
    seen = hit / tested
    low, high = wilson(hit, tested, case.spec.confidence)
    if not _agree(predicted, seen, tested, ROUGHLY):
        return None
    s = looked_at(case)
    rival = Rival.of(case, "huber", s)
    gain = None if rival is None else efficiency(s, rival.fit, case.rng(RULE.code))
    target, normal = case.spec.target, float(t_two_sided(_BEYOND, np.inf))
    many = "" if gain is None else f"; least squares needs {gain.observed:.1f} × as many rows"
    message = (
        f"errors of {target} have heavy tails, as Student's t with {law.df:.2g} degrees of freedom:"
        f" {percent(seen)} of rows lie beyond 3 standard deviations (normal {percent(normal)}){many}"
    )
    strong = gain is not None and gain.observed >= WARNING
    half = t_quantile(case.spec.confidence, np.inf) * m.tails_error
    evidence = (
        Evidence(
            "tails of the errors (L-kurtosis)", m.tails, limit=TAILS_LIMIT, low=m.tails - half,
            high=m.tails + half, formula=rf"\tau_4 = \lambda_4/\lambda_2 = {m.tails:.3f},\ 0.123 \text{{ if normal}}",
        ),
        Evidence(
            "rows beyond 3 standard deviations", seen, limit=normal, predicted=predicted, low=low, high=high,
            formula=rf"\Pr(|T_{{{law.df:.2g}}}| > 3/{law.scale:.3g}) = {predicted:.4f}",
        ),
        *_certainty(gain),
        *_coverage(case, look),
    )  # fmt: skip
    prediction = (
        f"predicted {percent(predicted)} of rows beyond 3 standard deviations"
        f"   observed {percent(seen)} [{100 * low:.2g}, {100 * high:.2g}] on the other half"
    )
    proposals = (
        Proposal("Huber's loss", {"loss": "huber"}, slopes(case), _BIAS),
        *_conformal(case),
    )
    return Confirmed(
        RULE.finding(
            "warning" if strong else "note", (target,), message, evidence=evidence, prediction=prediction,
            explains=("PR312",),
        ),
        proposals if case.spec.ridge == 0 else proposals[1:],
    )  # fmt: skip


def _skew(case: Case, look: _Look) -> Confirmed | None:
    if _bent(case, look):
        return None
    level = case.spec.confidence
    q = t_quantile(level, np.inf)
    learn, test = look.z[look.fold % 2 == 0], look.z[look.fold % 2 == 1]
    predicted = gamma_of(lmoments(learn)).beyond(-q, q)
    m, counts = len(test), (int((test < -q).sum()), int((test > q).sum()))
    shares = [c / m for c in counts]
    if not all(_agree(p, s, m) for p, s in zip(predicted, shares, strict=True)):
        return None
    made, target, nominal = look.made, case.spec.target, (1 - level) / 2
    long = int(made.skew > 0)
    low, high = wilson(counts[long], m, level)
    side = ("below", "above")
    message = (
        f"errors of {target} are skewed: {percent(level)} intervals miss {percent(shares[long])} of rows {side[long]}"
        f" and {percent(shares[1 - long])} {side[1 - long]}, instead of {percent(nominal)} each"
    )
    half = q * made.skew_error
    evidence = (
        Evidence(
            "skewness of the errors (L-skewness)", made.skew, limit=float(np.copysign(SKEW_LIMIT, made.skew)),
            predicted=0.0, low=made.skew - half, high=made.skew + half,
            formula=rf"\tau_3 = \lambda_3/\lambda_2 = {made.skew:.3f},\ 0 \text{{ if symmetric}}",
        ),
        Evidence(
            f"rows missed {side[long]}", shares[long], limit=nominal, predicted=predicted[long], low=low, high=high,
            formula=rf"\Pr(z {'>' if long else '<'} {q if long else -q:.2f}) = {predicted[long]:.4f}",
        ),
        Evidence(f"rows missed {side[1 - long]}", shares[1 - long], limit=nominal, predicted=predicted[1 - long]),
        *_coverage(case, look),
    )  # fmt: skip
    prediction = (
        f"predicted {percent(predicted[long])} missed {side[long]}, {percent(predicted[1 - long])} {side[1 - long]}"
        f"   observed {percent(shares[long])} [{100 * low:.2g}, {100 * high:.2g}], {percent(shares[1 - long])}"
    )
    column, proposals = case.schema[target], [*_conformal(case)]
    plain = case.spec.target_transform == "identity" and not case.spec.ridge
    if long and plain and column.minimum > 0:
        proposals.insert(0, Proposal(f"fit log({target})", {"target_transform": "log"}, LOG_SCORE))
    strong = low > WARNING * nominal
    return Confirmed(
        RULE.finding(
            "warning" if strong else "note", (target,), message, evidence=evidence, prediction=prediction,
            explains=("PR312",),
        ),
        tuple(proposals),
    )  # fmt: skip


def _agree(predicted: float, observed: float, m: int, part: float = 0.25) -> bool:
    error = float(np.sqrt(max(predicted, 1 / m) * (1 - predicted) / m))
    return abs(predicted - observed) <= max(TOLERANCE, part * predicted) + 3 * error


def _bent(case: Case, look: _Look) -> bool:
    """Whether squares and products of columns explain a relevant share of the errors, or of their size."""
    live = np.flatnonzero(~case.linear.dropped)
    if not live.size:
        return False
    X = case.sample.X[np.ix_(look.rows, live)]
    f = case.held_out[look.rows]
    sd = X.std(axis=0)
    X = (X - X.mean(axis=0)) / np.where(sd > 0, sd, 1.0)
    f = (f - f.mean()) / (f.std() or 1.0)
    a, b = np.triu_indices(X.shape[1])
    if len(a) <= _MOST_TERMS and len(a) < len(f) / 10:
        more = X[:, a] * X[:, b]
    else:
        more = np.column_stack([X[:, :_MOST_TERMS] ** 2, f * f])
    Z = np.column_stack([np.ones(len(f)), X, more])
    if Z.shape[1] > len(f) / 3:
        return False
    e = np.column_stack([(case.sample.y - case.held_out)[look.rows], np.abs(look.z)])
    w, *_ = np.linalg.lstsq(Z, e, rcond=None)
    left = ((e - Z @ w) ** 2).sum(axis=0) / (len(f) - Z.shape[1])
    return bool((1 - left / e.var(axis=0, ddof=1) > BENT).any())


def _coverage(case: Case, look: _Look) -> tuple[Evidence, ...]:
    level = case.spec.confidence
    inside = int((np.abs(look.z) <= t_quantile(level, np.inf)).sum())
    low, high = wilson(inside, len(look.z), level)
    return (
        Evidence(
            f"held-out coverage of {percent(level)} intervals", inside / len(look.z), predicted=level,
            low=low, high=high,
        ),
    )  # fmt: skip


def _certainty(gain: Efficiency | None) -> tuple[Evidence, ...]:
    if gain is None:
        return ()
    return (
        Evidence(
            "variance of the slopes under squared loss over that under Huber's", gain.observed,
            predicted=gain.predicted, limit=WARNING, unit="×",
        ),
    )  # fmt: skip


def _conformal(case: Case) -> tuple[Proposal, ...]:
    if case.spec.intervals == "conformal":
        return ()
    return (Proposal("conformal intervals", {"intervals": "conformal"}, INTERVAL_SCORE),)


def _bias(case: Case) -> Float[np.ndarray, " k"]:
    """Squared mean held-out error over the variance of the errors of least squares."""
    s = case.sample
    return np.full(case.k, np.mean(s.y - case.held_out) ** 2 * case.n / case.linear.rss)


_BIAS = Measure("squared mean error over variance", _bias, "lower")

RULE = Rule(
    "PR305", "heavy-tailed-errors", "probability", "warning", check, __doc__ or "",
    reference="Hosking (1990), J. R. Stat. Soc. B 52, 105-124",
    tasks=("regression",),
    losses=("squared",),
)  # fmt: skip

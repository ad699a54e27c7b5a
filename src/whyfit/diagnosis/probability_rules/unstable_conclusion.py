"""A slope counts as significant only because its standard error is too small: resampled rows do not repeat it.

What it says

A slope is significant with classic standard errors, but other samples of the same rows often say otherwise: its sign
turns, or its robust interval holds zero. The conclusion rests on the assumption that all errors are alike, and the rows
contradict it.

The mathematics

The slope is Σ aᵢyᵢ with aᵢ = (V x̃ᵢ)ⱼ, and its variance Σ aᵢ²σᵢ². Classic errors put one σ² for all, robust ones (HC3)
each row's own residual, kept out:

    R = Σ aᵢ² eᵢ²/(1 − hᵢ)² / (σ̂² Σ aᵢ²),    var log R ≈ Σ aᵢ⁴(eᵢ² − σ̂²)² / (σ̂² Σ aᵢ²)²

Where errors are large just where x is far from its mean, on both ends or on one, R exceeds 1. The gate is the null
R ≤ 1.25²: a standard error too small by a quarter makes one of eight true nulls significant at 5 %. It is tested, with
the degrees of freedom that so few large terms leave, for every significant slope; the finding is made for those that
are not significant with robust errors.

The robust error predicts how often the slope of a bootstrap sample has the other sign, P(T > |ŵ|/se); the observation
is the share of 500 such samples. Where both spreads differ by more than 30 %, nothing is said. Nor is it where two rows
make up half of R: these are the subject of the rule influential-rows.

Reference: White (1980), Econometrica 48, 817-838; MacKinnon & White (1985), J. Econometrics 29, 305-325; Freedman
(1981), Annals of Statistics 9, 1218-1228, for resampled rows.

Why it hurts

"x has an effect (p = 0.01)" is what gets reported. With a standard error that is half of what it should be, such a
statement is made about nothing in every third table.

What to do

Report robust standard errors (HC3, tried; measured against the bootstrap spread of the coefficients), and call the
slope undetermined: neither an effect nor its absence is shown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.conclusions import REPLICATES, conclusions_of
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.probability_rules.heteroscedastic import distance_to_bootstrap
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.standard_errors import standard_errors
from whyfit.diagnosis.words import number, percent
from whyfit.linalg.rank import EPS
from whyfit.probability.association import wilson
from whyfit.probability.distributions import t_quantile, t_two_sided, t_upper

#: Standard errors too small by more than this make one of eight nulls significant at 5 %: 2Φ(−1.96/1.25) = 0.12.
LIMIT = 1.25
#: Robust and bootstrap spread may differ by this factor: HC3 of 50 rows with large leverages does.
AGREE = 1.3
#: Share of R that two rows may make up.
TWO_ROWS = 0.5
#: Rows below which residuals say too little of their own variance.
FEWEST_ROWS = 50
_MOST_ROWS = 20_000


@dataclass(frozen=True)
class _Look:
    """One significant slope: its place in the table, HC3 over classic error, and what is needed of its law."""

    place: int
    ratio: float  # of standard errors
    std_error: float  # of log ratio
    df: float
    two_rows: float

    @property
    def p_above(self) -> float:
        """Of "no more than LIMIT"."""
        return float(t_upper((np.log(self.ratio) - np.log(LIMIT)) / self.std_error, self.df))


def check(case: Case) -> Iterable[Suspicion]:
    fit, spec = case.linear, case.spec
    if spec.covariance != "classic" or spec.ridge or fit.n < FEWEST_ROWS or fit.df < 3:
        return []
    if not fit.rss > EPS * fit.tss:
        return []
    made = conclusions_of(case)
    if made is None:
        return []
    stars = [int(made.place[i]) for i in np.flatnonzero(made.p_value < made.alpha)]
    if not stars:
        return []
    return [Suspicion(partial(_confirm, case, look), look.p_above) for look in _looks(case, stars)]


def _looks(case: Case, stars: list[int]) -> list[_Look]:
    fit, s = case.linear, case.sample
    step = -(-len(s.y) // _MOST_ROWS)
    X, y = s.X[::step], s.y[::step]
    B = np.nan_to_num(fit.V[1:, 1:])
    D = X - fit.mean[:-1]
    e = (y - fit.mean[-1]) - D @ fit.coef
    h = fit.base_leverage + np.einsum("ij,ij->i", D @ B, D)
    own = np.where(h < 1 - 1e-10, e / np.where(h < 1 - 1e-10, 1 - h, 1.0), 0.0) ** 2
    out = []
    for place in stars:
        squares = (D @ B[place - 1]) ** 2
        total = fit.sigma2 * float(squares.sum())
        terms = squares * own
        if not (total > 0 and terms.sum() > 0):
            continue
        ratio = float(terms.sum()) / total
        error = float(np.sqrt((squares**2 * (own - fit.sigma2) ** 2).sum()) / terms.sum())
        # effective number of terms of the sum: Satterthwaite's, of squares alike in law
        df = float(terms.sum() ** 2 / (terms**2).sum())
        top = float(np.partition(terms, -2)[-2:].sum() / terms.sum())
        out.append(_Look(place, float(np.sqrt(ratio)), max(error / 2, 1e-12), max(df, 1.0), top))
    return out


def _confirm(case: Case, look: _Look) -> Confirmed | None:
    made = conclusions_of(case)
    if made is None or look.two_rows > TWO_ROWS:
        return None
    robust = standard_errors(case, dataclasses.replace(case.spec, covariance="HC3")).table
    i, j = look.place, int(np.flatnonzero(made.place == look.place)[0])
    p, classic = float(robust.p_value[i]), float(made.p_value[j])
    error, spread = float(robust.std_error[i]), float(made.spread[j])
    if not p >= made.alpha or not np.isfinite(spread):
        return None
    if abs(np.log(spread / error)) > np.log(AGREE):
        return None
    estimate, level, name = float(made.table.estimate[i]), case.spec.confidence, made.table.names[i]
    df = robust.df if np.isfinite(robust.df) else np.inf
    predicted = float(t_two_sided(estimate / error, df)) / 2
    turned = 1 - float(made.same_sign[j])
    low, high = wilson(round(turned * REPLICATES), REPLICATES, level)
    if not low - 0.05 <= predicted <= high + 0.05:
        return None
    message = (
        f"the slope of {name} is significant (p = {number(classic, 2)}) only with classic errors: robust ones are"
        f" {number(error / float(made.table.std_error[i]), 3)} × as large (p = {number(p, 2)})"
    )
    half = t_quantile(level, look.df) * look.std_error
    evidence = (
        Evidence(
            f"robust over classic standard error of {name}", look.ratio, limit=LIMIT,
            low=look.ratio * float(np.exp(-half)), high=look.ratio * float(np.exp(half)), unit="×",
            formula=rf"\sqrt{{R}} = \sqrt{{{look.ratio**2:.3g}}} = {look.ratio:.3g}",
        ),
        Evidence(
            "bootstrap samples with the other sign", turned, predicted=predicted, low=low, high=high,
            formula=rf"P(T > {abs(estimate / error):.3g}) = {predicted:.3g}",
        ),
        Evidence(f"robust interval of {name}, low", float(robust.low[i])),
        Evidence(f"robust interval of {name}, high", float(robust.high[i])),
    )  # fmt: skip
    prediction = (
        f"predicted the sign turns in {percent(predicted)} of bootstrap samples"
        f"   observed {percent(turned)} [{100 * low:.2g}, {100 * high:.2g}]"
    )
    source = case.design.origin[i - 1] or name
    proposal = Proposal(
        "robust standard errors (HC3)", {"covariance": "HC3"}, distance_to_bootstrap(case)
    )
    return Confirmed(
        RULE.finding("warning", (source,), message, evidence=evidence, prediction=prediction),
        (proposal,),
    )


RULE = Rule(
    "PR313", "unstable-conclusion", "probability", "warning", check, __doc__ or "",
    reference="MacKinnon & White (1985), J. Econometrics 29, 305-325",
    tasks=("regression",),
    losses=("squared",),
)  # fmt: skip

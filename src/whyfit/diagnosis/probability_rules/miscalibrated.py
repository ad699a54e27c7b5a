"""Predicted probabilities do not mean what they say.

What it says

By how much held-out log loss would fall if every probability were replaced by the frequency with which such predictions
come true, which way the probabilities are wrong, and what a 0.9 of this model is worth.

The mathematics

Monotone regression of the outcomes y on the held-out probabilities p pools neighbours until their shares q rise (CORP).
The log loss S splits exactly into

    S(p) = [S(p) − S(q)] − [S(ȳ) − S(q)] + S(ȳ) = miscalibration − discrimination + uncertainty

Chance makes some miscalibration even of perfect probabilities; its mean over outcomes drawn from p itself is taken off,
and what is left is what recalibration is predicted to save. It is then tried: two maps, monotone pooling itself and

    logit q = c + a log p − b log(1 − p),      a, b ≥ 0

are fitted on nine tenths of the held-out rows, and their saving d_i = −log p + log q of the outcome is measured on the
rest. The rule speaks if the mean saving of the better one exceeds 1 % of the log loss of the base rate beyond its error
(a test of rows that the map did not see, its p-value doubled for the two maps).
References: Dimitriadis, Gneiting & Jordan (2021), PNAS 118(8); Kull et al. (2017), AISTATS; Cox (1958), Biometrika 45.

Why it hurts

Decisions weigh a probability against a cost. If a 0.9 happens seven times in ten, the threshold the costs ask for is
the wrong one, though the ranking of the rows may be perfect.

What to do

Recalibrate (`--recalibrate`): the map is learned from out-of-fold predictions and belongs to the model from then on,
its file and its predictions too. Too extreme probabilities often come from too many features for the rows: where a
penalty cures cause and symptom, overfit (PR302) speaks instead. A shape that no rising map mends is a missing curve or
interaction, not a matter of calibration.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import special

from whyfit.diagnosis.calibration_gain import (
    RELEVANT,
    Tried,
    still_miscalibrated,
    tried,
)
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.held_out import log_losses
from whyfit.diagnosis.measures import SKILL
from whyfit.diagnosis.probability_rules.overfit import RELEVANT as OVERFIT
from whyfit.diagnosis.probability_rules.overfit import right_size
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.probability.calibration import reliability
from whyfit.probability.calibration_maps import Logistic, platt
from whyfit.probability.calibration_verdict import WIDTH, Meaning, meaning
from whyfit.probability.recalibration import WORDS
from whyfit.probability.scores.proper import pooled
from whyfit.probability.scores.score import mean_of

#: Observed saving over predicted saving outside these: another cause. A smooth map recovers most, never much more, of
#: what free monotone pooling promises.
AGREES = (0.4, 2.0)
#: Outcomes drawn to know what chance makes: their mean is exact to a seventh of its spread
_DRAWS = 49
#: A slope of the log odds within this of 1 is not worth a word.
_STEEP = 0.1


def check(case: Case) -> Iterator[Suspicion]:
    """One test, where both classes have rows enough."""
    found = tried(case)
    if found is not None:
        yield Suspicion(lambda: _confirm(case, found), found.p_value)


def promised(y: np.ndarray, p: np.ndarray, rng: np.random.Generator) -> float:
    """Log loss that monotone pooling takes off p, less what it would take off if p were right."""
    order = np.argsort(p, kind="stable")
    p, one = p[order], np.ones(len(p))
    draws = [y[order], *(rng.random((_DRAWS, len(p))) < p).astype(float)]
    taken = []
    for t in draws:
        q = pooled(t, one)  # within a block of share 0 or 1 the outcome is sure and costs nothing
        taken.append(
            float((log_losses(t, p) + special.xlogy(t, q) + special.xlog1py(1 - t, -q)).mean())
        )
    return taken[0] - float(np.mean(taken[1:]))


def _confirm(case: Case, found: Tried) -> Confirmed | None:
    y, p, level = found.y, found.p, case.spec.confidence
    rng = case.rng(RULE.code)
    saving = mean_of(found.saved, level)
    predicted = promised(y, p, rng) / found.unit
    if not AGREES[0] * predicted <= saving.value <= AGREES[1] * predicted:
        return None
    whole = platt(y, p)
    curve = reliability(y, p, level, replicates=99, rng=rng)
    at = _worst(p, found.map(p))
    told = meaning(y, p, at, level=level)
    positive = case.design.classes[1]
    message = (
        f"probabilities of “{positive}” are {_way(whole.a, told)}: of"
        f" {told.rows:,} rows told {told.forecast:.2f} it happened in {told.observed:.2f}"
        f" [{told.low:.2f}, {told.high:.2f}]"
    )
    return Confirmed(
        RULE.finding(
            "warning",
            (),
            message,
            evidence=(
                Evidence(
                    "held-out log loss that recalibration saves, share of the base rate's",
                    saving.value,
                    limit=RELEVANT,
                    predicted=predicted,
                    low=saving.low,
                    high=saving.high,
                ),
                Evidence("slope of the log odds", whole.a, predicted=1.0),
                Evidence(
                    f"share of “{positive}” among rows told {told.forecast:.2f}",
                    told.observed,
                    predicted=told.forecast,
                    low=told.low,
                    high=told.high,
                ),
                Evidence(
                    "rows outside the consistency band",
                    curve.outside,
                    limit=1 - level,
                    unit="of the rows",
                ),
            ),
            prediction=f"predicted saving {predicted:.3f} of the base rate's log loss"
            f"   observed {saving.value:.3f}",
            explains=_explains(case, found),
        ),
        _proposals(case, found),
    )


def _proposals(case: Case, found: Tried) -> tuple[Proposal, ...]:
    """The map that saved most; then Platt's, which has one number less than beta's, if that one was not sure."""
    name = f"recalibrate by {WORDS[found.name]} on held-out rows"
    if isinstance(m := found.map, Logistic) and case.recalibration is None:
        name = (
            f"recalibrate: logit q = {m.c:.2f} + {m.a:.2f} log p − {m.b:.2f} log(1 − p),"
            f" from held-out rows ({found.name})"
        )
    return (
        Proposal(name, {"recalibrate": found.name}, SKILL),
        Proposal(
            f"recalibrate by {WORDS['platt']} on held-out rows", {"recalibrate": "platt"}, SKILL
        ),
    )


def _explains(case: Case, found: Tried) -> tuple[str, ...]:
    """Good ranks with costly probabilities; and overfitting, where its remedy leaves the probabilities wrong and the
    map leaves that remedy no gain.
    """
    sized = right_size(case)
    if sized is None or not still_miscalibrated(sized.case):
        return ("PR310",)
    mapped = case.rerun({"recalibrate": found.name}).scores["log_loss"]
    left = 1 - float(np.nanmean(sized.after)) / float(np.nanmean(mapped))
    return ("PR302", "PR310") if left < OVERFIT else ("PR310",)


def _worst(p: np.ndarray, q: np.ndarray) -> float:
    """The forecast, of those with rows enough around it, whose correction moves most per standard error."""
    at = np.unique(np.clip(np.round(p, 2), WIDTH, 1 - WIDTH))
    best, found = -1.0, float(at[0])
    for v in at:
        near = np.abs(p - v) <= WIDTH
        gap = abs(float((p - q)[near].sum()))
        strength = gap / np.sqrt(max(float((p * (1 - p))[near].sum()), 1e-9))
        if strength > best:
            best, found = strength, float(v)
    return found


def _way(slope: float, told: Meaning) -> str:
    """What the rows told off agree with: the slope of all, else only where they are."""
    gap = told.observed - told.forecast
    inwards = gap * (told.forecast - 0.5) < 0
    if slope < 1 - _STEEP and inwards:
        return "too extreme"
    if slope > 1 + _STEEP and not inwards:
        return "too timid"
    return f"too {'low' if gap > 0 else 'high'} where they say {told.forecast:.1f}"


RULE = Rule(
    "PR308",
    "miscalibrated",
    "probability",
    "warning",
    check,
    __doc__ or "",
    reference="Dimitriadis, Gneiting & Jordan (2021), PNAS 118(8), e2016191118; Cox (1958), Biometrika 45.",
    tasks=("binary",),
)

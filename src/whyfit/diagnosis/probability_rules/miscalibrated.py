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

Recalibrate by the map shown, on rows that did not train the model (`whyfit.probability.calibration_maps`). Too extreme
probabilities often come from too many features for the rows: a penalty then cures cause and symptom. A shape
that no rising map mends is a missing curve or interaction, not a matter of calibration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence, Remedy, Trial
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.probability.calibration import reliability
from whyfit.probability.calibration_error import calibration_error
from whyfit.probability.calibration_maps import EDGE, Isotonic, Logistic, Map, beta, platt
from whyfit.probability.calibration_verdict import WIDTH, Meaning, meaning
from whyfit.probability.distributions import t_upper
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.scores.proper import pooled
from whyfit.probability.scores.score import Mean, mean_of

#: Share of the base rate's log loss that recalibration must save: a skill of one per cent (`trial.RELEVANT_LOSS`).
RELEVANT = 0.01
#: Rows of the rarer class below which a map of three parameters is not worth fitting: ten for each parameter
#: (Peduzzi et al. 1996, J. Clinical Epidemiology 49).
FEWEST = 30
#: Where the gaps of fifteen bins are this likely by chance, nothing is tried: the maps cost ten times as much.
SCREEN = 0.2
#: Observed saving over predicted saving outside these: another cause. A smooth map recovers most, never much more, of
#: what free monotone pooling promises.
AGREES = (0.4, 2.0)
#: Outcomes drawn to know what chance makes: their mean is exact to a seventh of its spread
_DRAWS = 49
#: A slope of the log odds within this of 1 is not worth a word.
_STEEP = 0.1


@dataclass(frozen=True, slots=True)
class Tried:
    """Held-out outcomes and probabilities, and what the map saves per row on rows that did not fit it."""

    y: Float[np.ndarray, " s"]
    p: Float[np.ndarray, " s"]
    map: Map  # fitted on all of them
    before: Float[np.ndarray, " s"]
    after: Float[np.ndarray, " s"]
    unit: float  # log loss of the base rate

    @property
    def saved(self) -> Float[np.ndarray, " s"]:
        """Per row, in shares of `unit`."""
        return (self.before - self.after) / self.unit

    @property
    def p_value(self) -> float:
        """Of "neither map saves more than RELEVANT", one-sided, doubled for the choice."""
        d = self.saved - RELEVANT
        spread = float(d.std(ddof=1)) / np.sqrt(len(d))
        p = float(t_upper(d.mean() / spread, len(d) - 1)) if spread > 0 else 1.0
        return min(1.0, 2 * p)


def check(case: Case) -> Iterator[Suspicion]:
    """One test, where both classes have rows enough."""
    tried = _tried(case)
    if tried is not None:
        yield Suspicion(lambda: _confirm(case, tried), tried.p_value)


def _tried(case: Case) -> Tried | None:
    if not isinstance(case.fit, LogisticFit) or not case.fit.converged:
        return None  # separated classes are CA205's
    y = case.sample.y
    if min(y.sum(), len(y) - y.sum()) < FEWEST:
        return None
    p, fold = np.clip(case.held_out, EDGE, 1 - EDGE), case.sample.fold
    base = float(y.mean())
    if calibration_error(y, p).p_value > SCREEN:
        return Tried(y, p, lambda q: q, before := _log_loss(y, p), before, 1.0)
    unit, before = float(special.entr(base) + special.entr(1 - base)), _log_loss(y, p)
    each = []
    for make in (beta, Isotonic.of):
        q = p.copy()
        for j in np.unique(fold):
            held = fold == j
            if 0 < y[~held].sum() < (~held).sum():
                q[held] = make(y[~held], p[~held])(p[held])
        after = _log_loss(y, np.clip(q, EDGE, 1 - EDGE))
        each.append(Tried(y, p, make(y, p), before, after, unit))
    return min(each, key=lambda t: float(t.after.mean()))


def _log_loss(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return -np.where(y == 1, np.log(p), np.log1p(-p))


def promised(y: np.ndarray, p: np.ndarray, rng: np.random.Generator) -> float:
    """Log loss that monotone pooling takes off p, less what it would take off if p were right."""
    order = np.argsort(p, kind="stable")
    p, one = p[order], np.ones(len(p))
    draws = [y[order], *(rng.random((_DRAWS, len(p))) < p).astype(float)]
    taken = []
    for t in draws:
        q = pooled(t, one)  # within a block of share 0 or 1 the outcome is sure and costs nothing
        taken.append(
            float((_log_loss(t, p) + special.xlogy(t, q) + special.xlog1py(1 - t, -q)).mean())
        )
    return taken[0] - float(np.mean(taken[1:]))


def _confirm(case: Case, tried: Tried) -> Confirmed | None:
    y, p, level = tried.y, tried.p, case.spec.confidence
    rng = case.rng(RULE.code)
    saving = mean_of(tried.saved, level)
    predicted = promised(y, p, rng) / tried.unit
    if not AGREES[0] * predicted <= saving.value <= AGREES[1] * predicted:
        return None
    whole = platt(y, p)
    curve = reliability(y, p, level, replicates=99, rng=rng)
    at = _worst(p, tried.map(p))
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
            remedy=_remedy(tried, saving),
        )
    )


def _remedy(tried: Tried, saving: Mean) -> Remedy:
    name = "recalibrate by monotone regression on held-out rows"
    if isinstance(m := tried.map, Logistic):
        name = (
            f"recalibrate: logit q = {m.c:.2f} + {m.a:.2f} log p − {m.b:.2f} log(1 − p),"
            " from held-out rows"
        )
    before, after = (1 - float(v.mean()) / tried.unit for v in (tried.before, tried.after))
    trial = Trial(
        "held-out skill", before, after, saving.value, saving.low, saving.high, saving.low > 0
    )
    return Remedy(name, {}, trial)


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

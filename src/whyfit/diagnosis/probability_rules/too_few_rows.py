"""More rows would make the predictions better by an amount that matters.

What it says

The learning curve is still falling: each doubling of the rows lowers the held-out error by more than 5 % of itself,
for certain. The finding says by how much, and how many rows would bring the error within 5 % of what the features
allow at best.

The mathematics

Fits to parts of the rows, from moments, give the held-out error by rows trained on. It follows

    err(n) = a + b (n − n₀)⁻ᶜ

a the error that no number of rows removes. For p coefficients of a correct model c = 1, n₀ = p + 2 and b ≈ σ²(p + 1),
so that doubling n saves about (p + 1)/2n of the error. The gate is the chance, given the points of the curve, that

    1 − err(2n)/err(n) ≤ 0.05

and before the law may speak of rows that are not there, it is fitted without the largest size and has to predict that
one. A curve that fails is not reported. An interval shrinks as 1/√n whatever the curve does: half as wide takes four
times the rows. Reference: Viering & Loog (2023), IEEE TPAMI 45(6), 7799-7819.

Why it hurts

The error in hand is partly that of the features and partly that of the rows, and only the first is a property of the
question. Coefficients carry the noise of so few rows; other rows would give others.

What to do

Collect rows, if they can be had: the law says how many are worth it. Until then fewer features or a penalty (PR302)
spend the rows at hand better. More complex models need more rows still.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.learning import base_loss, curve_of
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import number, percent, plural
from whyfit.probability.learning_law import HeldBack, PowerLaw
from whyfit.probability.power import power_f

#: Relative fall of the held-out error by doubling the rows that is worth a note: a fit of p coefficients on 10 p rows.
RELEVANT = 0.05
#: ... and a warning: about 3 p rows.
WARNING = 0.15
#: Rows per coefficient from which no curve of a correct model falls by RELEVANT: (p + 1)/2n is a quarter of it there.
MANY = 40
#: Distance from the floor at which more rows are no longer worth it.
NEAR = 0.05
#: An effect of this f² is small (Cohen 1988, §9.2); whether the rows at hand would find it, with this power.
SMALL, POWER, ALPHA = 0.02, 0.8, 0.05
#: Larger numbers of rows are not worth naming.
_MOST_NAMED = 1e9


def check(case: Case) -> Iterator[Suspicion]:
    """One test, where the rows are few for the columns."""
    if case.k < 3 or case.n > MANY * (case.linear.rank + 1):
        return
    curve = curve_of(case)
    if curve is None or curve.law is None or curve.held_back is None:
        return
    law, held = curve.law, curve.held_back
    p_value = law.p_gain(case.n, RELEVANT)
    yield Suspicion(lambda: _confirm(case, law, held), p_value)


def _confirm(case: Case, law: PowerLaw, held: HeldBack) -> Confirmed | None:
    if not held.kept or not law.floor > 0:
        return None
    gain = law.gain(case.n, level=case.spec.confidence)
    if not gain.value > RELEVANT:
        return None
    enough = law.rows_within(NEAR)
    error = _error(case)
    message = (
        f"twice the {plural(case.n, 'row')} would lower the held-out {error} by {percent(gain.value)}"
        f" [{number(100 * max(gain.low, 0.0), 2)}, {number(min(100 * gain.high, 100.0), 2)}]"
    )
    if np.isfinite(enough) and case.n < enough < _MOST_NAMED:
        message += f"; from about {_round(enough)} rows it is within {percent(NEAR)} of its floor"
    unit = base_loss(case)
    unit = unit if np.isfinite(unit) and unit > 0 else 1.0
    p = held.predicted
    return Confirmed(
        RULE.finding(
            "warning" if gain.low > WARNING or gain.value > 2 * WARNING else "note",
            (),
            message,
            evidence=tuple(_evidence(case, law, enough, unit)),
            prediction=(
                f"predicted {error} {number(p.value / unit, 3)} [{number(p.low / unit, 3)}, {number(p.high / unit, 3)}]"
                f" of the constant's at {round(held.size):,} rows, from fewer"
                f"   observed {number(held.observed / unit, 3)}"
            ),
        )
    )


def _evidence(case: Case, law: PowerLaw, enough: float, unit: float) -> Iterator[Evidence]:
    n, level, error = case.n, case.spec.confidence, _error(case)
    gain = law.gain(n, level=level)
    b = law.scale * law.unit**law.exponent / unit
    origin = f" - {law.origin:.0f}" if law.origin else ""
    yield Evidence(
        f"fall of the held-out {error} from {n:,} to {2 * n:,} rows", gain.value, limit=RELEVANT,
        low=gain.low, high=gain.high,
        formula=(
            rf"\mathrm{{err}}(n) = a + b\,(n{origin})^{{-c}} = {law.floor / unit:.3g} + {b:.3g}"
            rf"\,(n{origin})^{{-{law.exponent:.2g}}}"
        ),
    )  # fmt: skip
    then = law.predict(2 * n, level)
    yield Evidence(
        f"{error} at {2 * n:,} rows, share of the constant's", then.value / unit,
        low=then.low / unit, high=then.high / unit,
    )  # fmt: skip
    low, high = law.exponent_interval
    yield Evidence("exponent c", law.exponent, predicted=1.0, low=low, high=high)
    if np.isfinite(enough) and enough < _MOST_NAMED:
        yield Evidence(
            f"rows for an error within {percent(NEAR)} of the floor",
            float(round(enough)),
            unit="rows",
        )
    yield Evidence(
        "rows for intervals half as wide",
        4.0 * n,
        unit="rows",
        formula=r"\mathrm{se} \propto 1/\sqrt{n}",
    )
    rank = case.linear.rank
    if case.task == "regression" and case.loss == "squared" and n > rank + 1:
        now = power_f(SMALL * n, 1, n - rank - 1, ALPHA)
        yield Evidence(
            f"power to find a small effect (f² = {SMALL}) of one coefficient at α = {ALPHA}",
            now,
            limit=POWER,
        )
        yield Evidence(
            f"rows to find it with {percent(POWER)} power",
            float(_rows_for_small(rank)),
            unit="rows",
        )


def _rows_for_small(rank: int) -> int:
    """Fewest rows with which F finds f² = SMALL of one coefficient beside `rank` in POWER of cases."""
    low, high = rank + 2, 1 << 14
    while power_f(SMALL * high, 1, high - rank - 1, ALPHA) < POWER:
        high *= 2
    while high - low > 1:
        middle = (low + high) // 2
        if power_f(SMALL * middle, 1, middle - rank - 1, ALPHA) < POWER:
            low = middle
        else:
            high = middle
    return high


def _error(case: Case) -> str:
    names = {"squared": "squared error", "log-loss": "log loss", "huber": "Huber loss"}
    return names.get(case.loss, "deviance")


def _round(n: float) -> str:
    """Two digits are what a law can promise."""
    return f"{int(float(f'{n:.2g}')):,}"


RULE = Rule(
    "PR311",
    "too-few-rows",
    "probability",
    "warning",
    check,
    __doc__ or "",
    reference="Viering & Loog (2023), IEEE TPAMI 45(6), 7799-7819; Cohen (1988), ch. 9.",
    tasks=("regression", "binary"),
)  # fmt: skip

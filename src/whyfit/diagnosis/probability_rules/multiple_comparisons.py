"""Many features were tested, and some look significant as often as chance makes them.

What it says

Among many slopes a few have p < 0.05 that do not survive adjusting for how many were tested, and there are no more of
them than noise produces.

The mathematics

Of r slopes without any effect, each test at level α calls about r α significant, a binomial number:

    E(false) = r α,   P(at least one) = 1 − (1 − α)^r          20 slopes: 1.0 and 64 %

Benjamini and Hochberg's procedure keeps the expected share of false ones among those it keeps below α: of the ordered
p-values all up to the last with p₍ᵢ₎ ≤ iα/m. Holm's keeps the chance of any false one below α: p₍ᵢ₎ ≤ α/(m + 1 − i) for
all i so far. Slopes with p < α that not even Benjamini and Hochberg keep are counted. The finding is made where at
least 20 slopes are tested, at least two such are left, and their number lies within the 97.5 % quantile of
Binomial(r, α), r being the slopes not kept: noise alone accounts for them. Where most slopes are real, the limit iα/m
is close to α, and nothing is lost.

Reference: Holm (1979), Scandinavian Journal of Statistics 6, 65-70; Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57,
289-300.

Why it hurts

Stars in a long table are read one by one, though they were found by looking at all. Of the slopes named here most are
expected to be nothing, and the next table will star others.

What to do

Read the adjusted p-values, which the report lists beside the plain ones (`whyfit fit FILE --show conclusions`), and
call the slopes named here tentative. To settle one of them, test it alone on rows that had no say in choosing it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
from jaxtyping import Int
from scipy import special

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.conclusions import Conclusions, conclusions_of
from whyfit.diagnosis.finding import Evidence, Remedy
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import number, plural

#: Slopes from which one false star is expected at 5 %.
LEAST_TESTED = 20
#: Stars lost, of which one may be chance anywhere.
LEAST_LOST = 2
#: Of the binomial law of noise.
_QUANTILE = 0.975


def check(case: Case) -> Iterable[Suspicion]:
    made = conclusions_of(case)
    if made is None or len(made.place) < LEAST_TESTED or case.spec.ridge:
        return []
    lost = np.flatnonzero((made.p_value < made.alpha) & (made.bh >= made.alpha))
    rest = int((made.bh >= made.alpha).sum())
    if len(lost) < LEAST_LOST or special.bdtr(len(lost) - 1, rest, made.alpha) > _QUANTILE:
        return []
    return [Suspicion(partial(_confirm, case, made, lost, rest))]


def _confirm(case: Case, made: Conclusions, lost: Int[np.ndarray, " l"], rest: int) -> Confirmed:
    m, a = len(made.place), made.alpha
    stars, holm, bh = (int((v < a).sum()) for v in (made.p_value, made.holm, made.bh))
    expected = rest * a
    order = lost[np.argsort(made.p_value[lost], kind="stable")]
    slopes = [made.names[i] for i in order]
    origin = dict(zip(case.names, case.design.origin, strict=True))
    columns = [n if n in origin else n.rpartition(": ")[2] for n in slopes]  # of several classes
    subject = tuple(dict.fromkeys(origin.get(n) or n for n in columns))
    message = (
        f"{len(lost)} of {m} slopes are significant at {number(a)} but not once their number is allowed for;"
        f" noise alone makes {number(expected, 2)} such"
    )
    low, high = (float(v) for v in _central(rest, a))
    evidence = (
        Evidence(
            f"significant slopes that do not survive, of {rest} without effect", len(lost), predicted=expected,
            formula=rf"r\alpha = {rest} \cdot {a:.3g} = {expected:.3g}",
        ),
        Evidence(f"slopes with p < {number(a)}", stars, unit="slopes"),
        Evidence("kept by Benjamini and Hochberg", bh, unit="slopes"),
        Evidence(
            "kept by Holm", holm, unit="slopes",
            formula=rf"p_{{(i)}} \le \frac{{{a:.3g}}}{{{m} + 1 - i}}",
        ),
        Evidence(
            "probability of a star by chance", 1 - (1 - a) ** m,
            formula=rf"1 - (1 - {a:.3g})^{{{m}}}",
        ),
    )  # fmt: skip
    prediction = (
        f"predicted {number(low)} to {number(high)} of {plural(rest, 'slope')} significant by chance"
        f"   observed {len(lost)}"
    )
    remedy = Remedy("read the adjusted p-values (panel conclusions)", {})
    return Confirmed(
        RULE.finding(
            "note", subject, message, evidence=evidence, prediction=prediction, remedy=remedy
        )
    )


def _central(rows: int, share: float) -> tuple[int, int]:
    """2.5 and 97.5 % quantiles of Binomial(rows, share)."""
    k = np.arange(rows + 1)
    below = special.bdtr(k, rows, share)
    return int(np.searchsorted(below, 1 - _QUANTILE)), int(np.searchsorted(below, _QUANTILE))


RULE = Rule(
    "PR317", "multiple-comparisons", "probability", "note", check, __doc__ or "",
    reference="Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57, 289-300",
)  # fmt: skip

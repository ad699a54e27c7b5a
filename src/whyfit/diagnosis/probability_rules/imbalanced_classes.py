"""One class is so rare that accuracy says little.

What it says

How rare the smallest class is, what always predicting the largest class would score, and how exactly the
scores of the rare class can be known from its few rows.

The mathematics

With base rate π of the rare class, the constant predictor is right in the share

    accuracy of the constant = 1 − π           (with more than two classes: the largest share)

of all rows, so accuracy can only show signal in the last π. What is known about the rare class rests on its
m = nπ rows alone: a recall r has the standard error √(r(1 − r)/m), and about a difference between two classes
n rows tell as much as

    n_eff = 4nπ(1 − π)

rows of balanced classes. Classes of equal size have the share 1/C; the rule speaks below 0.4/C (two classes:
20 %) and warns below 0.2/C (10 %), provided chance alone would not make equal classes so unequal.
References: Wilson (1927), JASA 22; He & Garcia (2009), IEEE TKDE 21(9); Elkan (2001), IJCAI, for the threshold.

Why it hurts

A model that never finds a single rare case can have 97 % accuracy. Calling a row positive only when its
probability passes 1/2 is the right choice only if both kinds of mistake cost the same.

What to do

Judge by a proper score (log loss, skill) and by recall and balanced accuracy with their intervals. Choose the
threshold from the costs (`--costs`): call positive where probability > c₊/(c₊ + c₋), c₊ the cost of a false alarm
and c₋ that of a miss. The base rate π as threshold weighs both classes alike; that is the remedy tried. Resampling
the rows is not: it makes every predicted probability wrong and adds no information.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from scipy import special

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import BALANCED_ACCURACY, SKILL
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import percent
from whyfit.probability.association import wilson
from whyfit.probability.validation import over_folds

#: Smallest class against a class of equal size, 1/C. For two classes: 20 %, above which texts speak of mild
#: imbalance at most, and 10 %, where the constant predictor is right nine times in ten (whyfit's design after
#: He & Garcia 2009).
NOTABLE = 0.4
RARE = 0.2
#: With two classes the constant predictor scores 1 − π but for fold sizes. With more, nearly equal largest
#: classes can swap between training sets, and this prediction is no test.
_ROUNDING = 0.02


@dataclass(frozen=True, slots=True)
class Shares:
    """Rows of every class, in the order of the classes."""

    rows: Int[np.ndarray, " C"]

    @property
    def n(self) -> int:
        return int(self.rows.sum())

    @property
    def smallest(self) -> int:
        return int(self.rows.argmin())

    @property
    def largest(self) -> int:
        return int(self.rows.argmax())

    @property
    def share(self) -> float:
        return float(self.rows.min() / self.n)

    @property
    def relative(self) -> float:
        """Smallest share over that of equal classes."""
        return self.share * len(self.rows)

    @property
    def p_value(self) -> float:
        """Of "all classes are equally frequent": Bonferroni over classes of the binomial tail."""
        C = len(self.rows)
        return float(min(1.0, C * special.bdtr(float(self.rows.min()), self.n, 1 / C)))


def class_shares(case: Case) -> Shares:
    """Counted from the target's column: all of its rows, fitted or not."""
    total = case.moments.total
    if case.task == "binary":
        positive = round(total.mean[-1] * total.n)
        return Shares(np.array([total.n - positive, positive]))
    rows = np.zeros(len(case.design.classes), dtype=np.int64)
    target = case.schema[case.spec.target]
    for block in case.table.blocks():
        y = case.design.target.values(block.data[target.name], target.levels)
        rows += np.bincount(y[~np.isnan(y)].astype(np.int64), minlength=len(rows))
    return Shares(rows)


def check(case: Case) -> Iterator[Suspicion]:
    """One test: whether chance alone would make equal classes so unequal."""
    shares = class_shares(case)
    if len(shares.rows) < 2 or not shares.n:
        return
    if shares.relative >= NOTABLE:
        yield Suspicion(lambda: None, 1.0)
        return
    yield Suspicion(lambda: _confirm(case, shares), shares.p_value)


def _confirm(case: Case, shares: Shares) -> Confirmed | None:
    classes, m, n = case.design.classes, int(shares.rows.min()), shares.n
    rare, common = classes[shares.smallest], classes[shares.largest]
    constant = float(shares.rows.max() / n)
    accuracy = over_folds(case.scores["accuracy"], case.spec.confidence)
    null = over_folds(case.scores["null_accuracy"], case.spec.confidence)
    if case.task == "binary" and not abs(null.value - constant) <= _ROUNDING:
        return None
    balanced = over_folds(case.scores["balanced_accuracy"], case.spec.confidence)
    gain = over_folds(case.scores["accuracy"] - case.scores["null_accuracy"], case.spec.confidence)
    skill = over_folds(case.scores["skill"], case.spec.confidence)
    message = (
        f"“{rare}” is {percent(shares.share)} of {n:,} rows: always saying “{common}” is right in"
        f" {_tenth(constant)}, the model in {_tenth(accuracy.value)}"
    )
    if not gain.low > 0 and skill.low > 0:
        message += f"; accuracy hides its signal (skill {skill.value:.2f})"
    elif not gain.low > 0:
        message += ", which is no better"
    proposals = ()
    if case.task == "binary":
        proposals = (from_base_rate(case, shares),) if case.spec.costs is None else ()
    recall, spread = _recall(case, shares)
    evidence = [
        Evidence(
            f"share of {rare}",
            shares.share,
            limit=NOTABLE / len(classes),
            low=wilson(m, n, case.spec.confidence)[0],
            high=wilson(m, n, case.spec.confidence)[1],
            formula=rf"\pi = \frac{{{m}}}{{{n}}} = {shares.share:.3g}",
        ),
        Evidence(
            "accuracy of the constant predictor",
            null.value,
            predicted=constant,
            formula=rf"1 - \pi = {constant:.3g}" if len(classes) == 2 else "",
        ),
        Evidence(
            "accuracy of the model", accuracy.value, constant, None, accuracy.low, accuracy.high
        ),
        Evidence(
            "balanced accuracy", balanced.value, 1 / len(classes), None, balanced.low, balanced.high
        ),
    ]
    if np.isfinite(recall):
        evidence.append(
            Evidence(
                f"recall of {rare}",
                recall,
                low=max(0.0, recall - 1.96 * spread),
                high=min(1.0, recall + 1.96 * spread),
                formula=rf"\mathrm{{se}} = \sqrt{{\frac{{r(1-r)}}{{{m}}}}} = {spread:.2g}",
            )
        )
    if len(classes) == 2:
        pi = shares.share
        evidence.append(
            Evidence(
                "rows of balanced classes that tell as much",
                4 * n * pi * (1 - pi),
                limit=n,
                formula=rf"4n\pi(1-\pi) = 4 \cdot {n} \cdot {pi:.3g} \cdot {1 - pi:.3g}",
                unit="rows",
            )
        )
    return Confirmed(
        RULE.finding(
            "warning" if shares.relative < RARE else "note",
            (case.spec.target,),
            message,
            evidence=tuple(evidence),
            prediction=f"predicted accuracy {constant:.3f} of the constant predictor   observed {null.value:.3f}",
        ),
        proposals,
    )


def _tenth(share: float) -> str:
    return f"{100 * share:.1f} %"


def _recall(case: Case, shares: Shares) -> tuple[float, float]:
    """Held-out recall of the rare class (two classes) and its binomial standard error from its rows."""
    if case.task != "binary":
        return float("nan"), float("nan")
    recall = case.scores["recall"]
    if shares.smallest == 0:  # recall of the negative class from the balanced accuracy
        recall = 2 * case.scores["balanced_accuracy"] - recall
    r = float(np.clip(np.nanmean(recall), 0.0, 1.0)) if np.isfinite(recall).any() else float("nan")
    m = int(shares.rows.min())
    return r, float(np.sqrt(r * (1 - r) / m)) if m else float("nan")


def from_base_rate(case: Case, shares: Shares) -> Proposal:
    """Call positive from the base rate of the positive class on."""
    base = float(shares.rows[1] / shares.n)
    rare = case.design.classes[shares.smallest]
    name = f"call “{rare}” from probability {shares.share:.3g} on, its base rate"
    if case.spec.threshold is not None:
        threshold = case.spec.threshold
        own = threshold if shares.smallest == 1 else 1 - threshold
        return Proposal(
            f"call “{rare}” from probability {own:.3g} on",
            {"threshold": threshold},
            BALANCED_ACCURACY,
            guard=SKILL,
            against={"threshold": 0.5},
        )
    return Proposal(name, {"threshold": round(base, 6)}, BALANCED_ACCURACY, guard=SKILL)


RULE = Rule(
    "PR309",
    "imbalanced-classes",
    "probability",
    "warning",
    check,
    __doc__ or "",
    reference="He & Garcia (2009), IEEE TKDE 21(9), 1263-1284; Elkan (2001), IJCAI.",
    tasks=("binary", "multiclass"),
)

"""Points that are exactly the same as another.

What it says

Some vectors occur more than once, beyond what chance would give with so many values per coordinate.

The mathematics

If coordinate j takes value v with frequency f_jv and the coordinates were independent, two random points would be
equal with probability

    q = Π_j Σ_v f_jv²,

so n (n − 1)/2 · q equal pairs are expected. The number of equal pairs that are there is compared with it; a Poisson
count above ten times the expectation with its whole interval is no chance.

Why it hurts

A copy is its original's nearest neighbour at distance 0 and takes a place in every list of neighbours; a test set that
holds copies of training points is not a test. Two names with one vector are often one entry read twice, or two unknown
words given the same stand-in.

What to do

Keep one of each group, or find out why the same vector has several names.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from whyfit.diagnosis.cloud import TASK, CloudCase
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import listed, number, percent, plural

#: Times the expected number of equal pairs.
BEYOND_CHANCE = 10.0
#: Share of points that are superfluous copies from which it is a warning.
MANY = 0.01
NOTHING = 1e-3  # expected pairs below this are said to be none


def check(case: CloudCase) -> Iterator[Suspicion]:
    groups = case.copies
    if not groups:
        return
    pairs = sum(len(g) * (len(g) - 1) / 2 for g in groups)
    expected = _expected(case)
    # lower end of a Poisson count, normal on the square root scale
    low = max(math.sqrt(pairs) - case.z() / 2, 0.0) ** 2
    if expected == 0 or low > BEYOND_CHANCE * expected:
        yield Suspicion(lambda: _confirm(case, groups, pairs, expected))


def _expected(case: CloudCase) -> float:
    """Equal pairs if the coordinates were independent."""
    if not case.dense:
        return 0.0  # terms of documents are not independent, and equal documents no chance
    X = np.asarray(case.X)
    log_q, pairs = 0.0, math.log(case.n * (case.n - 1) / 2)
    for j in range(case.p):
        counts = np.unique(X[:, j], return_counts=True)[1] / case.n
        log_q += math.log(float(counts @ counts))
        if log_q + pairs < -30:
            return 0.0
    return math.exp(log_q + pairs)


def _confirm(case: CloudCase, groups: list[np.ndarray], pairs: float, expected: float) -> Confirmed:
    copies = sum(len(g) - 1 for g in groups)
    groups = sorted(groups, key=len, reverse=True)
    share = copies / case.n
    names = tuple(case.labels[i] for i in groups[0])
    finding = RULE.finding(
        "warning" if share >= MANY else "note",
        names,
        f"{plural(copies, 'point')} ({percent(share)}) {'is a copy' if copies == 1 else 'are copies'} of "
        f"another; the largest group is {listed(names)}",
        evidence=[
            Evidence("equal pairs", pairs, None, expected),
            Evidence("groups of equal points", float(len(groups))),
        ],
        prediction=f"predicted {number(expected, 2) if expected >= NOTHING else 0} equal pairs by chance; "
        f"observed {number(pairs)}",
    )
    return Confirmed(finding)


RULE = Rule(
    "LA104", "duplicate-rows", "linear algebra", "warning", check, __doc__ or "", tasks=(TASK,)
)

"""A few points are neighbours of a great many, and many points of none.

What it says

In the lists of the ten nearest neighbours some points turn up again and again (hubs), others never (anti-hubs), far
more unevenly than in a normal cloud of the same size and shape. A search by similarity then returns the hubs whatever
is asked.

The mathematics

Let N_k(j) be the number of points that have point j among their k nearest; its mean is k. Hubness is the skewness

    S = E (N_k − k)³ / (Var N_k)^{3/2}.

Distances in high dimensions concentrate, and points a little closer to the mean are then closer to all: even a normal
cloud has hubs in the Euclidean distance, hardly any by cosine if its mean is 0. So S is compared with S₀ of a
*normal twin*, as many points drawn with the cloud's covariance and no mean, and speaks only if S is above 1 (highly
skewed, Bulmer 1979) and above 2 S₀, with the uncertainty of both. A second twin that has the cloud's mean as well
predicts how much of S the mean explains: a refutable account of where the hubs come from. Documents have no twin:
there S is compared with 1, and if the mean made the hubs it must fall to 1 without it.

Why it hurts

Nearest-neighbour search, retrieval, clustering and k-NN classifiers see the hubs too often and the anti-hubs never.
A recommendation that is right for the hub's own neighbours is repeated for everyone.

What to do

For cosines, subtract the mean, or the mean and the first p/100 principal directions; for distances, scale the vectors
to length one. What was tried here is listed with the hubness that is left; the best is proposed. Hubs that stay are
made by uneven density (clusters, near copies), not by the mean. References: Radovanović, Nanopoulos & Ivanović (2010),
Journal of Machine Learning Research 11; Suzuki et al. (2013), EMNLP.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from whyfit.diagnosis.cloud import TASK, CloudCase, Hubness
from whyfit.diagnosis.cloud_trials import all_attempts, fewer_hubs
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import fixed, number, percent

#: A distribution with skewness above 1 is highly skewed: Bulmer (1979), Principles of Statistics, ch. 4.
HIGHLY_SKEWED = 1.0
#: Times the normal twin's skewness. whyfit's choice: twins of one cloud differ by less.
BEYOND_TWIN = 2.0
#: From this skewness on, that of the exponential law, it is a warning.
STRONG = 2.0
#: Fewer points have no hubs to speak of.
FEWEST_POINTS = 100
_NAMED = 5


def check(case: CloudCase) -> Iterator[Suspicion]:
    """One hypothesis: the skewness of N_k is within its limit."""
    if np.unique(case.origin).size < FEWEST_POINTS:
        return
    hubness = case.hubness
    if hubness.skewness <= HIGHLY_SKEWED:
        yield Suspicion(lambda: None, 1.0)
        return
    twin = case.twin(with_mean=False) if case.dense else None
    error = hubness.std_error
    if twin is not None and BEYOND_TWIN * twin.skewness > HIGHLY_SKEWED:
        error = math.hypot(error, BEYOND_TWIN * twin.std_error)
    z = (hubness.skewness - _limit(twin)) / error
    yield Suspicion(lambda: _confirm(case, twin), 0.5 * math.erfc(z / math.sqrt(2)))


def _limit(twin: Hubness | None) -> float:
    return max(HIGHLY_SKEWED, BEYOND_TWIN * twin.skewness if twin else 0.0)


def _confirm(case: CloudCase, twin: Hubness | None) -> Confirmed:
    hubness, m = case.hubness, case.sampled.size
    top = np.argsort(-hubness.counts, kind="stable")[:_NAMED]
    names = tuple(case.labels[case.sampled[i]] for i in top)
    half = case.z() * hubness.std_error
    s = hubness.skewness
    evidence = [
        Evidence(f"skewness of the {case.k}-occurrence", s, _limit(twin), None, s - half, s + half,
                 rf"S=\frac{{\mathrm{{E}}(N_{{{case.k}}}-{case.k})^3}}{{\mathrm{{Var}}(N_{{{case.k}}})^{{3/2}}}}"),
        Evidence("lists the first hub is in", float(hubness.counts[top[0]]), None, float(case.k)),
        Evidence("points in nobody's list", 100 * hubness.absent, unit="%"),
    ]  # fmt: skip
    prediction, remedy = "", None
    if twin is not None:
        both = case.twin(with_mean=True) if case.metric == "cosine" else twin
        evidence.append(Evidence("skewness of a normal twin", twin.skewness))
        cause = "mean and covariance" if case.metric == "cosine" else "the covariance"
        prediction = f"predicted skewness {fixed(both.skewness, 2)} if {cause} made them; observed {fixed(s, 2)}"
    tried = all_attempts(case)
    if len(tried) > 1:
        remedy = fewer_hubs(case, _limit(twin))
    if twin is None and len(tried) > 1:
        prediction = (
            f"predicted skewness at most {number(HIGHLY_SKEWED)} without the mean if it made them; observed "
            f"{fixed(tried[1].hubness.skewness, 2)}"
        )
    finding = RULE.finding(
        "warning" if s >= STRONG else "note",
        names,
        f"{names[0]} is among the {case.k} nearest of {int(hubness.counts[top[0]]):,} of {m:,} points; "
        f"{percent(hubness.absent)} are in nobody's list (skewness {fixed(s, 1)}, limit {number(_limit(twin), 2)})",
        evidence=evidence,
        prediction=prediction,
        remedy=remedy,
    )
    return Confirmed(finding)


RULE = Rule(
    "LA116",
    "hubs",
    "linear algebra",
    "warning",
    check,
    __doc__ or "",
    reference="Radovanović, Nanopoulos & Ivanović (2010), Journal of Machine Learning Research 11.",
    tasks=(TASK,),
)

"""One direction is common to all vectors, or holds more than all others together.

What it says

Every vector of the cloud points partly the same way: the cosine of two vectors picked at random is far from 0, so
a cosine of 0.5 may mean "unrelated". Or a single direction holds more of the variance than all the others together,
so that the distance between two points is little more than the difference of one number.

The mathematics

Let μ be the mean vector and u_i = x_i / ‖x_i‖. The mean cosine over all n (n − 1) / 2 pairs is

    c = (‖Σ_i u_i‖² − n) / (n (n − 1)),

computed in one pass, with the standard error 2 sd(u_i·ū) / √n of a U-statistic. If a common mean is the cause, then
E x_i·x_j = ‖μ‖² for i ≠ j and

    c ≈ ‖μ‖² / E‖x‖²,

which is the prediction. In a cloud without a preferred direction c is 0. Let λ₁ ≥ λ₂ ≥ … be the variances along the
principal axes: the first dominates when λ₁ > λ₂ + λ₃ + …. Then the share λ₁ / Σλ of the squared distance between two
random points lies along it; that is counted on pairs.

Why it hurts

Similarities are squeezed into a narrow band above c, thresholds carried over from another model mean something else,
and points near the mean become neighbours of everything (hubs, LA116). Trained embeddings are known for it, because
frequent and rare words drift apart along a few directions.

What to do

Subtract the mean before cosines are taken, and perhaps the first p/100 principal directions as well. Both are tried
here. What is measured is the mean cosine, the hubs and how many of the neighbours change; whether the new neighbours
are better ones only your task can tell. References: Mu & Viswanath (2018), All-but-the-top, ICLR; Ethayarajh (2019),
EMNLP.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from whyfit.diagnosis.cloud import TASK, CloudCase
from whyfit.diagnosis.cloud_trials import attempt, smaller_cosine
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import fixed, number, percent

#: Mean cosine of random pairs that is still called small. whyfit's choice: a squared length of which a tenth is common
#: to all; published static word vectors lie above it, clouds without a mean at 0 ± 1/√n.
COMMON = 0.1
#: From here on half of the range of cosines is lost: spoken of as a warning.
STRONG = 0.3
#: One direction against all the others together.
DOMINANT = 0.5
#: With fewer dimensions the first axis holds half of the variance of many a healthy cloud.
FEWEST_DIMENSIONS = 10
#: The normal law of the two statistics needs some points.
FEWEST_POINTS = 20
#: An axis that one coordinate makes up to this share is that coordinate.
ONE_COORDINATE = 0.9
_PAIRS = 20_000


def check(case: CloudCase) -> Iterator[Suspicion]:
    """Two hypotheses: the mean cosine is small; no axis holds more than all others."""
    if case.n < FEWEST_POINTS:
        return
    if case.metric == "cosine":
        c = case.mean_cosine
        yield Suspicion(lambda: _common(case), _beyond(c.value, COMMON, c.std_error))
    if case.dense and not case.standardised and case.p >= FEWEST_DIMENSIONS:
        share, error = _first_share(case)
        yield Suspicion(lambda: _first_axis(case), _beyond(share, DOMINANT, error))


def _beyond(value: float, limit: float, error: float) -> float:
    """p-value of "at most the limit", by the normal law."""
    if not error > 0:
        return 0.0 if value > limit else 1.0
    return 0.5 * math.erfc((value - limit) / error / math.sqrt(2))


def _common(case: CloudCase) -> Confirmed:
    c, half = case.mean_cosine, case.z() * case.mean_cosine.std_error
    X = case.X
    squares = float((X * X).sum() / case.n) if case.dense else float(X.power(2).sum() / case.n)  # type: ignore[union-attr]
    predicted = float(case.mean @ case.mean) / squares
    evidence = [
        Evidence(
            "mean cosine of two points", c.value, COMMON, predicted, c.value - half, c.value + half,
            rf"\frac{{\|\mu\|^2}}{{\mathrm{{E}}\|x\|^2}}={predicted:.3f}",
        )
    ]  # fmt: skip
    remedy = None
    if case.dense:
        remedy = smaller_cosine(case, "centre")
        evidence += [
            Evidence("nearest neighbours that stay once the mean is subtracted",
                     100 * attempt(case, "centre").unchanged, unit="%"),
        ]  # fmt: skip
    finding = RULE.finding(
        "warning" if c.value >= STRONG else "note",
        (),
        f"two points picked at random have a cosine of {fixed(c.value, 2)} (limit {number(COMMON)}): "
        f"the mean vector makes {percent(predicted)} of the squared length of all",
        evidence=evidence,
        prediction=f"predicted mean cosine {fixed(predicted, 3)} from the mean vector alone; observed "
        f"{fixed(c.value, 3)} over all pairs",
        remedy=remedy,
    )
    return Confirmed(finding)


def _first_share(case: CloudCase) -> tuple[float, float]:
    """λ₁ / Σλ and its standard error by the influence function (z₁² − s ‖x − μ‖²) / Σλ."""
    s = case.spectrum
    if not s.total > 0:
        return 0.0, 0.0
    share = float(s.shares[0])
    z = case.centred @ s.axes[:, 0]
    d = np.einsum("ij,ij->i", case.centred, case.centred)
    return share, float(np.std(z * z / s.total - share * (d / s.total)) / math.sqrt(case.n))


def _first_axis(case: CloudCase) -> Confirmed:
    share, error = _first_share(case)
    half = case.z() * error
    axis = case.spectrum.axes[:, 0]
    rng = case.rng("pairs")
    a, b = rng.integers(case.n, size=(2, _PAIRS))
    D = case.X[a[a != b]] - case.X[b[a != b]]
    observed = float(np.sum((D @ axis) ** 2) / np.sum(D * D))
    j = int(np.argmax(axis**2))
    alone = axis[j] ** 2 >= ONE_COORDINATE
    what = f"the coordinate {case.axes[j]}" if alone else "one direction"
    finding = RULE.finding(
        "warning",
        (case.axes[j],) if alone else (),
        f"{what} holds {percent(share)} of the variance (limit {percent(DOMINANT)}), more than the other "
        f"{case.p - 1:,} together",
        evidence=[
            Evidence("variance along the first axis", share, DOMINANT, None, share - half, share + half,
                     r"\lambda_1/\sum_k\lambda_k"),
        ],
        prediction=f"predicted {percent(share)} of the squared distance between two points lies along it; "
        f"observed {percent(observed)} on {_PAIRS:,} pairs",
    )  # fmt: skip
    return Confirmed(finding)


RULE = Rule(
    "LA115",
    "dominating-direction",
    "linear algebra",
    "warning",
    check,
    __doc__ or "",
    reference="Mu & Viswanath (2018), All-but-the-top, ICLR.",
    tasks=(TASK,),
)

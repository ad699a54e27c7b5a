"""The cloud lies in far fewer dimensions than its vectors have.

What it says

A third of the dimensions or less holds 99 % of the variance: the rest of the numbers say next to nothing about where
the points are.

The mathematics

With variances λ₁ ≥ λ₂ ≥ … along the principal axes, the first k axes hold Σ_{j≤k} λ_j / Σ_j λ_j of the squared
distances, the most any k directions can (Eckart & Young 1936). Two measures of how many directions count are

    (Σλ)² / Σλ²   (participation ratio),      exp(−Σ s_j log s_j),  s_j = λ_j / Σλ   (entropy rank).

A cloud of n points has at most n − 1 dimensions whatever its vectors hold, so k is compared with a third of
min(p, n − 1). The share that k axes keep has the standard error sd(‖P_k d‖² − share ‖d‖²) / (√n Σλ), d = x − μ; its
lower end must reach 99 %.

Why it hurts

It does not hurt the distances; it costs memory, time and, in a regression on the coordinates, conditioning.

What to do

Keep the first k principal components. What that does to the lists of nearest neighbours is counted here.
References: Eckart & Young (1936), Psychometrika 1; Roy & Vetterli (2007), EUSIPCO, on the entropy rank.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from whyfit.diagnosis.cloud import TASK, CloudCase
from whyfit.diagnosis.cloud_trials import attempt, shared
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import number, percent
from whyfit.linalg.rank import components_holding, effective_rank

KEPT = 0.99  # share of the variance, as the catalogue has it
THIRD = 1 / 3
#: With fewer dimensions there is nothing to save.
FEWEST_DIMENSIONS = 6


def check(case: CloudCase) -> Iterator[Suspicion]:
    """A certain fact: the lower end of the share reaches its limit."""
    if not case.dense or case.p < FEWEST_DIMENSIONS or case.n < FEWEST_DIMENSIONS:
        return
    s = case.spectrum
    if not s.total > 0:
        return
    k = components_holding(s.variances, KEPT)
    if k <= THIRD * min(case.p, case.n - 1):
        share, half = _kept(case, k)
        while share - half < KEPT and k < s.variances.size:
            k += 1
            share, half = _kept(case, k)
        if k <= THIRD * min(case.p, case.n - 1):
            yield Suspicion(lambda: _confirm(case, k, share, half))


def _kept(case: CloudCase, k: int) -> tuple[float, float]:
    """Share of the variance along the first k axes and half its interval."""
    s = case.spectrum
    share = float(s.shares[:k].sum())
    Z = case.centred @ s.axes[:, :k]
    d = np.einsum("ij,ij->i", case.centred, case.centred) / s.total
    influence = np.einsum("ij,ij->i", Z, Z) / s.total - share * d
    return share, case.z() * float(influence.std() / np.sqrt(case.n))


def _confirm(case: CloudCase, k: int, share: float, half: float) -> Confirmed:
    s = case.spectrum
    rank = effective_rank(s.variances)
    rows = case.centred[case.sampled] @ s.axes[:, :k] @ s.axes[:, :k].T
    if case.metric == "cosine":  # the mean stays part of the vectors whose cosines are taken
        rows = rows + case.mean
    same = shared(attempt(case, "none").neighbours, case.neighbours(rows))
    a, b = case.rng("low").integers(case.n, size=(2, 2_000))
    D = case.X[a] - case.X[b]
    kept = float(np.sum((D @ s.axes[:, :k]) ** 2) / np.sum(D * D))
    finding = RULE.finding(
        "note",
        (),
        f"{k} directions of {case.p:,} hold {percent(share)} of the variance; {percent(same)} of the "
        f"{case.k} nearest neighbours stay when only they are kept",
        evidence=[
            Evidence("share of the variance", share, KEPT, None, share - half, share + half,
                     rf"\sum_{{j\leq {k}}}\lambda_j/\sum_j\lambda_j"),
            Evidence("participation ratio", rank.participation, unit="dimensions"),
            Evidence("entropy rank", rank.entropy, unit="dimensions"),
            Evidence("nearest neighbours that stay", 100 * same, unit="%"),
        ],
        prediction=f"predicted {percent(share)} of the squared distances kept; observed {percent(kept)} on "
        f"2,000 pairs (participation ratio {number(rank.participation, 3)})",
    )  # fmt: skip
    return Confirmed(finding)


RULE = Rule(
    "LA109",
    "low-dimensional",
    "linear algebra",
    "note",
    check,
    __doc__ or "",
    reference="Eckart & Young (1936), Psychometrika 1.",
    tasks=(TASK,),
)

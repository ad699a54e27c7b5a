"""Coordinates of the vectors that do not vary, or hardly.

What it says

These coordinates have the same value in every vector, or vary less than a hundredth of what is usual in this cloud.

The mathematics

Coordinate j adds (x_ij − x_lj)² to the squared distance of points i and l, 2 σ_j² on average. Of all coordinates of a
set C the share

    Σ_{j∈C} σ_j² / Σ_j σ_j²

is lost when they are left out: that is the prediction, and it is counted on pairs of points. A coordinate has
collapsed when σ_j is below a hundredth of the median σ, for certain: the upper end of its interval is.

Why it hurts

The distances hardly notice. But a collapsed coordinate of a trained embedding is a unit that died, and in an image a
border that is always blank: capacity that is stored, sent and searched for nothing; and whitening blows it up.

What to do

Leave the coordinates out, or look at what made them. Reference: Jing, Vincent, LeCun & Tian (2022), Understanding
dimensional collapse, ICLR.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from whyfit.diagnosis.cloud import TASK, CloudCase
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import listed, percent, plural

#: Share of the median standard deviation. whyfit's choice: a coordinate that weighs 1/10,000 of another in a distance.
COLLAPSED = 0.01
#: From this share of the coordinates on it is a warning.
MANY = 0.1
_PAIRS = 2_000


def check(case: CloudCase) -> Iterator[Suspicion]:
    """A certain fact: limits are met by the whole interval."""
    if not case.dense or case.standardised or case.n < 3:
        return
    if (gone := _collapsed(case)).size:
        yield Suspicion(lambda: _confirm(case, gone))


def _variances(case: CloudCase) -> np.ndarray:
    return np.einsum("ij,ij->j", case.centred, case.centred) / case.n


def _collapsed(case: CloudCase) -> np.ndarray:
    variances = _variances(case)
    alive = variances[variances > 0]
    if not alive.size:
        return np.arange(case.p)
    limit = COLLAPSED**2 * float(np.median(alive))
    low = np.flatnonzero(variances < limit)
    spread = np.std(case.centred[:, low] ** 2 / limit, axis=0) * limit / np.sqrt(case.n)
    return low[variances[low] + case.z() * spread < limit]


def _confirm(case: CloudCase, gone: np.ndarray) -> Confirmed:
    variances = _variances(case)
    total = float(variances.sum())
    flat = int(np.count_nonzero(variances[gone] == 0))
    lost = float(variances[gone].sum()) / total if total else 0.0
    a, b = case.rng("collapsed").integers(case.n, size=(2, _PAIRS))
    D = (case.X[a] - case.X[b]) ** 2
    whole = float(D.sum())
    observed = float(D[:, gone].sum()) / whole if whole else 0.0
    names = tuple(case.axes[j] for j in gone)
    share = gone.size / case.p
    how = "never vary" if flat == gone.size else "hardly vary"
    some = f" ({flat:,} never)" if 0 < flat < gone.size else ""
    finding = RULE.finding(
        "warning" if share >= MANY and case.kind == "vectors" else "note",
        names,
        f"{plural(gone.size, 'coordinate')} of {case.p:,} {how}{some}: {listed(names)}",
        evidence=[
            Evidence("collapsed coordinates", float(gone.size)),
            Evidence("share of the variance in them", lost, None, None),
        ],
        prediction=f"predicted {percent(lost)} of the squared distances without them; observed "
        f"{percent(observed)} on {_PAIRS:,} pairs",
    )
    return Confirmed(finding)


RULE = Rule(
    "LA103",
    "constant-feature",
    "linear algebra",
    "warning",
    check,
    __doc__ or "",
    reference="Jing, Vincent, LeCun & Tian (2022), Understanding dimensional collapse, ICLR.",
    tasks=(TASK,),
)

"""Standard errors of the coefficients of each training set, as far as its rows determine them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from whyfit.linalg.conditioning import correlation
from whyfit.linalg.rank import EPS

if TYPE_CHECKING:
    from whyfit.diagnosis.case import Case


def training_std_errors(case: Case, columns: tuple[str, ...]) -> Float[np.ndarray, "k c"]:
    """Per training set, standard errors of unit-variance columns in units of σ/√n: √((C + λ/n I)⁻¹_jj).

    1 for a column orthogonal to the others, √VIF in general; smaller under a penalty (posterior sd). Columns
    the design does not have are left out. A direction that rounding hides in the moments of a training set has
    the variance that the fit on all rows, which may know more, gives its worst.
    """
    place = [case.names.index(c) for c in columns if c in case.names]
    known = ~case.linear.dropped
    G = case.linear.solution.G[np.ix_(known, known)]
    least = 1 / max(float(np.linalg.norm(G, 2)), 1.0) if G.size else 1.0
    out = np.ones((case.k, max(len(place), 1)))
    for j in range(case.k):
        train = case.moments.without(j)
        C = correlation(train.scatter)[:-1, :-1]
        live = ~case.linear.dropped
        A = C[np.ix_(live, live)] + case.spec.ridge / max(train.n, 1) * np.eye(int(live.sum()))
        variance = np.full(case.p, np.nan)
        mu, V = np.linalg.eigh(A)
        hidden = mu <= len(A) * EPS * mu.max(initial=0.0)
        variance[live] = (V**2 / np.where(hidden, least, mu)).sum(axis=1)
        if place:
            out[j] = np.sqrt(variance[place])
    return out

"""Is an effect negligible? Two one-sided tests.

An effect θ is negligible if low < θ < high, bounds that the user names in advance. Reject θ ≤ low and θ ≥ high, each at
level α: P(both rejected) ≤ α for every θ outside. That is so exactly where the interval of level 1 − 2α lies inside.

    p = max(P(T ≥ (θ̂ − low)/se), P(T ≤ (θ̂ − high)/se)),  T ~ t(df)

A large p-value of "θ = 0" is no evidence of this: it says "cannot tell" for a small table.

References: Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15, 657-680; Lakens (2017), Social
Psychological and Personality Science 8, 355-362.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from whyfit.errors import SpecError
from whyfit.probability.distributions import t_quantile, t_upper

Verdict = Literal["negligible", "not negligible", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Equivalence:
    """p-value of the two one-sided tests, the interval of level 1 − 2α, and what follows.

    "not negligible": the interval lies outside the bounds; "cannot tell": it crosses one. NaN p: "cannot tell".
    """

    p_value: float
    low: float
    high: float
    verdict: Verdict


def equivalence(
    estimate: float,
    std_error: float,
    bounds: tuple[float, float],
    df: float = np.inf,
    alpha: float = 0.05,
) -> Equivalence:
    """Two one-sided tests of an estimate with this standard error and degrees of freedom (∞: normal).

    A standard error of 0 decides by the estimate alone; NaN or df ≤ 0 decides nothing. Raises SpecError unless
    bounds rise and 0 < alpha < 1/2.
    """
    lower, upper = bounds
    if not lower < upper:
        raise SpecError(
            f"bounds are ({lower}, {upper}); expected low < high, e.g. (-0.1, 0.1) in the unit of the effect."
        )
    if not 0 < alpha < 0.5:
        raise SpecError(f"alpha is {alpha}; expected a level between 0 and 1/2, e.g. 0.05.")
    if not (np.isfinite(estimate) and std_error >= 0 and df > 0):
        return Equivalence(np.nan, np.nan, np.nan, "cannot tell")
    half = t_quantile(1 - 2 * alpha, df) * std_error
    low, high = estimate - half, estimate + half
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.divide([estimate - lower, upper - estimate], std_error)
    p = float(np.max(t_upper(np.nan_to_num(t, nan=-np.inf, posinf=np.inf, neginf=-np.inf), df)))
    if p <= alpha:
        verdict: Verdict = "negligible"
    else:
        verdict = "not negligible" if low > upper or high < lower else "cannot tell"
    return Equivalence(p, float(low), float(high), verdict)

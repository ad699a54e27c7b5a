"""Numbers beside their uncertainty: how many decimals an interval leaves a value, and both written together.

A plain number is written by `whyfit.diagnosis.words.number`.
"""

from __future__ import annotations

import math

from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.words import MISSING, fixed, number, power

_NEGLIGIBLE = 1e-9  # half width of a score below which it is not shown
_P_FLOOR = 1e-16  # below this a p-value says no more than float64's tail functions can


def decimals_for(uncertainty: float, fallback: int = 3) -> int:
    """Decimals at which `uncertainty` shows one significant digit, or two if it starts with 1."""
    if not math.isfinite(uncertainty) or uncertainty <= 0:
        return fallback
    exponent = math.floor(math.log10(uncertainty))
    leading = uncertainty / 10.0**exponent
    return min(-exponent + (1 if leading < 1.95 else 0), 9)


def decimals_for_ends(low: float, high: float) -> int:
    """Decimals for an interval whose ends matter: two digits of its half width, and none shown as 0.

    An end that is not 0 must not look like it: whether an interval excludes 0 is what is read there.
    """
    half = (high - low) / 2
    if not math.isfinite(half) or half <= 0:
        return 3
    places = 1 - math.floor(math.log10(half))
    for end in (low, high):
        while end != 0 and round(end, places) == 0 and places < 9:
            places += 1
    return min(places, 9)


def score_decimals(value: float, low: float | None, high: float | None) -> int | None:
    """Decimals that [low, high] leaves `value`: those of its half width, but two digits at least.

    "0.94 ± 0.29" rather than "0.9 ± 0.3". None where there is no interval to speak of.
    """
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return None
    half = (high - low) / 2
    if half < _NEGLIGIBLE:
        return None
    places = decimals_for(half)
    if half < abs(value):
        places = max(places, 1 - math.floor(math.log10(abs(value))))
    return places


def plus_minus(value: float, low: float | None, high: float | None) -> str:
    """ "0.64 ± 0.01": the half width of [low, high] beside the value, rounded together."""
    places = score_decimals(value, low, high)
    if places is None or low is None or high is None:
        return number(value)
    return f"{fixed(value, places)} ± {fixed((high - low) / 2, places)}"


def interval(low: float | None, high: float | None, decimals: int | None = None) -> str:
    """ "[0.63, 0.65]"; plain significant digits when `decimals` is not given."""
    if decimals is None:
        return f"[{number(low)}, {number(high)}]"
    ends = (
        MISSING if x is None or math.isnan(x) else fixed(x, decimals, plus=True)
        for x in (low, high)
    )
    return "[{}, {}]".format(*ends)


def p_value(p: float | None) -> str:
    """Three decimals, a power of ten when small, "< 1e−16" beyond what tails can tell."""
    if p is None or math.isnan(p):
        return MISSING
    if p < _P_FLOOR:
        return "< 1e−16"
    return fixed(p, 3) if p >= 0.001 else power(p, 2)


def percent(share: float) -> str:
    """0.95 -> "95 %"."""
    return f"{number(100 * share, 4)} %"


def seconds(t: float) -> str:
    """0.6 -> "0.6 s", 75 -> "1 min 15 s"."""
    if t >= 60:
        return f"{int(t // 60)} min {int(t % 60)} s"
    return f"{t:.1f} s" if t >= 0.095 else f"{max(t, 0.001):.3f} s"


def unit_of(evidence: Evidence) -> str:
    """The unit as it reads after the value: "1 cell", not "1 cells"; units of several words stay as they are."""
    unit = evidence.unit
    return unit[:-1] if evidence.value == 1 and unit.endswith("s") and " " not in unit else unit

"""Names, shares and differences as a finding says them."""

from __future__ import annotations

import math
from collections.abc import Sequence


def listed(names: Sequence[str], most: int = 4) -> str:
    """ "a, b and c"; beyond `most` names "a, b, c and 5 more"."""
    if not names:
        return ""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def percent(share: float) -> str:
    """0.0123 -> "1.2 %": two digits, and neither 0 nor 100 unless it is."""
    if math.isnan(share):
        return "–"
    x = 100 * share
    if x in (0, 100) or 10 <= x < 99.5:
        return f"{x:.0f} %"
    if x > 99.5:
        return f"{min(x, 99.99):.4g} %"
    return f"{x:.2g} %" if x >= 1 else (f"{x:.1g} %" if x >= 0.01 else "under 0.01 %")


def signed(x: float, digits: int = 3) -> str:
    """-0.0123 -> "−0.012"; a value that rounds to nothing is "+0.000"."""
    if not math.isfinite(x):
        return "–"
    rounded = round(x, digits)
    return f"{rounded if rounded else 0.0:+.{digits}f}".replace("-", "−")


def between(low: float, high: float, digits: int = 3) -> str:
    """ "[−0.001, +0.004]"."""
    return f"[{signed(low, digits)}, {signed(high, digits)}]"


def plural(n: int, word: str) -> str:
    """1 -> "1 row", 20640 -> "20,640 rows"."""
    return f"{n:,} {word}" + ("" if n == 1 else "s")

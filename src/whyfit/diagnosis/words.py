"""Names, numbers, shares and differences as whyfit says them: in findings, reports and the demo.

Thousands separators, significant digits, a true minus sign; a number that does not exist (None, NaN) is an
en dash.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

MISSING = "–"
_LARGE, _SMALL = 1e12, 1e-4  # outside these a number is written with a power of ten


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
    return _signs(f"{rounded if rounded else 0.0:+.{digits}f}")


def between(low: float, high: float, digits: int = 3) -> str:
    """ "[−0.001, +0.004]"."""
    return f"[{signed(low, digits)}, {signed(high, digits)}]"


def plural(n: int, word: str) -> str:
    """1 -> "1 row", 20640 -> "20,640 rows"."""
    return f"{n:,} {word}" + ("" if n == 1 else "s")


def fixed(x: float, decimals: int, *, plus: bool = False) -> str:
    """`x` with `decimals` decimals (negative: rounded to tens, hundreds ...) and separators."""
    rounded = round(x, decimals) if math.isfinite(x) else x
    if rounded == 0:
        rounded = 0.0  # no "−0.00"
    if math.isinf(rounded):
        return "∞" if rounded > 0 else "−∞"
    return _signs(f"{rounded:{'+' if plus else ''},.{max(decimals, 0)}f}")


def number(x: float | None, digits: int = 4) -> str:
    """`x` with `digits` significant digits, trailing zeros dropped; whole numbers in full."""
    if x is None or math.isnan(x):
        return MISSING
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    if x == 0:
        return "0"
    size = abs(x)
    if size >= _LARGE or size < _SMALL:
        return power(x, digits)
    if float(x).is_integer() and size < 1e9:
        return _signs(f"{x:,.0f}")
    decimals = digits - 1 - math.floor(math.log10(size))
    text = fixed(x, decimals)
    return text.rstrip("0").rstrip(".") if "." in text else text


def power(x: float, digits: int) -> str:
    """ "2.5e−07" as "2.5e−7", with `digits` significant digits; 0 is "0"."""
    if x == 0:
        return "0"
    mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return _signs(f"{mantissa}e{int(exponent)}")


def latex(x: float, digits: int = 2) -> str:
    """`x` as LaTeX: plain where that is short, else "1.2\\times 10^{-9}"."""
    if x == 0 or 1e-3 <= abs(x) < 1e5:
        return f"{x:.{max(digits, 4)}g}"
    mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
    return rf"{mantissa}\times 10^{{{int(exponent)}}}"


def _signs(text: str) -> str:
    return text.replace("-", "−")

"""Error-free transformations: what float64 rounds away from a sum or a product, exactly.

    two_sum      a + b = s + e     s = fl(a + b)      Knuth
    two_product  a × b = p + e     p = fl(a × b)      Dekker, with operands split by their bits
    centred      y − ȳ with ȳ to twice the digits, group by group
    times        (h₁ + l₁)(h₂ + l₂) as a pair again, error ≤ 7u² of it: the product of two double-doubles

All are elementwise over arrays. The split rounds an operand to its high 26 bits, as integers, instead of Veltkamp's
multiplication by 2²⁷ + 1: nothing overflows that the product does not. Both halves have 26 bits, so that all four
products of halves are exact. Where the product or its error leaves the range of float64 (beyond 1.8e308, or below
about 1e-291) e is 0 and p the rounded product alone.

References: Knuth (1997), The Art of Computer Programming 2, §4.2.2; Dekker (1971), Numer. Math. 18, 224-242;
Hida, Li & Bailey (2001), Algorithms for quad-double precision arithmetic, ARITH-15.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

_HALF, _HIGH_BITS = np.int64(1 << 26), np.int64(-1 << 27)
#: Below this the error of a product is subnormal and no longer exact: 2⁻¹⁰²² · 2⁵³ · 2.
_LEAST = 2.0**-968

Array = Float[np.ndarray, "..."]
Pair = tuple[Array, Array]  # h + l, unevaluated


def two_sum(a: Array, b: Array) -> Pair:
    """(s, e) with a + b = s + e exactly, for any sizes of a and b."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def quick_two_sum(a: Array, b: Array) -> Pair:
    """(s, e) with a + b = s + e exactly, if |a| ≥ |b| or a = 0."""
    s = a + b
    return s, b - (s - a)


def split(a: Array) -> Pair:
    """(high, low) with a = high + low, high of 26 bits."""
    a = np.ascontiguousarray(a, dtype=np.float64)
    bits = a.view(np.int64) + _HALF
    bits &= _HIGH_BITS
    high = bits.view(np.float64)
    return high, a - high


def two_product(a: Array, b: Array) -> Pair:
    """(p, e) with a × b = p + e."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        p = a * b
        a1, a2 = split(a)
        b1, b2 = (a1, a2) if b is a else split(b)
        e = ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2
    e[~(np.isfinite(e) & (np.abs(p) >= _LEAST))] = 0.0
    return p, e


def times(a: Pair, b: Pair) -> Pair:
    """(h, l), |l| ≤ u|h|, with h + l = (a₁ + a₂)(b₁ + b₂) up to 7u²."""
    p, e = two_product(a[0], b[0])
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        e += a[0] * b[1] + a[1] * b[0]
        s, e = quick_two_sum(p, e)
    fine = np.isfinite(e)
    return np.where(fine, s, p), np.where(fine, e, 0.0)


def centred(
    y: Float[np.ndarray, " n"], group: Int[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " g"], Float[np.ndarray, " g"], Float[np.ndarray, " n"]]:
    """(m, r, d): the means of the groups 0..g−1 are m + r, and d = y − (m + r) to its last digit or so.

    A group without rows has NaN.
    """
    with np.errstate(invalid="ignore"):
        n = np.bincount(group)
        mean = np.bincount(group, y) / n
        d, e = two_sum(y, -mean[group])
        rest = (np.bincount(group, d) + np.bincount(group, e)) / n
        d = (d - rest[group]) + e
        last = np.bincount(group, d) / n  # the rounding of the sum before
    return mean, rest + last, d - last[group]

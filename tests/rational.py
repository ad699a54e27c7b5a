"""Least squares in exact rational arithmetic, and problems that are hard in float64."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.linalg import hilbert

MOST = -math.log10(2.0**-53)  # digits float64 holds


@dataclass(frozen=True)
class Exact:
    """Of [1 X] (X alone through the origin): coefficients, diag of (XᵀX)⁻¹ and sums of squares, as fractions."""

    w: list[Fraction]  # the intercept first, 0 through the origin
    V: list[Fraction]
    rss: Fraction
    tss: Fraction


def as_integers(x, low=None) -> tuple[list[int], Fraction]:
    """Integers m and a unit with x (+ low) = m · unit, exactly."""
    parts = [x] if low is None else [x, low]
    pairs = [np.frexp(v) for v in parts]
    place = min(int(e.min(where=m != 0, initial=2000)) for m, e in pairs) - 53
    total = [0] * len(x)
    for mantissa, exponent in pairs:
        whole = (mantissa * 2.0**53).astype(object)
        for i, (a, e) in enumerate(zip(whole, exponent, strict=True)):
            total[i] += int(a) << (int(e) - 53 - place) if a else 0
    return total, Fraction(2) ** place


def exact(X, y, low=None, intercept=True, ridge=0.0) -> Exact:
    """By Bareiss' elimination on whole numbers: no fraction is reduced before the end."""
    n, p = X.shape
    lows = [None] * p if low is None else list(low.T)
    columns = [as_integers(v, r) for v, r in zip([*X.T, y], [*lows, None], strict=True)]
    Z, unit = [m for m, _ in columns], [u for _, u in columns]
    total = [sum(z) for z in Z]
    N = n if intercept else 1
    S = [
        [N * sum(map(int.__mul__, a, b)) - intercept * s * t for b, t in zip(Z, total, strict=True)]
        for a, s in zip(Z, total, strict=True)
    ]
    if ridge:
        numerator, denominator = ridge.as_integer_ratio()
        S = [
            [v * denominator * n + (numerator * v if i == j < p else 0) for j, v in enumerate(row)]
            for i, row in enumerate(S)
        ]
        N = N * denominator * n
    A = [S[i][:p] + [S[i][p]] + [int(i == j) for j in range(p)] for i in range(p)]
    before = 1
    for k in range(p):
        if not A[k][k]:
            raise ZeroDivisionError("the columns are exactly dependent")
        for i in range(p):
            if i != k:
                f, d = A[i][k], A[k][k]
                A[i] = [(d * a - f * b) // before for a, b in zip(A[i], A[k], strict=True)]
        before = A[k][k]
    det = before
    w = [Fraction(A[i][p], det) * unit[p] / unit[i] for i in range(p)]
    inner = [
        [Fraction(A[i][p + 1 + j] * N, det) / unit[i] / unit[j] for j in range(p)] for i in range(p)
    ]
    rss = (S[p][p] - sum(Fraction(A[i][p] * S[i][p], det) for i in range(p))) * unit[p] ** 2 / N
    tss = S[p][p] * unit[p] ** 2 / N
    mean = [
        Fraction(t, n) * u if intercept else Fraction(0) for t, u in zip(total, unit, strict=True)
    ]
    first = mean[p] - sum((a * b for a, b in zip(w, mean, strict=False)), Fraction(0))
    v0 = Fraction(int(intercept), n) + sum(
        mean[i] * mean[j] * inner[i][j] for i in range(p) for j in range(p)
    )
    return Exact([first, *w], [v0, *(inner[i][i] for i in range(p))], rss, tss)


def true_digits(got: float, want: Fraction) -> float:
    """Correct decimal digits of `got`; 17 if there is no error, or both are 0."""
    if not want or not math.isfinite(got):
        return 17.0 if got == want else -math.inf
    error = abs(Fraction(float(got)) - want) / abs(want)
    return 17.0 if not error else -_log10(error)


def root_digits(got: float, square: Fraction) -> float:
    """Correct digits of `got` as √square."""
    if not square or not math.isfinite(got):
        return 17.0 if got == square else -math.inf
    ratio = Fraction(float(got)) ** 2 / square
    error = abs(ratio - 1)
    if error > Fraction(1, 1000):
        return -math.log10(abs(math.sqrt(float(min(ratio, Fraction(10) ** 300))) - 1))
    return 17.0 if not error else -_log10(error / 2)


def _log10(f: Fraction) -> float:
    return math.log10(f.numerator) - math.log10(f.denominator)


def _plain(rng, n, p):
    return rng.standard_normal((n, p))


def _hilbert(_rng, n, p):
    return hilbert(n)[:, :p]


def _vandermonde(rng, n, p):
    x = np.sort(rng.uniform(0, 1, n)) * rng.choice([1, 10]) + rng.choice([0, 1])
    return x[:, None] ** np.arange(1, p + 1)


def _laeuchli(rng, n, p):
    e = 10.0 ** -rng.integers(2, 9)
    X = np.zeros((n, p))
    X[0], X[1 : p + 1] = 1.0, e * np.eye(p)[: n - 1]
    X[p + 1 :] = e * rng.standard_normal((max(n - p - 1, 0), p))
    return X


def _near_duplicates(rng, n, p):
    X = rng.standard_normal((n, p)) + rng.choice([0, 1, 100])
    X[:, -1] = X[:, 0] + 1e-9 * rng.standard_normal(n) * X[:, 0].std()
    return X


def _offsets(rng, n, p):
    return rng.standard_normal((n, p)) + 10.0 ** rng.integers(6, 13, p)


def _graded(rng, n, p):
    return rng.standard_normal((n, p)) * 10.0 ** rng.integers(-100, 101, p)


def _graded_rows(rng, n, p):
    return rng.standard_normal((n, p)) * 10.0 ** rng.integers(-30, 1, (n, 1))


def _collinear(rng, n, p):
    base = rng.standard_normal((n, max(p // 2, 1)))
    X = base[:, np.arange(p) % base.shape[1]]
    return X + 10.0 ** -rng.integers(2, 8) * rng.standard_normal((n, p))


def _dummies(rng, n, p):
    level = rng.integers(0, p + 1, n)
    X = (level[:, None] == np.arange(p)).astype(float)
    X[:p] = np.eye(p)  # every level occurs
    return X


def _whole(rng, n, p):
    return rng.integers(-50, 1000, (n, p)).astype(float)


FAMILIES = {
    "random": _plain,
    "hilbert": _hilbert,
    "vandermonde": _vandermonde,
    "laeuchli": _laeuchli,
    "near duplicates": _near_duplicates,
    "offsets": _offsets,
    "graded": _graded,
    "graded rows": _graded_rows,
    "collinear": _collinear,
    "dummies": _dummies,
    "whole numbers": _whole,
}


def hard_problem(family: str, seed: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """X, y and whether an intercept is to be fitted; noise, scale and offset of y vary with the seed."""
    rng = np.random.default_rng([seed, list(FAMILIES).index(family)])
    p = int(rng.integers(1, 7))
    n = int(rng.choice([p + 1, p + 2, 12, 40, 100]))
    n = max(n, p + 1)  # p = n − 1 columns and an intercept leave no degree of freedom
    X = FAMILIES[family](rng, n, p)
    length = np.abs(X).max(axis=0)
    law = X / np.where(length > 0, length, 1.0) @ rng.standard_normal(p)
    noise = float(rng.choice([1.0, 1e-3, 1e-8, 0.0]))
    y = law + noise * rng.standard_normal(n) + rng.choice([0.0, 0.0, 1e6])
    y = y * 10.0 ** float(rng.choice([0, 0, -120, 120]))
    if family == "whole numbers" and rng.random() < 0.5:
        y = X @ rng.integers(-9, 10, p) + rng.choice([0, 7])  # exact in float64
    return X, y, bool(rng.random() < 0.8)

"""Certified digits on hard problems, against exact rational arithmetic, by every route.

No claim may exceed the truth, and of a hundred claims at most five may lie more than two digits below it. A few hundred
problems here; WHYFIT_EXPLORE=1 tries far more.
"""

import os
from collections import defaultdict
from fractions import Fraction

import numpy as np
import pytest

from rational import FAMILIES, MOST, Exact, exact, hard_problem, root_digits, true_digits
from whyfit.data.arrays import ArrayRows
from whyfit.linalg import solve
from whyfit.probability.linear import LinearFit, fit_moments, gather

EXPLORE = "WHYFIT_EXPLORE" in os.environ
PROBLEMS = 400 if EXPLORE else 16
ROUNDING = 1e-9  # of the logarithms themselves
FEW = 0.05  # share of claims that may lie TWO digits below the truth
TWO = 2.0


def solved(family: str, seed: int, unit: float = 1.0) -> tuple[LinearFit, Exact] | None:
    X, y, intercept = hard_problem(family, seed)
    y = y * unit
    rows = ArrayRows(X, y, 2)
    fit = fit_moments(gather(rows, 2).total, rows.names, rows=rows, intercept=intercept)
    kept = ~fit.dropped
    return (fit, exact(X[:, kept], y, intercept=intercept)) if kept.any() else None


def claims(fit: LinearFit, truth: Exact):
    """(what, digits that are true, digits claimed) of everything that is claimed."""
    table = fit.inference()
    first = 0 if fit.with_intercept else 1
    kept = np.append(True, ~fit.dropped)[first:]
    spread = table.std_error_digits
    for j, w, v in zip(np.flatnonzero(kept), truth.w[first:], truth.V[first:], strict=True):
        yield "coefficient", true_digits(table.estimate[j], w), table.digits[j]
        if fit.df > 0 and spread is not None:
            sigma2 = truth.rss / int(fit.df)
            yield "std error", root_digits(table.std_error[j], v * sigma2), spread[j]
    if truth.tss:
        yield "R²", true_digits(fit.r2, 1 - truth.rss / truth.tss), fit.r2_digits
        if truth.rss and fit.df > 0:
            ratio = (truth.tss - truth.rss) / truth.rss
            f = ratio * Fraction(int(fit.df), fit.rank)
            yield "F", true_digits(fit.f_test()[0], f), fit.f_digits


def examined(family: str, seeds: range, unit: float = 1.0) -> dict[str, list[float]]:
    """How far below the truth each claim lies; fails at the first that lies above."""
    short = defaultdict(list)
    for seed in seeds:
        found = solved(family, seed, unit)
        for what, true, claim in claims(*found) if found else ():
            assert claim <= max(true, 0.0) + ROUNDING, (seed, what, claim, true)
            short[what].append(min(true, MOST) - claim)
    return short


@pytest.mark.parametrize("family", FAMILIES)
def test_no_claim_is_too_high_and_few_are_much_too_low(family):
    for what, short in examined(family, range(PROBLEMS)).items():
        assert np.mean(np.array(short) > TWO) <= FEW, what


@pytest.mark.parametrize("unit", [1e-25, 1e25])
def test_squares_near_the_ends_of_float64_are_not_vouched_for(unit):
    """Residuals of 1e-150 square to numbers with few digits, or none."""
    assert examined("random", range(PROBLEMS), unit)


@pytest.mark.parametrize("route", ["gram", "qr"])
@pytest.mark.parametrize("family", FAMILIES)
def test_routes_for_many_rows_never_claim_too_much(family, route, monkeypatch):
    """Here their claims may be low: worst cases are far from what a hundred rows do."""
    monkeypatch.setattr(solve, "EXACT_COLUMNS", -1)
    if route == "qr":
        monkeypatch.setattr(solve, "DIGITS_WANTED", 99.0)
    else:
        monkeypatch.setattr(solve, "DIGITS_WANTED", 4.0)
        monkeypatch.setattr(solve, "RSS_DIGITS_WANTED", 2.0)
    assert examined(family, range(1000, 1000 + PROBLEMS // 2))


def pairs(n, kind, rng):
    """Columns of many rows on which sums round in unlike ways."""
    X = rng.standard_normal((n, 3))
    match kind:
        case "two values":
            X = (X > 1.5).astype(float)
        case "heavy tails":
            X = np.exp(2 * X) + 1e5
        case "far off":
            X += 1e6
    return X, X[:, 0] / X[:, 0].std() + rng.standard_normal(n)


@pytest.mark.parametrize("kind", ["plain", "two values", "heavy tails", "far off"])
def test_twenty_thousand_rows_by_every_route(kind, monkeypatch):
    """The exact route is the judge: the tests above have judged it."""
    X, y = pairs(20_000, kind, np.random.default_rng(3))
    rows = ArrayRows(X, y, 3)
    total = gather(rows, 3).total
    judge = fit_moments(total, rows.names, rows=rows)
    assert judge.solution.route == "refined"
    monkeypatch.setattr(solve, "EXACT_COLUMNS", -1)
    for route in ("gram", "qr"):
        monkeypatch.setattr(solve, "DIGITS_WANTED", 8.0 if route == "gram" else 99.0)
        fit = fit_moments(total, rows.names, rows=rows)
        assert fit.solution.route == route
        for got, want, claim in [
            *zip(fit.coef, judge.coef, fit.solution.digits, strict=True),
            *zip(np.diag(fit.V) * fit.sigma2, np.diag(judge.V) * judge.sigma2,
                 fit.std_error_digits - 0.31, strict=True),
            (fit.intercept, judge.intercept, fit.digits[0]),
            (fit.r2, judge.r2, fit.r2_digits),
        ]:  # fmt: skip
            assert abs(got / want - 1) <= 10.0**-claim + 4e-16


def test_an_exact_fit_has_standard_errors_of_zero():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 100, (50, 3)).astype(float)
    rows = ArrayRows(X, X @ [2.0, -3.0, 0.0] + 7, 2)
    fit = fit_moments(gather(rows, 2).total, rows.names, rows=rows)
    table = fit.inference()
    assert fit.coef.tolist() == [2.0, -3.0, 0.0]
    assert fit.intercept == 7.0
    assert fit.rss == 0.0
    assert fit.r2 == 1.0
    assert fit.f_test()[0] == np.inf
    assert (table.std_error == 0).all()
    assert table.std_error_digits is not None
    assert table.std_error_digits.min() > 15
    assert fit.digits.min() > 15


def test_a_constant_target_and_no_degrees_of_freedom_are_said_to_be_so():
    X = np.random.default_rng(1).standard_normal((6, 2))
    flat = ArrayRows(X, np.full(6, 0.1), 2)
    fit = fit_moments(gather(flat, 2).total, flat.names, rows=flat)
    assert fit.coef.tolist() == [0.0, 0.0]
    assert fit.intercept == 0.1
    assert np.isnan(fit.r2)
    few = ArrayRows(X[:3], X[:3, 0], 2)
    table = fit_moments(gather(few, 2).total, few.names, rows=few).inference()
    assert table.std_error_digits is None
    assert np.isnan(table["x1"]["std_error_digits"])


def test_a_target_that_hardly_varies_keeps_its_sum_of_squares(monkeypatch):
    """1e126 ± rounding by the triangle, which takes it for a constant: squares must not overflow."""
    monkeypatch.setattr(solve, "EXACT_COLUMNS", -1)
    rng = np.random.default_rng(2)
    X = rng.standard_normal((20, 2))
    X[:, 1] = X[:, 0] + 1e-8 * X[:, 1]
    y = 1e120 * (1e6 + 1e-9 * rng.standard_normal(20))
    rows = ArrayRows(X, y, 2)
    fit = fit_moments(gather(rows, 2).total, rows.names, rows=rows)
    assert fit.solution.route == "qr"
    assert 0 < fit.rss <= fit.tss < np.inf
    assert fit.solution.rss_digits == 0

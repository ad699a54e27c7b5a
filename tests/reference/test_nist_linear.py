"""NIST StRD linear regression: certified estimates, standard errors, R², F and residual standard deviation.

Columns are float64, so the powers of a polynomial are rounded; Filip shows what that costs, and what their low-order
parts give back. NIST prints fifteen digits of numbers that belong to decimal data, which float64 holds to sixteen.

Reference: https://www.itl.nist.gov/div898/strd/lls/lls.shtml
"""

import json
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from whyfit.data.arrays import ArrayRows
from whyfit.fold import Rows
from whyfit.models import LinearRegression
from whyfit.probability.linear import fit_moments, gather

#: data set -> (degree of the polynomial or None, intercept, digits of the estimates, of the standard errors)
SETS = {
    "Norris": (None, True, 14.0, 13.0),
    "Pontius": (2, True, 13.0, 13.0),
    "NoInt1": (None, False, 14.0, 15.0),
    "NoInt2": (None, False, 15.0, 14.5),
    "Longley": (None, True, 14.0, 14.5),
    "Wampler1": (5, True, 15.9, 15.9),
    "Wampler2": (5, True, 13.0, 15.0),
    "Wampler3": (5, True, 15.9, 14.0),
    "Wampler4": (5, True, 15.9, 14.0),
    "Wampler5": (5, True, 15.9, 14.0),
    "Filip": (10, True, 7.5, 7.5),
}


class Powers:
    """x, x², ... with what rounding took from them."""

    def __init__(self, x: np.ndarray, y: np.ndarray, degree: int) -> None:
        exact = [[Fraction(v) ** d for d in range(1, degree + 1)] for v in x.tolist()]
        self.X = np.array([[float(v) for v in row] for row in exact])
        self.low = np.array([[float(v - Fraction(float(v))) for v in row] for row in exact])
        self.y, self.names = y, tuple(f"x^{d}" for d in range(1, degree + 1))

    def blocks(self):
        index = np.arange(len(self.y))
        yield Rows(self.X, self.y, index, index % 2, None, lambda: self.low)


def digits(got, certified: list[str]) -> float:
    """Fewest correct digits; where 0 is certified, digits behind the point."""
    worst = 16.0
    for g, text in zip(np.atleast_1d(got).tolist(), certified, strict=True):
        want = Decimal(text)
        error = abs(Decimal(g) - want) / (abs(want) or 1)
        worst = min(worst, -float(error.log10()) if error else 16.0)
    return worst


def read(name: str, shared_data):
    certified = json.loads((shared_data / "nist_strd/certified.json").read_text())["linear"][name]
    table = np.loadtxt(shared_data / f"nist_strd/csv/{name}.csv", delimiter=",", skiprows=1)
    return table[:, 1:], table[:, 0], certified


def column(certified, key: str) -> list[str]:
    return [v[key] for v in certified["params"].values()]


@pytest.mark.parametrize("name", SETS)
def test_estimates_and_standard_errors(name, shared_data):
    X, y, certified = read(name, shared_data)
    degree, intercept, estimate_digits, error_digits = SETS[name]
    if degree:
        X = np.column_stack([X[:, 0] ** d for d in range(1, degree + 1)])
    model = LinearRegression(fit_intercept=intercept).fit(X, y)
    got = np.concatenate([[model.intercept_], model.coef_]) if intercept else model.coef_
    assert digits(got, column(certified, "estimate")) >= estimate_digits
    assert digits(model.inference_.std_error, column(certified, "std_error")) >= error_digits


@pytest.mark.parametrize("name", SETS)
def test_sums_of_squares(name, shared_data):
    X, y, certified = read(name, shared_data)
    degree, intercept, _, _ = SETS[name]
    rows = Powers(X[:, 0], y, degree) if degree else ArrayRows(X, y, 2)
    fit = fit_moments(gather(rows, 2).total, rows.names, rows=rows, intercept=intercept)
    assert digits(fit.r2, [certified["r_squared"]]) >= 14.5
    assert digits(math.sqrt(fit.sigma2), [certified["residual_sd"]]) >= 13.5
    f = certified["anova"]["F"]
    if f == "Infinity":
        assert fit.f_test()[0] > 1e20
    else:
        assert digits(fit.f_test()[0], [f]) >= 13.5


def test_filip_from_powers_that_keep_their_low_order_parts(shared_data):
    """κ of the scaled columns is some 10¹⁰: rounding the powers alone costs eight digits."""
    X, y, certified = read("Filip", shared_data)
    rows = Powers(X[:, 0], y, 10)
    fit = fit_moments(gather(rows, 2).total, rows.names, rows=rows)
    table = fit.inference()
    assert digits(table.estimate, column(certified, "estimate")) >= 13.5
    assert digits(table.std_error, column(certified, "std_error")) >= 14.0
    assert table.digits.min() > 15.9

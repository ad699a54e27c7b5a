"""NIST StRD polynomials whose powers whyfit forms itself, carried to twice the digits.

From powers already rounded to float64, exact arithmetic gives 7.9 digits of Filip (degree 10, condition number 10¹⁰);
from the exact powers of x in float64, 14. The powers' low-order parts (`fold.Rows.low`) and the solver that takes them
in (`linalg.refine`) are both needed for what is asked here.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

import whyfit
from whyfit.spec import Spec
from whyfit.term import Term, polynomial

#: data set -> (degree, digits of the estimates, of the standard errors)
SETS = {
    "Pontius": (2, 13.0, 13.5),
    "Filip": (10, 14.0, 13.5),
    "Wampler1": (5, 14.0, 14.0),
    "Wampler2": (5, 13.0, 14.0),
    "Wampler3": (5, 14.0, 13.5),
    "Wampler4": (5, 14.0, 13.5),
    "Wampler5": (5, 14.0, 13.5),
}


def digits(got: np.ndarray, certified: np.ndarray) -> float:
    scale = np.where(certified == 0, 1.0, np.abs(certified))
    return float(-np.log10(np.maximum(np.abs(got - certified) / scale, 1e-16)).min())


def fitted(folder, name, terms):
    spec = Spec(target="y", terms=terms, roles={"x": "numeric"})
    path = folder / f"nist_strd/csv/{name}.csv"
    result = whyfit.fit(path, spec=spec, select="PR301")
    return result, json.loads((folder / "nist_strd/certified.json").read_text())["linear"][name]


@pytest.mark.parametrize("name", SETS)
def test_estimates_and_standard_errors(name, shared_data):
    degree, estimate_digits, error_digits = SETS[name]
    result, certified = fitted(shared_data, name, polynomial("x", degree))
    got = result.document.model
    beta = np.array([float(v["estimate"]) for v in certified["params"].values()])
    sd = np.array([float(v["std_error"]) for v in certified["params"].values()])
    estimate = np.array([c.estimate for c in got.coefficients])
    assert digits(estimate, beta) >= estimate_digits
    assert digits(np.array([c.std_error for c in got.coefficients]), sd) >= error_digits
    assert digits(np.array([got.sigma]), np.array([float(certified["residual_sd"])])) >= 13.5


def test_squares_of_squares_and_products_keep_their_digits_too(shared_data):
    """The same polynomial written another way: x⁴ = (x²)², x⁶ = (x²)³ ..., x⁹ = (x³)³."""
    powers = {t.degree: t for t in polynomial("x", 10)}
    terms = (
        powers[2],
        powers[3],
        Term("square", ("x²",)),
        Term("product", ("x²", "x³")),
        Term("power", ("x²",), degree=3),
        powers[7],
        Term("square", ("(x²)²",)),
        Term("power", ("x³",), degree=3),
        Term("square", ("x² × x³",)),
    )
    result, certified = fitted(shared_data, "Filip", terms)
    beta = np.array([float(v["estimate"]) for v in certified["params"].values()])
    estimate = np.array([c.estimate for c in result.document.model.coefficients])
    assert digits(estimate, beta) >= 14.0

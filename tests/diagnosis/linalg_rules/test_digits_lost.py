"""LA112: what other solvers lose, predicted, observed, and as they really return it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from simulated import case_of, file_case, findings
from whyfit.spec import Term
from whyfit.term import polynomial


def money(spread: float = 1e8, seed: int = 0, n: int = 300):
    """A share, a rate and an amount of money in a small unit; all three matter."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = X @ [1.0, 1.0, 1.0] + 0.5 * rng.normal(size=n)
    return X * [1.0, 1.0, spread], y


def close_pair(apart: float, seed: int = 0, n: int = 300):
    rng = np.random.default_rng(seed)
    z, e = rng.normal(size=(2, n))
    X = np.column_stack([z, z + apart * e])
    return X, X.sum(axis=1) + 0.5 * rng.normal(size=n)


def only(found):
    assert len(found) == 1
    return found[0]


def value(finding, name: str):
    return only([e for e in finding.evidence if e.name == name])


def test_a_direction_left_out_for_its_unit():
    X, y = money()
    f = only(findings(case_of(X, y), "LA112"))
    assert f.severity == "note"  # nothing is wrong with whyfit's fit
    assert {"x1", "x2"} <= set(f.subject)
    theirs = LinearRegression().fit(X, y)
    assert theirs.rank_ == 1
    assert f.message.startswith(
        "scikit-learn's LinearRegression would leave out 2 of 3 directions: R² 0."
    )
    got = value(f, "R² of LinearRegression")
    assert got.value == pytest.approx(theirs.score(X, y), abs=1e-10)
    assert got.predicted == pytest.approx(got.value, abs=1e-8)
    assert f.prediction.startswith("predicted 2 directions below 1e−6 σ₁ and R² 0.")
    assert "   observed 2 and 0." in f.prediction
    assert f.remedy.edit == {"standardise": True}
    assert f.remedy.trial.helped
    assert f.remedy.trial.before == 0
    assert f.remedy.trial.after > 12


def test_the_remedy_cures_what_units_have_done():
    X, y = money()
    assert not findings(case_of(X, y, standardise=True), "LA112")
    assert not findings(case_of(*money(1e4)), "LA112")


def test_offsets_are_no_harm_to_a_solver_that_centres():
    X, y = money(1.0)
    assert not findings(case_of(X + 1e4, y), "LA112")


def test_an_inverse_loses_twice_the_digits():
    """Far-off columns, κ = 9e5: the inverse loses 12 digits, an orthogonal method half of that."""
    X, y = money(1.0)
    f = only(findings(case_of(X + 5e5, y), "LA112"))
    assert f.severity == "note"
    inverse, svd = (value(f, f"correct digits, {s}") for s in ("inverse of XᵀX", "NumPy lstsq"))
    assert inverse.predicted <= inverse.value < 6 <= svd.value
    assert value(f, "correct digits, LinearRegression").value > 6
    assert f.message.startswith("inverting XᵀX would leave ")
    kappa = value(f, "condition number of [1 X], unit lengths").value
    A = np.column_stack([np.ones(len(y)), X + 5e5])
    assert kappa == pytest.approx(np.linalg.cond(A / np.linalg.norm(A, axis=0)), rel=1e-3)
    assert "(κ = " in f.prediction
    assert f.remedy.trial.helped
    assert f.remedy.trial.after > 12


def test_numpy_cuts_off_too_where_columns_are_far_off():
    """max(n, p + 1) ε σ₁ is above the length of the direction that tells the intercept from the offsets."""
    X, y = money(1.0)
    A = np.column_stack([np.ones(len(y)), X + 5e6])
    w, _, rank, _ = np.linalg.lstsq(A, y)
    assert rank == 3
    f = only(findings(case_of(X + 5e6, y), "LA112"))
    assert f.severity == "note"
    assert f.message.startswith("NumPy's lstsq would leave out 1 of 4 directions: R² 0.")
    score = 1 - np.sum((y - A @ w) ** 2) / np.sum((y - y.mean()) ** 2)
    assert f"R² {score:.2f}" in f.message
    assert f.remedy.trial.helped


def test_near_copies_are_taken_for_one():
    """Two columns 1e-6 apart: a cut-off leaves out their difference; further apart nothing is lost."""
    f = only(findings(case_of(*close_pair(1e-6)), "LA112"))
    assert f.severity == "warning"  # the fit is as good without
    assert "would leave out 1 of 2 directions: the coefficient of x" in f.message
    assert "standard errors off" in f.message
    assert set(f.subject) == {"x1", "x2"}
    assert not findings(case_of(*close_pair(1e-2)), "LA112")


def test_errors_below_a_coefficient_and_its_standard_error_harm_nobody():
    """The pair's difference is not determined: errors of 1e-4 of it are within 1e-7 standard errors."""
    X, y = close_pair(3e-6)
    case = case_of(X, y)
    f = findings(case, "LA112")
    se = case.linear.inference().std_error[1:]
    A = np.column_stack([np.ones(len(y)), X])
    naive = (np.linalg.inv(A.T @ A) @ (A.T @ y))[1:]
    off = np.abs(naive - case.linear.coef) / np.fmax(se, np.abs(case.linear.coef))
    assert bool(f) == bool(off.max() > 1e-6)


def test_a_slope_of_nothing_loses_nothing():
    """y is x1 + x2 exactly: what rounding leaves of the other slopes is no loss."""
    rng = np.random.default_rng(11)
    X = rng.normal(size=(500, 4))
    y = 5 * X[:, 0] + X[:, 1:] @ [1.0, 2.0, 3.0] + 50
    part = 5 * rng.normal(size=500)
    assert not findings(case_of(np.column_stack([X, part, y - part]), y), "LA112")


def test_a_difference_that_matters_and_is_left_out_is_an_error():
    """y is the difference of two near copies: without that direction nothing is explained."""
    X, _ = close_pair(3e-7)
    rng = np.random.default_rng(1)
    y = (X[:, 1] - X[:, 0]) / 3e-7 + 0.3 * rng.normal(size=len(X))
    f = only(findings(case_of(X, y), "LA112"))
    assert f.severity == "error"
    theirs = LinearRegression().fit(X, y)
    assert theirs.rank_ == 1
    assert value(f, "R² of LinearRegression").value == pytest.approx(theirs.score(X, y), abs=1e-6)
    assert value(f, "R² of the fit").value > 0.9


def test_it_speaks_of_plain_least_squares_only():
    X, y = money()
    assert not findings(case_of(X, y, ridge=1.0), "LA112")
    assert not findings(case_of(X, (y > 0).astype(int)), "LA112")
    assert not findings(case_of(X[:3], y[:3]), "LA112")
    assert not findings(case_of(np.column_stack([X[:, 0], X[:, 0]]), y), "LA112")


def test_columns_that_cannot_have_a_coefficient_take_no_part():
    X, y = money()
    wide = np.column_stack([X, X[:, 0], np.full(len(y), 7.0)])
    f = only(findings(case_of(wide, y), "LA112"))
    assert "2 of 3 directions" in f.message


@pytest.mark.parametrize("scale", [[1e140, 1e-140, 1.0], [1e-120, 1e-120, 1.0], [1e100] * 3])
@pytest.mark.parametrize("size", [1.0, 1e100])
def test_scales_beyond_float64_are_left_alone(scale, size):
    X, y = money(1.0)
    assert not findings(case_of(X * scale, y * size), "LA112")


def test_excluded_rows_take_no_part():
    X, y = money()
    X[:3], y[:3] = 1e12, 1e5
    f = only(findings(case_of(X, y, exclude_rows=(0, 1, 2)), "LA112"))
    theirs = LinearRegression().fit(X[3:], y[3:])
    assert value(f, "R² of LinearRegression").value == pytest.approx(theirs.score(X[3:], y[3:]))


def test_terms_are_named_as_they_are():
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 100, 300)
    y = 1e-3 * x**2 + np.sin(x / 20) + 0.1 * rng.normal(size=300)
    case = case_of(x[:, None], y, terms=polynomial("x1", 6))
    f = only(findings(case, "LA112"))
    assert f.severity == "error"
    assert set(f.subject) <= {"x1", "x1²", "x1³", "x1⁴", "x1⁵", "x1⁶"}
    A = np.column_stack([x**d for d in range(1, 7)])
    assert value(f, "R² of LinearRegression").value == pytest.approx(
        LinearRegression().fit(A, y).score(A, y), abs=1e-8
    )


def test_standardising_is_not_enough_for_a_high_polynomial(shared_data):
    path = shared_data / "nist_strd/csv/Filip.csv"
    case = file_case(path, "y", terms=polynomial("x", 10), roles={"x": "numeric"}, standardise=True)
    f = only(findings(case, "LA112"))
    assert f.message.startswith(
        "on standardised columns scikit-learn's LinearRegression would leave out 3 of 10 directions"
    )
    assert f.remedy is None


#: data set, degree -> severity, directions that LinearRegression leaves out
CERTIFIED = {
    ("Filip", 10): ("error", 6),
    ("Pontius", 2): ("error", 1),
    ("Wampler1", 5): ("warning", 1),
    ("Wampler2", 5): ("warning", 1),
    ("Wampler3", 5): ("warning", 1),
    ("Wampler4", 5): ("warning", 1),
    ("Wampler5", 5): (None, 0),  # the noise is far larger than what is lost
    ("Longley", 1): (None, 0),
    ("Norris", 1): (None, 0),
}


@pytest.mark.parametrize(("name", "degree"), CERTIFIED)
def test_certified_sets(name, degree, shared_data):
    terms: tuple[Term, ...] = polynomial("x", degree) if degree > 1 else ()
    roles = {"x": "numeric"} if degree > 1 else {}
    path = shared_data / f"nist_strd/csv/{name}.csv"
    found = findings(file_case(path, "y", terms=terms, roles=roles), "LA112")
    severity, left_out = CERTIFIED[name, degree]
    if severity is None:
        assert not found
        return
    f = only(found)
    assert f.severity == severity
    assert value(f, "directions left out by LinearRegression").value == left_out
    assert value(f, "digits certain, whyfit").value >= 13


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("california_housing/california_housing.csv", "median_house_value"),
        ("wooldridge_hprice1/wooldridge_hprice1.csv", "price"),
        ("advertising/advertising.csv", "sales"),
    ],
)
def test_silent_on_ordinary_data(path, target, shared_data):
    assert not findings(file_case(shared_data / path, target), "LA112")

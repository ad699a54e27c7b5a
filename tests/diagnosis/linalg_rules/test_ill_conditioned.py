"""LA107: numbers of theory, wording, refutation, odd input, real files."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, file_case, findings, table_case
from whyfit.spec import Term

N = 400


def near_copy(noise: float, seed: int = 0, n: int = N):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    X[:, 3] = X[:, 0] + noise * rng.normal(size=n)
    return X, X[:, 1] + rng.normal(size=n)


def only(found):
    assert len(found) == 1
    return found[0]


def test_inflation_is_that_of_theory_and_is_observed():
    """a and a + 0.1 e: population VIF 1 + 1/0.01 = 101, so standard errors ten times wider."""
    f = only(findings(case_of(*near_copy(0.1)), "LA107"))
    assert set(f.subject) == {"x1", "x4"}
    vif = f.evidence[0]
    assert vif.low < 101 < vif.high
    assert vif.low < vif.value < vif.high
    widening = next(e for e in f.evidence if e.name.startswith("widening"))
    assert widening.predicted == pytest.approx(np.sqrt(vif.value))
    assert widening.value == pytest.approx(widening.predicted, rel=0.15)
    assert f.prediction.startswith("predicted se(x")
    assert "≈" in f.message


def test_severity_grows_with_the_relation():
    assert not findings(case_of(*near_copy(1.0)), "LA107")
    warning = only(findings(case_of(*near_copy(0.2)), "LA107"))
    error = only(findings(case_of(*near_copy(0.02)), "LA107"))
    assert (warning.severity, error.severity) == ("warning", "error")
    assert warning.message.startswith("VIF ")
    assert error.message.startswith("condition index ")
    index = next(e for e in error.evidence if e.name == "condition index")
    assert index.value == pytest.approx(np.sqrt((2 - 2e-4) / 2e-4), rel=0.1)


def test_ridge_or_dropping_cures_it():
    case = case_of(*near_copy(0.02))
    f = only(findings(case, "LA107"))
    assert f.remedy.trial.helped
    assert f.remedy.trial.after < f.remedy.trial.before / 3
    weaker = only(findings(case.rerun(f.remedy.edit), "LA107"))  # the evidence wants no more
    assert weaker.severity == "warning"
    assert weaker.remedy.edit.keys() == {"drop"}
    assert not findings(case.rerun(f.remedy.edit).rerun(weaker.remedy.edit), "LA107")


def test_heteroscedastic_errors_do_not_hide_it():
    rng = np.random.default_rng(1)
    X, _ = near_copy(0.1)
    y = X[:, 1] + rng.normal(size=N) * np.exp(0.8 * X[:, 1])
    assert set(only(findings(case_of(X, y), "LA107")).subject) == {"x1", "x4"}


def test_independent_groups_are_told_apart():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(N, 6))
    X[:, 1] = X[:, 0] + 0.05 * rng.normal(size=N)
    X[:, 3] = X[:, 2] + 0.05 * rng.normal(size=N)
    found = findings(case_of(X, rng.normal(size=N)), "LA107")
    assert {frozenset(f.subject) for f in found} == {
        frozenset({"x1", "x2"}),
        frozenset({"x3", "x4"}),
    }


def test_a_relation_that_one_row_breaks_names_the_row():
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 30, (2, N)).astype(float)
    total = a + b + 6
    total[41] += 10
    c = {"a": a, "b": b, "total": total, "z": rng.normal(size=N), "y": a + rng.normal(size=N)}
    f = only(findings(table_case(c, "y"), "LA107"))
    assert "total = " in f.message
    assert f.message.endswith("total = a + b + 6, but for row 42")
    assert "without row 42" in f.prediction
    assert f.severity == "error"


def test_levels_of_one_category_are_silent():
    rng = np.random.default_rng(4)
    level = np.where(rng.random(2000) < 0.006, "rare", rng.choice(["a", "b"], 2000))
    c = {"c": level, "x": rng.normal(size=2000), "y": rng.normal(size=2000)}
    case = table_case(c, "y", reference={"c": "rare"})
    assert case.linear.vif.max() > 10
    assert not findings(case, "LA107")


def test_powers_the_user_asked_for_are_a_note():
    rng = np.random.default_rng(5)
    x = rng.uniform(100, 110, N)
    case = table_case(
        {"x": x, "z": rng.normal(size=N), "y": x + rng.normal(size=N)},
        "y",
        terms=(Term("square", ("x",)),),
    )
    f = only(findings(case, "LA107"))
    assert f.severity == "note"
    assert set(f.subject) == {"x", "x²"}


def test_few_rows_are_not_enough_to_be_sure():
    rng = np.random.default_rng(6)
    assert not findings(case_of(rng.normal(size=(14, 10)), rng.normal(size=14)), "LA107")
    assert not findings(case_of(rng.normal(size=(9, 12)), rng.normal(size=9)), "LA107")


def test_one_column_and_copies_are_no_case_for_it():
    rng = np.random.default_rng(7)
    x = rng.normal(size=N)
    assert not findings(case_of(x[:, None], x + rng.normal(size=N)), "LA107")
    assert not findings(
        case_of(np.column_stack([x, x, np.ones(N)]), x + rng.normal(size=N)), "LA107"
    )


def test_age_education_experience(shared_data):
    case = file_case(shared_data / "cps1985_wages" / "cps1985_wages.csv", "wage")
    f = only(findings(case, "LA107"))
    assert set(f.subject) == {"age", "education", "experience"}
    assert f.severity == "error"
    assert "age = " in f.message
    assert f.message.endswith("age = education + experience + 6, but for row 444")
    assert f.remedy.trial.helped


def test_charges_are_minutes_times_a_rate_to_the_cent(shared_data):
    case = file_case(shared_data / "churn_mlc" / "churn_mlc.csv", "churn")
    messages = {f.message.partition(": ")[2] for f in findings(case, "LA107")}
    assert "total_day_charge = 0.17 total_day_minutes (to 0.01)" in messages
    assert "total_night_charge = 0.045 total_night_minutes (to 0.01)" in messages


def test_oxides_of_glass_are_parts_of_a_whole(shared_data):
    case = file_case(shared_data / "glass" / "glass.csv", "Type", task="multiclass")
    f = only(findings(case, "LA107"))
    assert f.message.endswith("Na + Mg + Al + Si + K + Ca + Ba ≈ 99.8")
    assert set(f.subject) >= {"Na", "Mg", "Al", "Si", "K", "Ca", "Ba"}


def test_california_rooms(shared_data):
    path = shared_data / "california_housing" / "california_housing.csv"
    found = findings(file_case(path, "median_house_value"), "LA107")
    assert {"total_rooms", "total_bedrooms", "households"} <= set(found[0].subject)
    observed = next(e for e in found[0].evidence if e.name.startswith("widening"))
    assert 0.5 < observed.value / observed.predicted < 2


def test_diamonds_dimensions(shared_data):
    case = file_case(shared_data / "diamonds" / "diamonds.csv", "price")
    assert {"carat", "x", "y", "z"} <= set(only(findings(case, "LA107")).subject)


@pytest.mark.parametrize("apart", [1e-6, 1e-9])
def test_near_copies_beyond_what_moments_hold(apart):
    """VIF ≈ 1/apart²: 10¹² is left in a correlation matrix, 10¹⁸ drowns in its rounding."""
    f = only(findings(case_of(*near_copy(apart)), "LA107"))
    vif = f.evidence[0]
    assert vif.low < vif.value < vif.high
    assert vif.value == pytest.approx(1 / apart**2, rel=0.3)
    assert f.remedy.trial.helped
    assert f.remedy.trial.before == pytest.approx(1 / apart, rel=0.9)
    index = next(e for e in f.evidence if e.name == "condition index")
    assert index.value == pytest.approx(2 / apart, rel=0.5)  # √(2 / ½ apart²)


def test_a_spectrum_is_not_said_thrice():
    """Smooth curves at 40 wavelengths: every column has the same few partners."""
    rng = np.random.default_rng(7)
    at = np.linspace(0, 1, 40)
    bands = np.exp(-((at - np.array([[0.3], [0.5], [0.75]])) ** 2) / 0.02)
    share = rng.dirichlet([2, 3, 5], 240)
    X = share @ bands + 0.05 * rng.normal(size=(240, 1)) + 1e-4 * rng.normal(size=(240, 40))
    found = findings(case_of(X, share[:, 0] + 0.01 * rng.normal(size=240)), "LA107")
    leaders = [f.evidence[0].name for f in found]
    assert found
    assert len(set(leaders)) == len(leaders)

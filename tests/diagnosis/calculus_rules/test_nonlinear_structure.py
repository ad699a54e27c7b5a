"""CA206: wording, terms, degenerate tables and real ones."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, file_case, findings, table_case
from whyfit.diagnosis.diagnose import diagnose
from whyfit.diagnosis.registry import all_rules


def test_the_gain_is_the_one_planted():
    """y = x² + ε with x and ε standard normal: the line explains nothing, the square 2/3 of the variance."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=4000)
    (found,) = findings(case_of(x[:, None], x**2 + rng.normal(size=4000)), "CA206")
    assert found.evidence[0].value == pytest.approx(2 / 3, abs=0.06)
    assert found.evidence[0].predicted == pytest.approx(found.evidence[0].value, abs=0.03)
    assert found.subject == ("x1",)
    assert found.severity == "warning"
    assert found.remedy.name == "add x1²"
    assert found.remedy.edit["terms"][0] == {"kind": "square", "columns": ("x1",), "knot": None}
    assert found.remedy.trial.difference == pytest.approx(2 / 3, abs=0.06)
    assert len(found.message) <= 160


def test_a_logarithm_is_called_one():
    rng = np.random.default_rng(1)
    x = np.exp(rng.normal(size=800))
    (found,) = findings(
        case_of(np.column_stack([x, rng.normal(size=800)]), np.log(x) + 0.3 * rng.normal(size=800)),
        "CA206",
    )
    assert found.remedy.name == "add log(x1)"


def test_an_interaction_with_a_level():
    rng = np.random.default_rng(2)
    kind, x = rng.choice(["a", "b"], size=500), rng.normal(size=500)
    y = np.where(kind == "a", 2 * x, -x) + rng.normal(size=500)
    (found,) = findings(table_case({"kind": kind, "x": x, "y": y}, "y"), "CA206")
    assert set(found.subject) == {"kind", "x"}
    assert "kind" in found.message
    assert found.remedy.trial.helped


@pytest.mark.parametrize("n", [3, 12, 60])
def test_small_tables(n):
    rng = np.random.default_rng(n)
    findings(case_of(rng.normal(size=(n, 2)), rng.normal(size=n)), "CA206")


def test_more_columns_than_rows_and_constant_columns():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(70, 90))
    X[:, 5] = 3.0
    assert not findings(case_of(X, rng.normal(size=70)), "CA206")
    assert not findings(case_of(X[:, :3], X[:, 1]), "CA206")  # an exact fit


def test_binary_columns_alone_do_not_bend():
    rng = np.random.default_rng(4)
    x = (rng.random(300) < 0.5).astype(float)
    assert not findings(case_of(x[:, None], x + rng.normal(size=300)), "CA206")


@pytest.mark.parametrize(
    ("name", "target", "expected"),
    [
        ("advertising/advertising.csv", "sales", {"TV", "radio"}),
        ("concrete_strength/concrete.csv", "strength", {"age"}),
        ("power_plant/power_plant.csv", "PE", {"AT"}),
        ("churn_bank/churn_bank.csv", "Exited", {"Age"}),
    ],
)
def test_real_tables(shared_data, name, target, expected):
    (found,) = findings(file_case(shared_data / name, target), "CA206")
    assert expected <= set(found.subject)
    assert found.remedy.trial.helped


def test_far_cells_do_not_hide_the_structure(shared_data):
    """Blocks of 30 sd in california_housing make squares and products scatter: logs and hinges are taken."""
    path = shared_data / "california_housing/california_housing.csv"
    everything = diagnose(file_case(path, "median_house_value"), all_rules())
    (found,) = [f for f in everything if f.code == "CA206"]  # beside all other hypotheses
    assert {"population", "households"} <= set(found.subject)
    far = {"total_rooms", "total_bedrooms", "population", "households"}
    for term in found.remedy.edit["terms"]:
        assert term["kind"] in ("log", "hinge") or not far & set(term["columns"])


def test_silent_where_a_line_does(shared_data):
    assert not findings(
        file_case(shared_data / "windsor_housing/windsor_housing.csv", "price"), "CA206"
    )

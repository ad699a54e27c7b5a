"""Real files: the roles and designs a careful reader would choose."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.data.design import Design
from whyfit.data.table import Table, read_table
from whyfit.spec import Spec


def load(folder, path: str, target: str, **choices) -> tuple[Table, Design]:
    spec = Spec(target=target, **choices)
    table = read_table(folder / path, spec)
    return table, Design.of(table, spec)


def roles(table: Table) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for c in table.schema.columns:
        out.setdefault(c.role, []).append(c.name)
    return out


EXPECTED = {
    # file, target: roles other than numeric, task
    ("advertising/advertising.csv", "sales"): ({"identifier": ["column 1"]}, "regression"),
    ("titanic/titanic.csv", "survived"): (
        {
            "categorical": ["sex", "embarked", "class", "who", "deck", "embark_town", "alive"],
            "boolean": ["adult_male", "alone"],
        },
        "binary",
    ),
    ("cps1985_wages/cps1985_wages.csv", "wage"): (
        {
            "categorical": [
                "ethnicity",
                "region",
                "gender",
                "occupation",
                "sector",
                "union",
                "married",
            ]
        },
        "regression",
    ),
    ("sacramento_houses/sacramento_houses.csv", "price"): (
        {"categorical": ["city", "zip", "type"]},
        "regression",
    ),
    ("churn_bank/churn_bank.csv", "Exited"): (
        {
            "identifier": ["RowNumber", "CustomerId"],
            "categorical": ["Surname", "Geography", "Gender"],
        },
        "binary",
    ),
    ("wdbc/wdbc.csv", "diagnosis"): (
        {"identifier": ["id"], "categorical": ["diagnosis"]},
        "binary",
    ),
    ("auto_mpg/auto_mpg.csv", "mpg"): (
        {"categorical": ["origin"], "text": ["name"]},
        "regression",
    ),
    ("horse_colic/horse_colic.csv", "surgical_lesion"): ({}, "binary"),
    ("belgian_phones/belgian_phones.csv", "calls"): ({}, "regression"),
    ("california_housing/california_housing.csv", "median_house_value"): (
        {"categorical": ["ocean_proximity"]},
        "regression",
    ),
    ("sms_spam/sms_spam.csv", "type"): ({"categorical": ["type"], "text": ["text"]}, "binary"),
}


@pytest.mark.parametrize("case", EXPECTED, ids=lambda c: c[0].split("/")[0])
def test_roles_and_task(shared_data, case):
    (path, target), (wanted, task) = case, EXPECTED[case]
    table, design = load(shared_data, path, target)
    found = roles(table)
    found.pop("numeric", None)
    assert found == wanted
    assert design.task == task
    for rows in design.rows(table).blocks():
        assert np.isfinite(rows.X).all()
        assert np.isfinite(rows.y).all()


def test_hypothyroid(shared_data):
    table, design = load(shared_data, "hypothyroid/hypothyroid.csv", "Class")
    assert design.task == "multiclass"
    assert len(design.classes) == 4
    uses = {f.name: f for f in design.features}
    assert uses["TBG"].reason == "every cell is missing"
    assert uses["TBG measured"].columns == ()
    assert table.schema["TSH"].n_missing == 369
    assert "TSH missing" in uses["TSH"].columns


def test_adult_census_from_gz(shared_data):
    table, design = load(shared_data, "adult_census/adult_train.csv.gz", design_target(shared_data))
    assert table.details["compression"] == "gzip"
    assert table.schema["workclass"].tokens == {"NA": 1836}
    assert design.classes == ("<=50K", ">50K")
    assert design.n_used == table.n == 32_561


def design_target(folder) -> str:
    import json

    entries = json.loads((folder / "index.json").read_text())
    return next(e["target"] for e in entries if e["name"] == "adult_census")


def test_horse_colic_counts_its_question_marks(shared_data):
    table, design = load(shared_data, "horse_colic/horse_colic.csv", "outcome")
    assert table.schema["reflux_ph"].tokens == {"?": 247}
    assert design.dropped == {"missing target": 1}
    assert design.n_used == 299


def test_hitters_drops_rows_without_a_salary(shared_data):
    _, design = load(shared_data, "hitters/hitters.csv", "Salary")
    assert design.dropped == {"missing target": 59}


@pytest.mark.parametrize(
    "name", ["titanic/titanic.csv", "california_housing/california_housing.csv"]
)
def test_a_saved_design_rebuilds_X_from_the_raw_file(shared_data, name):
    target = {"titanic": "survived"}.get(name.split("/")[0], "median_house_value")
    table, design = load(shared_data, name, target)
    again = Design.from_dict(design.to_dict())
    X = np.vstack([r.X for r in design.rows(table).blocks()])
    np.testing.assert_array_equal(np.vstack([x for _, x in again.read_new(shared_data / name)]), X)

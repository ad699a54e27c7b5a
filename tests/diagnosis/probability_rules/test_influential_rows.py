"""PR307: rows by their numbers, exact predictions, degenerate and real tables."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, file_case, findings


def planted(n: int = 60):
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    y = x + 0.3 * rng.normal(size=n)
    x[[3, 9]], y[[3, 9]] = 10.0, -10.0
    return x[:, None], y


def test_rows_are_counted_from_one_and_the_prediction_is_the_refit():
    X, y = planted()
    (found,) = findings(case_of(X, y), "PR307")
    assert found.subject == ("row 4", "row 10")
    assert found.remedy.edit == {"exclude_rows": (3, 9)}
    keep = np.setdiff1d(np.arange(60), [3, 9])
    slope = np.polyfit(X[keep, 0], y[keep], 1)[0]
    assert found.evidence[1].value == pytest.approx(slope, rel=1e-8)
    assert f"{slope:.4g} by the update formula" in found.prediction
    assert "turns its sign" in found.message
    assert len(found.message) <= 160


def test_rows_that_are_known_to_be_out_are_not_named_again():
    assert not findings(case_of(*planted(), exclude_rows=(3, 9)), "PR307")


@pytest.mark.parametrize("n", [3, 8, 15])
def test_small_tables(n):
    rng = np.random.default_rng(n)
    findings(case_of(rng.normal(size=(n, 2)), rng.normal(size=n)), "PR307")


def test_degenerate_tables():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 50))
    assert not findings(case_of(X, rng.normal(size=40)), "PR307")  # more columns than rows
    assert not findings(case_of(X[:, :2], X[:, 0]), "PR307")  # exact fit
    X[:, 1] = 2.0
    findings(case_of(X[:, :3], rng.normal(size=40)), "PR307")  # a constant column


def test_a_large_table_is_searched_through_its_most_influential_rows():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(60_000, 2))
    y = X @ [1.0, 0.3] + rng.normal(size=60_000)
    X[12_345, 1] = 900.0
    (found,) = findings(case_of(X, y), "PR307")
    assert found.subject == ("row 12346",)


def test_the_giants_of_cygnus(shared_data):
    (found,) = findings(file_case(shared_data / "stars_cyg/stars_cyg.csv", "log.light"), "PR307")
    assert found.subject == ("row 11", "row 20", "row 30", "row 34")
    assert "turns its sign: −0.413" in found.message
    assert "becomes 2.05" in found.message


def test_a_block_in_the_wrong_unit(shared_data):
    """1964 to 1969 count minutes, not calls; 1963 and 1970 are partly so."""
    (found,) = findings(
        file_case(shared_data / "belgian_phones/belgian_phones.csv", "calls"), "PR307"
    )
    assert found.subject == tuple(f"row {i}" for i in range(14, 22))
    assert "without rows 14–21 (8 of 24)" in found.message
    assert found.remedy.trial.difference > 0


def test_the_impossible_diamonds(shared_data):
    """y = 58.9 mm and z = 31.8 mm."""
    (found,) = findings(file_case(shared_data / "diamonds/diamonds.csv", "price"), "PR307")
    assert {"row 24068", "row 49190"} <= set(found.subject)


@pytest.mark.parametrize(
    ("name", "target"),
    [("power_plant/power_plant.csv", "PE"), ("windsor_housing/windsor_housing.csv", "price")],
)
def test_silent_on_real_tables(shared_data, name, target):
    assert not findings(file_case(shared_data / name, target), "PR307")

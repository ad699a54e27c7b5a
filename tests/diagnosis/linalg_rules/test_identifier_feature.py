import numpy as np
import pandas as pd
import pytest

from simulated import findings_in, source_case
from whyfit.diagnosis.linalg_rules.identifier_feature import _left_over


def _frame(n=300, seed=0, sort=False, **more):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    frame = pd.DataFrame({"x": x, "y": x + rng.standard_normal(n)})
    if sort:
        frame = frame.sort_values("y", ignore_index=True)
    frame.insert(0, "id", np.arange(1, n + 1))
    return frame.assign(**more)


def test_tables_without_identifiers_are_silent():
    assert findings_in("LA105", _frame().drop(columns="id"), target="y") == ()


def test_a_row_counter_is_left_out_and_contributes_nothing():
    (found,) = findings_in("LA105", _frame(), target="y")
    assert (found.severity, found.subject) == ("note", ("id",))
    assert found.message == "id is left out: row counter: the row number in every row"
    change = found.evidence[1]
    assert change.low < change.predicted < change.high
    assert found.remedy is not None
    assert found.remedy.name == "leave id out (in place)"


def test_a_sorted_file_is_a_warning_with_the_signal_measured():
    (found,) = findings_in("LA105", _frame(sort=True), target="y")
    assert found.severity == "warning"
    assert found.message.startswith("the order of the rows carries signal: with id the held-out R²")
    assert found.evidence[0].value > 0.9


def test_identifiers_share_one_note():
    rng = np.random.default_rng(0)
    names = [f"N{v:06d}" for v in rng.permutation(300)]
    (found,) = findings_in("LA105", _frame(customer_name=names), target="y")
    assert found.subject == ("id", "customer_name")
    assert found.message == "2 columns tell rows apart and are left out: id and customer_name"


def test_a_role_given_by_the_user_is_respected():
    assert findings_in("LA105", _frame(), target="y", roles={"id": "numeric"}) == ()
    assert findings_in("LA105", _frame(), target="y", drop=("id",)) == ()


@pytest.mark.parametrize("binary", [False, True])
def test_partial_correlation_equals_two_regressions(binary):
    frame = _frame(seed=4)
    if binary:
        frame["y"] = (frame["y"] > 0).astype(int)
    case = source_case(frame, target="y")
    A = np.column_stack([np.ones(len(frame)), frame["x"]])

    def rest(v):
        return v - A @ np.linalg.lstsq(A, v, rcond=None)[0]

    expected = np.corrcoef(rest(frame["y"].to_numpy(float)), rest(frame["id"].to_numpy(float)))[
        0, 1
    ]
    r, n, given = _left_over(case, case.schema["id"])
    assert r == pytest.approx(expected, abs=1e-12)
    assert (n, given) == (300, 1)


def test_advertising(shared_data):
    (found,) = findings_in("LA105", shared_data / "advertising" / "advertising.csv", target="sales")
    assert (found.severity, found.subject) == ("note", ("column 1",))


def test_churn_bank(shared_data):
    (found,) = findings_in("LA105", shared_data / "churn_bank" / "churn_bank.csv", target="Exited")
    assert found.subject[:2] == ("RowNumber", "CustomerId")


def test_a_counter_costs_the_noise_of_one_coefficient():
    """A column without effect costs σ²/n: held-out R² falls by (1 − R²)/n = 1/600 for n = 300, R² = 1/2."""
    changes = [
        findings_in("LA105", _frame(seed=seed), target="y")[0].evidence[1] for seed in range(40)
    ]
    predicted = np.mean([c.predicted for c in changes])
    assert predicted == pytest.approx(-1 / 600, rel=0.2)
    observed = np.array([c.value for c in changes])
    assert abs(observed.mean() - predicted) < 3 * observed.std() / np.sqrt(len(changes))

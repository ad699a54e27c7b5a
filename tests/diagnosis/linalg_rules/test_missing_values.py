import numpy as np
import pandas as pd
import pytest

from simulated import findings_in, source_case
from whyfit.diagnosis.linalg_rules.missing_values import incomplete, indicators


def _frame(n=400, share=(0.1, 0.02), seed=0, link=0.0):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, n))
    city = rng.choice(["Ulm", "Bonn", "Kiel"], n).astype(object)
    y = a + b + rng.standard_normal(n)
    gone = rng.random(n) < share[0]
    if link:
        y = y + link * gone
    frame = pd.DataFrame({"a": np.where(gone, np.nan, a), "b": b, "city": city, "y": y})
    frame.loc[rng.random(n) < share[1], "city"] = None
    return frame


def test_complete_tables_are_silent():
    assert findings_in("LA102", _frame(share=(0.0, 0.0)), target="y") == ()


def test_rows_lost_are_counted_as_a_plain_count_does():
    frame = _frame(seed=3)
    case = source_case(frame, target="y")
    gaps = [c for c in case.schema.columns if c.n_missing]
    lost, usable = incomplete(case, gaps)
    assert (lost, usable) == (int(frame[["a", "city"]].isna().any(axis=1).sum()), len(frame))


def test_rows_without_target_are_not_counted_twice():
    frame = _frame(seed=3)
    frame.loc[:39, "y"] = np.nan
    case = source_case(frame, target="y")
    gaps = [c for c in case.schema.columns if c.n_missing and c.name != "y"]
    lost, usable = incomplete(case, gaps)
    assert usable == len(frame) - 40
    assert lost == int(frame.loc[40:, ["a", "city"]].isna().any(axis=1).sum())
    (found,) = findings_in("LA102", frame, target="y")
    assert found.subject == ("a", "city", "y")
    assert found.message.endswith("40 rows of 400 without y are left out")


def test_severity_turns_on_the_rows_deletion_would_lose():
    (few,) = findings_in("LA102", _frame(share=(0.02, 0.01)), target="y")
    (many,) = findings_in("LA102", _frame(share=(0.2, 0.01)), target="y")
    assert (few.severity, many.severity) == ("note", "warning")
    assert many.subject == ("a", "city")  # worst first


def test_remedy_in_place_is_measured():
    (found,) = findings_in("LA102", _frame(), target="y")
    assert found.remedy is not None
    assert found.remedy.name.endswith("(in place)")
    assert found.remedy.trial is not None


def test_without_indicators_the_remedy_is_to_add_them():
    (found,) = findings_in(
        "LA102", _frame(link=2.0, share=(0.2, 0.0)), target="y", missing="impute"
    )
    assert found.remedy is not None
    assert found.remedy.edit == {"missing": "indicator"}
    assert found.remedy.trial is not None
    assert found.remedy.trial.helped


def test_rows_dropped_by_the_spec_leave_the_remedy_unmeasured():
    (found,) = findings_in("LA102", _frame(), target="y", missing="drop")
    assert found.remedy is not None
    assert found.remedy.edit == {"missing": "indicator"}
    assert found.remedy.trial is None  # other rows, other folds


def test_a_link_with_the_target_is_told_and_its_gain_predicted():
    frame = _frame(n=1000, share=(0.2, 0.0), link=2.0)
    (found,) = findings_in("LA102", frame, target="y")
    assert "gaps of a go with y (r = +0." in found.message
    gain = next(e for e in found.evidence if e.name.startswith("gain of"))
    assert gain.low < gain.predicted < gain.high
    # population: the indicator's share of var(y), 4·0.2·0.8, over var(y) = 1 + 1 + 1 + 0.64
    assert gain.predicted == pytest.approx(0.64 / 3.64, abs=0.05)


def test_links_are_found_for_classes_too():
    rng = np.random.default_rng(1)
    n = 900
    kind = rng.choice(["u", "v", "w"], n)
    x = rng.standard_normal(n)
    gone = rng.random(n) < np.where(kind == "w", 0.6, 0.05)
    frame = pd.DataFrame({"x": np.where(gone, np.nan, x), "z": rng.standard_normal(n), "k": kind})
    (found,) = findings_in("LA102", frame, target="k")
    assert "gaps of x go with k = w" in found.message


def test_indicators_belong_to_their_columns():
    case = source_case(_frame(), target="y")
    assert indicators(case) == {"a": "a missing", "city": "city=(missing)"}


def test_a_mostly_missing_column_is_offered_to_be_dropped_if_that_helps():
    frame = _frame(n=60, share=(0.8, 0.0))
    (found,) = findings_in("LA102", frame, target="y")
    assert found.severity == "warning"
    assert found.remedy is not None


def test_messages_stay_short():
    rng = np.random.default_rng(5)
    X = rng.standard_normal((200, 30))
    X[rng.random(X.shape) < 0.1] = np.nan
    frame = pd.DataFrame(X, columns=[f"measurement_{j}" for j in range(30)])
    frame["y"] = rng.standard_normal(200)
    (found,) = findings_in("LA102", frame, target="y")
    assert len(found.message) <= 160
    assert len(found.subject) == 30


@pytest.mark.parametrize(
    ("name", "target", "subject", "severity"),
    [
        (
            "california_housing/california_housing.csv",
            "median_house_value",
            "total_bedrooms",
            "note",
        ),
        ("hitters/hitters.csv", "Salary", "Salary", "warning"),
        ("fishcatch/fishcatch.csv", "class", "Sex", "warning"),
        ("credit_scoring/credit_scoring.csv", "Status", "Income", "warning"),
    ],
)
def test_real_tables(shared_data, name, target, subject, severity):
    (found,) = findings_in("LA102", shared_data / name, target=target)
    assert (found.subject[0], found.severity) == (subject, severity)

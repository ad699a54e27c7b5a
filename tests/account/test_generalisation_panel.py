"""The panel of generalisation: its numbers are those of the case, and it says nothing where nothing is known."""

import numpy as np
import pytest

from simulated import linear_data, source_case
from whyfit.account.generalisation import generalisation_panel
from whyfit.diagnosis.learning import base_loss, curve_of, nested_of, ridges_of
from whyfit.report.panel import Interval


def _case(seed=0, n=200, p=6, **rest):
    choices = {k: v for k, v in rest.items() if k != "binary"}
    data = linear_data(np.random.default_rng(seed), n, p, 0.5, binary=rest.get("binary", False))
    return source_case(data, **choices)


def test_a_regression_has_all_its_tables():
    case = _case()
    panel = generalisation_panel(case)
    assert panel is not None
    curve, interval, _, choice = panel.grids
    assert curve.head == ("rows", "training R²", "held-out R²", "by the law", "theory")
    assert [row[0] for row in curve.rows[-2:]] == [200, 400]
    assert len(interval.rows) == 3
    assert len(choice.rows) == 5
    base = base_loss(case)
    at = curve_of(case)
    assert at is not None
    assert curve.rows[-3][2] == pytest.approx(1 - at.error[-1] / base)
    assert "Held-out R²" in panel.lead
    assert "twice the 200 rows" in panel.lead
    assert all(len(row) == len(g.head) for g in panel.grids for row in g.rows)


def test_the_gap_observed_is_the_gap_predicted():
    panel = generalisation_panel(_case(1, 400, 20))
    assert panel is not None
    row = panel.grids[2].rows[0]
    observed = row[5]
    assert isinstance(observed, Interval)
    assert row[4] == pytest.approx(observed.value, rel=0.3)


def test_scaling_the_target_changes_no_score():
    X, y = linear_data(np.random.default_rng(2), 150, 4, 0.5)
    a, b = (generalisation_panel(source_case((X, t))) for t in (y, 1e6 * y + 1e9))
    assert a is not None
    assert b is not None
    for left, right in zip(a.grids[0].rows[:-2], b.grids[0].rows[:-2], strict=True):
        assert left[2] == pytest.approx(right[2], rel=1e-4, abs=1e-4)


def test_two_classes_have_a_curve_of_skill():
    panel = generalisation_panel(_case(3, 400, 4, binary=True))
    assert panel is not None
    assert panel.grids[0].head[2] == "held-out skill"
    assert len(panel.grids) == 1


def test_rows_of_a_group_stay_together():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(200, 3))
    import pandas as pd

    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame["who"] = [f"g{i // 4}" for i in range(200)]
    frame["y"] = X.sum(axis=1) + rng.normal(size=200)
    case = source_case(frame, target="y", groups="who")
    assert nested_of(case) is None  # folds are not divided anew
    panel = generalisation_panel(case)
    assert panel is not None
    assert panel.lead.startswith("Twice")


@pytest.mark.parametrize("n", [12, 3])
def test_few_rows_say_little(n):
    rng = np.random.default_rng(5)
    case = source_case((rng.normal(size=(n, 2)), rng.normal(size=n)))
    panel = generalisation_panel(case)
    assert panel is None or panel.lead


def test_several_classes_and_exact_targets():
    rng = np.random.default_rng(6)
    X = rng.normal(size=(120, 3))
    three = source_case((X, np.array(["a", "b", "c"])[rng.integers(0, 3, 120)]))
    assert generalisation_panel(three) is None
    exact = source_case((X, X @ np.ones(3)))
    assert curve_of(exact) is None
    panel = generalisation_panel(exact)
    assert panel is None or panel.grids


def test_wide_tables_get_no_path():
    rng = np.random.default_rng(7)
    case = source_case((rng.normal(size=(60, 150)), rng.normal(size=60)))
    assert ridges_of(case) is None

"""Held-out intervals: against refits of every training set by statsmodels, and what both kinds are made of."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import special

from simulated import case_of
from whyfit.account.intervals import intervals_panel
from whyfit.diagnosis.held_out_intervals import (
    INTERVAL_SCORE,
    class_scores_of,
    conformal_of,
    errors_of,
    interval_score_of,
    intervals_of,
    slicing_columns,
)
from whyfit.probability.conformal_scores import HeldOutScores, LeaveOneOut


def table(n, seed, p=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * 10.0 ** np.arange(p) + 5
    return rng, X, X @ (1 / 10.0 ** np.arange(p)) + rng.normal(size=n)


@pytest.mark.parametrize("log", [False, True])
def test_normal_intervals_equal_refits(log):
    _, X, y = table(70, 0)
    y = np.exp(y / 5) if log else y
    case = case_of(X, y, target_transform="log" if log else "identity", confidence=0.9)
    made = intervals_of(case)
    s = case.sample
    np.testing.assert_array_equal(made.place, np.arange(70))
    for j in range(case.k):
        mine = s.fold == j
        fit = sm.OLS(s.y[~mine], sm.add_constant(s.X[~mine])).fit()
        frame = fit.get_prediction(sm.add_constant(s.X[mine], has_constant="add")).summary_frame(
            0.1
        )
        low, high = frame["obs_ci_lower"], frame["obs_ci_upper"]
        if log:
            low, high = np.exp(low), np.exp(high)
        np.testing.assert_allclose(made.low[mine], low, rtol=1e-8)
        np.testing.assert_allclose(made.high[mine], high, rtol=1e-8)
    np.testing.assert_allclose(made.y, np.exp(s.y) if log else s.y)


def test_conformal_ends_are_those_of_the_other_folds():
    _, X, y = table(300, 1)
    case = case_of(X, y)
    made, s = intervals_of(case, "conformal"), case.sample
    e = s.y - case.held_out
    for j in range(case.k):
        mine = s.fold == j
        others = np.sort(e[~mine])
        k = int(0.025 * (len(others) + 1))
        np.testing.assert_allclose(made.low[mine], case.held_out[mine] + others[k - 1])
        np.testing.assert_allclose(made.high[mine], case.held_out[mine] + others[-k])


def test_the_score_of_a_fold_is_the_mean_of_its_rows_and_the_edit_changes_the_kind():
    _, X, y = table(400, 2)
    case = case_of(X, y)
    treated = case.rerun({"intervals": "conformal"})
    for c, kind in ((case, "normal"), (treated, "conformal")):
        made = intervals_of(case, kind)
        expected = [made.score[made.fold == j].mean() for j in range(case.k)]
        np.testing.assert_allclose(interval_score_of(c), expected)
    assert INTERVAL_SCORE.better == "lower"
    assert treated.sample is not None
    assert intervals_of(treated).place is not None
    assert errors_of(treated).error is not None


@pytest.mark.parametrize("loss", ["poisson", "gamma", "huber"])
def test_other_losses_have_both_kinds_and_keep_them(loss):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(1500, 2))
    mu = np.exp(1 + 0.5 * X[:, 0])
    y = {
        "poisson": lambda: rng.poisson(mu),
        "gamma": lambda: rng.gamma(3.0, mu / 3),
        "huber": lambda: 5 * X[:, 0] + rng.standard_t(3, size=1500),
    }[loss]()
    case = case_of(X, y, loss=loss)
    normal, conformal = intervals_of(case), intervals_of(case, "conformal")
    # counts: an interval holds whole numbers only, and more than it must
    assert conformal.covered.mean() == pytest.approx(0.95, abs=0.03)
    assert normal.covered.mean() == pytest.approx(0.95, abs=0.04)
    if loss != "huber":
        assert (conformal.low >= 0).all()
    assert isinstance(conformal_of(case), HeldOutScores)


def test_few_rows_are_left_out_one_by_one_unless_they_are_held_out_in_groups():
    _, X, y = table(120, 4)
    assert isinstance(conformal_of(case_of(X, y)), LeaveOneOut)
    assert isinstance(conformal_of(case_of(X, y, blocked=True)), HeldOutScores)
    assert isinstance(conformal_of(case_of(X, y, ridge=3.0)), LeaveOneOut)
    _, Z, t = table(900, 5)
    assert isinstance(conformal_of(case_of(Z, t)), HeldOutScores)


def test_an_exact_fit_has_no_intervals():
    X = np.random.default_rng(6).normal(size=(50, 2))
    case = case_of(X, X @ [1, 2])
    assert intervals_of(case) is None
    assert intervals_panel(case) is None


def test_tiny_and_wide_tables_do_not_break():
    rng = np.random.default_rng(7)
    for n, p in ((4, 1), (12, 2), (30, 40)):
        X = rng.normal(size=(n, p))
        case = case_of(X, rng.normal(size=n), intervals="conformal")
        panel = intervals_panel(case)
        assert panel is None or panel.lead
        made = intervals_of(case)
        assert made is None or (made.low <= made.high).all()
    few = intervals_panel(
        case_of(rng.normal(size=(12, 2)), rng.normal(size=12), intervals="conformal")
    )
    assert "There are 12 rows; conformal intervals of 95 % need 19" in few.lead


def test_many_columns_are_sliced_by_those_that_go_with_the_errors():
    rng = np.random.default_rng(8)
    X = rng.normal(size=(600, 60))
    y = X[:, 0] + np.exp(X[:, 7]) * rng.normal(size=600)
    case = case_of(X, y)
    columns, names = slicing_columns(case, intervals_of(case))
    assert columns.shape == (600, 31)
    assert names[0] == "prediction"
    assert "x8" in names


def test_class_scores_are_of_held_out_probabilities():
    rng = np.random.default_rng(9)
    X = rng.normal(size=(400, 2))
    y = (rng.random(400) < special.expit(2 * X[:, 0])).astype(int)
    case = case_of(X, y)
    made = class_scores_of(case)
    own = np.where(case.sample.y == 1, 1 - case.held_out, case.held_out)
    for c in (0, 1):
        np.testing.assert_allclose(made.classes[c].values, np.sort(own[case.sample.y == c]))


def test_the_panel_names_the_slice_where_intervals_fail():
    rng = np.random.default_rng(10)
    X = rng.uniform(size=(4000, 2))
    y = X[:, 0] + np.where(X[:, 1] > 0.8, 3.0, 1.0) * rng.normal(size=4000)
    panel = intervals_panel(case_of(X, y))
    whole, worst = panel.grids
    assert [row[0] for row in whole.rows] == ["normal (in use)", "conformal"]
    assert worst.rows[0][:2] == ("normal", "x2")
    assert worst.rows[0][4].high < 95
    assert len(panel.charts[0].series) == 2
    assert panel.charts[0].level == 0.95


def test_the_panel_of_sets_counts_every_class():
    rng = np.random.default_rng(11)
    X = rng.normal(size=(3000, 2))
    code = (X[:, 0] + rng.normal(size=3000) > [[-1.0], [2.5]]).sum(axis=0)
    labels = np.array(["a", "b", "rare"])[code]
    case = case_of(X, labels, task="multiclass", intervals="conformal")
    panel = intervals_panel(case)
    classes, sizes = panel.grids
    assert classes.rows[0][0] == "rare"
    for name, rows, covered, size in classes.rows:
        assert rows == (labels == name).sum()
        assert covered.low - 1 < 95 < covered.high + 2
        assert 1 <= size <= 3
    assert sum(row[1] for row in sizes.rows) == 3000
    assert intervals_panel(case_of(X, labels, task="multiclass")) is None


def test_sets_of_few_rows_say_how_many_are_needed():
    rng = np.random.default_rng(12)
    X = rng.normal(size=(30, 1))
    y = (X[:, 0] + 2 * rng.normal(size=30) > 0).astype(int)
    panel = intervals_panel(case_of(X, y, intervals="conformal"))
    assert panel.lead.startswith("There are no sets: ") or "rows of a class are needed" in " ".join(
        panel.remarks
    )


def test_many_columns_share_the_geometry_of_all_rows(monkeypatch):
    """Little is lost: leverages of training sets are those of all rows, enlarged by n/n_j."""
    _, X, y = table(600, 13, p=5)
    exact = intervals_of(case_of(X, y))
    monkeypatch.setattr("whyfit.diagnosis.held_out_intervals.WIDE", 3)
    shared = intervals_of(case_of(X, y))
    np.testing.assert_allclose(shared.width, exact.width, rtol=1e-3)
    monkeypatch.setattr("whyfit.diagnosis.held_out_intervals.MOST_PRODUCTS", 1)
    assert len(intervals_of(case_of(X, y)).y) in range(250, 501)

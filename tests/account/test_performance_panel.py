"""The panel of scores: its numbers are scikit-learn's on the same held-out rows, near those over folds."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import special, stats
from sklearn import metrics

from simulated import case_of, linear_data, table_case
from whyfit.account.performance import performance_panel
from whyfit.account.performance_regression import predictive_sigma
from whyfit.report.panel import Grid, Interval, Panel
from whyfit.report.panel_figures import panel_figures
from whyfit.report.panel_text import render_panel
from whyfit.report.terminal import Screen


def value(panel: Panel, name: str, column: int = 1):
    """The cell of the first row called `name`."""
    for grid in panel.grids:
        for row in grid.rows:
            if row[0] == name:
                cell = row[column]
                return cell.value if isinstance(cell, Interval) else cell
    raise AssertionError(f"no row {name}")


def intervals(panel: Panel):
    return [c for g in panel.grids for row in g.rows for c in row if isinstance(c, Interval)]


def made(case) -> Panel:
    panel = performance_panel(case)
    assert panel is not None
    return panel


def text(panel: Panel) -> str:
    return "\n".join(line.plain for line in render_panel(panel, Screen(80, False, "utf-8")))


@pytest.fixture(scope="module")
def two():
    return case_of(*linear_data(np.random.default_rng(0), 500, 3, 0.3, binary=True))


def test_two_classes_agree_with_scikit_learn(two):
    panel, y, p = made(two), two.sample.y, two.held_out
    called = p >= 0.5
    expected = {
        "AUC": metrics.roc_auc_score(y, p),
        "average precision": metrics.average_precision_score(y, p),
        "log loss": metrics.log_loss(y, p),
        "Brier score": metrics.brier_score_loss(y, p),
        "accuracy": metrics.accuracy_score(y, called),
        "sensitivity (recall of 1)": metrics.recall_score(y, called),
        "specificity (recall of 0)": metrics.recall_score(y, called, pos_label=0),
        "precision of 1": metrics.precision_score(y, called),
        "balanced accuracy": metrics.balanced_accuracy_score(y, called),
        "F₁ of 1": metrics.f1_score(y, called),
        "Matthews' correlation": metrics.matthews_corrcoef(y, called),
    }
    for name, number in expected.items():
        assert value(panel, name) == pytest.approx(number, rel=1e-9), name
    (tn, fp), (fn, tp) = metrics.confusion_matrix(y, called)
    assert panel.grids[1].rows == (("0", tn, fp), ("1", fn, tp))
    base = y.mean()
    assert value(panel, "log loss", 2) == pytest.approx(stats.entropy([base, 1 - base]))
    assert value(panel, "average precision", 2) == pytest.approx(base)
    plug_in = metrics.mutual_info_score(y, called)
    assert value(panel, "information on the class, nats") == pytest.approx(plug_in, abs=2e-3)
    for i in intervals(panel):
        assert i.low <= i.value <= i.high


def test_numbers_here_and_there_are_close_and_said_which_is_which(two):
    remark = made(two).remarks[-1]
    assert "The scores of the summary are means over 10 folds" in remark
    for here, there in re.findall(r"([\d.]+) here, ([\d.]+) there", remark):
        assert float(here) == pytest.approx(float(there), rel=0.02)


def test_the_identities_add_up_as_printed(two):
    formulas = made(two).formulas
    assert len(formulas) == 3
    for formula in formulas:
        numbers = formula.rsplit(r"\quad ", 1)[1]
        left, right = numbers.split(" = ")
        assert eval(right) == pytest.approx(float(left), abs=1e-9)
        assert float(left) > 0


def test_charts_are_the_curves(two):
    y, p = two.sample.y, two.held_out
    roc, recall, decision = made(two).charts
    fpr, tpr, _ = metrics.roc_curve(y, p, drop_intermediate=False)
    points = set(zip(fpr, tpr, strict=True))
    assert set(zip(roc.series[0].x, roc.series[0].y, strict=True)) <= points
    assert (roc.series[0].x[0], roc.series[0].y[0]) == (0, 0)
    assert (roc.series[0].x[-1], roc.series[0].y[-1]) == (1, 1)
    area = float(np.trapezoid(roc.series[0].y, roc.series[0].x))
    assert area == pytest.approx(metrics.roc_auc_score(y, p), abs=0.01)
    assert recall.level == pytest.approx(y.mean())
    at = decision.series[0].x.index(0.5)
    gain = np.mean((p >= 0.5) * y) - np.mean((p >= 0.5) * (1 - y))
    assert decision.series[0].y[at] == pytest.approx(gain)
    assert {f.key for f in panel_figures(made(two))} == {
        "performance",
        "performance-2",
        "performance-3",
    }


def costs_of(y, called, fp, fn):
    return np.mean(np.where(y == 1, fn * ~called, fp * called))


def test_costs_set_the_threshold_and_are_counted():
    X, y = linear_data(np.random.default_rng(1), 800, 3, 0.3, binary=True)
    case = case_of(X, y, costs=(1.0, 4.0))
    panel, y, p = made(case), case.sample.y, case.held_out
    grid = next(g for g in panel.grids if g.caption.startswith("Cost per row at 1"))
    said = {row[0]: row for row in grid.rows}
    ways = {
        "1 from 0.2 on": p >= 0.2,
        "1 from 0.5 on": p >= 0.5,
        "always 1": p >= 0,
        "always 0": p > 2,
    }
    assert list(said) == list(ways)
    first = costs_of(y, p >= 0.2, 1, 4)
    for name, called in ways.items():
        cost = costs_of(y, called, 1, 4)
        assert said[name][1] == pytest.approx(called.mean())
        assert said[name][2].value == pytest.approx(cost)
        if name != "1 from 0.2 on":
            assert said[name][3].value == pytest.approx(cost - first)
            assert (
                said[name][3].low > 0
            )  # calibrated probabilities: the costs' threshold is the best
    assert "t = 1/(1 + 4) = 0.2" in panel.remarks[0]
    assert "no cheaper" in panel.remarks[0]
    chart = panel.charts[-1]
    assert chart.title == "Cost by threshold"
    assert chart.series[-1].x == (0.2,)
    assert chart.series[-1].y[0] == pytest.approx(first)


def test_a_threshold_that_is_given_wins_over_the_costs_and_it_is_said():
    X, y = linear_data(np.random.default_rng(1), 400, 3, 0.3, binary=True)
    panel = made(case_of(X, y, costs=(1.0, 4.0), threshold=0.4))
    grid = next(g for g in panel.grids if g.caption.startswith("Cost per row"))
    assert [r[0] for r in grid.rows][:2] == ["1 from 0.4 on", "1 from 0.2 on, by the costs"]
    assert "the threshold 0.4 that was given is used all the same" in panel.remarks[0]


def test_probabilities_that_mislead_cost_money_and_it_is_said():
    rng = np.random.default_rng(2)
    case = case_of(*linear_data(rng, 3000, 3, 0.3, binary=True), costs=(1.0, 4.0))
    case.__dict__["held_out"] = special.expit(4 * special.logit(case.held_out) - 3)
    assert "the probabilities mislead" in made(case).remarks[0]


def test_several_classes_agree_with_scikit_learn():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 3))
    y = np.argmax(X + rng.gumbel(size=(400, 3)), axis=1)
    case = case_of(X, y, task="multiclass")
    panel, y, P = made(case), case.sample.y.astype(int), case.held_out
    called = P.argmax(axis=1)
    assert value(panel, "log loss") == pytest.approx(metrics.log_loss(y, P))
    assert value(panel, "Brier score") == pytest.approx(
        np.mean(((np.eye(3)[y] - P) ** 2).sum(axis=1))
    )
    assert value(panel, "accuracy") == pytest.approx(np.mean(called == y))
    expected = {
        "macro recall (balanced accuracy)": metrics.balanced_accuracy_score(y, called),
        "macro precision": metrics.precision_score(y, called, average="macro"),
        "macro F₁": metrics.f1_score(y, called, average="macro"),
        "macro AUC, each against the rest": metrics.roc_auc_score(y, P, multi_class="ovr"),
        "Matthews' correlation": metrics.matthews_corrcoef(y, called),
    }
    for name, number in expected.items():
        assert value(panel, name) == pytest.approx(number), name
    matrix = np.array([row[1:] for row in panel.grids[-1].rows])
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(y, called))
    (formula,) = panel.formulas
    left, right = formula.rsplit(r"\quad ", 1)[1].split(" = ")
    assert eval(right) == pytest.approx(float(left), abs=1e-9)
    assert len(panel.charts[0].series) == 3


def test_of_many_classes_the_worst_confusions_are_listed():
    rng = np.random.default_rng(4)
    y = rng.integers(0, 14, 700)
    X = rng.normal(size=(700, 2)) + np.column_stack([y % 4, y // 4])
    panel = made(case_of(X, y, task="multiclass"))
    grid = panel.grids[-1]
    assert grid.caption == "The mistakes made most often."
    counts = [row[2] for row in grid.rows]
    assert counts == sorted(counts, reverse=True)
    assert len(panel.charts[0].series) == 4


def test_a_regression_agrees_with_scikit_learn():
    case = case_of(*linear_data(np.random.default_rng(5), 500, 4, 0.5))
    panel, y, f = made(case), case.sample.y, case.held_out
    sigma = predictive_sigma(case)[case.sample.fold]
    expected = {
        "R²": metrics.r2_score(y, f),
        "root mean squared error": metrics.root_mean_squared_error(y, f),
        "mean absolute error": metrics.mean_absolute_error(y, f),
        "pinball loss at 0.1": metrics.mean_pinball_loss(
            y, f + stats.norm.ppf(0.1) * sigma, alpha=0.1
        ),
        "pinball loss at 0.9": metrics.mean_pinball_loss(
            y, f + stats.norm.ppf(0.9) * sigma, alpha=0.9
        ),
    }
    for name, number in expected.items():
        assert value(panel, name) == pytest.approx(number), name
    z = (y - f) / sigma
    crps = sigma * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert value(panel, "CRPS") == pytest.approx(crps.mean())
    assert value(panel, "mean absolute error", 2) == pytest.approx(np.abs(y - np.median(y)).mean())


def test_the_spread_of_a_training_set_is_the_naive_one():
    X, y = linear_data(np.random.default_rng(6), 120, 3, 0.5)
    case = case_of(X, y)
    got = predictive_sigma(case)
    for j in range(case.k):
        rest = case.sample.fold != j
        A = np.column_stack([np.ones(rest.sum()), case.sample.X[rest]])
        t = case.sample.y[rest]
        rss = np.sum((t - A @ np.linalg.lstsq(A, t)[0]) ** 2)
        assert got[j] == pytest.approx(np.sqrt(rss / (rest.sum() - 4) * (1 + 4 / rest.sum())))


def test_a_log_target_is_scored_in_its_own_units_too():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(300, 2))
    case = case_of(X, np.exp(X[:, 0] + 0.3 * rng.normal(size=300)), target_transform="log")
    panel = made(case)
    own = panel.grids[1]
    Y, F = np.exp(case.sample.y), np.exp(case.held_out)
    assert "of y itself" in own.caption
    assert own.rows[0][1].value == pytest.approx(metrics.mean_absolute_error(Y, F))
    assert own.rows[1][1].value == pytest.approx(metrics.r2_score(Y, F))
    assert "log(y)" in panel.lead


@pytest.mark.parametrize("loss", ["poisson", "gamma", "huber"])
def test_other_losses_have_no_normal_law(loss):
    rng = np.random.default_rng(8)
    X = rng.normal(size=(200, 2))
    y = {
        "poisson": rng.poisson(np.exp(X[:, 0])).astype(float),
        "gamma": rng.gamma(2.0, np.exp(X[:, 0])) + 0.01,
        "huber": X[:, 0] + rng.standard_t(3, size=200),
    }[loss]
    case = case_of(X, y, loss=loss)
    names = [row[0] for row in made(case).grids[0].rows]
    assert names == ["R²", "root mean squared error", "mean absolute error"]
    assert value(made(case), "R²") == pytest.approx(metrics.r2_score(case.sample.y, case.held_out))


def test_large_tables_say_that_rows_are_drawn():
    rng = np.random.default_rng(9)
    x = rng.normal(size=60_000)
    case = case_of(x[:, None], x + rng.normal(size=60_000))
    assert re.search(r"Scores of a random \d\d,\d\d\d of 60,000 held-out rows", text(made(case)))


def test_recalibration_says_what_it_did():
    rng = np.random.default_rng(10)
    X = rng.normal(size=(1500, 3))
    p = np.clip(special.expit(6 * X[:, 0]), 0.1, 0.9)
    case = case_of(X, (rng.random(1500) < p).astype(float), recalibrate="isotonic")
    (said,) = (r for r in made(case).remarks if r.startswith("Probabilities have gone through"))
    before, after = map(float, re.findall(r"(0\.\d+) (?:before|after)", said))
    assert after < before - 0.02


def test_names_of_classes_and_columns_are_the_users():
    rng = np.random.default_rng(11)
    x = rng.normal(size=200)
    answer = np.where(x + rng.normal(size=200) > 0, "ja", "nein")
    panel = made(table_case({"x": x, "answer": answer}, "answer"))
    assert "rank a row of “nein” above another" in panel.lead
    assert panel.grids[1].head == ("truth", "called ja", "called nein")


DEGENERATE = {
    "three rows": (np.arange(3.0)[:, None], np.array([1.0, 2, 4]), {}),
    "three rows of two classes": (np.arange(3.0)[:, None], np.array([0.0, 1, 1]), {}),
    "four rows": (np.arange(4.0)[:, None], np.array([0.0, 1, 1, 0]), {"costs": (1.0, 2.0)}),
    "one positive": (np.arange(40.0)[:, None], (np.arange(40) == 3) * 1.0, {}),
    "separated": (np.arange(40.0)[:, None], (np.arange(40) > 19) * 1.0, {}),
    "ties": (np.arange(100.0)[:, None] % 2, (np.arange(100) % 3 == 0) * 1.0, {"costs": (2.0, 1.0)}),
    "exact": (np.arange(40.0)[:, None], 2 * np.arange(40.0), {}),
    "rare class": (
        np.arange(40.0)[:, None],
        np.where(np.arange(40) == 1, 2, np.arange(40) % 2),
        {"task": "multiclass"},
    ),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_tables_have_a_panel_that_can_be_drawn(name):
    X, y, choices = DEGENERATE[name]
    panel = made(case_of(X, y, **choices))
    assert text(panel)
    panel_figures(panel)
    assert all(isinstance(g, Grid) and g.rows for g in panel.grids)


def test_as_many_columns_as_rows_leave_no_normal_law():
    rng = np.random.default_rng(12)
    panel = made(case_of(rng.normal(size=(20, 30)), rng.normal(size=20)))
    names = [row[0] for row in panel.grids[0].rows]
    assert names == ["R²", "root mean squared error", "mean absolute error"]

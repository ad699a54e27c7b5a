"""The panel of calibration: its verdict, its errors and its chart are those of the held-out rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from simulated import case_of, linear_data
from whyfit.account.reliability import calibration_panel
from whyfit.probability.calibration import spiegelhalter
from whyfit.probability.calibration_error import calibration_error
from whyfit.probability.calibration_of_classes import top_label
from whyfit.report.panel_figures import panel_figures


@pytest.fixture(scope="module")
def true_law():
    return case_of(*linear_data(np.random.default_rng(0), 4000, 3, 0.5, binary=True))


def test_of_a_true_law_a_nine_tenths_is_meaningful(true_law):
    panel = calibration_panel(true_law)
    assert panel is not None
    assert panel.lead.startswith("Is a 0.9 meaningful? Yes: of ")
    assert panel.remarks[0].startswith("All in all no gap beyond chance")
    y, p = true_law.sample.y, true_law.held_out
    told, forecast, happened, rows, answer = next(r for r in panel.grids[0].rows if r[0] == "0.9")
    near = np.abs(p - 0.9) <= 0.05
    assert (told, rows, answer) == ("0.9", near.sum(), "yes")
    assert forecast == pytest.approx(p[near].mean(), abs=5e-4)
    assert happened.value == pytest.approx(y[near].mean())


def test_errors_are_those_of_the_held_out_rows(true_law):
    panel = calibration_panel(true_law)
    y, p = true_law.sample.y, true_law.held_out
    error, z = calibration_error(y, p), spiegelhalter(y, p)
    rows = {row[0]: row for row in panel.grids[1].rows}
    assert rows["gap, root mean square over bins"][1:4] == (error.rms, error.low, error.high)
    assert rows["… as usually reported"][1] == error.plug_in
    assert rows["Spiegelhalter's z"][1] == z.statistic
    assert rows["expected calibration error, debiased"][3] == error.high


def test_the_chart_stays_in_its_band_and_rises(true_law):
    (chart,) = calibration_panel(true_law).charts
    band, seen = chart.series
    assert list(seen.y) == sorted(seen.y)
    inside = [a <= y <= b for a, y, b in zip(band.low, seen.y, band.high, strict=True)]
    assert np.mean(inside) > 0.8
    assert len(panel_figures(calibration_panel(true_law))) == 1


def test_probabilities_that_do_not_mean_it_are_told_and_the_map_mends_them():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(6000, 3))
    y = (rng.random(6000) < np.clip(special.expit(6 * X[:, 0]), 0.2, 0.8)).astype(float)
    case = case_of(X, y)
    bad, good = (calibration_panel(case.rerun({"recalibrate": m})) for m in ("none", "isotonic"))
    assert "Is a 0.9 meaningful? No" in bad.lead
    assert bad.remarks[0].startswith("All in all the gaps are more than chance")
    assert "but small" in good.remarks[0] or "no gap beyond chance" in good.remarks[0]
    assert good.grids[1].rows[0][3] < 0.03 < bad.grids[1].rows[0][2]  # at most, at least
    assert "isotonic regression" in good.remarks[1]
    assert "cannot tell" in good.lead.lower() or "yes" in good.lead.lower()


def test_a_parametric_map_is_shown_with_its_numbers(true_law):
    (formula,) = calibration_panel(true_law.rerun({"recalibrate": "platt"})).formulas
    assert formula.startswith(r"\mathrm{logit}\, q = ")


def test_where_no_row_is_told_nine_tenths_another_is_asked_about():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 1))
    case = case_of(X, (rng.random(400) < 0.3).astype(float))
    assert calibration_panel(case).lead.startswith("No row is told 0.9. Is a 0.3 meaningful? ")


def test_several_classes_by_the_class_called_and_one_by_one():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(3000, 3))
    y = np.argmax(X + rng.gumbel(size=(3000, 3)), axis=1)
    case = case_of(X, y, task="multiclass")
    panel = calibration_panel(case)
    top = top_label(y[np.argsort(case.sample.index)], case.held_out)
    seen = sum(row[3] for row in panel.grids[0].rows if row[0] in ("0.4", "0.6", "0.8"))
    near = [np.abs(top.confidence - at) <= 0.05 for at in (0.4, 0.6, 0.8)]
    assert seen == sum(int(v.sum()) for v in near)
    classes = panel.grids[2]
    assert [row[0] for row in classes.rows] == ["0", "1", "2"]
    assert sum(row[1] for row in classes.rows) == 3000
    for c, row in enumerate(classes.rows):
        assert row[2] == pytest.approx(case.held_out[:, c].mean())
        assert row[3] == pytest.approx(np.mean(y == c))
    assert panel.remarks[0].startswith("All in all no gap beyond chance")


def test_nothing_is_said_of_numbers_or_of_a_handful_of_events():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(60, 2))
    assert calibration_panel(case_of(X, X[:, 0] + rng.normal(size=60))) is None
    assert calibration_panel(case_of(X, (np.arange(60) < 4) * 1.0)) is None
    assert calibration_panel(case_of(X[:4], np.array([0.0, 1, 1, 0]))) is None


@pytest.mark.parametrize("name", ["platt", "temperature", "beta", "isotonic"])
def test_certainty_and_ties(name):
    x = np.arange(100.0)[:, None]
    for X, y in ((x, (np.arange(100) > 49) * 1.0), (x % 2, (np.arange(100) % 3 == 0) * 1.0)):
        panel = calibration_panel(case_of(X, y, recalibrate=name))
        assert panel is not None
        panel_figures(panel)

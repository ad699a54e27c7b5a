"""The worked example: its numbers are those of the formulas, and they fit the screen."""

from __future__ import annotations

import re

import numpy as np
import pytest
import statsmodels.api as sm

from whyfit.demo import example, real, walk
from whyfit.demo.layout import Layout
from whyfit.probability import linear, logistic
from whyfit.report.terminal import Screen

HOUSES = example.house_regression()
EXAMPLES = {"houses": HOUSES, "patients": real.patients()}
QUESTIONS = {"houses": example.house_question(HOUSES), "tumours": real.tumours()}


def read(text: str) -> float:
    """A number as printed: separators, true minus signs."""
    return float(text.replace(",", "").replace("−", "-").replace("$", ""))


def printed(lines, width: int = 80, encoding: str = "utf-8") -> str:
    return Screen(width, False, encoding).paint(lines)


@pytest.mark.parametrize("e", EXAMPLES.values(), ids=EXAMPLES)
def test_gradient_is_the_derivative_of_the_loss(e):
    rng = np.random.default_rng(0)
    w = rng.normal(size=len(e.names))
    at = walk.slope(e, 3.0, w)
    for j, g in enumerate(at.gradient):
        h = (
            1e-3 * np.eye(len(w))[j]
        )  # L is quadratic: central differences are exact but for rounding
        up, down = walk.slope(e, 3.0, w + h).loss, walk.slope(e, 3.0, w - h).loss
        assert (up - down) / 2e-3 == pytest.approx(g, rel=1e-5)


@pytest.mark.parametrize("e", EXAMPLES.values(), ids=EXAMPLES)
def test_gradient_vanishes_at_the_fit_and_only_there(e):
    fit = linear.fit_arrays(e.X, e.y, names=e.names).fit
    end = walk.slope(e, fit.intercept, fit.coef)
    assert (np.abs(end.gradient) <= end.rounding).all()
    assert end.loss == pytest.approx(fit.rss / len(e.y), rel=1e-9)
    near = walk.slope(e, fit.intercept, fit.coef * (1 + 1e-9))
    assert (np.abs(near.gradient) > near.rounding).any()


@pytest.mark.parametrize("e", EXAMPLES.values(), ids=EXAMPLES)
def test_predicted_steps_of_gradient_descent_are_the_ones_it_takes(e):
    """On unit-variance columns, from a start with a part in the slowest direction."""
    done = linear.fit_arrays(e.X, e.y, names=e.names)
    _, predicted, limit = walk._steps(done.fit, done.moments.total.scatter[:-1, :-1])
    C = np.corrcoef(e.X.T)
    mu, V = np.linalg.eigh(C)
    error, steps = V[:, 0] + V[:, -1], 0
    first = np.linalg.norm(error)
    while np.linalg.norm(error) > first / 1000:
        error, steps = error - 2 / (mu[0] + mu[-1]) * (C @ error), steps + 1
    assert steps == pytest.approx(predicted, abs=1)
    H = 2 / len(e.y) * np.cov(e.X.T, bias=True) * len(e.y)
    assert limit == pytest.approx(2 / np.linalg.eigvalsh(H)[-1], rel=1e-9)


@pytest.mark.parametrize("e", EXAMPLES.values(), ids=EXAMPLES)
def test_tests_of_the_columns_agree_with_statsmodels(e):
    text = printed(walk.regression(e, Layout(Screen(100))), 100)
    outside = sm.OLS(e.y, sm.add_constant(e.X)).fit()
    section = text[text.index("Does a column") :]
    for j, name in enumerate(e.names, start=1):
        row = next(line for line in section.splitlines() if line.split()[:1] == [name])
        w, se, t = (read(v) for v in row.split()[1:4])
        low, high = (read(v) for v in re.search(r"(\S+) … (\S+)", row).groups())
        near = outside.bse[j] / 10
        assert w == pytest.approx(outside.params[j], abs=near)
        assert se == pytest.approx(outside.bse[j], abs=near)
        assert t == pytest.approx(outside.tvalues[j], rel=0.01)
        assert [low, high] == pytest.approx(outside.conf_int()[j], abs=near)


def test_law_lies_in_every_interval_and_the_idle_column_is_not_accused():
    text = printed(walk.regression(HOUSES, Layout(Screen(80))))
    rows = [line for line in text.splitlines() if line.endswith(("✓", "✗"))]
    assert [r.split()[0] for r in rows] == [*HOUSES.names, "bathrooms"]
    assert all(r.endswith("✓") for r in rows)
    assert "0 ✓" in rows[-1]
    assert read(rows[-1].split()[4]) > 0.05


def test_intervals_of_the_first_house_hold_the_law_and_agree_with_statsmodels():
    text = printed(walk.regression(HOUSES, Layout(Screen(80))))
    outside = sm.OLS(HOUSES.y, sm.add_constant(HOUSES.X)).fit()
    frame = outside.get_prediction(np.array([[1.0, *HOUSES.X[0]]])).summary_frame(0.05)
    for what, ends in (
        ("the average", ("mean_ci_lower", "mean_ci_upper")),
        ("one such house", ("obs_ci_lower", "obs_ci_upper")),
    ):
        row = next(line for line in text.splitlines() if line.strip().startswith(what))
        low, high = (read(v) for v in re.search(r"(\$\S+) … (\$\S+)", row).groups())
        assert low == pytest.approx(frame[ends[0]].iloc[0], rel=2e-3)
        assert high == pytest.approx(frame[ends[1]].iloc[0], rel=2e-3)
        assert low < HOUSES.expected < high


@pytest.mark.parametrize("q", QUESTIONS.values(), ids=QUESTIONS)
def test_probability_and_odds_ratio_agree_with_statsmodels(q):
    text = printed(walk.classification(q, Layout(Screen(100))), 100)
    outside = sm.Logit(q.y, sm.add_constant(q.X)).fit(disp=0)
    rows = [line for line in text.splitlines() if " … " in line]
    values = [read(re.search(r"(\S+)\s+\S+ … ", r)[1]) for r in rows]
    assert values[0] == pytest.approx(outside.predict([[1.0, *q.X[0]]])[0], abs=0.006)
    j = 1 + q.names.index(q.per)
    assert values[1] == pytest.approx(np.exp(outside.params[j]), abs=0.06)
    low, high = (read(v) for v in re.search(r"(\S+) … (\S+)", rows[1]).groups())
    assert [low, high] == pytest.approx(np.exp(outside.conf_int()[j]), abs=0.06)
    assert logistic.fit_arrays(q.X, q.y).fit.converged


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_line_fits_and_every_sign_can_be_shown(name, width, encoding):
    layout = Layout(Screen(width, False, encoding))
    question = dict(zip(EXAMPLES, QUESTIONS.values(), strict=True))[name]
    lines = walk.regression(EXAMPLES[name], layout) + walk.classification(question, layout)
    text = printed(lines, width, encoding)
    text.encode(encoding)
    assert "\\" not in text
    if encoding == "utf-8":
        assert max(map(len, text.splitlines())) <= width

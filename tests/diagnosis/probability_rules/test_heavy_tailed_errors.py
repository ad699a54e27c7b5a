"""PR305: what it says of one table, its numbers against scipy, remedies, and tables with nothing to say."""

import numpy as np
import pytest
from scipy import stats

from simulated import case_of, findings, table_case
from whyfit.diagnosis.diagnose import standing
from whyfit.diagnosis.probability_rules.heavy_tailed_errors import RULE, SKEW_LIMIT, TAILS_LIMIT


def one(case):
    (confirmed,) = standing(case, (RULE,))
    return confirmed


def table(seed, n, errors):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return X, 20 + X.sum(axis=1) + errors(rng, n)


def heavy():
    return case_of(*table(0, 2000, lambda rng, n: rng.standard_t(2, size=n)))


def long():
    return case_of(*table(1, 2000, lambda rng, n: rng.exponential(size=n)))


def test_limits_are_those_of_the_named_laws():
    u = (np.arange(400_000) + 0.5) / 400_000
    for law, limit, r in ((stats.t(5), TAILS_LIMIT, 4), (stats.gamma(4), SKEW_LIMIT, 3)):
        x = law.ppf(u)
        l2 = np.mean(x * (2 * u - 1))
        P = 6 * u**2 - 6 * u + 1 if r == 3 else 20 * u**3 - 30 * u**2 + 12 * u - 1
        assert np.mean(x * P) / l2 == pytest.approx(limit, abs=5e-4)


def test_what_it_says_of_heavy_tails():
    case = heavy()
    finding = one(case).finding
    assert finding.subject == ("y",)
    assert finding.severity == "warning"
    assert "heavy tails, as Student's t with " in finding.message
    df = float(finding.message.split("with ")[1].split(" ")[0])
    assert 1.7 < df < 3  # the two largest errors are set aside
    assert finding.prediction.startswith("predicted ")
    assert "observed" in finding.prediction
    assert "PR312" in finding.explains
    beyond = next(e for e in finding.evidence if "beyond 3" in e.name)
    e = case.sample.y - case.held_out
    e = e[np.argsort(np.abs(e))[:-2]]
    assert beyond.low - 0.005 < np.mean(np.abs(e / e.std()) > 3) < beyond.high + 0.005
    assert [list(p.edit) for p in one(case).proposals] == [["loss"], ["intervals"]]


def test_what_it_says_of_skewed_errors_is_the_law_of_the_exponential():
    finding = one(long()).finding
    missed = next(e for e in finding.evidence if e.name == "rows missed above")
    # P(E − 1 > 1.96), E exponential
    assert missed.predicted == pytest.approx(np.exp(-2.96), abs=0.008)
    assert missed.low < np.exp(-2.96) < missed.high
    skew = finding.evidence[0]
    assert skew.low < 1 / 3 < skew.high
    assert "of rows above and" in finding.message


def test_conformal_intervals_help_skewed_errors_and_the_score_says_by_how_much():
    """Winkler's score of exponential errors: 5.99 for ±1.96, 4.67 between the quantiles at 2.5 and 97.5 %."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=3000)
    y = x + rng.exponential(size=3000) - 2  # below zero: no logarithm
    (finding,) = findings(case_of(x[:, None], y), "PR305")
    assert finding.remedy.edit == {"intervals": "conformal"}
    assert finding.remedy.trial.helped
    assert finding.remedy.trial.before == pytest.approx(5.99, rel=0.06)
    assert finding.remedy.trial.after == pytest.approx(4.67, rel=0.06)


def test_a_log_is_tried_only_where_the_target_has_one_and_the_long_side_is_above():
    edits = [list(p.edit) for p in one(long()).proposals]
    assert edits == [["target_transform"], ["intervals"]]
    below = one(case_of(*table(3, 1500, lambda rng, n: -rng.exponential(size=n))))
    assert [list(p.edit) for p in below.proposals] == [["intervals"]]
    assert "of rows below and" in below.finding.message
    X, y = table(4, 1500, lambda rng, n: rng.exponential(size=n))
    assert not list(standing(case_of(X, y, intervals="conformal"), (RULE,)))


def test_the_wrong_loss_speaks_instead_where_it_is_the_cause():
    X, y = table(5, 1500, lambda rng, n: rng.standard_t(2, size=n))
    found = findings(case_of(X - 20, y - 20), "PR305", "CA207", "PR312")
    assert [f.code for f in found] == ["CA207"]


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: (rng.normal(size=(20, 2)), rng.standard_t(1, size=20)),  # few rows
        lambda rng: (rng.normal(size=(50, 60)), rng.exponential(size=50)),  # p > n
        lambda rng: (rng.normal(size=(300, 1)), rng.integers(0, 4, 300).astype(float)),  # grades
        lambda rng: (rng.normal(size=(200, 1)), np.where(np.arange(200) == 7, 1e9, 0.0)),
    ],
)
def test_silent_where_there_is_nothing_to_judge(make):
    case = case_of(*make(np.random.default_rng(6)), task="regression")
    assert not list(standing(case, (RULE,)))


def test_missing_cells_and_a_log_target_are_no_obstacle():
    rng = np.random.default_rng(7)
    x = rng.normal(size=800)
    y = np.exp(x / 3 + rng.standard_t(2, size=800) / 3)
    holes = np.where(np.arange(800) % 50 == 0, np.nan, x)
    case = table_case({"x": holes, "y": y}, "y", target_transform="log")
    assert one(case).finding.subject == ("y",)

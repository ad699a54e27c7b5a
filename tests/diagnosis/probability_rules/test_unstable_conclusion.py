"""PR313: its ratio against statsmodels' HC3, what it foretells of the bootstrap, its remedy, and its silences."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from simulated import case_of, findings
from whyfit.diagnosis.diagnose import standing
from whyfit.diagnosis.probability_rules.unstable_conclusion import RULE, _looks


def planted(seed=0, n=1000, t=2.6):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = 1 + 0.5 * X[:, 1] + X[:, 0] * rng.normal(size=n)
    fit = sm.OLS(y, sm.add_constant(X)).fit()
    return X, y + (t * fit.bse[1] - fit.params[1]) * X[:, 0]


def test_the_ratio_is_hc3_over_classic():
    X, y = planted()
    case = case_of(X, y)
    fit = sm.OLS(y, sm.add_constant(X)).fit()
    for look in _looks(case, [1, 2]):
        expected = fit.get_robustcov_results("HC3").bse[look.place] / fit.bse[look.place]
        assert look.ratio == pytest.approx(expected, rel=1e-8)


def test_the_standard_error_of_the_ratio_is_its_spread():
    """Over tables whose errors are alike, log ratio is within its error of 0."""
    z = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(400, 2))
        (look,) = _looks(case_of(X, X[:, 0] + rng.normal(size=400)), [1])
        z.append(np.log(look.ratio) / look.std_error)
    assert np.std(z) == pytest.approx(1.0, abs=0.2)
    assert abs(np.mean(z)) < 0.35


def test_the_finding_and_its_prediction():
    X, y = planted()
    (confirmed,) = standing(case_of(X, y), (RULE,))
    finding = confirmed.finding
    assert finding.subject == ("x1",)
    robust = sm.OLS(y, sm.add_constant(X)).fit().get_robustcov_results("HC3")
    turned = finding.evidence[1]
    assert turned.predicted == pytest.approx(robust.pvalues[1] / 2, abs=0.01)
    assert turned.low - 0.03 < stats.norm.cdf(-abs(robust.tvalues[1])) < turned.high + 0.03
    assert "only with classic errors" in finding.message
    assert "the sign turns in" in finding.prediction


def test_robust_errors_are_tried_and_help():
    (finding,) = findings(case_of(*planted(1)), "PR313")
    assert finding.remedy.edit == {"covariance": "HC3"}
    assert finding.remedy.trial.helped


def test_two_rows_are_no_spread():
    """Two rows far out with large errors make the ratio; they are the subject of other rules."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(300, 1))
    y = rng.normal(size=300)
    X[:2, 0], y[:2] = (9.0, -9.0), (14.0, 14.0)
    fit = sm.OLS(y, sm.add_constant(X)).fit()
    y += (3 * fit.bse[1] - fit.params[1]) * X[:, 0]
    case = case_of(X, y)
    (look,) = _looks(case, [1])
    assert look.ratio > 1.5
    assert look.two_rows > 0.5
    assert not list(standing(case, (RULE,)))


@pytest.mark.parametrize(
    ("n", "p", "choices"),
    [(30, 2, {}), (40, 50, {}), (200, 2, {"ridge": 5.0}), (200, 2, {"covariance": "HC1"})],
)
def test_not_asked_where_it_has_no_answer(n, p, choices):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, p))
    assert list(RULE.check(case_of(X, X[:, 0] + rng.normal(size=n), **choices))) == []


def test_an_exact_fit_has_no_errors_to_judge():
    X = np.random.default_rng(4).normal(size=(100, 2))
    assert list(RULE.check(case_of(X, X @ [1, 2]))) == []

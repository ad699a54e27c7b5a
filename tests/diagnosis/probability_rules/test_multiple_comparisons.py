"""PR317: counts against statsmodels, its words, and its silences."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests

from simulated import case_of, findings, table_case
from whyfit.diagnosis.probability_rules.multiple_comparisons import RULE


def noisy(seed=0, n=500, p=60):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, X[:, 0] + rng.normal(size=n)


def test_counts_are_those_of_statsmodels():
    X, y = noisy()
    (finding,) = findings(case_of(X, y), "PR317")
    p = sm.OLS(y, sm.add_constant(X)).fit().pvalues[1:]
    kept = multipletests(p, method="fdr_bh")[0]
    holm = multipletests(p, method="holm")[0]
    lost = np.flatnonzero((p < 0.05) & ~kept)
    assert finding.severity == "note"
    assert set(finding.subject) == {f"x{j + 1}" for j in lost}
    assert finding.subject[0] == f"x{lost[np.argmin(p[lost])] + 1}"
    counts = {e.name: e.value for e in finding.evidence}
    assert counts["kept by Holm"] == holm.sum()
    assert counts["kept by Benjamini and Hochberg"] == kept.sum()
    assert counts["slopes with p < 0.05"] == (p < 0.05).sum()
    assert counts["probability of a star by chance"] == pytest.approx(1 - 0.95**60)
    rest = 60 - kept.sum()
    assert finding.evidence[0].predicted == pytest.approx(0.05 * rest)
    low, high = (int(v) for v in stats.binom.ppf([0.025, 0.975], rest, 0.05))
    assert finding.prediction.startswith(f"predicted {low} to {high} of {rest} slopes")
    assert finding.message.startswith(f"{len(lost)} of 60 slopes are significant at 0.05 but not")


def test_the_remedy_is_advice_and_no_edit():
    (finding,) = findings(case_of(*noisy()), "PR317")
    assert finding.remedy.edit == {}
    assert finding.remedy.trial is None
    assert "conclusions" in finding.remedy.name


def test_more_stars_than_noise_makes_are_not_called_noise():
    """Thirty weak effects of fifty: some are lost, but far more than chance makes."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(900, 100))
    y = X @ np.where(np.arange(100) < 60, 0.07, 0.0) + rng.normal(size=900)
    case = case_of(X, y)
    p = sm.OLS(y, sm.add_constant(X)).fit().pvalues[1:]
    kept = multipletests(p, method="fdr_bh")[0]
    lost, rest = int(((p < 0.05) & ~kept).sum()), int((~kept).sum())
    spoke = bool(findings(case, "PR317"))
    assert spoke == (2 <= lost <= stats.binom.ppf(0.975, rest, 0.05))


def test_levels_of_a_category_are_named_once():
    rng = np.random.default_rng(2)
    n = 3000
    kind = np.array([f"level{j:02d}" for j in rng.integers(0, 40, n)])
    for seed in range(40):
        y = np.random.default_rng(seed).normal(size=n)
        found = findings(table_case({"kind": kind, "x": rng.normal(size=n), "y": y}, "y"), "PR317")
        if found:
            assert set(found[0].subject) <= {"kind", "x"}
            return
    pytest.fail("no table of noise had two stars")


@pytest.mark.parametrize(
    ("n", "p", "choices"), [(100, 10, {}), (30, 40, {}), (200, 30, {"ridge": 9.0})]
)
def test_silent_where_few_are_tested_or_none_can_be(n, p, choices):
    rng = np.random.default_rng(3)
    assert list(RULE.check(case_of(rng.normal(size=(n, p)), rng.normal(size=n), **choices))) == []

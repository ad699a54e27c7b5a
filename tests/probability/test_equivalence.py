"""Two one-sided tests: against statsmodels, the interval inclusion rule, and the promised level."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from whyfit.errors import SpecError
from whyfit.probability.equivalence import equivalence

x = np.random.default_rng(0).normal(0.05, 1, size=60)
SE = x.std(ddof=1) / np.sqrt(60)


def test_p_value_agrees_with_statsmodels():
    theirs = DescrStatsW(x).ttost_mean(-0.4, 0.3)[0]
    assert equivalence(x.mean(), SE, (-0.4, 0.3), df=59).p_value == pytest.approx(theirs)


@pytest.mark.parametrize("width", [0.1, 0.25, 0.35, 0.5])
def test_negligible_is_where_the_interval_of_90_percent_lies_inside(width):
    found = equivalence(x.mean(), SE, (-width, width), df=59)
    low, high = stats.t.interval(0.9, 59, x.mean(), SE)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert (found.verdict == "negligible") == (-width < low and high < width)


def test_three_verdicts():
    assert equivalence(0.0, 0.01, (-0.1, 0.1)).verdict == "negligible"
    assert equivalence(0.0, 1.0, (-0.1, 0.1)).verdict == "cannot tell"
    assert equivalence(1.0, 0.1, (-0.1, 0.1)).verdict == "not negligible"
    assert equivalence(-1.0, 0.1, (-0.1, 0.1)).verdict == "not negligible"


def test_at_the_bound_it_is_called_negligible_in_5_percent_of_tables():
    rng = np.random.default_rng(3)
    z = rng.normal(0.5, 1, size=(4000, 50))
    mean, se = z.mean(axis=1), z.std(axis=1, ddof=1) / np.sqrt(50)
    hits = [
        equivalence(m, s, (-0.5, 0.5), df=49).verdict == "negligible"
        for m, s in zip(mean, se, strict=True)
    ]
    assert stats.binomtest(sum(hits), 4000, 0.05).pvalue > 0.01


def test_degenerate():
    assert equivalence(0.05, 0.0, (-0.1, 0.1)).verdict == "negligible"
    assert equivalence(0.2, 0.0, (-0.1, 0.1)).verdict == "not negligible"
    assert equivalence(0.1, 0.0, (-0.1, 0.1)).verdict == "cannot tell"
    for bad in ((np.nan, 0.1, 5), (0.0, np.nan, 5), (0.0, 0.1, 0)):
        found = equivalence(bad[0], bad[1], (-1, 1), df=bad[2])
        assert found.verdict == "cannot tell"
        assert np.isnan(found.p_value)


def test_messages():
    with pytest.raises(SpecError, match=r"bounds are \(1, -1\); expected low < high"):
        equivalence(0.0, 1.0, (1, -1))
    with pytest.raises(SpecError, match=r"alpha is 0.5; expected"):
        equivalence(0.0, 1.0, (-1, 1), alpha=0.5)

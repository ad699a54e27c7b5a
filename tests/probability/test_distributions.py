"""One-sided p-values beside SciPy's, and of estimates without error."""

import numpy as np
import pytest
from scipy import stats

from whyfit.probability.distributions import p_above
from whyfit.probability.scores.score import mean_above


def test_the_mean_of_rows_is_scipys_one_sided_t_test():
    d = np.random.default_rng(0).exponential(size=23)
    expected = stats.ttest_1samp(d, 0.8, alternative="greater").pvalue
    assert mean_above(d, 0.8) == pytest.approx(expected)


def test_without_degrees_of_freedom_the_law_is_normal():
    assert p_above(1.96, 1.0) == pytest.approx(stats.norm.sf(1.96))


@pytest.mark.parametrize(
    ("gap", "error", "p"), [(1, 0, 0), (0, 0, 1), (-1, 0, 1), (1, np.nan, 1), (1, np.inf, 1)]
)
def test_estimates_without_error_and_without_a_known_one(gap, error, p):
    assert p_above(gap, error) == p


def test_one_row_says_nothing():
    assert mean_above(np.array([5.0])) == 1

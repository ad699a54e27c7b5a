"""Bayes' rule: laws of the table, textbook numbers, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyfit.errors import ShapeError, SpecError
from whyfit.probability.bayes.rule import bayes_rule, grade, prior_table

weights = st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=6)


def test_a_positive_test_of_a_rare_disease():
    """Prevalence 1 %, sensitivity 90 %, false alarms 5 %: 0.009/0.0585."""
    table = bayes_rule({"ill": 0.01, "well": 0.99}, [0.9, 0.05])
    np.testing.assert_allclose(table.posterior, [0.009 / 0.0585, 0.0495 / 0.0585], rtol=1e-12)
    np.testing.assert_allclose(table.odds("ill", "well"), (1 / 99) * 18, rtol=1e-12)
    np.testing.assert_allclose(np.exp(table.log_evidence), 0.0585, rtol=1e-12)
    assert [row["hypothesis"] for row in table.rows()] == ["ill", "well"]
    assert "ill" in str(table)


@given(weights, st.randoms(use_true_random=False), st.integers(1, 5))
def test_order_of_the_data_is_no_matter(prior, random, steps):
    k = len(prior)
    data = [[random.uniform(0.01, 1) for _ in range(k)] for _ in range(steps)]
    a, b = prior_table(prior).update(data), prior_table(prior)
    for row in random.sample(data, steps):
        b = b.update(row)
    product = np.array(prior) * np.prod(data, axis=0)
    np.testing.assert_allclose(a.posterior, product / product.sum(), rtol=1e-9)
    np.testing.assert_allclose(b.posterior, a.posterior, rtol=1e-9)
    np.testing.assert_allclose(a.history[-1], a.posterior, rtol=1e-9)
    assert len(a.history) == steps


def test_likelihoods_far_below_the_smallest_float_are_told_apart():
    table = prior_table([1, 1]).update_log([-5000.0, -5003.0])
    np.testing.assert_allclose(table.posterior[1], 1 / (1 + np.exp(3)), rtol=1e-12)
    np.testing.assert_allclose(table.log_bayes_factor("H1", "H2"), 3.0)


def test_a_hypothesis_of_no_prior_stays_out():
    table = bayes_rule([0, 1, 1], [1.0, 1e-300, 0.0])
    np.testing.assert_array_equal(table.posterior, [0, 1, 0])


def test_beliefs_settle_on_the_coin_that_was_tossed():
    """A thousand tosses of a coin of 0.6: the posterior odds grow by KL(0.6 ‖ 0.5) a toss, 0.0201."""
    rng = np.random.default_rng(0)
    heads = rng.random(1000) < 0.6
    L = np.where(heads[:, None], [0.5, 0.6], [0.5, 0.4])
    gain = prior_table({"fair": 1, "bent": 1}).update(L).log_bayes_factor("bent", "fair")
    kl = 0.6 * np.log(1.2) + 0.4 * np.log(0.8)
    sd = np.log(1.5) * np.sqrt(0.24)  # of the log ratio of one toss
    assert abs(gain - 1000 * kl) < 4 * sd * np.sqrt(1000)


def test_words_of_kass_and_raftery():
    assert grade(0.5) == "not worth more than a bare mention"
    assert grade(-2.0) == "positive"
    assert grade(4.0) == "strong"
    assert grade(100.0) == "very strong"


def test_refusals():
    with pytest.raises(SpecError, match="impossible given the data; add the one"):
        bayes_rule([1, 0], [0.0, 1.0])
    with pytest.raises(SpecError, match="negative or infinite weight"):
        prior_table([1, -1])
    with pytest.raises(SpecError, match="zeros only"):
        prior_table([0, 0])
    with pytest.raises(SpecError, match="negative or not finite"):
        bayes_rule([1, 1], [0.5, np.nan])
    with pytest.raises(ShapeError, match="expected 2 values"):
        bayes_rule([1, 1], [0.5, 0.1, 0.2])
    with pytest.raises(ShapeError, match="names"):
        prior_table([1, 1], names=["a"])
    with pytest.raises(SpecError, match="one name"):
        prior_table([1, 1], names=["a", "a"])
    with pytest.raises(SpecError, match="'c' is no hypothesis here; expected one of H1, H2"):
        prior_table([1, 1]).odds("c", "H1")

import numpy as np
import pytest

from whyfit.data.arrays import ArrayRows
from whyfit.data.folds import fold_of
from whyfit.probability.linear import gather
from whyfit.probability.shuffled import shuffled_scores
from whyfit.probability.validation import cross_validate


def _data(n, p, r, seed=0):
    rng = np.random.default_rng(seed)
    X = 5 + rng.standard_normal((n, p))
    return X, r * X[:, 0] + rng.standard_normal(n), fold_of(np.arange(n), 10, 0)


@pytest.mark.parametrize("ridge", [0.0, 20.0])
def test_unshuffled_score_is_that_of_the_fold_moments(ridge):
    X, y, label = _data(150, 6, 0.5)
    moments = gather(ArrayRows(X, y, 10, 0), 10)
    expected = cross_validate(moments, ridge)["r2"].mean()
    seen = shuffled_scores(X, y[:, None], label, np.random.default_rng(1), ridge, shuffles=3)
    assert seen.score == pytest.approx(expected, abs=1e-10)


def test_each_permutation_equals_its_own_cross_validation():
    X, y, label = _data(80, 3, 0.0)
    seen = shuffled_scores(X, y[:, None], label, np.random.default_rng(7), shuffles=4)
    rng = np.random.default_rng(7)
    for value in seen.null:
        moments = gather(ArrayRows(X, y[rng.permutation(80)], 10, 0), 10)
        assert value == pytest.approx(cross_validate(moments)["r2"].mean(), abs=1e-10)


def test_p_value_is_uniform_without_signal_and_least_with_it():
    p = [
        shuffled_scores(X, y[:, None], label, np.random.default_rng(s), shuffles=19).p_value
        for s in range(60)
        for X, y, label in [_data(60, 3, 0.0, s)]
    ]
    assert min(p) >= 0.05
    assert np.mean(p) == pytest.approx(0.525, abs=4 * 0.29 / np.sqrt(60))
    X, y, label = _data(100, 3, 1.0)
    assert (
        shuffled_scores(X, y[:, None], label, np.random.default_rng(0), shuffles=19).p_value == 0.05
    )


def test_constant_targets_and_columns_give_no_number_and_no_fault():
    X, y, label = _data(40, 3, 0.0)
    X[:, 1] = 2.0
    assert np.isfinite(shuffled_scores(X, y[:, None], label, np.random.default_rng(0)).score)
    still = shuffled_scores(X, np.ones((40, 1)), label, np.random.default_rng(0))
    assert np.isnan(still.score)
    assert len(still.null) == 0

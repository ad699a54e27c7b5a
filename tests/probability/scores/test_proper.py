import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from whyfit.errors import ShapeError, SpecError, TargetError
from whyfit.probability.scores import brier, brier_decomposition, log_loss

rows = st.lists(st.tuples(st.integers(0, 1), st.floats(0.01, 0.99)), min_size=2, max_size=40)


def test_equals_scikit_learn_for_two_and_for_three_classes():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, 80), rng.random(80)
    w = rng.random(80)
    assert log_loss(y, p).value == pytest.approx(sklearn.metrics.log_loss(y, p))
    assert brier(y, p).value == pytest.approx(sklearn.metrics.brier_score_loss(y, p))
    expected = sklearn.metrics.log_loss(y, p, sample_weight=w)
    assert log_loss(y, p, weights=w).value == pytest.approx(expected)
    P, code = rng.dirichlet(np.ones(3), 80), rng.integers(0, 3, 80)
    assert log_loss(code, P).value == pytest.approx(sklearn.metrics.log_loss(code, P))
    expected = sklearn.metrics.brier_score_loss(code, P, scale_by_half=False)
    assert brier(code, P).value == pytest.approx(expected)
    both = brier(y, np.column_stack([1 - p, p])).value
    assert both == pytest.approx(2 * brier(y, p).value)


@given(rows)
def test_the_decomposition_is_exact_and_its_parts_are_not_negative(values):
    y, p = np.array(values).T
    for forecast in (p, np.round(p, 1), np.full(len(p), 0.5)):
        d = brier_decomposition(y, forecast)
        assert d.reliability - d.resolution + d.uncertainty == pytest.approx(d.score)
        assert d.score == pytest.approx(np.mean((y - forecast) ** 2))
        assert min(d.reliability, d.resolution) >= -1e-12


def test_of_few_forecasts_it_is_murphys():
    y = np.repeat([1, 0, 1, 0], [3, 17, 14, 6])
    p = np.repeat([0.1, 0.1, 0.8, 0.8], [3, 17, 14, 6])
    d = brier_decomposition(y, p)
    assert d.groups == 2
    assert d.reliability == pytest.approx((0.15 - 0.1) ** 2 / 2 + (0.7 - 0.8) ** 2 / 2)
    assert d.resolution == pytest.approx((0.15 - 17 / 40) ** 2 / 2 + (0.7 - 17 / 40) ** 2 / 2)


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_coverage(scale):
    rng, runs, n = np.random.default_rng(1), 800, 50
    z = rng.normal(size=200_000) * scale
    q = 1 / (1 + np.exp(-z))
    truth = {
        log_loss: float(-(q * np.log(q) + (1 - q) * np.log1p(-q)).mean()),
        brier: float((q * (1 - q)).mean()),
    }
    held = dict.fromkeys(truth, 0)
    for _ in range(runs):
        p = 1 / (1 + np.exp(-scale * rng.normal(size=n)))
        y = rng.random(n) < p
        for score in truth:
            s = score(y, p)
            held[score] += s.low <= truth[score] <= s.high
    for hits in held.values():
        assert hits >= stats.binom.ppf(0.001, runs, 0.946)


def test_a_useless_predictor_does_not_beat_the_trivial_one():
    rng, runs = np.random.default_rng(2), 400
    wrong = 0
    for _ in range(runs):
        p = rng.uniform(0.45, 0.55, 60)
        wrong += log_loss(rng.integers(0, 2, 60), p).beats_trivial
    assert wrong <= stats.binom.ppf(0.999, runs, 0.025)


def test_degenerate():
    impossible = log_loss([0, 1], [1.0, 0.5])
    assert impossible.value == np.inf
    assert log_loss([0, 1], [1.0, 0.5], clip=1e-15).value < 20
    right = log_loss([0, 1], [0.0, 1.0])
    assert right.value == 0.0
    assert not np.signbit(right.value)
    one = log_loss([1, 1, 1], [0.9, 0.8, 0.7])
    assert one.trivial == 0.0
    assert one.gain < 0
    alone = log_loss([1], [0.5])
    assert (alone.low, alone.high) == (0.0, np.inf)
    assert not impossible.beats_trivial


def test_refusals():
    with pytest.raises(TargetError, match="sum to 1"):
        log_loss([0, 1], [[0.5, 0.6], [0.5, 0.5]])
    with pytest.raises(TargetError, match="from 0 to 1"):
        brier([0, 2], [[0.5, 0.5], [0.5, 0.5]])
    with pytest.raises(ShapeError, match="classes"):
        brier([0], np.ones((2, 2)))
    with pytest.raises(SpecError, match="nor all 0"):
        brier([0, 1], [0.5, 0.5], weights=[0, 0])

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from whyfit.errors import TargetError
from whyfit.probability.scores import Curve, auc, auc_difference, average_precision
from whyfit.probability.scores.ranking import hanley_mcneil

outcome_and_score = st.lists(
    st.tuples(st.integers(0, 1), st.integers(-3, 3)), min_size=4, max_size=40
)


@settings(max_examples=40)
@given(outcome_and_score)
def test_equals_scikit_learn_with_ties(rows):
    y, s = np.array(rows, dtype=float).T
    y[0], y[1] = 0, 1
    assert auc(y, s).value == pytest.approx(sklearn.metrics.roc_auc_score(y, s))
    assert average_precision(y, s).value == pytest.approx(
        sklearn.metrics.average_precision_score(y, s)
    )
    curve = Curve.of(y, s)
    fpr, tpr, thresholds = sklearn.metrics.roc_curve(y, s, drop_intermediate=False)
    np.testing.assert_allclose(curve.recall, tpr)
    np.testing.assert_allclose(curve.false_alarm_rate, fpr)
    np.testing.assert_allclose(curve.thresholds, thresholds)
    precision, recall, _ = sklearn.metrics.precision_recall_curve(y, s)
    np.testing.assert_allclose(curve.precision[::-1][: len(precision)], precision)
    np.testing.assert_allclose(curve.recall[::-1][: len(recall)], recall)


def delong_naive(y, s):
    """O(mk), straight from the paper."""
    a, b = s[y == 1][:, None], s[y == 0]
    psi = (a > b) + 0.5 * (a == b)
    m, k = psi.shape
    return psi, psi.mean(1).var(ddof=1) / m + psi.mean(0).var(ddof=1) / k


@given(outcome_and_score)
def test_delong_equals_its_naive_twin(rows):
    y, s = np.array(rows, dtype=float).T
    y[:4] = 0, 0, 1, 1
    psi, variance = delong_naive(y, s)
    got = auc(y, s)
    assert got.value == pytest.approx(psi.mean())
    if variance > 1e-12:
        assert got.std_error == pytest.approx(np.sqrt(variance))


def test_paired_difference_equals_its_naive_twin():
    rng = np.random.default_rng(0)
    y = np.repeat([0.0, 1.0], [30, 20])
    s = rng.normal(size=50) + y
    t = s + rng.normal(size=50)
    (p, _), (q, _) = delong_naive(y, s), delong_naive(y, t)
    d = p - q
    se = np.sqrt(d.mean(1).var(ddof=1) / 20 + d.mean(0).var(ddof=1) / 30)
    got = auc_difference(y, s, t)
    assert (got.value, got.std_error) == pytest.approx((d.mean(), se))
    assert got.p_value == pytest.approx(2 * stats.norm.sf(abs(d.mean()) / se))


def test_a_rising_transform_changes_nothing_and_equal_models_do_not_differ():
    rng = np.random.default_rng(3)
    y, s = rng.integers(0, 2, 60).astype(float), rng.normal(size=60)
    assert auc(y, s) == auc(y, np.exp(s))
    same = auc_difference(y, s, np.exp(s))
    assert (same.value, same.p_value) == (0.0, 1.0)


@pytest.mark.parametrize(("m", "k", "area"), [(30, 30, 0.75), (10, 40, 0.95), (5, 5, 0.8)])
def test_coverage_of_auc(m, k, area):
    rng, runs = np.random.default_rng(4), 600
    y, shift = np.repeat([1.0, 0.0], [m, k]), np.sqrt(2) * special.ndtri(area)
    held = 0
    for _ in range(runs):
        s = auc(y, rng.normal(size=m + k) + shift * y)
        held += s.low <= area <= s.high
    assert held >= stats.binom.ppf(0.001, runs, 0.945)


def test_p_values_of_the_difference_are_uniform():
    rng, runs = np.random.default_rng(5), 500
    y = np.repeat([0.0, 1.0], [60, 40])
    p = []
    for _ in range(runs):
        base = rng.normal(size=100) + y
        p.append(
            auc_difference(y, base + rng.normal(size=100), base + rng.normal(size=100)).p_value
        )
    assert stats.kstest(p, "uniform").pvalue > 1e-3


def test_coverage_of_average_precision():
    rng, runs, n, base, shift = np.random.default_rng(6), 600, 1000, 0.1, 2.5

    def density(s):
        hit = base * stats.norm.sf(s - shift)
        return stats.norm.pdf(s - shift) * hit / (hit + (1 - base) * stats.norm.sf(s))

    truth, held = integrate.quad(density, -8, 8, limit=200)[0], 0
    for _ in range(runs):
        y = (rng.random(n) < base).astype(float)
        s = average_precision(y, rng.normal(size=n) + shift * y)
        held += s.low <= truth <= s.high
    low, high = stats.binom.ppf([0.0005, 0.9995], runs, 0.949)
    assert low <= held <= high


def test_slopes_of_average_precision_are_its_derivatives():
    from whyfit.probability.scores.ranking import _average_precision

    rng = np.random.default_rng(7)
    y, s = rng.integers(0, 2, 30).astype(float), np.round(rng.normal(size=30), 1)
    _, slope = _average_precision(y, s)
    for i in (0, 7, 20):
        w = np.ones(30)
        w[i] += 1e-6
        change = sklearn.metrics.average_precision_score(y, s, sample_weight=w)
        change -= sklearn.metrics.average_precision_score(y, s)
        assert slope[i] == pytest.approx(change / 1e-6, abs=1e-5)
    assert abs(slope.sum()) < 1e-12


def test_degenerate():
    one = auc([1, 1, 1], [0.1, 0.2, 0.3])
    assert np.isnan(one.value)
    assert (one.low, one.high) == (0.0, 1.0)
    flat = auc([0, 1, 1], [2, 2, 2])
    assert flat.value == flat.low == flat.high == 0.5
    perfect = auc([0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6])
    assert perfect.value == perfect.high == 1.0
    assert 0.4 < perfect.low < 0.8  # three against three say little
    z = stats.norm.ppf(0.975)
    assert 1 - perfect.low == pytest.approx(z * np.sqrt(hanley_mcneil(perfect.low, 3, 3)), rel=1e-6)
    assert auc([0, 1, 1, 1], [1.5, 1, 2, 3]).low > 0
    assert average_precision([1, 1], [0.3, 0.4]).value == 1.0
    assert np.isnan(average_precision([0, 0], [0.3, 0.4]).value)
    assert average_precision([0, 0, 1], [0, 1, 2]).low < 1
    assert np.isnan(auc_difference([1, 1], [0, 1], [1, 0]).value)
    with pytest.raises(TargetError):
        auc([0, 3], [1, 2])

import numpy as np
import pytest
import sklearn.metrics
from scipy import stats

from whyfit.errors import ShapeError, TargetError
from whyfit.probability.scores import Confusion

rng = np.random.default_rng(0)
Y = rng.choice(["ash", "oak", "elm"], 200, p=[0.5, 0.3, 0.2])
CALLED = np.where(rng.random(200) < 0.7, Y, rng.choice(["ash", "oak", "elm"], 200))


def test_equals_scikit_learn():
    c = Confusion.of(Y, CALLED)
    np.testing.assert_array_equal(c.counts, sklearn.metrics.confusion_matrix(Y, CALLED))
    precision, recall, f1, _ = sklearn.metrics.precision_recall_fscore_support(Y, CALLED)
    for i in range(3):
        assert c.precision(i).value == pytest.approx(precision[i])
        assert c.recall(i).value == pytest.approx(recall[i])
        assert c.f1(i).value == pytest.approx(f1[i])
    assert c.accuracy.value == pytest.approx(sklearn.metrics.accuracy_score(Y, CALLED))
    balanced = sklearn.metrics.balanced_accuracy_score(Y, CALLED)
    assert c.balanced_accuracy.value == pytest.approx(balanced)
    matthews = sklearn.metrics.matthews_corrcoef(Y, CALLED)
    assert c.correlation.value == pytest.approx(matthews)
    two = Confusion.of(Y == "ash", CALLED == "ash").correlation
    assert two.value == pytest.approx(np.corrcoef(Y == "ash", CALLED == "ash")[0, 1])


def test_the_spread_of_matthews_correlation_is_that_of_its_derivatives():
    """Naive twin: each cell weighted a little more."""
    c = Confusion.of(Y, CALLED)

    def of(N):
        P = N / N.sum()
        t, k = P.sum(axis=1), P.sum(axis=0)
        return (np.trace(P) - t @ k) / np.sqrt((1 - k @ k) * (1 - t @ t))

    N, slope = c.counts.astype(float), np.zeros((3, 3))
    for cell in np.ndindex(3, 3):
        more = N.copy()
        more[cell] += 1e-5
        slope[cell] = (of(more) - of(N)) / 1e-5
    se = np.sqrt(np.sum(N * slope**2))
    s = c.correlation
    half = (np.arctanh(s.high) - np.arctanh(s.low)) / 2
    assert half * (1 - s.value**2) == pytest.approx(stats.norm.ppf(0.975) * se, rel=1e-4)


@pytest.mark.parametrize("cells", [[0.3, 0.2, 0.2, 0.3], [0.8, 0.05, 0.05, 0.1]])
def test_matthews_correlation_is_covered(cells):
    P = np.reshape(cells, (2, 2))
    t, k = P.sum(axis=1), P.sum(axis=0)
    truth = (np.trace(P) - t @ k) / np.sqrt((1 - k @ k) * (1 - t @ t))
    runs = 800
    inside = 0
    for counts in np.random.default_rng(1).multinomial(100, cells, size=runs):
        s = Confusion(counts.reshape(2, 2), (0, 1)).correlation
        inside += s.low <= truth <= s.high
    low, high = stats.binom.ppf([0.001, 0.999], runs, 0.95)
    assert low - 0.01 * runs <= inside <= high + 0.01 * runs


def test_matthews_correlation_of_certainty_and_of_one_class():
    ten = np.arange(10) % 2
    right, wrong = Confusion.of(ten, ten).correlation, Confusion.of(ten, 1 - ten).correlation
    assert (right.value, right.high) == (1, 1)
    assert 0 < right.low < 0.6
    assert (wrong.value, wrong.low, wrong.high) == pytest.approx((-1, -1, -right.low))
    none = Confusion.of(ten, np.ones(10, dtype=int)).correlation
    assert np.isnan(none.value)
    assert (none.low, none.high) == (-1, 1)


def test_intervals_are_wilsons():
    c = Confusion.of(Y, CALLED, 0.9)
    hits, rows = int(c.counts[1, 1]), int(c.counts[1].sum())
    expected = stats.binomtest(hits, rows).proportion_ci(0.9, method="wilson")
    assert (c.recall(1).low, c.recall(1).high) == pytest.approx((expected.low, expected.high))


def test_the_gain_over_the_largest_class_is_paired():
    s = Confusion.of(Y, CALLED).score
    d = (Y == CALLED).astype(float) - (Y == "ash")
    assert s.gain == pytest.approx(d.mean())
    assert s.trivial == pytest.approx((Y == "ash").mean())


@pytest.mark.parametrize("share", ["accuracy", "f1", "balanced_accuracy"])
def test_coverage(share):
    rng, runs, held = np.random.default_rng(2), 800, 0
    truth = {"accuracy": 0.75, "f1": 0.6 / 0.85, "balanced_accuracy": 0.75}[share]
    for _ in range(runs):
        y = rng.random(50) < 0.4
        c = Confusion.of(y, np.where(rng.random(50) < 0.75, y, ~y), classes=(False, True))
        s = c.f1(1) if share == "f1" else getattr(c, share)
        held += s.low <= truth <= s.high
    assert held >= stats.binom.ppf(0.001, runs, 0.94)


def test_degenerate():
    c = Confusion.of(np.zeros(5), np.zeros(5), classes=(0.0, 1.0))
    assert np.isnan(c.recall(1).value)
    assert (c.recall(1).low, c.recall(1).high) == (0.0, 1.0)
    assert c.accuracy.value == c.balanced_accuracy.value == 1.0
    assert c.score.gain == 0
    assert not c.score.beats_trivial
    assert Confusion.of([1], [1]).accuracy.low > 0


def test_refusals():
    with pytest.raises(TargetError, match="none of the classes"):
        Confusion.of(["a", "b"], ["a", "c"], classes=("a", "b"))
    with pytest.raises(ShapeError, match="one of each per row"):
        Confusion.of([1, 0], [1])
    with pytest.raises(TargetError, match="different kinds"):
        Confusion.of([None, "a"], ["a", "a"])

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from whyfit.errors import NotFiniteError, ShapeError, SpecError, TargetError
from whyfit.probability.scores.score import binary, mean_of, mean_score, probabilities, vector


def halls_g(t, a):
    return t + a * (t * t / 3 + 1 / 6) + a * a * t**3 / 27


def test_without_skewness_it_is_the_t_interval():
    loss = np.array([0.0, 1.0, 2.0, 3.0])
    got = mean_of(loss, 0.9)
    half = stats.t.ppf(0.95, 3) * loss.std(ddof=1) / 2
    assert (got.low, got.high) == pytest.approx((1.5 - half, 1.5 + half))


def test_the_ends_solve_halls_equation():
    loss = np.random.default_rng(0).exponential(size=17)
    got, n = mean_of(loss), 17
    a = stats.skew(loss) / np.sqrt(n)
    for end, sign in ((got.low, 1), (got.high, -1)):
        t = (got.value - end) / got.std_error
        assert halls_g(t, a) == pytest.approx(sign * stats.t.ppf(0.975, n - 1))


def test_coverage_of_a_skewed_mean_where_plain_t_falls_short():
    rng, runs, n = np.random.default_rng(1), 4000, 20
    hall = plain = 0
    q = stats.t.ppf(0.975, n - 1)
    for loss in rng.standard_normal((runs, n)) ** 2:
        got = mean_of(loss)
        hall += got.low <= 1 <= got.high
        plain += abs(got.value - 1) <= q * got.std_error
    low, high = stats.binom.ppf([0.0005, 0.9995], runs, 0.941)  # what the module docstring states
    assert low <= hall <= high
    assert plain < stats.binom.ppf(0.0005, runs, 0.93)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=30))
def test_weights_of_one_are_none_and_of_zero_are_no_rows(values):
    loss = np.array(values)
    extra = np.append(loss, 1e6)
    plain, weighted = mean_of(loss), mean_of(extra, weights=np.append(np.ones(len(loss)), 0.0))
    assert (weighted.value, weighted.std_error) == pytest.approx(
        (plain.value, plain.std_error), rel=1e-9, abs=1e-12
    )
    assert plain.low <= plain.value + 1e-9


def test_one_row_has_no_interval_and_equal_rows_no_width():
    assert np.isnan(mean_of(np.array([3.0])).low)
    equal = mean_of(np.full(5, 0.1))
    assert (equal.low, equal.high) == pytest.approx((0.1, 0.1))


def test_an_infinite_loss_leaves_no_lower_end():
    s = mean_score("x", np.array([1.0, np.inf]), np.array([1.0, 1.0]))
    assert s.value == np.inf
    assert s.gain == -np.inf
    assert not s.beats_trivial


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: binary([0, 1, 2]), TargetError, "expected 0 and 1"),
        (lambda: binary(["a"]), TargetError, "no number"),
        (lambda: binary([]), ShapeError, "at least one"),
        (lambda: probabilities([0.2, 1.5], 2), TargetError, "not log odds"),
        (lambda: vector([1.0, np.nan], "the scores"), NotFiniteError, "row 1"),
        (lambda: vector([1.0, 1e200], "the scores"), NotFiniteError, "overflows"),
        (lambda: vector([1.0], "the scores", 2), ShapeError, "1 rows and the target 2"),
        (lambda: mean_of(np.ones(3), 95), SpecError, "0.95"),
    ],
)
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call()

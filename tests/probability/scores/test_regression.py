import numpy as np
import pytest
import sklearn.metrics
from scipy import integrate, stats

from whyfit.errors import ShapeError, SpecError
from whyfit.probability.scores import crps_ensemble, crps_normal, mae, pinball, r2, rmse
from whyfit.probability.scores.regression import crps_climate_rows, crps_ensemble_rows

rng = np.random.default_rng(0)
F = rng.normal(size=120)
Y = F + 0.7 * rng.normal(size=120)


def test_equals_scikit_learn():
    assert r2(Y, F).value == pytest.approx(sklearn.metrics.r2_score(Y, F))
    assert mae(Y, F).value == pytest.approx(sklearn.metrics.mean_absolute_error(Y, F))
    assert rmse(Y, F).value == pytest.approx(sklearn.metrics.root_mean_squared_error(Y, F))
    expected = sklearn.metrics.mean_pinball_loss(Y, F - 1, alpha=0.1)
    assert pinball(Y, F - 1, 0.1).value == pytest.approx(expected)


def test_normal_crps_is_the_integral_of_its_definition():
    for y, mu, sigma in ((0.3, 0.0, 1.0), (-4.0, 1.0, 0.5)):
        f = lambda x: (stats.norm.cdf(x, mu, sigma) - (x >= y)) ** 2  # noqa: B023, E731
        area = sum(integrate.quad(f, a, b)[0] for a, b in ((-12, y), (y, 12)))
        assert crps_normal([y, y], [mu, mu], sigma).value == pytest.approx(area, rel=1e-6)
    assert crps_normal([1.0, 2.0], [0.0, 0.0], 0.0).value == pytest.approx(1.5)


def test_ensemble_crps_equals_its_naive_twin():
    M = rng.normal(size=(5, 7))
    y = Y[:5]
    near = np.abs(M - y[:, None]).mean(axis=1)
    pairs = np.abs(M[:, :, None] - M[:, None, :]).sum(axis=(1, 2)) / 2
    np.testing.assert_allclose(crps_ensemble_rows(y, M), near - pairs / 49)
    np.testing.assert_allclose(crps_ensemble_rows(y, M, fair=True), near - pairs / 42)


def test_the_climate_is_the_ensemble_of_all_targets():
    y = np.round(Y, 1)  # with ties
    expected = crps_ensemble_rows(y, np.tile(y, (len(y), 1)))
    np.testing.assert_allclose(crps_climate_rows(y), expected, atol=1e-12)


def test_a_fair_ensemble_scores_like_the_law_it_was_drawn_from():
    r = np.random.default_rng(1)
    y = r.normal(size=4000)
    s = crps_ensemble(y, r.normal(size=(4000, 5)), fair=True)
    exact = crps_normal(y, np.zeros(4000), 1.0)
    assert abs(s.value - exact.value) < 4 * np.hypot(s.std_error, exact.std_error)


@pytest.mark.parametrize(("n", "law", "nominal"), [(100, "normal", 0.945), (100, "t5", 0.93)])
def test_coverage_of_r2(n, law, nominal):
    r, runs, held = np.random.default_rng(2), 800, 0
    for _ in range(runs):
        f = r.normal(size=n)
        e = r.normal(size=n) if law == "normal" else r.standard_t(5, size=n) * np.sqrt(0.6)
        s = r2(f + e, f)
        held += s.low <= 0.5 <= s.high
    low, high = stats.binom.ppf([0.0005, 0.9995], runs, [nominal, 0.955])
    assert low <= held <= high


def test_the_mean_does_not_beat_itself():
    s = r2(Y, np.full(120, Y.mean()))
    assert s.value == pytest.approx(0)
    assert s.low <= 0
    assert mae(Y, np.full(120, np.median(Y))).gain == 0
    assert not pinball(Y, np.full(120, 9.0), 0.5).beats_trivial


def test_degenerate():
    assert np.isnan(r2([1, 1, 1], [1, 2, 3]).value)
    assert np.isnan(r2([1], [1]).value)
    assert r2([1, 2, 3], [1, 2, 3]).low == 1.0
    assert r2([0, 0, 0, 9.0], [0, 0, 0, 5.0]).value < 1  # one row carries all of it
    assert rmse([1, 1], [1, 1]).high == 0
    assert (rmse([1], [2]).low, rmse([1], [2]).high) == (0.0, np.inf)


def test_refusals():
    with pytest.raises(SpecError, match="at least 0"):
        crps_normal([1.0], [1.0], -1.0)
    with pytest.raises(ShapeError, match="members"):
        crps_ensemble([1.0], [[1.0]], fair=True)
    with pytest.raises(SpecError, match="tau"):
        pinball([1.0], [1.0], 1.5)

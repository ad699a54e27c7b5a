import numpy as np
import pytest
from scipy import special, stats
from sklearn.isotonic import IsotonicRegression

from whyfit.errors import SpecError
from whyfit.probability.calibration import reliability, spiegelhalter


def simulated(n, rng, slope=1.0):
    """Outcomes, and forecasts whose log odds are `slope` times the true ones."""
    z = rng.normal(size=n)
    return (rng.random(n) < special.expit(z)).astype(float), special.expit(slope * z)


def test_the_curve_is_isotonic_regression_and_the_parts_add_up():
    y, p = simulated(300, np.random.default_rng(0))
    p = np.round(p, 2)
    r = reliability(y, p, replicates=19)
    expected = IsotonicRegression().fit(p, y).predict(r.forecast)
    np.testing.assert_allclose(r.observed, expected)
    score = np.mean((y - p) ** 2)
    assert r.miscalibration - r.discrimination + r.uncertainty == pytest.approx(score)


def test_p_values_hold_their_level_and_find_overconfidence():
    rng, runs = np.random.default_rng(1), 200
    null = [reliability(*simulated(60, rng), replicates=39, rng=rng).p_value for _ in range(runs)]
    assert np.mean(np.array(null) <= 0.1) <= stats.binom.ppf(0.999, runs, 0.1) / runs
    assert stats.ks_1samp(null, stats.uniform.cdf).pvalue > 1e-4
    found = [reliability(*simulated(500, rng, 2.0), replicates=39).p_value for _ in range(20)]
    assert np.mean(np.array(found) <= 0.05) >= 0.9


def test_bands_hold_calibrated_shares_and_not_others():
    rng = np.random.default_rng(2)
    outside = [reliability(*simulated(400, rng), replicates=99).outside for _ in range(30)]
    assert np.mean(outside) < 0.08
    assert reliability(*simulated(2000, rng, 2.5), replicates=99).outside > 0.4


def test_many_forecasts_are_joined_without_changing_the_answer():
    y, p = simulated(6000, np.random.default_rng(3), 1.5)
    r = reliability(y, p, replicates=19)
    assert len(r.forecast) == 2000
    assert r.rows.sum() == 6000
    q = IsotonicRegression().fit(p, y).predict(p)
    exact = np.mean((y - p) ** 2) - np.mean((y - q) ** 2)
    assert r.miscalibration == pytest.approx(exact, rel=0.1)
    assert r.miscalibration - r.discrimination + r.uncertainty == pytest.approx(
        np.mean((y - p) ** 2), rel=1e-3
    )


def test_spiegelhalter():
    y, p = simulated(200, np.random.default_rng(4))
    # the original form: (Brier − its expectation)/√variance
    brier, expected = np.mean((y - p) ** 2), np.mean(p * (1 - p))
    spread = np.sqrt(np.sum((1 - 2 * p) ** 2 * p * (1 - p))) / 200
    assert spiegelhalter(y, p).statistic == pytest.approx((brier - expected) / spread)
    rng, runs = np.random.default_rng(5), 1000
    null = sum(spiegelhalter(*simulated(50, rng)).p_value < 0.05 for _ in range(runs))
    low, high = stats.binom.ppf([0.001, 0.999], runs, 0.05)
    assert low <= null <= high
    assert spiegelhalter(*simulated(500, rng, 2.0)).p_value < 1e-4


def test_degenerate():
    constant = reliability([0, 1, 1, 0], np.full(4, 0.5), replicates=19)
    assert len(constant.forecast) == 1
    assert constant.miscalibration == 0
    assert constant.p_value == 1
    refuted = reliability([1, 0, 1], [0.0, 0.0, 1.0], replicates=19)
    assert refuted.p_value == 1 / 20
    assert spiegelhalter([1, 0], [0.0, 0.5]).p_value == 0
    assert spiegelhalter([0, 1], [0.0, 1.0]) == (0.0, 1.0)
    one = reliability([1, 1, 1], [0.2, 0.3, 0.4], replicates=19)
    assert one.uncertainty == one.discrimination == 0
    with pytest.raises(SpecError, match="at least 19"):
        reliability([0, 1], [0.5, 0.5], replicates=5)

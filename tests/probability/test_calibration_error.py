import numpy as np
import pytest
from scipy import special, stats

from whyfit.errors import SpecError
from whyfit.probability.calibration_error import calibration_error


def simulated(n, rng, slope=1.0):
    z = rng.normal(size=n)
    return (rng.random(n) < special.expit(z)).astype(float), special.expit(slope * z)


def test_plug_in_equals_its_naive_twin():
    y, p = simulated(300, np.random.default_rng(0))
    got = calibration_error(y, p, 10)
    order = np.argsort(p)
    bins = np.array_split(order, 10)
    naive = sum(len(b) * abs(y[b].mean() - p[b].mean()) for b in bins) / 300
    assert got.plug_in == pytest.approx(naive)
    assert got.rows.tolist() == [30] * 10


def test_perfect_forecasts_have_no_debiased_error_where_the_plug_in_has():
    rng = np.random.default_rng(1)
    got = [calibration_error(*simulated(500, rng), rng=rng) for _ in range(300)]
    assert np.mean([c.plug_in for c in got]) > 0.05
    assert np.mean([c.ece for c in got]) < 0.02
    assert sum(c.p_value < 0.05 for c in got) <= stats.binom.ppf(0.999, 300, 0.05)
    assert sum(c.low > 0 for c in got) <= stats.binom.ppf(0.999, 300, 0.03)


@pytest.mark.parametrize("slope", [1.3, 2.0])
def test_coverage_of_the_root_mean_square(slope):
    rng, runs = np.random.default_rng(2), 400
    z = rng.normal(size=300_000)
    p = special.expit(slope * z)
    place = np.searchsorted(np.quantile(p, np.arange(1, 15) / 15), p)
    gap = np.bincount(place, weights=p - special.expit(z)) / np.bincount(place)
    truth = np.sqrt(np.mean(gap**2))
    got = [calibration_error(*simulated(500, rng, slope), rng=rng) for _ in range(runs)]
    assert sum(c.low <= truth <= c.high for c in got) >= stats.binom.ppf(0.001, runs, 0.95)
    assert np.mean([c.ece for c in got]) < np.mean(np.abs(gap)) + 0.01


def test_degenerate():
    right = calibration_error([0, 1, 1], [0.0, 1.0, 1.0])
    assert (right.plug_in, right.high, right.p_value) == (0, 0, 1)
    wrong = calibration_error([1, 0], [0.0, 1.0])
    assert (wrong.plug_in, wrong.low, wrong.p_value) == (1, 1, 0)
    same = calibration_error([0, 1, 1, 0], np.full(4, 0.5))
    assert len(same.rows) == 1
    assert same.plug_in == same.rms == 0
    assert same.high > 0.3  # four rows say little
    assert calibration_error([1], [0.7]).plug_in == pytest.approx(0.3)
    with pytest.raises(SpecError, match="bins"):
        calibration_error([1], [0.7], bins=0)

"""The power law: exact curves, its arithmetic, and what it says where there is nothing to say."""

import numpy as np
import pytest

from whyfit.probability.learning_law import (
    EXPONENTS,
    Points,
    beyond_first_order,
    fit_law,
    held_back,
    quantile,
)


def _points(error, sizes=(20, 40, 80, 160, 320, 640), **rest):
    m = np.array(sizes, dtype=float)
    s = len(m)
    R = 0.3 * np.eye(s) + 0.7 * np.minimum.outer(m, m) / np.maximum.outer(m, m)
    error = np.array([error(x) for x in m]) if callable(error) else np.array(error)
    return Points(m, error, R, 6.0, 5.0 / m, np.zeros(s), **rest)


@pytest.mark.parametrize("c", [0.5, 1.0, 1.5])
def test_an_exact_power_law_is_found(c):
    law = fit_law(_points(lambda m: 2.0 + 30.0 * m**-c, prior_spread=5.0))
    assert law is not None
    assert law.exponent == pytest.approx(c)
    assert law.floor == pytest.approx(2.0, rel=1e-6)
    assert law.at(100) == pytest.approx(2.0 + 30.0 * 100**-c, rel=1e-6)
    gain = law.gain(640)
    assert gain.value == pytest.approx(1 - law.at(1280) / law.at(640))
    assert gain.low <= gain.value <= gain.high
    n = law.rows_within(0.01)
    assert law.at(n) == pytest.approx(1.01 * law.floor)


def test_an_origin_shifts_the_rows():
    law = fit_law(_points(lambda m: 1.0 + 8.0 / (m - 10), origin=10.0))
    assert law is not None
    assert law.exponent == pytest.approx(1.0)
    assert law.at(50) == pytest.approx(1.2, rel=1e-6)


def test_scaling_the_loss_scales_the_law():
    points = _points([3.1, 2.4, 2.25, 2.1, 2.06, 2.02])
    big = Points(
        points.sizes,
        1e6 * points.error,
        points.relation,
        points.free,
        1e6 * points.excess,
        points.beyond,
    )
    a, b = fit_law(points), fit_law(big)
    assert a is not None
    assert b is not None
    assert b.exponent == a.exponent
    assert b.predict(1000).low == pytest.approx(1e6 * a.predict(1000).low, rel=1e-6)
    assert b.gain(640).high == pytest.approx(a.gain(640).high, rel=1e-6)


def test_a_level_curve_promises_nothing():
    law = fit_law(_points([2.0, 2.0, 2.0, 2.0, 2.0, 2.0]))
    assert law is not None
    assert law.gain(640).value == pytest.approx(0.0, abs=1e-9)
    assert law.p_gain(640, 0.05) > 0.9
    rising = fit_law(_points([1.9, 1.95, 2.0, 2.0, 2.0, 2.0]))
    assert rising is not None
    assert rising.scale == 0.0  # no law with b < 0


def test_the_level_widens_new_rows_only():
    points = _points(lambda m: 2.0 + 30.0 / m, level_error=0.5)
    law = fit_law(points)
    assert law is not None
    new, same = law.predict(1280), law.predict(1280, new_rows=False)
    assert new.high - new.low > 1.9 > same.high - same.low


def test_too_few_points():
    assert fit_law(_points([2.0, 1.9], sizes=(10, 20))) is None
    assert held_back(_points([2.0, 1.9], sizes=(10, 20))) is None
    assert fit_law(_points([np.nan, 2.0, 1.9], sizes=(10, 20, 30))) is None


def test_the_point_held_back_is_seen_or_missed():
    law = [2.0 + 30.0 / m for m in (20, 40, 80, 160, 320, 640)]
    kept = held_back(_points(law))
    assert kept is not None
    assert kept.kept
    assert kept.predicted.value == pytest.approx(law[-1], rel=1e-6)
    missed = held_back(_points([*law[:-1], 1.2 * law[-1]]))
    assert missed is not None
    assert not missed.kept


def test_quantiles_of_mixtures():
    one = quantile(np.ones(1), np.array([3.0]), np.array([2.0]), 0.975)
    assert one == pytest.approx(3 + 2 * 1.959964, rel=1e-6)
    two = quantile(np.array([0.5, 0.5]), np.array([-5.0, 5.0]), np.array([1.0, 1.0]), 0.5)
    assert two == pytest.approx(0.0, abs=1e-6)


def test_what_goes_beyond_the_first_order_vanishes_with_the_rows():
    beyond = beyond_first_order(20, np.array([40.0, 400.0, 40_000.0]))
    assert (np.diff(beyond) < 0).all()
    assert beyond[-1] < 1e-3
    assert np.isfinite(beyond_first_order(20, np.array([5.0]))).all()
    assert 1.0 in np.round(EXPONENTS, 9)

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression

from whyfit.errors import ShapeError
from whyfit.probability.calibration_maps import (
    MAPS,
    Isotonic,
    beta,
    platt,
    recalibrated,
    temperature,
)


def simulated(n, seed, slope=1.0, shift=0.0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    return (rng.random(n) < special.expit(z)).astype(float), special.expit(slope * z + shift)


def test_platt_equals_scikit_learn():
    y, p = simulated(400, 0, 2.0)
    a, b = _sigmoid_calibration(special.logit(p), y)
    got = platt(y, p)
    assert (got.a, got.c) == pytest.approx((-a, -b), rel=1e-3)


def test_isotonic_is_scikit_learns_but_for_certainty():
    y, p = simulated(400, 1, 2.0)
    expected = IsotonicRegression().fit(p, y).predict(p)
    got = Isotonic.of(y, p)(p)
    inner = (expected > 0) & (expected < 1)
    np.testing.assert_allclose(got[inner], expected[inner])
    assert ((got > 0) & (got < 1)).all()


@pytest.mark.parametrize("name", MAPS)
def test_what_was_distorted_is_set_right(name):
    y, p = simulated(20_000, 2, 3.0)
    grid = np.array([0.02, 0.2, 0.5, 0.8, 0.98])
    truth = special.expit(special.logit(grid) / 3)
    np.testing.assert_allclose(MAPS[name](y, p)(grid), truth, atol=0.05)


def test_beta_is_the_constrained_maximum():
    y, p = simulated(300, 3, 1.5)
    p = np.where(p > 0.5, p, p**2)
    got = beta(y, p)
    n1 = y.sum()
    t = np.where(y == 1, (n1 + 1) / (n1 + 2), 1 / (300 - n1 + 2))

    def loss(w):
        eta = w[2] + w[0] * np.log(p) - w[1] * np.log1p(-p)
        return np.sum(np.logaddexp(0, eta) - t * eta)

    best = optimize.minimize(loss, [1, 1, 0], bounds=[(0, None), (0, None), (None, None)])
    assert loss([got.a, got.b, got.c]) <= best.fun + 1e-6


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from([0, 0.1, 0.5, 0.9, 1])),
        min_size=1,
        max_size=15,
    )
)
def test_every_map_rises_and_stays_inside_whatever_the_rows(rows):
    y, p = np.array(rows, dtype=float).T
    grid = np.linspace(0, 1, 21)
    for make in (Isotonic.of, beta):
        q = make(y, p)(grid)
        assert (np.diff(q) >= -1e-12).all()
        assert ((q >= 0) & (q <= 1)).all()
    for make in (platt, temperature):
        assert np.isfinite(make(y, p)(grid)).all()


def test_healthy_probabilities_are_left_alone_and_others_are_helped():
    helped = [any(r.helped for r in recalibrated(*simulated(300, s))) for s in range(60)]
    assert sum(helped) <= stats.binom.ppf(0.999, 60, 0.05)
    best = recalibrated(*simulated(2000, 1, 2.5))[0]
    assert best.helped
    assert best.brier_saving.value > 0
    shifted = recalibrated(*simulated(2000, 2, 1.0, 1.0))
    assert shifted[0].name in ("Platt", "beta")  # a temperature cannot shift


def test_the_trial_judges_held_out_rows_only():
    rng = np.random.default_rng(5)
    p = rng.random(
        200
    )  # unrelated to y: isotonic on its own rows would look like a gain over Platt
    y = rng.integers(0, 2, 200).astype(float)
    tried = {r.name: r for r in recalibrated(y, np.clip(p, 0.4, 0.6))}
    assert tried["isotonic"].saving.value < tried["Platt"].saving.value


def test_degenerate():
    assert not any(
        r.helped for r in recalibrated([1, 1, 1], [0.0, 1.0, 0.5]) if np.isnan(r.saving.low)
    )
    assert len(recalibrated([1], [0.5])) == 4
    assert not any(r.helped for r in recalibrated([0, 1, 0, 1], np.full(4, 0.5)))
    separated = platt(np.array([0.0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9]))
    assert 0 < separated.a < 5
    with pytest.raises(ShapeError, match="fold"):
        recalibrated([0, 1], [0.5, 0.5], fold=np.zeros(3, dtype=int))

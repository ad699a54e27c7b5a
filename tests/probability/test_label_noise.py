"""Label noise: the likelihood against a naive twin, the estimate and the precision stated against planted noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special, stats

from simulated import rarely
from whyfit.probability.label_noise import LOG_A, _Profile, label_noise, poisson_tail

LIMIT = 0.01


def made(rng, n, slope, share, C=2):
    """True probabilities, labels of which `share` were replaced, and which."""
    if C == 2:
        p = special.expit(slope * rng.normal(size=n))
        P = np.column_stack([1 - p, p])
    else:
        P = special.softmax(slope * rng.normal(size=(n, C)), axis=1)
    y = (rng.random(n)[:, None] > P.cumsum(axis=1)).sum(axis=1).clip(0, C - 1)
    wrong = rng.random(n) < share
    y = np.where(wrong, (y + rng.integers(1, C, n)) % C, y)
    return P, y, wrong


@pytest.mark.parametrize("C", [2, 3])
def test_the_likelihood_and_its_slope_are_those_of_the_formula(C):
    rng = np.random.default_rng(C)
    P, y, _ = made(rng, 60, 2.0, 0.1, C)
    profile = _Profile(y, np.log(P))
    b = np.array([1.7, 0.4] if C == 2 else [1.7])
    total = (np.log(b[0]) / LOG_A) ** 2 / 2
    for row, code in zip(P, y, strict=True):
        tilted = row ** b[0] * (np.exp([0, b[1]]) if C == 2 else 1.0)
        clean = tilted[code] / tilted.sum()
        total -= np.log(0.9 * clean + 0.1 * (1 - clean) / (C - 1))
    value, slope = profile._loss(b, 0.1)
    assert value == pytest.approx(total)
    assert slope == pytest.approx(
        optimize.approx_fprime(b, lambda v: profile._loss(v, 0.1)[0], 1e-7), rel=1e-4, abs=1e-4
    )


@pytest.mark.parametrize(("n", "slope"), [(100, 1.5), (100, 6.0), (400, 3.0), (1500, 6.0)])
def test_no_noise_is_found_where_there_is_none(n, slope):
    alarms = 0
    for seed in range(30):
        P, y, _ = made(np.random.default_rng(seed), n, slope, 0.0)
        found = label_noise(y, P, LIMIT)
        alarms += found is not None and found.p_value < 0.05
    assert rarely(alarms, 30)


def test_noise_of_the_tolerated_size_is_an_alarm_in_few_runs():
    alarms = 0
    for seed in range(30):
        P, y, _ = made(np.random.default_rng(seed), 2000, 6.0, LIMIT)
        found = label_noise(y, P, LIMIT)
        alarms += found is not None and found.p_value < 0.05
    assert rarely(alarms, 30)


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_miscalibration_of_the_temperature_is_no_noise(scale):
    alarms = 0
    for seed in range(25):
        P, y, _ = made(np.random.default_rng(seed), 1500, 4.0, 0.0)
        Q = special.softmax(scale * np.log(P), axis=1)
        found = label_noise(y, Q, LIMIT)
        alarms += found is not None and found.p_value < 0.05
    assert rarely(alarms, 25)


@pytest.mark.parametrize(("share", "C"), [(0.05, 2), (0.1, 2), (0.1, 4)])
def test_share_and_precision_are_what_was_planted(share, C):
    """Flattened probabilities, as noise leaves them."""
    shares, stated, true, inside = [], [], [], 0
    for seed in range(12):
        P, y, wrong = made(np.random.default_rng(seed), 2000, 6.0, share, C)
        found = label_noise(y, special.softmax(0.6 * np.log(P), axis=1), LIMIT)
        assert found is not None
        assert found.p_value < 0.05
        shares.append(found.share)
        inside += found.low <= share <= found.high
        listed = found.listed()
        stated.append(found.precision(listed))
        true.append(wrong[listed].mean())
        assert (np.diff(found.wrong[listed]) <= 0).all()
    assert np.mean(shares) == pytest.approx(share, rel=0.12)
    assert np.mean(stated) == pytest.approx(np.mean(true), abs=0.04)
    assert inside >= 8  # of 12; 88-94 % were measured


def test_poisson_bounds_a_sum_of_unequal_chances():
    rng = np.random.default_rng(0)
    q = rng.uniform(0, 0.2, 50)
    law = np.array([1.0])
    for c in q:
        law = np.convolve(law, [1 - c, c])
    for k in (8, 12, 16):  # beyond the mean of five
        assert law[k:].sum() <= poisson_tail(k, q.sum())
        assert poisson_tail(k, q.sum()) == pytest.approx(stats.poisson.sf(k - 1, q.sum()))
    assert poisson_tail(0, 3.0) == 1.0


def test_degenerate_probabilities():
    y = np.repeat([0, 1], 30)
    P = np.eye(2)[y]
    assert label_noise(y, P, LIMIT) is None  # all right, and sure
    half = np.full((60, 2), 0.5)
    assert label_noise(y, half, LIMIT) is None
    # rows of one probability: doubt everywhere says the same as noise, so nothing is claimed
    assert label_noise(np.where(np.arange(60) < 6, 1 - y, y), P, LIMIT) is None

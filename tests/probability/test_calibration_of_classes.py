"""Several classes: top label and class by class are calibrations of two classes."""

import numpy as np
import pytest
from scipy import special

from simulated import rarely
from whyfit.probability.calibration_error import calibration_error
from whyfit.probability.calibration_of_classes import class_wise, top_label


def drawn(rng, n, C=3, stretch=1.0):
    Z = rng.normal(size=(n, C))
    P = special.softmax(Z, axis=1)
    y = (rng.random((n, 1)) > np.cumsum(P, axis=1)).sum(axis=1).clip(max=C - 1)
    return y, special.softmax(stretch * Z, axis=1)


def test_top_label_is_the_naive_one():
    y, P = drawn(np.random.default_rng(0), 200)
    got = top_label(y, P)
    for i in range(200):
        called = max(range(3), key=lambda c: P[i, c])
        assert got.right[i] == (called == y[i])
        assert got.confidence[i] == P[i, called]


def test_two_classes_are_two_views_of_one_error():
    y, P = drawn(np.random.default_rng(1), 400, 2)
    wise = class_wise(y, P)
    one = calibration_error(y.astype(float), P[:, 1])
    assert wise.errors[1].rms == pytest.approx(one.rms)
    assert wise.errors[0].plug_in == pytest.approx(wise.errors[1].plug_in, rel=0.2)


def test_false_alarms_and_power():
    rng, runs = np.random.default_rng(2), 150
    alarms = sum(class_wise(*drawn(rng, 400)).p_value < 0.05 for _ in range(runs))
    assert rarely(alarms, runs, 0.05)
    assert all(class_wise(*drawn(rng, 1000, stretch=2.0)).p_value < 0.05 for _ in range(20))


def test_a_class_that_never_occurs_and_certainty():
    P = np.tile([[0.5, 0.5, 0.0]], (20, 1))
    wise = class_wise(np.arange(20) % 2, P)
    assert wise.errors[2].rms == 0
    sure = np.eye(3)[np.arange(30) % 3]
    assert class_wise(np.arange(30) % 3, sure).p_value == 1
    assert class_wise((np.arange(30) + 1) % 3, sure).p_value < 1e-10
    assert top_label([0], [[0.4, 0.4, 0.2]]).right.tolist() == [1.0]

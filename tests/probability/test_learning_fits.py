"""Curves of models that are fitted anew: against least squares, whose curve comes from moments."""

import numpy as np
import pytest

from simulated import linear_data, source_case
from whyfit.data.arrays import ArrayRows
from whyfit.diagnosis.learning import curve_of as curve_of_case
from whyfit.probability.learning_curve import learning_curve
from whyfit.probability.learning_fits import curve_by_fits, likelihood_terms
from whyfit.probability.linear import gather


def test_least_squares_by_fits_is_least_squares_by_moments():
    X, y = linear_data(np.random.default_rng(0), 400, 4, 0.5)
    A = np.column_stack([np.ones(400), X])
    label = np.asarray(next(iter(ArrayRows(X, y, 10, 0).blocks())).fold)

    def fitted(train):
        b = np.linalg.lstsq(A[train], y[train], rcond=None)[0]
        return (y - A @ b) ** 2

    made = curve_by_fits(fitted, label, 10, likelihood_terms(4.0, 0.5))
    moments = learning_curve(gather(ArrayRows(X, y, 10, 0), 10))
    assert made is not None
    assert moments is not None
    for size in (40, 360):  # the same sets in any order of the folds
        a = made.error[np.abs(made.sizes - size).argmin()]
        b = moments.error[np.abs(moments.sizes - size).argmin()]
        assert a == pytest.approx(b, rel=1e-9)


def test_a_size_without_an_optimum_is_left_out():
    label = np.arange(300) % 10

    def fitted(train):
        return None if len(train) < 100 else np.full(300, 1.0 + 1 / len(train))

    made = curve_by_fits(fitted, label, 10, likelihood_terms(2.0))
    assert made is not None
    assert made.sizes.min() > 100
    assert curve_by_fits(lambda _: None, label, 10, likelihood_terms(2.0)) is None


def test_log_loss_of_two_classes_falls_as_p_over_2n():
    """Mean fall from 100 to 900 rows over 12 tables, against (p + 1)/2 (1/100 − 1/900) and its small-sample part."""
    falls = []
    for seed in range(12):
        case = source_case(linear_data(np.random.default_rng(seed), 1000, 4, 0.2, binary=True))
        curve = curve_of_case(case)
        assert curve is not None
        falls.append(np.interp(100, curve.sizes, curve.error) - curve.error[-1])
    theory = 5 / 2 * (1 / 100 - 1 / 900)
    error = np.std(falls) / np.sqrt(12)
    assert theory - 3 * error < np.mean(falls) < 1.4 * theory + 3 * error


@pytest.mark.parametrize("loss", ["poisson", "gamma", "huber"])
def test_losses_of_their_own(loss):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 3))
    mean = np.exp(1 + 0.3 * X[:, 0])
    y = {
        "poisson": rng.poisson(mean),
        "gamma": rng.gamma(2.0, mean / 2),
        "huber": X.sum(axis=1) + rng.standard_t(3, 400),
    }
    curve = curve_of_case(source_case((X, np.asarray(y[loss], dtype=float)), loss=loss))
    assert curve is not None
    assert curve.law is not None
    assert (np.diff(curve.error) < 0.02 * curve.error[0]).all()

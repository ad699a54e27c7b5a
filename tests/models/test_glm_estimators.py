"""PoissonRegression, GammaRegression, HuberRegression: scikit-learn's rules and its peers' numbers."""

import numpy as np
import pytest
import sklearn.linear_model as peers
from sklearn.utils.estimator_checks import check_estimator

from whyfit.errors import SpecError
from whyfit.models import GammaRegression, HuberRegression, Interval, PoissonRegression


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("model", [PoissonRegression(), GammaRegression(), HuberRegression()])
def test_scikit_learn_s_own_checks_pass(model):
    check_estimator(model, on_skip=None)


def test_coefficients_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 3))
    mu = np.exp(1 + X @ [0.3, -0.2, 0.1])
    count, amount = rng.poisson(mu), rng.gamma(3.0, mu / 3)
    for ours, theirs, y in (
        (
            PoissonRegression(),
            peers.PoissonRegressor(alpha=0, tol=1e-12, solver="newton-cholesky"),
            count,
        ),
        (
            GammaRegression(),
            peers.GammaRegressor(alpha=0, tol=1e-12, solver="newton-cholesky"),
            amount,
        ),
    ):
        np.testing.assert_allclose(ours.fit(X, y).coef_, theirs.fit(X, y).coef_, rtol=1e-8)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8)


def test_one_wild_row_does_not_move_huber():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 2))
    y = X @ [1.0, 2.0] + 0.1 * rng.normal(size=200)
    before = HuberRegression().fit(X, y)
    wild = y.copy()
    wild[0] = 1e6
    after = HuberRegression().fit(X, wild)
    assert np.abs(after.coef_ - before.coef_).max() < 0.01
    assert after.sigma_ == pytest.approx(0.1, rel=0.2)
    assert after.outliers_ >= 1
    interval = after.predict(X[:3], interval=0.95)
    assert isinstance(interval, Interval)
    assert (interval.low < interval.prediction).all()


def test_summary_and_messages():
    X, y = np.arange(20.0).reshape(10, 2) ** 1.5, np.arange(10)
    model = PoissonRegression(robust=True).fit(X, y)
    assert model.summary()["covariance"] == "HC0"
    assert [row["name"] for row in model.summary()["coefficients"]] == ["intercept", "x1", "x2"]
    with pytest.raises(SpecError, match="confidence"):
        PoissonRegression(confidence=2).fit(X, y)
    with pytest.raises(SpecError, match="interval"):
        model.predict(X, interval=1.5)

"""BayesianLinearRegression: scikit-learn's rules, BayesianRidge's numbers, and what it says when asked wrongly."""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.linear_model import BayesianRidge
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from whyfit.errors import SpecError, TargetError
from whyfit.models import (
    BayesianLinearRegression,
    BayesianLogisticRegression,
    BayesianPoissonRegression,
    LinearRegression,
)
from whyfit.probability.bayes.prior import HalfNormal, IndependentPrior, NormalInverseGamma


def data(n=60, p=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(2.0, 1.0, (n, p)) * [1.0, 10.0, 0.1]
    return X, 5 + X @ [1.0, 0.1, -3.0] + rng.normal(size=n)


@pytest.mark.parametrize("prior", [None, "reference", "evidence", "g"])
def test_scikit_learn_s_own_checks_pass(prior):
    check_estimator(BayesianLinearRegression(prior=prior), on_skip=None)


def test_evidence_is_bayesian_ridge_on_standardised_columns():
    X, y = data()
    scaler = StandardScaler().fit(X)
    peer = BayesianRidge(tol=1e-12, max_iter=10_000).fit(scaler.transform(X), y)
    ours = BayesianLinearRegression(prior="evidence").fit(X, y)
    np.testing.assert_allclose(ours.coef_ * scaler.scale_, peer.coef_, rtol=1e-5)
    np.testing.assert_allclose(ours.chosen_.alpha, peer.alpha_, rtol=1e-5)
    np.testing.assert_allclose(ours.chosen_.lambda_, peer.lambda_, rtol=1e-4)
    mean, sd = ours.predict(X, return_std=True)
    peer_mean, peer_sd = peer.predict(scaler.transform(X), return_std=True)
    np.testing.assert_allclose(mean, peer_mean, rtol=1e-6)
    # BayesianRidge takes σ and the level as known; here both are integrated out: some 1/n wider
    assert (sd > peer_sd).all()
    np.testing.assert_allclose(sd, peer_sd, rtol=0.06)


def test_the_reference_prior_predicts_as_least_squares():
    X, y = data()
    a = BayesianLinearRegression(prior="reference").fit(X, y).predict(X[:4], interval=0.9)
    b = LinearRegression().fit(X, y).predict(X[:4], interval=0.9)
    np.testing.assert_allclose(a, b, rtol=1e-9)


def test_an_independent_prior_predicts_from_a_mixture():
    X, y = data(20)
    prior = IndependentPrior(np.zeros(4), np.diag([0.0, 1, 1, 1]), HalfNormal(2.0))
    model = BayesianLinearRegression(prior=prior).fit(X, y)
    mean, low, high = model.predict(X, interval=0.9)
    _, sd = model.predict(X, return_std=True)
    np.testing.assert_allclose((high - low) / (2 * 1.645 * sd), 1, atol=0.03)
    narrow = model.predict(X, interval=0.9, kind="mean")
    assert (narrow.high - narrow.low < high - low).all()
    np.testing.assert_allclose(narrow.prediction, mean)
    assert np.isnan(model.df_)
    row = model.summary()["coefficients"][3]
    assert row["low"] < row["mean"] < row["high"]
    with pytest.raises(SpecError, match="conjugate priors only"):
        model.draw()


def test_predictive_intervals_cover_where_rows_are_few():
    """n = 8, p = 2: the interval under p(β, σ) ∝ 1/σ is exact at 90 %, that under p(β, σ) ∝ 1 wider still."""
    rng = np.random.default_rng(0)
    hits = {"reference": 0, None: 0}
    for _ in range(200):
        X, x = rng.normal(size=(8, 2)), rng.normal(size=(1, 2))
        y, new = X.sum(axis=1) + rng.normal(size=8), x.sum() + rng.normal()
        for prior in hits:
            ends = BayesianLinearRegression(prior=prior).fit(X, y).predict(x, interval=0.9)
            hits[prior] += int(ends.low[0] < new < ends.high[0])
    band = binom.ppf([0.0005, 0.9995], 200, 0.9)
    assert band[0] <= hits["reference"] <= band[1]
    assert hits[None] > hits["reference"]


def test_the_summary_holds_the_intervals():
    X, y = data()
    model = BayesianLinearRegression().fit(X, y)
    found = model.summary()
    assert found["df"] == 60 - 4 - 1
    assert [row["name"] for row in found["coefficients"]] == ["intercept", "x1", "x2", "x3"]
    low, high = found["sigma_interval"]
    assert low < found["sigma"] < high
    np.testing.assert_allclose(found["coefficients"][1]["sd"], model.std_error_[0])


def test_too_few_rows_are_said_and_a_prior_helps():
    X, y = data(4)
    model = BayesianLinearRegression().fit(X, y)
    assert "the posterior is improper" in model.why_
    assert np.isnan(model.predict(X, interval=0.9).low).all()
    proper = NormalInverseGamma(np.zeros(4), np.eye(4), 1.0, 1.0)
    held = BayesianLinearRegression(prior=proper).fit(X, y)
    assert held.why_ == ""
    assert np.isfinite(held.predict(X, interval=0.9).low).all()


def test_messages():
    X, y = data()
    with pytest.raises(SpecError, match="prior is 'flat'; expected None, 'reference'"):
        BayesianLinearRegression(prior="flat").fit(X, y)
    with pytest.raises(SpecError, match="confidence is 2"):
        BayesianLinearRegression(confidence=2).fit(X, y)
    model = BayesianLinearRegression().fit(X, y)
    with pytest.raises(SpecError, match="two different answers"):
        model.predict(X, interval=0.9, return_std=True)
    with pytest.raises(SpecError, match="interval is 95"):
        model.predict(X, interval=95)


def test_scikit_learn_s_own_checks_pass_of_the_generalised():
    check_estimator(BayesianLogisticRegression(draws=500), on_skip=None)
    check_estimator(BayesianPoissonRegression(method="laplace", draws=500), on_skip=None)


def test_methods_agree_where_rows_are_many_and_probabilities_are_averaged():
    rng = np.random.default_rng(0)
    X = rng.normal(3.0, [1.0, 20.0], (400, 2))
    eta = 0.7 * (X[:, 0] - 3) - 0.03 * (X[:, 1] - 3)
    y = np.where(rng.random(400) < 1 / (1 + np.exp(-eta)), "yes", "no")
    count = rng.poisson(np.exp(eta / 2))
    for kind, target in ((BayesianLogisticRegression, y), (BayesianPoissonRegression, count)):
        exact = kind().fit(X, target)
        assert exact.sample_.smoothed.reliable
        assert exact.why_ == ""
        for method in ("laplace", "full-rank"):
            other = kind(method=method).fit(X, target)
            assert (np.abs(other.coef_ - exact.coef_) < 0.15 * exact.std_error_).all()
            np.testing.assert_allclose(other.std_error_, exact.std_error_, rtol=0.06)
            np.testing.assert_allclose(other.log_evidence_, exact.log_evidence_, atol=0.1)
    model = BayesianLogisticRegression(method="full-rank").fit(X, y)
    far = np.array([[9.0, 3.0]])
    plug_in = 1 / (1 + np.exp(-(model.intercept_ + far @ model.coef_)))
    assert 0.5 < model.predict_proba(far)[0, 1] < plug_in[0]
    assert model.predict(far)[0] == "yes"
    assert [row["name"] for row in model.summary()["coefficients"]] == ["intercept", "x1", "x2"]


def test_generalised_models_refuse():
    X, y = data()
    with pytest.raises(SpecError, match="method is 'nuts'; expected one of laplace"):
        BayesianLogisticRegression(method="nuts").fit(X, y > np.median(y))
    with pytest.raises(TargetError, match="one class"):
        BayesianLogisticRegression().fit(X, np.ones(60))
    with pytest.raises(TargetError, match="counts ≥ 0"):
        BayesianPoissonRegression().fit(X, y - y.mean())

"""Conjugate regression: the textbook's big matrices, sequential updating, coverage, evidence, degenerate input."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, invgamma, multivariate_t
from sklearn.linear_model import BayesianRidge

from whyfit.errors import ShapeError, SpecError
from whyfit.linalg.moments import Moments
from whyfit.probability.bayes import linear, mixture
from whyfit.probability.bayes.evidence import compare, evidence_prior
from whyfit.probability.bayes.prior import (
    HalfT,
    IndependentPrior,
    NormalInverseGamma,
    flat,
    g_prior,
    reference,
    standardised,
)


def data(seed=0, n=40, p=3, offset=5.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(offset, 2, (n, p))
    return X, 1 + X @ rng.normal(size=p) + rng.normal(size=n)


def moments(X, y):
    return Moments.of(np.column_stack([X, y]))


def proper(p, seed=0):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(p + 1, p + 1))
    return NormalInverseGamma(rng.normal(size=p + 1), A @ A.T + np.eye(p + 1), 2.0, 3.0)


@given(st.integers(0, 1000), st.integers(1, 30))
def test_the_update_of_the_textbook(seed, n):
    """mₙ, Λₙ, aₙ, bₙ and log p(y), a t density of n dimensions, written out with n × n matrices."""
    X, y = data(seed, n)
    prior = proper(3, seed)
    found = linear.posterior(moments(X, y), prior)
    Z, P0, m0 = np.column_stack([np.ones(n), X]), prior.precision, prior.mean
    P = P0 + Z.T @ Z
    m = np.linalg.solve(P, P0 @ m0 + Z.T @ y)
    b = 3 + (y @ y + m0 @ P0 @ m0 - m @ P @ m) / 2
    np.testing.assert_allclose(found.mean, m, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(found.b, b, rtol=1e-6)
    assert found.a == 2 + n / 2
    S = b / found.a * np.linalg.inv(P) * found.df / (found.df - 2)
    np.testing.assert_allclose(found.covariance, S, rtol=1e-6, atol=1e-10)
    marginal = multivariate_t(Z @ m0, 1.5 * (np.eye(n) + Z @ np.linalg.solve(P0, Z.T)), df=4)
    np.testing.assert_allclose(found.evidence.log, marginal.logpdf(y), rtol=1e-8)


@given(st.integers(0, 1000), st.integers(1, 39))
def test_rows_in_two_parts_teach_what_they_teach_at_once(seed, cut):
    X, y = data(seed)
    prior = proper(3, seed)
    half = linear.posterior(moments(X[:cut], y[:cut]), prior)
    both = linear.posterior(moments(X[cut:], y[cut:]), half.as_prior())
    whole = linear.posterior(moments(X, y), prior)
    np.testing.assert_allclose(both.mean, whole.mean, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(both.covariance, whole.covariance, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose([both.a, both.b], [whole.a, whole.b], rtol=1e-7)
    total = half.evidence.log + both.evidence.log  # the chain rule of probability
    np.testing.assert_allclose(total, whole.evidence.log, rtol=1e-8)


def test_the_reference_prior_gives_the_intervals_of_least_squares():
    X, y = data()
    found = linear.posterior(moments(X, y), reference(3))
    peer = sm.OLS(y, sm.add_constant(X)).fit()
    ends = found.quantile([0.025, 0.975]).T
    np.testing.assert_allclose(ends, peer.conf_int(0.05), rtol=1e-9)
    frame = peer.get_prediction(sm.add_constant(X[:5])).summary_frame(0.05)
    law = found.law.interval(X[:5], 0.95, "new")
    np.testing.assert_allclose(law.low, frame["obs_ci_lower"], rtol=1e-9)


def test_one_degree_of_freedom_less_under_a_flat_sigma():
    X, y = data(n=12)
    a, b = (linear.posterior(moments(X, y), prior(3)) for prior in (flat, reference))
    assert (a.df, b.df) == (12 - 4 - 1, 12 - 4)
    np.testing.assert_allclose(a.b, b.b)
    law = invgamma(a.a, scale=a.b)
    q = np.array([0.05, 0.5, 0.95])
    np.testing.assert_allclose(a.sigma.quantile(q), np.sqrt(law.ppf(q)), rtol=1e-9)
    draws = np.sqrt(law.rvs(400_000, random_state=0))
    np.testing.assert_allclose(a.sigma.mean, draws.mean(), rtol=5e-3)
    np.testing.assert_allclose(a.sigma.sd, draws.std(), rtol=2e-2)


def test_draws_have_the_law_they_are_from():
    X, y = data(n=30)
    found = linear.posterior(moments(X, y), flat(3))
    draws = found.draw(100_000, 1)
    error = found.sds / np.sqrt(100_000)
    assert (np.abs(draws.beta.mean(axis=0) - found.mean) < 4.5 * error).all()
    below = (draws.beta < found.quantile(0.1)).mean(axis=0)
    assert (np.abs(below - 0.1) < 4.5 * np.sqrt(0.09 / 100_000)).all()
    z = np.append(1, X[0])
    new = draws.beta @ z + draws.sigma * np.random.default_rng(2).standard_normal(100_000)
    low, high = found.law.interval(X[:1], 0.9)[1:]
    inside = ((new > low) & (new < high)).mean()
    assert abs(inside - 0.9) < 4.5 * np.sqrt(0.09 / 100_000)


@pytest.mark.parametrize("width", [0.3, 2.0])
def test_credible_intervals_cover_when_the_prior_is_true(width):
    """Draw (β, σ) from the prior, rows given them: 90 % intervals cover in 90 %, whatever the width (exact)."""
    rng = np.random.default_rng(1)
    prior = NormalInverseGamma(np.zeros(3), np.eye(3) / width**2, 3.0, 2.0)
    hits = new_hits = 0
    for _ in range(400):
        sigma = np.sqrt(2.0 / rng.standard_gamma(3.0))
        beta = sigma * width * rng.normal(size=3)
        X = rng.normal(size=(8, 2))
        y = beta[0] + X @ beta[1:] + sigma * rng.normal(size=8)
        found = linear.posterior(moments(X, y), prior)
        low, high = found.quantile([0.05, 0.95])
        hits += int(low[1] < beta[1] < high[1])
        x = rng.normal(size=(1, 2))
        ends = found.law.interval(x, 0.9)
        target = beta[0] + x[0] @ beta[1:] + sigma * rng.normal()
        new_hits += int(ends.low[0] < target < ends.high[0])
    band = binom.ppf([0.0005, 0.9995], 400, 0.9)
    assert band[0] <= hits <= band[1]
    assert band[0] <= new_hits <= band[1]


def test_the_g_prior_has_the_bayes_factor_of_liang():
    """Against the constant: ½(n − 1 − p) log(1 + g) − ½(n − 1) log(1 + g(1 − R²)). Liang et al. (2008), eq. 6."""
    X, y = data(n=30)
    m = moments(X, y)
    found = linear.posterior(m, g_prior(m))
    null = Moments(m.n, m.mean[-1:], m.scatter[-1:, -1:])
    nothing = linear.posterior(null, reference(0))
    g, r2 = 30.0, sm.OLS(y, sm.add_constant(X)).fit().rsquared
    expected = 0.5 * (30 - 1 - 3) * np.log(1 + g) - 0.5 * 29 * np.log(1 + g * (1 - r2))
    np.testing.assert_allclose(found.evidence.log - nothing.evidence.log, expected, rtol=1e-9)
    table = compare({"slopes": found.evidence, "constant": nothing.evidence})
    np.testing.assert_allclose(table.log_bayes_factor("slopes", "constant"), expected, rtol=1e-9)


def test_the_evidence_does_not_depend_on_units():
    X, y = data(n=30)
    scale = np.array([1e-6, 1.0, 1e5])
    a = linear.posterior(moments(X, y), standardised(moments(X, y), 2.0))
    moved = moments(X * scale, y)
    b = linear.posterior(moved, standardised(moved, 2.0))
    np.testing.assert_allclose(a.evidence.log, b.evidence.log, rtol=1e-9)
    np.testing.assert_allclose(a.mean[1:], b.mean[1:] * scale, rtol=1e-8)


@given(st.integers(0, 200))
def test_evidence_ends_where_bayesian_ridge_does(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 4)) + 3
    y = X @ rng.normal(size=4) + rng.normal(size=60)
    peer = BayesianRidge(tol=1e-12, max_iter=20_000, compute_score=True).fit(X, y)
    found = evidence_prior(moments(X, y), standardise=False)
    np.testing.assert_allclose(found.coef, peer.coef_, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.alpha, peer.alpha_, rtol=1e-4)
    np.testing.assert_allclose(found.lambda_, peer.lambda_, rtol=1e-3)
    np.testing.assert_allclose(found.log_evidence, peer.scores_[-1], atol=1e-3)
    assert 0 < found.effective <= 4


def test_no_signal_is_no_slopes_and_is_said():
    n = 64
    X = np.column_stack([np.tile([1.0, -1], 32), np.repeat([1.0, -1], 32)])
    y = np.tile([1.0, 1, -1, -1], 16)  # orthogonal to both
    found = evidence_prior(moments(X, y))
    assert found.bounded == "no slopes"
    np.testing.assert_allclose(found.coef, 0, atol=1e-6)
    assert found.effective < 1e-5 * n
    with pytest.raises(SpecError, match="constant; there is no prior to choose"):
        evidence_prior(moments(X, np.ones(64)))


def test_only_evidences_with_equal_flat_parts_are_compared():
    X, y = data()
    a = linear.posterior(moments(X, y), flat(3)).evidence
    b = linear.posterior(moments(X[:, :2], y), flat(2)).evidence
    with pytest.raises(SpecError, match="a flat prior has no height"):
        compare({"a": a, "b": b})
    short = linear.posterior(moments(X[:3], y[:3]), flat(3)).evidence
    with pytest.raises(SpecError, match="evidence is NaN"):
        compare({"a": short, "b": short})


def test_the_right_model_wins_more_often_with_rows():
    """Bayes factors under unit information are consistent: 12 columns of noise are called out."""
    rng = np.random.default_rng(0)
    right = []
    for n in (20, 500):
        called = 0
        for _ in range(60):
            X = rng.normal(size=(n, 2))
            y = 0.5 * X[:, 0] + rng.normal(size=n)
            m = moments(X, y)
            one = Moments(n, m.mean[[0, 2]], m.scatter[np.ix_([0, 2], [0, 2])])
            table = compare({
                "x1": linear.posterior(one, g_prior(one)).evidence,
                "x1, x2": linear.posterior(m, g_prior(m)).evidence,
            })  # fmt: skip
            called += table.posterior[0] > 0.5
        right.append(called)
    assert right[1] >= 54  # P(χ²₁ > log 500) = 1.3 %, so 0.8 of 60 err
    assert right[1] >= right[0]


def test_mixture_and_conjugate_agree_where_both_apply():
    X, y = data(n=25)
    m = moments(X, y)
    a = linear.posterior(m, flat(3))
    b = mixture.posterior(m, IndependentPrior(np.zeros(4), np.zeros((4, 4))))
    np.testing.assert_allclose(b.mean, a.mean, rtol=1e-9)
    np.testing.assert_allclose(b.covariance, a.covariance, rtol=1e-8)
    np.testing.assert_allclose([b.sigma_mean, b.sigma_sd], [a.sigma.mean, a.sigma.sd], rtol=1e-8)
    q = [0.01, 0.3, 0.99]
    np.testing.assert_allclose(b.quantile(q), a.quantile(q), rtol=1e-7)
    np.testing.assert_allclose(b.sigma_quantile(q), a.sigma.quantile(q), rtol=1e-4)
    # p(σ²) ∝ σ⁻¹ is twice p(σ) ∝ 1
    np.testing.assert_allclose(b.log_evidence + np.log(2), a.evidence.log, rtol=1e-9)
    law = a.law.interval(X[:3], 0.8)
    ends = b.quantile_of(np.column_stack([np.ones(3), X[:3]]), [0.1, 0.9], noise=True)
    np.testing.assert_allclose(ends, [law.low, law.high], rtol=1e-6)


def test_mixture_is_the_integral_over_sigma_done_by_brute_force():
    X, y = data(n=12, p=1)
    P0, m0 = np.diag([0.2, 3.0]), np.array([1.0, -0.5])
    found = mixture.posterior(moments(X, y), IndependentPrior(m0, P0, HalfT(1.0)))
    Z = np.column_stack([np.ones(12), X])
    sigma = np.exp(np.linspace(-4, 5, 4001))
    log, mean = np.empty(4001), np.empty((4001, 2))
    for i, s in enumerate(sigma):
        V = s**2 * np.eye(12) + Z @ np.linalg.solve(P0, Z.T)
        r = y - Z @ m0
        log[i] = -0.5 * (np.linalg.slogdet(2 * np.pi * V)[1] + r @ np.linalg.solve(V, r))
        log[i] += -np.log1p(s**2) + np.log(s)
        mean[i] = np.linalg.solve(P0 + Z.T @ Z / s**2, P0 @ m0 + Z.T @ y / s**2)
    w = np.exp(log - log.max())
    np.testing.assert_allclose(found.mean, w @ mean / w.sum(), rtol=1e-7)
    np.testing.assert_allclose(found.sigma_mean, w @ sigma / w.sum(), rtol=1e-7)
    evidence = np.log(w.sum() * (np.log(sigma[1] / sigma[0]))) + log.max()
    np.testing.assert_allclose(found.log_evidence, evidence, rtol=1e-8)


def test_degenerate_rows():
    X, y = data(n=4)
    short = linear.posterior(moments(X, y), flat(3))
    assert short.df == -1
    assert np.isnan(short.scales).all()
    assert np.isnan(short.sigma.mean)
    with pytest.raises(SpecError, match="-1 degrees of freedom"):
        short.draw(10)
    copies = np.column_stack([X, X[:, 0]])
    X2, y2 = data(n=20)
    copies = np.column_stack([X2, X2[:, 0]])
    found = linear.posterior(moments(copies, y2), flat(4))
    assert found.dropped.tolist() == [False, False, False, True]
    assert np.isnan(found.sds[-1])
    assert found.df == 20 - 4 - 1
    held = linear.posterior(moments(copies, y2), standardised(moments(copies, y2), 1.0))
    np.testing.assert_allclose(held.mean[1], held.mean[4], rtol=1e-6)  # a prior shares it out
    one = linear.posterior(moments(X[:1], y[:1]), proper(3))  # one row is data too
    assert np.isfinite(one.evidence.log)
    with pytest.raises(SpecError, match="undetermined"):
        mixture.posterior(moments(copies, y2), IndependentPrior(np.zeros(5), np.zeros((5, 5))))
    with pytest.raises(SpecError, match="law of σ is improper"):
        mixture.posterior(moments(X2[:1], y2[:1]), IndependentPrior(np.zeros(4), np.eye(4)))


def test_messages():
    m = moments(*data())
    with pytest.raises(ShapeError, match="of 3 coefficients; expected 4, the intercept first"):
        linear.posterior(m, flat(2))
    with pytest.raises(ShapeError, match="no rows"):
        linear.posterior(Moments.empty(4), flat(3))
    with pytest.raises(SpecError, match="not symmetric"):
        NormalInverseGamma(np.zeros(2), np.array([[1.0, 1.0], [0.0, 1.0]]))
    with pytest.raises(SpecError, match="not ≥ 0"):
        NormalInverseGamma(np.zeros(2), np.diag([1.0, -1.0]))
    with pytest.raises(SpecError, match="g is 0"):
        g_prior(m, 0)

"""Laplace, variational and importance sampling: against the posterior integrated on a grid, and against each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import genpareto

from whyfit.errors import ShapeError, SpecError, TargetError
from whyfit.probability.bayes.gaussian import laplace, variational
from whyfit.probability.bayes.importance import importance_sample, pareto, smooth
from whyfit.probability.bayes.target import target


def data(family, n=60, seed=0, slope=0.8, p=1):
    rng = np.random.default_rng(seed)
    X = rng.normal(3.0, 2.0, (n, p))
    eta = 0.2 + slope * (X[:, 0] - 3) / 2
    if family == "logistic":
        return X, (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
    return X, rng.poisson(np.exp(eta)).astype(float)


def on_a_grid(t, points=401):
    """Mean and deviations of θ, and log p(y), by trapezia over ± 9 deviations of two coefficients."""
    start = laplace(t)
    sd = np.sqrt(np.diag(start.covariance))
    axes = [np.linspace(m - 9 * s, m + 9 * s, points) for m, s in zip(start.mean, sd, strict=True)]
    A, B = np.meshgrid(*axes, indexing="ij")
    theta = np.column_stack([A.ravel(), B.ravel()])
    log = t.log_density(theta)
    w = np.exp(log - log.max())
    cell = np.prod([a[1] - a[0] for a in axes])
    mean = w @ theta / w.sum()
    return mean, np.sqrt(w @ (theta - mean) ** 2 / w.sum()), np.log(w.sum() * cell) + log.max()


@pytest.mark.parametrize("family", ["logistic", "poisson"])
def test_importance_sampling_meets_the_integral(family):
    t = target(*data(family), family)
    mean, sd, evidence = on_a_grid(t)
    sample = importance_sample(variational(t), 20_000)
    assert sample.smoothed.reliable
    assert sample.smoothed.ess > 10_000
    expected = t.to_units(mean)[0]
    assert (np.abs(sample.mean - expected) < 4 * sample.mean_error).all()
    np.testing.assert_allclose(sample.sds[1], sd[1] / t.scale[0], rtol=0.03)
    assert abs(sample.log_evidence - evidence) < 4 * sample.evidence_error
    assert sample.evidence_error < 0.01


@pytest.mark.parametrize("family", ["logistic", "poisson"])
def test_approximations_are_as_good_as_theory_says(family):
    t = target(*data(family), family)
    mean, sd, evidence = on_a_grid(t)
    full, mean_field, mode = variational(t), variational(t, mean_field=True), laplace(t)
    assert full.converged
    assert mean_field.converged
    assert mode.converged
    # the bound is one, full rank is the tighter, and within a few hundredths of the truth here
    assert mean_field.log_evidence <= full.log_evidence <= evidence + 1e-9
    assert evidence - full.log_evidence < 0.05
    # the error of Laplace is O(1/n); that of the variational mean is smaller
    assert (np.abs(full.mean - mean) < 0.05 * sd).all()
    assert (np.abs(full.mean - mean) <= np.abs(mode.mean - mean) + 1e-3 * sd).all()
    np.testing.assert_allclose(np.sqrt(np.diag(full.covariance)), sd, rtol=0.05)
    assert abs(mode.log_evidence - evidence) < 0.2
    # Gauss–Newton in units: coefficients of the far-off column
    low, high = full.interval(0.95).T
    assert (low < full.coefficients).all()
    assert (full.coefficients < high).all()


def test_mean_field_understates_what_correlation_hides():
    """For a normal law with correlation ρ the mean-field deviation is √(1 − ρ²) of the marginal one."""
    rng = np.random.default_rng(0)
    n, rho = 4000, 0.9
    Z = rng.normal(size=(n, 2)) @ np.linalg.cholesky([[1, rho], [rho, 1]]).T
    y = (rng.random(n) < 1 / (1 + np.exp(-0.3 * Z[:, 0]))).astype(float)
    t = target(Z, y, "logistic")
    full, narrow = variational(t), variational(t, mean_field=True)
    # the estimates' correlation is −ρ of the columns
    np.testing.assert_allclose(narrow.sds[1:] / full.sds[1:], np.sqrt(1 - rho**2), rtol=0.05)
    assert importance_sample(full).smoothed.k < importance_sample(narrow).smoothed.k


@settings(max_examples=40)
@given(st.integers(0, 500), st.sampled_from(["logistic", "poisson"]), st.booleans())
def test_the_bound_never_falls(seed, family, mean_field):
    X, y = data(family, 25, seed, p=3)
    y[:2] = [0.0, 1.0]
    found = variational(target(X, y, family), mean_field=mean_field)
    path = np.array(found.bounds)
    assert (np.diff(path) >= -1e-9 * np.abs(path).max()).all()
    assert found.converged


def test_gradient_and_curvature_are_the_differences_of_the_density():
    for family in ("logistic", "poisson"):
        t = target(*data(family, p=2), family)
        at, h = np.array([0.3, -0.2, 0.5]), 1e-5
        numeric = [
            (t.log_density(at + h * e) - t.log_density(at - h * e))[0] / (2 * h) for e in np.eye(3)
        ]
        np.testing.assert_allclose(t.gradient(at), numeric, rtol=1e-5, atol=1e-4)
        H = [(t.gradient(at - h * e) - t.gradient(at + h * e)) / (2 * h) for e in np.eye(3)]
        np.testing.assert_allclose(t.curvature(at), H, rtol=1e-5, atol=1e-5)


def test_separated_classes_have_a_posterior_under_a_prior_only():
    X = np.arange(10.0)[:, None]
    y = (X[:, 0] > 4.5).astype(float)
    found = laplace(target(X, y, "logistic", prior_sd=2.5))
    assert found.converged
    sample = importance_sample(found, 4000)
    assert sample.mean[1] > 0
    with pytest.raises(SpecError, match="prior_sd"):
        laplace(target(X, y, "logistic", prior_sd=np.inf))
    y[4] = 1.0  # rows of both classes in one place: only partly separated
    X[5] = X[4]
    y[5] = 0.0
    with pytest.raises(SpecError, match="prior_sd"):
        laplace(target(X, y, "logistic", prior_sd=np.inf))


def test_one_class_and_counts_of_nothing_are_refused():
    X = np.arange(5.0)[:, None]
    with pytest.raises(TargetError, match=r"every target is 1; .* expected both classes"):
        target(X, np.ones(5), "logistic")
    with pytest.raises(TargetError, match="expected a count above 0"):
        target(X, np.zeros(5), "poisson")
    with pytest.raises(SpecError, match="family is 'gamma'"):
        target(X, np.ones(5), "gamma")  # pyright: ignore[reportArgumentType]
    constant = target(np.ones((6, 1)), np.array([0, 1, 0, 1, 1, 0.0]), "logistic", 1.5)
    np.testing.assert_allclose(laplace(constant).sds[1], 1.5, rtol=1e-6)  # nothing learnt of it


@pytest.mark.parametrize("k", [-0.3, 0.2, 0.6, 1.0])
def test_the_shape_of_a_pareto_tail_is_found(k):
    """Over 50 samples of 300, within the √((1 + k)²/300) of maximum likelihood, drawn towards ½ by ten prior draws."""
    found = [pareto(np.sort(genpareto(k).rvs(300, random_state=seed)))[0] for seed in range(50)]
    expected = (300 * k + 5) / 310
    error = max(1 + k, 0.5) / np.sqrt(300)
    assert abs(np.mean(found) - expected) < 4 * error / np.sqrt(50) + 0.02
    assert np.std(found) < 1.5 * error


def test_pareto_k_of_known_weights():
    """x ~ Exp(rate a) proposed for Exp(rate 1): ratios have tail index a/(a − 1), so k = 1 − 1/a."""
    rng = np.random.default_rng(0)
    for a, reliable in ((1.5, True), (5.0, False)):
        x = rng.exponential(1 / a, 100_000)
        found = smooth((a - 1) * x)
        assert abs(found.k - (1 - 1 / a)) < 0.1
        assert found.reliable == reliable
        assert ("can be" in str(found)) == reliable


def test_pareto_k_is_that_of_arviz():
    # arviz-stats 0.8.0: rng = np.random.default_rng(11); lw = rng.standard_t(5, 2500)
    # lw, k = array_stats.psislw(-lw); k, 1/np.exp(2*lw).sum()
    lw = np.random.default_rng(11).standard_t(5, 2500)
    found = smooth(lw)
    np.testing.assert_allclose(found.k, 1.1097861235879798, rtol=1e-9)
    np.testing.assert_allclose(found.ess, 17.476470641932373, rtol=1e-9)


def test_degenerate_weights():
    equal = smooth(np.zeros(100))
    assert equal.k == -np.inf
    np.testing.assert_allclose(equal.ess, 100)
    one = smooth(np.append(np.zeros(99), 500.0))  # one draw holds all
    assert not one.reliable
    assert one.ess < 1.01
    with pytest.raises(ShapeError, match="at least 25 draws"):
        smooth(np.zeros(10))
    with pytest.raises(SpecError, match="NaN or infinite"):
        smooth(np.append(np.zeros(50), np.nan))
